"""Change detectors: whether an arm still gives what it used to give."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int

# How finely the past is divided: the splits whose age is about 2**level observations.
LEVELS, SPLITS = 20, 8


class Detector(Protocol):
    """A frozen recipe for a state that watches every arm of every run on its own.

    The state is a dataclass of arrays, so that it can be saved with the memory it serves.
    """

    def empty(self, runs: int | None, arms: int) -> Any:
        """Return the state before the first observation."""
        ...

    def observe(self, state: Any, cell: Int, value: Float) -> Bool:
        """Take in one value for each of distinct cells; return where it cries, `[cells]`."""
        ...

    def forget(self, state: Any, which: Bool) -> None:
        """Start afresh for the marked arms, `[..., arms]`."""
        ...


@dataclass(slots=True, eq=False)
class CUSUMState:
    """The state of a `CUSUM`; all are `[..., arms]`.

    Attributes:
        count: Observations.
        mean: Mean of the first ``baseline`` of them, in value units.
        up: How far later values have exceeded it in sum, in value units.
        down: How far they have fallen short of it.
    """

    count: Int
    mean: Float
    up: Float
    down: Float


@final
@dataclass(frozen=True, slots=True)
class CUSUM:
    """Two-sided cumulative sums (Page 1954; Liu, Lee & Shroff 2018, Alg. 3).

    The mean ``u`` of the first ``baseline`` values is what later values ``y`` are held
    against: ``up = max(0, up + y - u - tolerance)``, ``down = max(0, down + u - y -
    tolerance)``; it cries when one of them reaches ``threshold``.

    Attributes:
        threshold: The paper's h, in value units; about ``ln(horizon / changes)`` for values
            in [0, 1].
        tolerance: The paper's epsilon, in value units: half of the smallest change that
            matters, or less.
        baseline: The paper's M: how many values tell what is normal, at least 1.
    """

    threshold: float
    tolerance: float
    baseline: int

    def __post_init__(self) -> None:
        _checks.positive("threshold", self.threshold)
        _checks.nonnegative("tolerance", self.tolerance)
        _checks.integer("baseline", self.baseline, least=1)

    def empty(self, runs: int | None, arms: int) -> CUSUMState:
        """Return the state before the first observation."""
        shape = (arms,) if runs is None else (runs, arms)
        return CUSUMState(np.zeros(shape, np.int64), *(np.zeros(shape) for _ in range(3)))

    def observe(self, state: CUSUMState, cell: Int, value: Float) -> Bool:
        """Take in one value for each cell; return where it cries, `[cells]`."""
        flat = (a.reshape(-1) for a in (state.count, state.mean, state.up, state.down))
        count, mean, up, down = flat  # views
        number, normal = count[cell] + 1, mean[cell]
        learning = number <= self.baseline
        excess = value - normal
        higher = np.where(learning, 0.0, np.maximum(up[cell] + excess - self.tolerance, 0.0))
        lower = np.where(learning, 0.0, np.maximum(down[cell] - excess - self.tolerance, 0.0))
        count[cell], up[cell], down[cell] = number, higher, lower
        mean[cell] = np.where(learning, normal + excess / number, normal)
        cries: Bool = np.maximum(higher, lower) >= self.threshold
        return cries

    def forget(self, state: CUSUMState, which: Bool) -> None:
        """Start afresh for the marked arms, `[..., arms]`."""
        for array in (state.count, state.mean, state.up, state.down):
            array[which] = 0


@dataclass(slots=True, eq=False)
class GLRState:
    """The state of a `GLR`.

    Attributes:
        count: `[..., arms]`, observations.
        total: `[..., arms]`, their sum, with values mapped to [0, 1].
        split: `[..., arms, levels, splits]`: the sum of the first ``k * 2**level`` values
            stands at ``k % splits``, for the latest ``k``.
    """

    count: Int
    total: Float
    split: Float


@final
@dataclass(frozen=True, slots=True)
class GLR:
    """The Bernoulli generalised likelihood ratio test (Besson et al. 2022, Sec. 2).

    Besson, Kaufmann, Maillard & Seznec, JMLR 23, arXiv:1902.01575. After ``n`` values it
    cries if for some split ``s`` of them

        ``s * kl(mean[:s], mean) + (n - s) * kl(mean[s:], mean) >= ln(3 n**1.5 / delta)``,

    the threshold of the authors' own code; the one they prove a false alarm probability of
    ``delta`` for is larger. Values anywhere in an interval are covered, for a Bernoulli law
    is the most spread one.

    As in the paper, the test is made only at every ``every``-th value of an arm, and not for
    every ``s``. Here the splits are fine where they are recent and coarse where they are
    old: the last 8 multiples of every power of two up to 2**19. So a split of age ``a`` is
    at most ``a / 3`` off, splits older than 4 million values are left out, and an arm
    takes 1.3 kB.

    Attributes:
        delta: In (0, 1): smaller is surer, and slower.
        every: Values of an arm between two tests, at least 1.
        low: The smallest value there can be; negative where an objective weighs costs.
        high: The largest.
    """

    delta: float
    every: int = 10
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < _checks.number("delta", self.delta) < 1:
            raise ValueError(f"`delta` must lie in (0, 1), got {self.delta!r}.")
        _checks.integer("every", self.every, least=1)
        if _checks.number("low", self.low) >= _checks.number("high", self.high):
            raise ValueError(f"`high` must exceed `low`, {self.low!r}, got {self.high!r}.")

    @property
    def support(self) -> tuple[float, float]:
        """The interval in which values must lie."""
        return (self.low, self.high)

    def empty(self, runs: int | None, arms: int) -> GLRState:
        """Return the state before the first observation."""
        shape = (arms,) if runs is None else (runs, arms)
        split = np.zeros((*shape, LEVELS, SPLITS))
        return GLRState(np.zeros(shape, np.int64), np.zeros(shape), split)

    def observe(self, state: GLRState, cell: Int, value: Float) -> Bool:
        """Take in one value for each cell; return where it cries, `[cells]`."""
        count, total = state.count.reshape(-1), state.total.reshape(-1)  # views
        split = state.split.reshape(-1, LEVELS, SPLITS)
        number = count[cell] + 1
        gained = total[cell] + (value - self.low) / (self.high - self.low)
        count[cell], total[cell] = number, gained
        row, level = np.nonzero(number[:, None] % (1 << np.arange(LEVELS)) == 0)
        split[cell[row], level, (number[row] >> level) % SPLITS] = gained[row]
        cries = np.zeros(len(cell), np.bool_)
        due = np.flatnonzero(number % self.every == 0)
        if due.size:
            ratio = _largest_ratio(number[due], gained[due], split[cell[due]])
            cries[due] = ratio >= 1.5 * np.log(number[due]) + math.log(3 / self.delta)
        return cries

    def forget(self, state: GLRState, which: Bool) -> None:
        """Start afresh for the marked arms, `[..., arms]`; without values no split is read."""
        state.count[which] = 0
        state.total[which] = 0.0


def _largest_ratio(number: Int, total: Float, split: Float) -> Float:
    """Return the largest log-likelihood ratio over the splits that are kept, `[rows]`."""
    levels = min(int(number.max()).bit_length(), LEVELS)
    level = np.arange(levels)[:, None]
    n = number[:, None, None]
    latest = n >> level
    multiple = latest - (latest - np.arange(SPLITS)) % SPLITS  # which one stands in a slot
    first = multiple << level
    # A coarse level repeats splits of the finer one below: 2 * multiple is still kept there.
    repeated = (level > 0) & (2 * multiple > (n >> np.maximum(level - 1, 0)) - SPLITS)
    row, place, slot = np.nonzero((multiple > 0) & (first < n) & ~repeated)
    before, s = split[row, place, slot], first[row, place, slot]
    after, rest = total[row] - before, number[row] - s
    ratio = np.zeros((len(number), levels, SPLITS))
    whole = number * _entropy(total / number)
    ratio[row, place, slot] = (
        whole[row] - s * _entropy(before / s) - rest * _entropy(after / rest)
    )
    largest: Float = ratio.max((1, 2))
    return largest


def _entropy(p: Float) -> Float:
    """Return the entropy of Bernoulli laws, in nats; rounding may have left [0, 1]."""
    hit = np.clip(p, 0.0, 1.0)
    miss = 1.0 - hit
    surprise: Float = hit * np.log(np.where(hit > 0, hit, 1.0))
    surprise += miss * np.log(np.where(miss > 0, miss, 1.0))
    return -surprise
