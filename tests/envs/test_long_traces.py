"""Work on a whole trace takes little memory beside the trace, however long it is."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from banditsplit_envs import (
    AgreementTable,
    JointRule,
    SplitCost,
    SplitReplayVector,
    Trace,
    compare,
    recommend,
)
from banditsplit_envs.evaluation import baselines
from banditsplit_envs.evaluation.adaee import AdaEEReplayVector
from banditsplit_envs.evaluation.uee_ucb import DisagreementReplayVector
from banditsplit_envs.splitting.agreement import EDGES
from banditsplit_envs.splitting.outcome import SplitRule

EXITS = 24
RULE = SplitRule(0.8, SplitCost())


def made(samples: int) -> Trace:
    rng = np.random.default_rng(0)
    return Trace(
        rng.uniform(0.5, 1, (samples, EXITS)),
        rng.integers(2, size=(samples, EXITS)),
        rng.integers(2, size=samples),
        entropy=rng.random((samples, EXITS)),
    )


def weight(trace: Trace) -> int:
    arrays = (trace.confidence, trace.prediction, trace.label, trace.entropy)
    return sum(array.nbytes for array in arrays if array is not None)


def peak(work: Callable[[Trace], Any], trace: Trace) -> int:
    """Return the bytes that ``work`` held at most, its result among them."""
    tracemalloc.start()
    try:
        kept = work(trace)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return most


WORK: dict[str, Callable[[Trace], Any]] = {
    "SplitRule.expected": lambda t: RULE.expected(t.confidence),
    "SplitReplayVector": lambda t: SplitReplayVector(t, threshold=0.8, cost=SplitCost()),
    "JointRule.means": lambda t: JointRule.sequential(EXITS, (0.8,)).means(t),
    "AgreementTable": AgreementTable,
    "AdaEEReplayVector": lambda t: AdaEEReplayVector(t, cost=SplitCost()),
    "DisagreementReplayVector": lambda t: DisagreementReplayVector(t, cost=SplitCost()),
    "final exit": lambda t: baselines.final_exit(RULE, t.confidence),
    "always offload": lambda t: baselines.always_offload(RULE, t.confidence),
    "confident exit": lambda t: baselines.first_confident_exit(RULE, t.confidence),
    "certain exit": lambda t: baselines.first_certain_exit(
        RULE, t.confidence, np.asarray(t.entropy), most=0.5
    ),
    "patient exit": lambda t: baselines.patient_exit(
        RULE, t.confidence, t.prediction, patience=12
    ),
    "compare": lambda t: compare(
        t, cost=SplitCost(), threshold=0.8, tradeoff=0.1, passes=2, rounds=20
    ),
    "recommend": lambda t: recommend(t, cost=SplitCost(), thresholds=(0.8,)),
}


@pytest.fixture(scope="module")
def traces() -> tuple[Trace, Trace]:
    return made(20_000), made(40_000)


# Twice as many samples: what is held for a chunk of them, whatever the trace, drops out.
@pytest.mark.parametrize("name", WORK)
def test_a_longer_trace_takes_little_more_on_top_than_it_is_longer(
    name: str, traces: tuple[Trace, Trace]
) -> None:
    short, long = traces
    more = peak(WORK[name], long) - peak(WORK[name], short)

    assert more < 1.5 * (weight(long) - weight(short))


def test_outcomes_of_all_arms_at_once_would_be_caught(traces: tuple[Trace, Trace]) -> None:
    def everything(trace: Trace) -> list[Any]:
        arms = range(trace.exits)
        return [baselines.fixed_arm(RULE, trace.confidence, arm) for arm in arms]

    short, long = traces
    assert peak(everything, long) - peak(everything, short) > 2 * (weight(long) - weight(short))


def test_means_are_those_of_all_outcomes_at_once(traces: tuple[Trace, Trace]) -> None:
    trace = traces[0]
    reward, cost = RULE.expected(trace.confidence)
    outcomes = [baselines.fixed_arm(RULE, trace.confidence, arm) for arm in range(EXITS)]

    np.testing.assert_array_equal(reward, [outcome.reward.mean() for outcome in outcomes])
    np.testing.assert_array_equal(cost, [outcome.cost.mean() for outcome in outcomes])


def test_means_of_joint_arms_in_chunks_are_those_of_the_whole(
    traces: tuple[Trace, Trace],
) -> None:
    trace = traces[0]
    rule = JointRule.sequential(EXITS, (0.7, 0.9))
    verdict = rule.verdicts(trace.confidence)
    answer = np.take_along_axis(trace.prediction, verdict.exit, 1)
    means = rule.means(trace)

    assert trace.label is not None
    np.testing.assert_array_equal(means.agreement, (answer == trace.prediction[:, -1:]).mean(0))
    np.testing.assert_array_equal(means.accuracy, (answer == trace.label[:, None]).mean(0))
    sure = np.take_along_axis(trace.confidence, verdict.exit, 1)
    np.testing.assert_allclose(means.confidence, sure.mean(0), rtol=1e-12)
    np.testing.assert_allclose(means.cost, verdict.cost.mean(0), rtol=1e-12)


def test_a_table_of_agreement_counts_every_sample(traces: tuple[Trace, Trace]) -> None:
    trace = traces[0]
    edges = [*EDGES, np.inf]
    share = AgreementTable(trace)(np.array([[5]]), np.array([[0.815]]))
    low = edges[np.searchsorted(edges, 0.815, side="right") - 1]
    high = edges[np.searchsorted(edges, 0.815, side="right")]
    inside = (trace.confidence[:, 5] >= low) & (trace.confidence[:, 5] < high)
    agrees = trace.prediction[inside, 5] == trace.prediction[inside, -1]

    np.testing.assert_allclose(share, (agrees.sum() + 1) / (inside.sum() + 2), rtol=1e-12)
