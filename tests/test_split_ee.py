"""SplitEE against a literal transcription of the paper's algorithm, decision by decision."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from banditsplit import SplitEE, SplitEES
from banditsplit._typing import Float


@dataclass(frozen=True)
class Deployment:
    """What SplitEE meets: confidences `[samples, layers]`, and the paper's parameters."""

    confidence: Float
    threshold: float  # alpha
    layer: float  # lambda_1
    exit: float  # lambda_2
    offload: float  # o
    tradeoff: float  # mu
    beta: float

    def outcome(self, sample: int, i: int, *, every_exit: bool) -> tuple[float, float]:
        """Reward and cost of splitting ``sample`` after layer ``i``, counted from 1."""
        row = self.confidence[sample].tolist()
        layers = len(row)
        gamma = (self.layer + self.exit) * i if every_exit else self.layer * i + self.exit
        if row[i - 1] >= self.threshold or i == layers:
            return row[i - 1], gamma
        return row[layers - 1], gamma + self.offload


@st.composite
def deployments(draw: st.DrawFn) -> Deployment:
    """Any trace of up to 40 samples through up to 6 layers, at any price."""
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 6)))
    costs = st.floats(0, 5)
    return Deployment(
        confidence=draw(nps.arrays(float, shape, elements=st.floats(0, 1), fill=st.nothing())),
        threshold=draw(st.floats(0, 1)),
        layer=draw(costs),
        exit=draw(costs),
        offload=draw(costs),
        tradeoff=draw(st.floats(0, 2)),
        beta=draw(st.floats(0.1, 5)),
    )


class NearTieError(Exception):
    """Rounding decided: the example says nothing."""


def transcription(world: Deployment, seed: int, *, side: bool) -> list[int]:
    """Algorithm 1 of arXiv:2309.09195 on Python floats; the split layers, from 1.

    Not in the paper: each layer is played once in random order, and ties are broken evenly,
    by one draw where (and only where) more than one layer is best.
    """
    rng = np.random.default_rng(seed)
    samples, layers = world.confidence.shape
    q, n = [0.0] * layers, [0] * layers
    played = []
    for t in range(1, samples + 1):
        index = [
            q[i] + world.beta * math.sqrt(math.log(t) / n[i]) if n[i] else math.inf
            for i in range(layers)
        ]
        refuse_near_ties(index, q, n)
        best = [i for i in range(layers) if index[i] == max(index)]
        which = int(rng.integers([len(best)])[0]) if len(best) > 1 else 0
        i_t = best[which] + 1
        for i in range(1, i_t + 1) if side else [i_t]:
            reward, cost = world.outcome(t - 1, i, every_exit=side)
            n[i - 1] += 1
            q[i - 1] += (reward - world.tradeoff * cost - q[i - 1]) / n[i - 1]
        played.append(i_t)
    return played


def refuse_near_ties(index: list[float], q: list[float], n: list[int]) -> None:
    """Stop where rounding decides.

    ``np.log`` and ``math.log`` differ by an ulp here and there (at 2 of the first 50,000
    integers where this was written). So where layers are within 1e-12 of the best and not
    in the very same state, which ties them whatever the logarithm, either choice is right.
    """
    best = index.index(max(index))
    for i, score in enumerate(index):
        near = math.isfinite(score) and index[best] - score <= 1e-12 * (1 + abs(score))
        if near and (q[i], n[i]) != (q[best], n[best]):
            raise NearTieError


def side_of(world: Deployment, sample: int, i_t: int) -> dict[str, Any]:
    """What SplitEE-S sees besides: the layers before the split."""
    layers = world.confidence.shape[1]
    pairs = [world.outcome(sample, i, every_exit=True) for i in range(1, i_t)]
    reward, cost = np.zeros(layers), np.zeros(layers)
    for i, (gained, paid) in enumerate(pairs):
        reward[i], cost[i] = gained, paid
    revealed = np.arange(layers) < len(pairs)
    return {"revealed": revealed, "reward": reward, "cost": cost, "kind": "as_published"}


def played_by_ours(world: Deployment, seed: int, *, side: bool) -> list[int]:
    """The split layers of our policy, from 1."""
    samples, layers = world.confidence.shape
    named = SplitEES if side else SplitEE
    policy = named(layers, tradeoff=world.tradeoff, beta=world.beta, seed=seed)
    played = []
    for sample in range(samples):
        i_t = policy.select() + 1
        reward, cost = world.outcome(sample, i_t, every_exit=side)
        policy.update(i_t - 1, reward, cost, side_of(world, sample, i_t))
        played.append(i_t)
    return played


@settings(max_examples=200)
@given(world=deployments(), seed=st.integers(0, 2**32))
def test_split_ee_is_the_papers_algorithm(world: Deployment, seed: int) -> None:
    try:
        expected = transcription(world, seed, side=False)
    except NearTieError:
        reject()

    assert played_by_ours(world, seed, side=False) == expected


@settings(max_examples=200)
@given(world=deployments(), seed=st.integers(0, 2**32))
def test_split_ees_is_the_papers_algorithm_with_side_observations(
    world: Deployment, seed: int
) -> None:
    try:
        expected = transcription(world, seed, side=True)
    except NearTieError:
        reject()

    assert played_by_ours(world, seed, side=True) == expected


def test_a_long_deployment_goes_the_same_way() -> None:
    """3,000 samples through 12 layers, at the paper's prices: every decision is the same."""
    rng = np.random.default_rng(1)
    depth = np.linspace(0.5, 0.95, 12)
    confidence = np.clip(depth + 0.2 * rng.standard_normal((3000, 12)), 0.0, 1.0)
    world = Deployment(confidence, 0.8, 0.8, 0.2, 5.0, 0.1, 1.0)

    for side in (False, True):
        assert played_by_ours(world, 5, side=side) == transcription(world, 5, side=side)


def test_a_wider_bound_is_noticed() -> None:
    """The control: a transcription of another beta does not pass."""
    rng = np.random.default_rng(1)
    world = Deployment(rng.random((300, 4)), 0.5, 0.8, 0.2, 5.0, 0.1, 1.0)
    wider = Deployment(world.confidence, 0.5, 0.8, 0.2, 5.0, 0.1, 2.0)

    assert played_by_ours(world, 0, side=False) != transcription(wider, 0, side=False)


def test_three_rounds_by_hand() -> None:
    """Two layers, worth .5 and .75: at t = 3 both have one pull, so the better mean wins.

    At t = 4 the index of layer 1 is .5 + sqrt(ln 4) = 1.677, that of layer 2 is
    .75 + sqrt(ln 4 / 2) = 1.583: the rarer layer is due.
    """
    policy = SplitEE(2, tradeoff=0.25, seed=0)
    policy.update(0, 0.75, 1.0)  # .75 - .25 * 1
    policy.update(1, 1.0, 1.0)  # 1 - .25 * 1

    assert policy.select() == 1
    policy.update(1, 1.0, 1.0)
    assert policy.select() == 0
