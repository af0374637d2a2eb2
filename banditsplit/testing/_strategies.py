"""Hypothesis strategies for what a policy can meet."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import KINDS
from banditsplit.testing._subject import lead
from banditsplit.theory import BernoulliProblem, GaussianProblem

Interval = tuple[float, float]


@final
@dataclass(frozen=True, eq=False)
class Feedback:
    """What a round gave: `Policy.update` takes it as ``update(**vars(feedback))``.

    Attributes:
        arm: The pulled arm: an int, or `[runs]`.
        reward: A float, or `[runs]`, in reward units.
        cost: A float, or `[runs]`, in cost units; `[resources]` behind it where there are
            several.
        side: Side observations, or None.
        where: The runs that have feedback, `[runs]`, or None for all.
    """

    arm: Any
    reward: Any
    cost: Any
    side: dict[str, Any] | None = None
    where: Bool | None = None


def _coarse(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats of the interval: often ends and eighths, so that ties occur."""
    eighths = [low + (high - low) * k / 8 for k in range(9)]
    return st.one_of(st.sampled_from(eighths), st.floats(low, high))


def _vectors(elements: st.SearchStrategy[float], arms: int) -> st.SearchStrategy[Float]:
    return nps.arrays(np.float64, arms, elements=elements, fill=st.nothing())


@st.composite
def _arms(draw: st.DrawFn, arms: int | None) -> int:
    return draw(st.integers(2, 6)) if arms is None else arms


@st.composite
def bernoulli_problems(
    draw: st.DrawFn, *, arms: int | None = None, costs: bool = True
) -> BernoulliProblem:
    """Bernoulli problems of 2-6 arms, or of ``arms``, with costs up to 4 or without."""
    number = draw(_arms(arms))
    means = draw(_vectors(_coarse(0, 1), number))
    paid = draw(_vectors(_coarse(0, 4), number)) if costs else np.zeros(number)
    return BernoulliProblem(means, paid)


@st.composite
def gaussian_problems(
    draw: st.DrawFn, *, arms: int | None = None, costs: bool = True
) -> GaussianProblem:
    """Gaussian problems of 2-6 arms, or of ``arms``; means in [-4, 4], std in [1/8, 4]."""
    number = draw(_arms(arms))
    means = draw(_vectors(_coarse(-4, 4), number))
    std = draw(st.one_of(_coarse(0.125, 4), _vectors(_coarse(0.125, 4), number)))
    paid = draw(_vectors(_coarse(0, 4), number)) if costs else np.zeros(number)
    return GaussianProblem(means, std, paid)


def problems(
    *, arms: int | None = None, costs: bool = True
) -> st.SearchStrategy[BernoulliProblem | GaussianProblem]:
    """Problems of either sort."""
    return st.one_of(
        bernoulli_problems(arms=arms, costs=costs), gaussian_problems(arms=arms, costs=costs)
    )


@st.composite
def masks(draw: st.DrawFn, *, arms: int, runs: int | None = None) -> Bool:
    """Arms that may be pulled, `[arms]` or `[runs, arms]`: at least one for each run."""
    shape = (*lead(runs), arms)
    mask: Bool = draw(nps.arrays(np.bool_, shape, fill=st.nothing()))
    kept = draw(nps.arrays(np.int64, (*lead(runs), 1), elements=st.integers(0, arms - 1)))
    np.put_along_axis(mask, kept, values=True, axis=-1)
    return mask


@st.composite
def contexts(draw: st.DrawFn, *, shape: tuple[int, ...], runs: int | None = None) -> Float:
    """Contexts in [-1, 1], `[..., *shape]`."""
    context: Float = draw(
        nps.arrays(np.float64, (*lead(runs), *shape), elements=_coarse(-1, 1))
    )
    return context


@st.composite
def feedback(
    draw: st.DrawFn,
    *,
    arms: int,
    runs: int | None = None,
    rewards: Interval = (0.0, 1.0),
    resources: int | None = None,
    side: bool = True,
    where: bool = True,
) -> Feedback:
    """What a round may give, for one run or many.

    Args:
        draw: Hypothesis' own.
        arms: How many arms there are.
        runs: None for one run.
        rewards: The lowest and the highest reward.
        resources: How many costs a pull has; None for one number.
        side: Whether there may be side observations.
        where: Whether runs may be without feedback; one run never is.
    """
    shape = (*lead(runs), arms)
    paid = shape if resources is None else (*shape, resources)
    reward: Float = draw(nps.arrays(np.float64, shape, elements=_coarse(*rewards)))
    cost: Float = draw(nps.arrays(np.float64, paid, elements=_coarse(0, 4)))
    arm = draw(nps.arrays(np.int64, lead(runs), elements=st.integers(0, arms - 1)))
    marked = None
    if runs is not None and where and draw(st.booleans()):
        marked = draw(nps.arrays(np.bool_, runs))
    seen = None
    if side and draw(st.booleans()):
        seen = draw(_side(reward, cost, arm))
    if runs is None:
        pulled = int(arm)
        spent = cost[pulled] if resources is not None else float(cost[pulled])
        return Feedback(pulled, float(reward[pulled]), spent, seen, None)
    rows = np.arange(runs)
    return Feedback(arm, reward[rows, arm], cost[rows, arm], seen, marked)


@st.composite
def _side(draw: st.DrawFn, reward: Float, cost: Float, arm: Any) -> dict[str, Any]:
    revealed: Bool = draw(nps.arrays(np.bool_, reward.shape))
    np.put_along_axis(revealed, np.expand_dims(arm, -1), values=False, axis=-1)
    shown = revealed.reshape(*revealed.shape, *[1] * (cost.ndim - revealed.ndim))
    return {
        "revealed": revealed,
        "reward": np.where(revealed, reward, 0.0),
        "cost": np.where(shown, cost, 0.0),
        "kind": draw(st.sampled_from(KINDS)),
    }


def histories(
    *, arms: int, max_rounds: int = 20, **options: Any
) -> st.SearchStrategy[list[Feedback]]:
    """Histories: up to ``max_rounds`` rounds of `feedback`, which takes the options."""
    return st.lists(feedback(arms=arms, **options), max_size=max_rounds)


@st.composite
def arm_stats(
    draw: st.DrawFn,
    *,
    arms: int | None = None,
    rewards: Interval = (0.0, 1.0),
    variance: bool = False,
) -> ArmStats:
    """Any statistics that full memory may reach: 1-4 runs, arms with 0-50 pulls.

    Args:
        draw: Hypothesis' own.
        arms: How many; 2-8 by default.
        rewards: The lowest and the highest reward.
        variance: Whether there are variances.
    """
    low, high = rewards
    shape = draw(
        st.tuples(st.integers(1, 4), st.integers(2, 8) if arms is None else st.just(arms))
    )
    pulls: Float = draw(nps.arrays(np.float64, shape, elements=st.integers(0, 50)))
    mean: Float = draw(nps.arrays(np.float64, shape, elements=_coarse(low, high)))
    spread = None
    if variance:  # at most what rewards of this mean can have
        share: Float = draw(nps.arrays(np.float64, shape, elements=_coarse(0, 1)))
        spread = share * (mean - low) * (high - mean) * (pulls > 1)
    return ArmStats(
        t=pulls.sum(axis=1, keepdims=True).astype(np.int64) + 1,
        pulls=pulls,
        mean=mean * (pulls > 0),
        untried=int((pulls == 0).sum()),
        variance=spread,
    )
