"""Sequential exits: an arm is a layer and a threshold, and one sample tells about many arms.

The device asks its exits in turn and leaves at the first confident one; if none is confident
up to the layer of the arm, it offloads from there. Replay and comparison ask here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.cost import SplitCost

__all__ = ["JointArm", "JointRule", "Verdict"]


class JointArm(NamedTuple):
    """What an arm does.

    Attributes:
        layer: The last layer that the device runs, from 0.
        threshold: Confidence from which an exit answers; nan where none is asked.
    """

    layer: int
    threshold: float


class Verdict(NamedTuple):
    """What arms do with samples, each `[samples, arms]` or `[samples]`.

    Attributes:
        exit: The exit that answers.
        offloaded: Whether the cloud runs the rest.
        cost: In lambda.
    """

    exit: Int
    offloaded: Bool
    cost: Float


@dataclass(frozen=True, slots=True)
class JointRule:
    """Leave at the first confident exit up to a layer, else offload there.

    It never costs more than `SplitRule` with every exit evaluated, at the same threshold, and
    usually answers earlier. Arm 0 always offloads from the first layer: an arm of its own and
    no threshold, for a rounded softmax may reach exactly 1. The last arm is the *audit*: it
    runs the whole network on the device and asks every exit, so that the sample tells what
    every arm would have answered. Between them are the pairs of layer and threshold, layer by
    layer, thresholds ascending; at the last layer nothing is offloaded.

    Attributes:
        exits: How many exits the network has, at least 1.
        thresholds: Confidences from which an exit answers, in [0, 1].
        cost: The cost model; every exit up to the answer is evaluated and paid.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: There are no exits or thresholds, or one is out of range or there twice.
    """

    exits: int
    thresholds: tuple[float, ...]
    cost: SplitCost = field(default_factory=SplitCost)
    _layer: Int = field(init=False, repr=False, compare=False)  # of each pair
    _choice: Int = field(init=False, repr=False, compare=False)  # which threshold it has

    def __post_init__(self) -> None:
        exits = _checks.integer("exits", self.exits, least=1)
        _checks.instance("cost", self.cost, SplitCost)
        given: Any = self.thresholds
        if not isinstance(given, Iterable) or isinstance(given, str | bytes):
            raise TypeError(f"`thresholds` must be a sequence of numbers, got {given!r}.")
        thresholds = tuple(sorted(_checks.fraction("thresholds", one) for one in given))
        if not thresholds or len({*thresholds}) < len(thresholds):
            wanted = "`thresholds` must hold at least one number, each of them once"
            raise ValueError(f"{wanted}, got {given!r}.")
        object.__setattr__(self, "thresholds", thresholds)
        layer, choice = np.divmod(np.arange(exits * len(thresholds)), len(thresholds))
        object.__setattr__(self, "_layer", layer)
        object.__setattr__(self, "_choice", choice)

    @property
    def arms(self) -> int:
        """How many there are: the pairs, one that always offloads, and the audit."""
        return len(self._layer) + 2

    @property
    def safe(self) -> int:
        """The arm that always offloads: its answer is the whole network's."""
        return 0

    @property
    def revealing(self) -> int:
        """The arm that runs everything here and shows what every arm would have done."""
        return self.arms - 1

    def arm(self, number: int) -> JointArm:
        """Return what arm ``number`` does."""
        number = _checks.below("number", number, self.arms)
        if number == self.safe:
            return JointArm(0, np.nan)
        if number == self.revealing:
            return JointArm(self.exits - 1, np.nan)
        pair = number - 1
        return JointArm(int(self._layer[pair]), self.thresholds[self._choice[pair]])

    def verdicts(self, confidence: Float) -> Verdict:
        """Return what every arm does with samples of ``confidence``, `[samples, exits]`."""
        samples, last = len(confidence), self.exits - 1
        first = self.first_confident(confidence)[:, self._choice]  # [samples, pairs]
        here = (first <= self._layer) | (self._layer == last)
        exit_, offloaded = np.full((2, samples, self.arms), last)
        exit_[:, 1:-1] = np.where(here, np.minimum(first, last), last)
        offloaded = np.zeros((samples, self.arms), np.bool_)
        offloaded[:, self.safe] = True
        offloaded[:, 1:-1] = ~here
        depth = np.full((samples, self.arms), last)
        depth[:, self.safe] = 0
        depth[:, 1:-1] = np.where(here, exit_[:, 1:-1], self._layer)
        paid = (self.cost.layer + self.cost.exit) * (depth + 1.0)
        return Verdict(exit_, offloaded, paid + self.cost.offload * offloaded)

    def first_confident(self, confidence: Float) -> Int:
        """Return the first confident exit for each threshold, `[samples, thresholds]`.

        ``exits``, one behind the last, where none is.
        """
        confident = confidence[:, :, None] >= np.array(self.thresholds)
        first: Int = np.where(confident.any(1), confident.argmax(1), self.exits)
        return first
