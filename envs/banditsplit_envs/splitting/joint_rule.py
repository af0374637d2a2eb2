"""Sequential exits: an arm asks some exits in turn, and one sample tells about many arms.

The device runs layer after layer, asks the exits of its arm and leaves at the first confident
one; if none is, it offloads behind the last that it asked, or has that one answer. Replay and
comparison ask here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Self, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.traces.trace import Classes, Trace

__all__ = ["JointArm", "JointRule", "Means", "Verdict", "joint_arms"]

_CHUNK = 4096  # samples whose verdicts for all arms are held at a time


class JointArm(NamedTuple):
    """Which exits are asked, and how sure one must be.

    Attributes:
        stops: The exits that are asked, ascending, from 0.
        threshold: Confidence from which an exit answers, in [0, 1].
        offloads: Whether a sample of which no stop is sure is offloaded behind the last one.
            Else that one answers, as the network's own last exit does in any case.
    """

    stops: tuple[int, ...]
    threshold: float
    offloads: bool = True


class Verdict(NamedTuple):
    """What arms do with samples, each `[samples, arms]`.

    Attributes:
        exit: The exit that answers.
        offloaded: Whether the cloud runs the rest.
        cost: In the cost model's unit.
    """

    exit: Int
    offloaded: Bool
    cost: Float


class Means(NamedTuple):
    """What arms do on average, each `[arms]`.

    Attributes:
        agreement: Share of answers that are the final exit's.
        confidence: Of the exit that answers.
        accuracy: Share of answers that are right; nan without labels.
        cost: In lambda.
    """

    agreement: Float
    confidence: Float
    accuracy: Float
    cost: Float


@final
@dataclass(frozen=True, slots=True)
class JointRule:
    """Leave at the first confident exit that is asked, else offload or answer at the last one.

    An arm with one stop is `SplitRule`'s with ``evaluates="split"``; one that stops at every
    exit up to a layer never costs more than ``evaluates="all"`` there. Before the arms that are
    given stands arm 0, which always offloads from the first layer: an arm of its own and no
    threshold, for a rounded softmax may reach exactly 1. Behind them stands the *audit*. It
    asks every exit that any arm asks until all of them have left or would offload, and then
    gets the final answer where that is cheaper: by offloading, or by running the rest. So it
    knows what every arm would have answered, and whether the whole network agrees.

    Attributes:
        exits: How many exits the network has, at least 1.
        joint: The arms, at least one, each of them once.
        cost: The cost model: ``layer`` for each layer run here, ``exit`` for each exit asked,
            ``offload`` and ``overhead`` where the cloud runs.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: There are no exits or no arms, one is there twice, or it stops nowhere, at
            exits that are not there or out of order, or has a threshold outside [0, 1]; or
            ``cost`` is for another number of exits.
    """

    exits: int
    joint: tuple[JointArm, ...]
    cost: SplitCost = field(default_factory=SplitCost)
    _asked: Bool = field(init=False, repr=False, compare=False)  # [arms, exits]: who asks whom

    def __post_init__(self) -> None:
        _checks.integer("exits", self.exits, least=1)
        _checks.instance("cost", self.cost, SplitCost)
        given: Any = self.joint
        if not isinstance(given, Iterable) or isinstance(given, str | bytes):
            raise TypeError(f"`joint` must be a sequence of arms, got {given!r}.")
        arms = tuple(self._arm(*JointArm(*one)) for one in given)
        if not arms or len({*arms}) < len(arms):
            wanted = "`joint` must hold at least one arm, each of them once"
            raise ValueError(f"{wanted}, got {given!r}.")
        object.__setattr__(self, "joint", arms)
        self.cost.offloading(self.exits)  # refuses another network's
        asked = np.zeros((self.arms, self.exits), np.bool_)
        asked[self.safe, 0] = True
        for number, arm in enumerate(arms, 1):
            asked[number, arm.stops] = True
        asked[self.revealing] = asked[1:-1].any(0)
        asked.flags.writeable = False
        object.__setattr__(self, "_asked", asked)

    def _arm(self, stops: Any, threshold: Any, offloads: Any) -> JointArm:
        """Return an arm, checked."""
        if not isinstance(stops, Iterable) or isinstance(stops, str | bytes):
            raise TypeError(f"`stops` must be a sequence of exits, got {stops!r}.")
        asked = tuple(_checks.below("stops", stop, self.exits) for stop in stops)
        if not asked or any(a >= b for a, b in pairwise(asked)):
            raise ValueError(f"`stops` must be ascending exits, at least one, got {stops!r}.")
        _checks.instance("offloads", offloads, bool)
        return JointArm(asked, _checks.fraction("threshold", threshold), offloads)

    @classmethod
    def sequential(
        cls, exits: int, thresholds: Iterable[float], *, cost: SplitCost | None = None
    ) -> Self:
        """Return the rule whose arms ask every exit up to a layer, for each threshold."""
        thresholds = tuple(thresholds)
        arms = tuple(
            JointArm(tuple(range(layer + 1)), threshold)
            for layer in range(exits)
            for threshold in thresholds
        )
        return cls(exits, arms, SplitCost() if cost is None else cost)

    @classmethod
    def frontier(
        cls,
        trace: Trace,
        candidates: Iterable[JointArm],
        *,
        level: float,
        most: int = 12,
        cost: SplitCost | None = None,
    ) -> Self:
        """Return the rule with those candidates that are worth testing, the surest first.

        On ``trace``, which must not be the deployed samples: the calibration set of the source
        domain, say. Of the candidates that disagree with the final exit in at most twice the
        ``level`` there, those are kept that no other one beats in both cost and disagreement,
        at most ``most`` of them, spread over the costs. Their order is one of testing, fixed
        before a deployed sample is seen.

        Raises:
            ValueError: No candidate is left.
        """
        whole = cls(trace.exits, tuple(candidates), SplitCost() if cost is None else cost)
        agreement, paid = whole.expected(trace)
        disagree, paid = 1 - agreement[1:-1], paid[1:-1]
        kept: list[int] = []
        for number in np.lexsort((disagree, paid)):
            if disagree[number] > 2 * level or paid[number] >= whole.safe_cost:
                continue
            if not kept or disagree[number] < disagree[kept[-1]]:
                kept.append(int(number))
        if not kept:
            wanted = "`candidates` must hold an arm that is worth testing on `trace`"
            raise ValueError(f"{wanted}, got {len(whole.joint)} that are not.")
        few = np.unique(np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int))
        return cls(trace.exits, tuple(whole.joint[kept[n]] for n in few[::-1]), whole.cost)

    @classmethod
    def calibrated(
        cls,
        trace: Trace,
        candidates: Iterable[JointArm],
        *,
        loss: float,
        most: int = 12,
        cost: SplitCost | None = None,
    ) -> Self:
        """Return the rule with the cheapest candidates that lose little accuracy on ``trace``.

        That is a labelled trace of the source domain, not the deployed samples. Of the
        candidates that stop at the same exits, the cheapest there is taken whose accuracy is at
        most ``loss`` below the final exit's; of those at most ``most``, the cheapest first.
        Which of them is best on the deployed samples is left to learn.

        Raises:
            ValueError: ``trace`` has no labels, or no candidate is left.
        """
        loss, most = _checks.fraction("loss", loss), _checks.integer("most", most, least=1)
        if trace.label is None:
            raise ValueError("`trace` must have labels, got None: the accuracy needs them.")
        whole = cls(trace.exits, tuple(candidates), SplitCost() if cost is None else cost)
        _, _, accuracy, paid = whole.means(trace)
        kept: dict[tuple[tuple[int, ...], bool], JointArm] = {}
        for number in np.argsort(paid[1:-1], kind="stable") + 1:
            arm = whole.joint[number - 1]
            if accuracy[number] >= accuracy[whole.safe] - loss:
                kept.setdefault((arm.stops, arm.offloads), arm)
        if not kept:
            wanted = f"`candidates` must hold an arm that loses at most {loss} on `trace`"
            raise ValueError(f"{wanted}, got {len(whole.joint)} that lose more.")
        return cls(trace.exits, tuple(kept.values())[:most], whole.cost)

    @property
    def arms(self) -> int:
        """How many there are: those given, one that always offloads, and the audit."""
        return len(self.joint) + 2

    @property
    def safe(self) -> int:
        """The arm that always offloads: its answer is the whole network's."""
        return 0

    @property
    def revealing(self) -> int:
        """The audit."""
        return self.arms - 1

    @property
    def safe_cost(self) -> float:
        """What always offloading costs: a layer, its exit, and the way to the cloud.

        A network of one exit leaves nothing to offload.
        """
        head = self.cost.running(self.exits) + self.cost.asking(np.eye(self.exits, dtype=bool))
        away = self.cost.offloading(self.exits)[0] if self.exits > 1 else 0.0
        return float(head[0] + away)

    @property
    def order(self) -> tuple[int, ...]:
        """The numbers of the arms that were given, in their order: one of testing."""
        return tuple(range(1, self.revealing))

    def arm(self, number: int) -> JointArm | None:
        """Return arm ``number``; None for the safe one and the audit."""
        number = _checks.below("number", number, self.arms)
        return None if number in (self.safe, self.revealing) else self.joint[number - 1]

    def verdicts(self, confidence: Float) -> Verdict:
        """Return what every arm does with samples of ``confidence``, `[samples, exits]`."""
        samples, last = len(confidence), self.exits - 1
        exit_ = np.full((samples, self.arms), last)
        offloaded = np.zeros((samples, self.arms), np.bool_)
        paid = np.empty((samples, self.arms))
        depth = np.zeros(samples, np.int64)  # how far an audit must go
        running, upload = self.cost.running(self.exits), self.cost.offloading(self.exits)
        # Which exits were asked, `[arms, exits, exits]`, by who got to an exit.
        until = self._asked[:, None] & np.tri(self.exits, dtype=np.bool_)
        head = running + self.cost.asking(until)
        for number, (stops, threshold, offloads) in enumerate(self.joint, 1):
            sure = confidence[:, stops] >= threshold
            sure[:, -1] |= stops[-1] == last or not offloads
            answers = sure.any(1)
            stop = np.asarray(stops)[np.where(answers, sure.argmax(1), len(stops) - 1)]
            exit_[:, number] = np.where(answers, stop, last)
            offloaded[:, number] = ~answers
            paid[:, number] = head[number, stop] + upload[stop] * ~answers
            depth = np.maximum(depth, stop)
        offloaded[:, self.safe] = self.exits > 1
        paid[:, self.safe] = self.safe_cost
        finishing = until[-1] | (np.arange(self.exits) == last)
        here = (running[-1] + self.cost.asking(finishing))[depth]
        away = (head[-1] + upload)[depth]
        offloaded[:, -1] = (away < here) & (depth < last)
        paid[:, -1] = np.where(offloaded[:, -1], away, here)
        return Verdict(exit_, offloaded, paid)

    def asks(self, number: int) -> Bool:
        """Return which exits arm ``number`` asks at most, `[exits]`."""
        asks: Bool = self._asked[number]
        return asks

    def goes_on(self, number: int, seen: Float, depth: int) -> bool:
        """Return whether the device must run more than the layers up to ``depth``.

        Args:
            number: The arm.
            seen: Confidences of one sample, `[exits]`, nan where an exit was not asked.
            depth: The last layer that ran, -1 before the first.
        """
        if number == self.safe:
            return depth < 0
        if number == self.revealing:
            return any(self.goes_on(other, seen, depth) for other in self.order)
        stops, threshold = self.joint[number - 1][:2]
        return depth < stops[-1] and not (seen[list(stops)] >= threshold).any()

    def shows(self, cloud_reports: str) -> Bool:
        """Return whose outcome a pull shows for certain, `[arms, arms]`: row shows column.

        Args:
            cloud_reports: What the cloud says of a sample that was offloaded from the first
                layer: its ``"final"`` answer, or what ``"all"`` exits said.
        """
        shown = np.zeros((self.arms, self.arms), np.bool_)
        shown[self.revealing] = True
        first_exit_alone = [arm.stops == (0,) for arm in self.joint]
        shown[self.safe, 1:-1] = first_exit_alone
        if cloud_reports == "all":
            shown[self.safe] = True
        np.fill_diagonal(shown, val=False)
        return shown

    def report(
        self,
        verdict: Verdict,
        seen: Float,
        prediction: Int,
        arm: Int,
        *,
        shown: Bool,
        label: Int | None = None,
    ) -> tuple[Float, dict[str, Any]]:
        """Return the rewards of a round, `[samples]`, and what an environment says of it.

        Args:
            verdict: What the arms do with the samples, by `verdicts`.
            seen: Confidences, `[samples, exits]`, read at the exit that answers.
            prediction: Classes, `[samples, exits]`, read there and where arms are shown.
            arm: The pulled arms, `[samples]`.
            shown: As `shows` says it.
            label: `[samples]`, where known: for ``correct``, which no policy is shown.
        """
        rows, revealed = np.arange(len(arm)), shown[arm]
        exit_ = verdict.exit[rows, arm]
        agrees = self.agreements(verdict, prediction)
        audit = arm == self.revealing
        info: dict[str, Any] = {
            "cost": verdict.cost[rows, arm],
            "offloaded": verdict.offloaded[rows, arm],
            "audited": audit,
            "audit_cost": np.zeros(len(arm)),
            "prediction": prediction[rows, exit_],
            "confidence": seen[rows, exit_],
            "side_observations": {
                "revealed": revealed,
                "reward": np.where(revealed, agrees, 0.0),
                "cost": np.where(revealed, verdict.cost, 0.0),
                "kind": "observed",
            },
        }
        if label is not None:
            info["correct"] = info["prediction"] == label
        # Whether these two agree is certain; of another arm only its confidence is known.
        reward = np.where(audit | (arm == self.safe), 1.0, info["confidence"])
        return reward, info

    def agreements(self, verdict: Verdict, prediction: Classes) -> Bool:
        """Return whether each arm's answer is the final exit's, `[samples, arms]`."""
        answer = np.take_along_axis(prediction, verdict.exit, 1)
        agree: Bool = answer == prediction[:, -1:]
        return agree

    def means(self, trace: Trace) -> Means:
        """Return what each arm does with the samples of a trace on average."""
        sums = np.zeros((len(Means._fields), self.arms))
        for start in range(0, trace.samples, _CHUNK):
            rows = slice(start, start + _CHUNK)
            label = None if trace.label is None else trace.label[rows]
            sums += self._summed(trace.confidence[rows], trace.prediction[rows], label)
        return Means(*sums / trace.samples)

    def _summed(self, confidence: Float, prediction: Classes, label: Int | None) -> list[Any]:
        """Return the sums over some samples of what `Means` holds, each `[arms]`.

        Of thousands of arms verdicts are large: nothing is kept that can be summed at once.
        """
        verdict = self.verdicts(confidence)
        right: Any = np.full(self.arms, np.nan)
        if label is not None:
            answer = np.take_along_axis(prediction, verdict.exit, 1)
            right = (answer == label[:, None]).sum(0)
        return [
            self.agreements(verdict, prediction).sum(0),
            np.take_along_axis(confidence, verdict.exit, 1).sum(0),
            right,
            verdict.cost.sum(0),
        ]

    def expected(self, trace: Trace) -> tuple[Float, Float]:
        """Return each arm's mean agreement and mean cost over a trace, `[arms]` each."""
        means = self.means(trace)
        return means.agreement, means.cost

    @property
    def reveals(self) -> Bool:
        """Whose outcome a pull shows whatever the sample, `[arms, arms]`: row shows column.

        An arm shows those that stop earlier on the same way and are satisfied with less: where
        it goes on, they have answered or would offload. What the cloud would then say is known
        only if it ran. An arm that never offloads shows none that may: it would say nothing of
        what the cloud does with doubtful samples. The audit, for agreement alone, shows none.
        """
        way: list[tuple[tuple[int, ...], float, bool]] = [((0,), np.inf, True), *self.joint]
        shown = np.zeros((self.arms, self.arms), np.bool_)
        for one, (stops, threshold, offloads) in enumerate(way):
            final = offloads or stops[-1] == self.exits - 1
            for other, (early, less, away) in enumerate(way):
                shown[one, other] = (
                    stops[: len(early)] == early and less <= threshold and (final or not away)
                )
        np.fill_diagonal(shown, val=False)
        return shown


