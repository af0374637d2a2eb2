"""What is known before a split is chosen: the first exit's confidence, the bandwidth."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self, TypeAlias, final

import gymnasium as gym
import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit_envs.splitting.cost import SplitCost

__all__ = ["Context", "MarkovBandwidth"]

PARTS = ("confidence", "bandwidth")
_ROUNDING = 1e-9  # by which probabilities may miss 1


@final
@dataclass(frozen=True, slots=True)
class MarkovBandwidth:
    """A bandwidth that wanders between levels, and begins at each of them alike.

    Attributes:
        levels: Multiples of the bandwidth that the cost model was made for, positive.
        transition: Row by row, the probabilities of the next round's levels given this one's.

    Raises:
        TypeError: Something is no number.
        ValueError: There is no level, one is not positive, or ``transition`` is not a row of
            probabilities for each level.
    """

    levels: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        levels = _positive("levels", self.levels)
        chances = _checks.inside("transition", self.transition, 0.0, 1.0)
        square = (len(levels), len(levels))
        if chances.shape != square or not np.allclose(chances.sum(-1), 1, 0, _ROUNDING):
            wanted = f"hold probabilities of shape {square}, each row with a sum of 1"
            raise ValueError(f"`transition` must {wanted}, got {self.transition!r}.")
        object.__setattr__(self, "levels", tuple(levels.tolist()))
        object.__setattr__(self, "transition", tuple(map(tuple, chances.tolist())))

    def draw(self, rows: int, rounds: int, rng: np.random.Generator) -> Float:
        """Return the bandwidth of each round, `[rows, rounds]`, the rows independent."""
        last = len(self.levels) - 1
        below = np.cumsum(self.transition, axis=-1)[:, :last]  # what a draw must reach to go on
        level = rng.integers(last + 1, size=rows)
        visited = np.empty((rounds, rows), np.int64)
        for now, chance in enumerate(rng.random((rounds, rows))):
            visited[now] = level
            level = (chance[:, None] >= below[level]).sum(-1)
        return np.array(self.levels)[visited.T]


Bandwidth: TypeAlias = MarkovBandwidth | Float | None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What an environment shows before a choice, and the bandwidth that it plays with.

    Attributes:
        parts: What is shown, in this order; nothing where it is empty.
        bandwidth: How it changes, or None where it does not.
    """

    parts: tuple[str, ...] = ()
    bandwidth: Bandwidth = None

    @classmethod
    def of(cls, parts: Any, bandwidth: Any, cost: SplitCost) -> Self:
        """Return a context that fits a cost model.

        Raises:
            TypeError: ``bandwidth`` is neither a chain nor numbers.
            ValueError: ``parts`` are others than these, twice, or nobody knows them;
                ``bandwidth`` is empty, or not positive and finite.
        """
        if not isinstance(parts, Iterable):
            raise TypeError(f"`context` must hold names, got {parts!r}.")
        shown = (parts,) if isinstance(parts, str) else tuple(parts)
        for part in shown:
            _checks.member("context", part, PARTS)
        if len({*shown}) < len(shown):
            raise ValueError(f"`context` must show nothing twice, got {parts!r}.")
        if "confidence" in shown and cost.evaluates == "split":
            wanted = "evaluate the first exit ('first' or 'all') where `context` shows it"
            raise ValueError(f"`cost` must {wanted}, got {cost.evaluates!r}.")
        if bandwidth is None and "bandwidth" in shown:
            raise ValueError("`bandwidth` must be given where `context` shows it, got None.")
        if bandwidth is not None and not isinstance(bandwidth, MarkovBandwidth):
            bandwidth = _positive("bandwidth", bandwidth)
        return cls(shown, bandwidth)

    @property
    def space(self) -> gym.Space[Any]:
        """Of observations: the parts, or a single point where nothing is shown."""
        if not self.parts:
            return gym.spaces.Discrete(1)
        given = self.bandwidth
        values = given.levels if isinstance(given, MarkovBandwidth) else given
        most = {
            "confidence": 1.0,
            "bandwidth": 1.0 if values is None else float(np.max(values)),
        }
        high = np.array([most[part] for part in self.parts])
        return gym.spaces.Box(np.zeros_like(high), high, dtype=np.float64)

    def draw(self, rows: int, rounds: int, rng: np.random.Generator) -> Float | None:
        """Return the bandwidth of each round, `[rows, rounds]`; given numbers are repeated."""
        if self.bandwidth is None:
            return None
        if isinstance(self.bandwidth, MarkovBandwidth):
            return self.bandwidth.draw(rows, rounds, rng)
        return np.broadcast_to(np.resize(self.bandwidth, rounds), (rows, rounds))

    def observe(self, confidence: Float, bandwidth: Float | None) -> Float:
        """Return what is shown, `[rows, parts]`, of what is known, `[rows]` each."""
        known: dict[str, Any] = {"confidence": confidence, "bandwidth": bandwidth}
        return np.stack([known[part] for part in self.parts], -1)


def _positive(name: str, values: Any) -> Float:
    """Return a copy of ``values`` as floats, at least one, positive and finite."""
    try:
        array = np.array(values)
    except ValueError:  # ragged
        array = np.empty(0)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"`{name}` must hold numbers, got {values!r}.")
    if array.ndim != 1 or not array.size or not np.all((array > 0) & (array < np.inf)):
        wanted = "be positive and finite, one number after the other"
        raise ValueError(f"`{name}` must {wanted}, got {values!r}.")
    array = array.astype(np.float64)
    array.flags.writeable = False
    return array
