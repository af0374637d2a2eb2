"""What a round did not compute, nobody is shown: changing it changes nothing.

A round is played twice with the same draws, on a trace and on one whose every uncomputed
confidence and prediction is another. What a policy or a report gets must be the same, and so
must what is shown before the choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from banditsplit_envs import MarkovBandwidth, SplitCost, SplitReplayVector, Trace

MODES = [("surrogate", 0.0), ("doubly_robust", 0.5), ("observed", 0.0)]
# What the environment tells because it is asked to judge, not because a device saw it.
JUDGEMENTS = {"correct", "expected_reward", "expected_cost"}

every_mode = pytest.mark.parametrize(("side", "audit_rate"), MODES, ids=[m[0] for m in MODES])
every_evaluation = pytest.mark.parametrize("evaluates", ["split", "all"])
CONTEXT: dict[str, Any] = {
    "context": ("confidence", "bandwidth"),
    "bandwidth": MarkovBandwidth((0.5, 2.0), ((0.5, 0.5), (0.5, 0.5))),
}


@dataclass(frozen=True)
class Case:
    """A trace, another one, the arm for each sample, and how to play."""

    trace: Trace
    other: Trace
    arm: Any
    seed: int
    threshold: float = 0.8


@st.composite
def cases(draw: st.DrawFn) -> Case:
    samples, exits = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    shape = (samples, exits)
    some = st.sampled_from([0.1, 0.5, 0.8, 0.9, 1.0]) | st.floats(0, 1)
    confidence = arrays.arrays(np.float64, shape, elements=some, fill=st.nothing())
    classes = arrays.arrays(np.int64, shape, elements=st.integers(0, 3), fill=st.nothing())
    label = arrays.arrays(np.int64, samples, elements=st.integers(0, 3))
    return Case(
        Trace(draw(confidence), draw(classes), draw(label)),
        Trace(draw(confidence), draw(classes), draw(label)),
        draw(arrays.arrays(np.int64, samples, elements=st.integers(0, exits - 1))),
        draw(st.integers(0, 99)),
    )


def play(case: Case, trace: Trace, how: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Reward and info of every sample, one after the other."""
    env = SplitReplayVector(
        trace, threshold=case.threshold, order=[range(trace.samples)], **how
    )
    shown, _ = env.reset(seed=case.seed)
    rounds = []
    for arm in case.arm:
        before = {"shown": shown}
        shown, reward, _, _, info = env.step(np.array([arm]))
        rounds.append((reward, info | before))
    return rounds


def same(one: Any, other: Any) -> None:
    """Bit for bit, dtypes and names included."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one.keys() - JUDGEMENTS:
            same(one[name], other[name])
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    else:
        assert one == other


def computed(case: Case, rounds: list[tuple[Any, Any]], evaluates: str) -> Any:
    """What each round evaluated, `[samples, exits]`, from what the device and cloud did."""
    ran = np.zeros((case.trace.samples, case.trace.exits), bool)
    for sample, (arm, (_, info)) in enumerate(zip(case.arm, rounds, strict=True)):
        ran[sample, arm] = True
        if evaluates == "all":
            ran[sample, :arm] = True
        if evaluates == "first":
            ran[sample, 0] = True
        if info["offloaded"][0]:
            ran[sample, -1] = True
    return ran


def check_that_nothing_leaks(case: Case, how: Mapping[str, Any]) -> None:
    first = play(case, case.trace, how)
    ran = computed(case, first, how["cost"].evaluates)
    changed = Trace(
        np.where(ran, case.trace.confidence, case.other.confidence),
        np.where(ran, case.trace.prediction, case.other.prediction),
        case.other.label,  # labels are never computed
    )
    for one, other in zip(first, play(case, changed, how), strict=True):
        same(one[0], other[0])
        same(one[1], other[1])


@every_mode
@every_evaluation
@given(case=cases())
def test_what_was_not_computed_changes_nothing(
    side: str, audit_rate: float, evaluates: str, case: Case
) -> None:
    cost = SplitCost(evaluates=evaluates)
    how = {"cost": cost, "side": side, "audit_rate": audit_rate}
    check_that_nothing_leaks(case, how)


@every_mode
@pytest.mark.parametrize("evaluates", ["first", "all"])
@given(case=cases())
def test_what_is_shown_before_the_choice_was_computed_by_then(
    side: str, audit_rate: float, evaluates: str, case: Case
) -> None:
    how = {"cost": SplitCost(evaluates=evaluates), "side": side, "audit_rate": audit_rate}
    check_that_nothing_leaks(case, how | CONTEXT)


def test_the_same_check_notices_another_exit_that_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: what the last exit would say, before anything is chosen."""

    class Clairvoyant(SplitReplayVector):
        def _observation(self) -> Any:
            shown = super()._observation()
            if self._order is not None and not self.finished:
                shown[:, 0] = self.trace.confidence[self._order[:, self._round], -1]
            return shown

    how = {"cost": SplitCost(evaluates="first")} | CONTEXT
    check_that_nothing_leaks(leaking(), how)
    monkeypatch.setitem(globals(), "SplitReplayVector", Clairvoyant)
    with pytest.raises(AssertionError):
        check_that_nothing_leaks(leaking(), how)


def leaking() -> Case:
    """Exit 0 is unsure, exit 1 answers: what exit 2 would have said, nobody knows."""
    one = Trace(np.array([[0.5, 0.9, 0.95]]), np.array([[1, 2, 3]]), np.array([3]))
    other = Trace(np.array([[0.1, 0.2, 0.6]]), np.array([[0, 0, 0]]), np.array([0]))
    return Case(one, other, np.array([1]), seed=0)


def test_the_same_check_notices_what_was_published() -> None:
    """The control: the published side reward is the final confidence that nobody computed."""
    how = {"cost": SplitCost(evaluates="all"), "side": "as_published"}
    with pytest.raises(AssertionError):
        check_that_nothing_leaks(leaking(), how)


@every_mode
def test_the_control_is_a_case_that_the_honest_modes_pass(side: str, audit_rate: float) -> None:
    how = {"cost": SplitCost(evaluates="all"), "side": side, "audit_rate": audit_rate}
    check_that_nothing_leaks(leaking(), how)


def test_the_same_check_notices_a_cloud_that_answers_unreported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: every sample is offloaded, and nothing says so."""

    class Unreported(SplitReplayVector):
        def step(self, actions: Any) -> Any:
            *others, info = super().step(actions)
            return *others, info | {"offloaded": np.zeros(1, bool)}

    case = replace(leaking(), threshold=1.0)
    check_that_nothing_leaks(case, {"cost": SplitCost()})
    monkeypatch.setitem(globals(), "SplitReplayVector", Unreported)
    with pytest.raises(AssertionError):
        check_that_nothing_leaks(case, {"cost": SplitCost()})


@every_mode
@given(case=cases())
def test_labels_never_reach_the_side_observations(
    side: str, audit_rate: float, case: Case
) -> None:
    """Other labels, or none: only `correct` differs."""
    how = {"cost": SplitCost(evaluates="all"), "side": side, "audit_rate": audit_rate}
    trace = case.trace
    shuffled = Trace(trace.confidence, trace.prediction, case.other.label)
    unlabelled = Trace(trace.confidence, trace.prediction)
    first = play(case, trace, how)
    for (reward, info), (again, others) in zip(first, play(case, shuffled, how), strict=True):
        same(reward, again)
        same(info, others)
    for (reward, info), (again, others) in zip(first, play(case, unlabelled, how), strict=True):
        same(reward, again)
        same({k: v for k, v in info.items() if k != "correct"}, others)
