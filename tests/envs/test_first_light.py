"""The main claim, end to end: a real network, real scans, a domain shift, and no labels.

The numbers are those of the paper's setting (threshold .8, mu = .1, o = 5 lambda), the network
and the streams those of ``examples/split_digits.py``. Every seed is fixed.
"""

import numpy as np
import pytest

from banditsplit_envs import (
    Comparison,
    DigitsSplit,
    ExitNetwork,
    SplitCost,
    Trace,
    calibrate,
    compare,
    deployment_stream,
    digits_split,
    exit_cnn,
    record,
    train,
)

STREAMS = {"clean": 0.0, "distorted": 0.5}


@pytest.fixture(scope="module")
def split() -> DigitsSplit:
    return digits_split(seed=0)


@pytest.fixture(scope="module")
def network(split: DigitsSplit) -> ExitNetwork:
    made = exit_cnn(seed=0)
    train(made, *split.train, epochs=45, seed=0)
    calibrate(made, *split.calibration)
    return made


@pytest.fixture(scope="module", params=list(STREAMS))
def trace(request: pytest.FixtureRequest, network: ExitNetwork, split: DigitsSplit) -> Trace:
    strength = STREAMS[request.param]
    images, labels = deployment_stream(split, samples=10_000, strength=strength, seed=0)
    return record(network, images, labels)


@pytest.fixture(scope="module")
def table(trace: Trace) -> Comparison:
    return compare(
        trace,
        cost=SplitCost(layer=0.8, exit=0.2, offload=5.0),
        threshold=0.8,
        tradeoff=0.1,
        passes=5,
        seed=0,
    )


def test_splitee_cuts_the_cost_by_half_and_loses_less_than_two_points(
    table: Comparison,
) -> None:
    """The paper's headline, against running every sample to the final layer."""
    splitee, final = table.row("SplitEE"), table.row("final exit")

    assert splitee["cost_cut"] > 0.5
    assert final["accuracy"] - splitee["accuracy"] < 0.02
    assert final["cost"] == pytest.approx(0.8 * 12 + 0.2)


def test_side_observations_take_the_regret_to_well_below_splitees(table: Comparison) -> None:
    side = table.row("SplitEE-S")

    assert side["pseudo_regret"] <= 0.6 * table.row("SplitEE")["pseudo_regret"]
    assert side["side_kind"] == "surrogate"


@pytest.mark.parametrize("policy", ["SplitEE", "SplitEE-S"])
@pytest.mark.parametrize("baseline", ["random exit", "final exit"])
def test_learning_is_far_below_not_learning(
    table: Comparison, policy: str, baseline: str
) -> None:
    """At most a quarter of the regret, intervals included."""
    regret = table.row(policy)["pseudo_regret_ci"][1]

    assert regret < 0.25 * table.row(baseline)["pseudo_regret"]


def test_the_final_exit_answers_as_the_trace_does(table: Comparison, trace: Trace) -> None:
    assert table.row("final exit")["accuracy"] == pytest.approx(trace.accuracy[-1])
    assert trace.accuracy[-1] > trace.accuracy[0]


def test_every_pass_is_a_whole_stream(table: Comparison) -> None:
    assert table.history.rounds[-1] == 10_000
    np.testing.assert_array_equal(table.history["SplitEE"].pulls.sum(axis=1), [10_000] * 5)