def joint_arms(
    exits: int, thresholds: Sequence[float], *, stops: int = 2, stay: bool = False
) -> tuple[JointArm, ...]:
    """Return arms to choose from: up to ``stops`` exits asked, and every exit up to a layer.

    Args:
        exits: How many exits the network has, at least 1.
        thresholds: Confidences from which an exit answers, in [0, 1].
        stops: How many exits are asked at most, 1 or 2.
        stay: Whether to have the arms, too, that answer at their last stop in any case.
    """
    exits = _checks.integer("exits", exits, least=1)
    asked: set[tuple[int, ...]] = {tuple(range(layer + 1)) for layer in range(exits)}
    asked |= {(layer,) for layer in range(exits)}
    if _checks.integer("stops", stops, least=1) > 1:
        asked |= {(a, b) for b in range(exits) for a in range(b)}
    arms = [JointArm(some, threshold) for some in sorted(asked) for threshold in thresholds]
    _checks.instance("stay", stay, bool)
    if stay:
        inner = [arm for arm in arms if arm.stops[-1] < exits - 1]
        arms += [arm._replace(offloads=False) for arm in inner if len(arm.stops) > 1]
        arms += [JointArm((layer,), 0.0, offloads=False) for layer in range(exits - 1)]
    return tuple(arms)
