"""Agreement that is learned from the samples that reached the cloud: by hand, and no leaks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

import banditsplit as bs
from banditsplit import indices
from banditsplit_envs import JointArm, JointReplayVector, JointRule, SplitCost, Trace
from banditsplit_envs.splitting.agreement import AgreementTable

COST = SplitCost(layer=0.75, exit=0.25, offload=5.0)
ARMS = (JointArm((0,), 0.6), JointArm((0,), 0.8), JointArm((1,), 0.8), JointArm((0, 1), 0.8))
RULE = JointRule(3, ARMS, COST)
# At the first exit .62 agrees twice of three times, .9 always; elsewhere nothing was seen.
SOURCE = Trace(
    np.array([[0.62, 1, 1], [0.62, 1, 1], [0.62, 1, 1], [0.91, 1, 1]]),
    np.array([[1, 1, 1], [1, 1, 1], [0, 1, 1], [1, 1, 1]]),
    np.ones(4, np.int64),
)


def share(table: AgreementTable, exit_: int, confidence: float) -> Any:
    return table(np.full((1, 1), exit_), np.full((1, 1), confidence))[0, 0]


def test_it_begins_as_the_source_says_and_gives_way_to_what_is_seen() -> None:
    """By Laplace's rule 3 of 5 and 2 of 3; then two samples count as much as the source."""
    table = AgreementTable(SOURCE, weight=2.0)
    assert share(table, 0, 0.64) == pytest.approx(3 / 5)
    assert share(table, 0, 0.92) == pytest.approx(2 / 3)
    assert share(table, 1, 0.64) == 1 / 2

    for agrees in (False, True, False):
        where = np.array([[True, False, False]])
        table.observe(where, np.full((1, 3), 0.64), np.full((1, 3), agrees))
    assert share(table, 0, 0.64) == pytest.approx((2 * 3 / 5 + 1) / (2 + 3))
    assert share(table, 1, 0.64) == 1 / 2


def test_runs_learn_apart() -> None:
    table = AgreementTable(SOURCE, runs=2)
    where = np.array([[True] * 3, [False] * 3])
    table.observe(where, np.full((2, 3), 0.7), np.ones((2, 3), np.bool_))
    one, other = table(np.zeros((2, 1), np.int64), np.full((2, 1), 0.7))[:, 0]

    assert one > other == 1 / 2


def env(trace: Trace, **changes: Any) -> JointReplayVector:
    given: dict[str, Any] = {"rule": RULE, "reward": "estimate", "calibration": SOURCE}
    given |= {"num_envs": trace.samples, "order": np.arange(trace.samples)[:, None]}
    return JointReplayVector(trace, **(given | changes))


def answered(trace: Trace, arm: int, **changes: Any) -> tuple[Any, dict[str, Any]]:
    one = env(trace, **changes)
    one.reset(seed=0)
    _, reward, _, _, info = one.step(np.full(trace.samples, arm))
    return reward, info


TRACE = Trace(
    np.array([[0.62, 0.7, 0.9], [0.92, 0.85, 0.9]]),
    np.array([[0, 0, 1], [0, 1, 1]]),
    np.array([1, 1]),
)


def test_what_the_cloud_said_is_known_and_for_the_rest_the_table_stands_in() -> None:
    """Arm 2 offloads the first sample, so the first arm's wrong answer is seen."""
    reward, info = answered(TRACE, 2, audit_rate=0.0)
    side = info["side_observations"]

    np.testing.assert_allclose(reward, np.array([1.0, 2 / 3]))
    assert side["revealed"].tolist() == [[True, True, False, False, False]] * 2
    np.testing.assert_allclose(side["reward"][:, :2], np.array([[1.0, 0.0], [1.0, 2 / 3]]))
    np.testing.assert_allclose(side["cost"][:, :2], [[6, 1], [6, 1]])
    assert side["kind"] == "surrogate"
    assert info["agrees"].tolist() == [True, False]


def test_an_audit_offloads_what_the_device_would_answer_and_pays_for_it() -> None:
    reward, info = answered(TRACE, 1, audit_rate=1.0)

    assert info["audited"].tolist() == [True, True]
    assert info["audit_cost"].tolist() == [5, 5]
    assert info["cost"].tolist() == [1, 1]
    assert info["correct"].tolist() == [True, True]  # answered by the final exit
    assert info["offloaded"].all()
    assert reward.tolist() == [0, 0]  # the arm would have been wrong twice


def traces(samples: int = 20) -> st.SearchStrategy[Trace]:
    grid = st.sampled_from([0.3, 0.62, 0.7, 0.8, 0.9])
    return st.builds(
        Trace,
        nps.arrays(np.float64, (samples, 3), elements=grid),
        nps.arrays(np.int64, (samples, 3), elements=st.integers(0, 2)),
        nps.arrays(np.int64, samples, elements=st.integers(0, 2)),
    )


@given(trace=traces(), arm=st.integers(0, 4))
def test_what_nobody_computed_reaches_neither_policy_nor_table(trace: Trace, arm: int) -> None:
    exit_ = RULE.verdicts(trace.confidence).exit[:, [arm]]
    stops, exits = (RULE.joint[arm - 1].stops if arm else (0,)), np.arange(3)
    seen = (np.isin(exits, stops) & (exits <= exit_)) | (exits == exit_)
    changed = Trace(
        np.where(seen, trace.confidence, 1 - trace.confidence),
        np.where(seen, trace.prediction, 2 - trace.prediction),
        trace.label,
    )
    told = []
    for one in (trace, changed):
        world = env(one, audit_rate=0.0)
        world.reset(seed=0)
        _, reward, _, _, info = world.step(np.full(one.samples, arm))
        side = info["side_observations"]
        everywhere = np.arange(3).repeat(5)[None].repeat(one.samples, 0)
        grid = np.tile([0.3, 0.62, 0.7, 0.8, 0.9], 3)[None].repeat(one.samples, 0)
        known = world._table(everywhere, grid)
        told.append((reward, side["reward"], side["cost"], info["cost"], known))
    for mine, theirs in zip(*told, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def stream(seed: int, samples: int = 3000) -> Trace:
    """Of two exits the first agrees as often as its confidence plus .12 says, to 1."""
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.5, 1.0, samples)
    wrong = rng.random(samples) > np.minimum(sure + 0.12, 1.0)
    prediction = np.stack([wrong, np.zeros(samples, np.bool_)], 1).astype(np.int64)
    return Trace(np.stack([sure, np.full(samples, 0.95)], 1), prediction, prediction[:, 1])


def test_the_cheapest_threshold_that_agrees_often_enough_is_found() -> None:
    """6 runs of 3,000 rounds, fixed seeds: disagreement near the level, from below.

    Disagreement at threshold t is (.88 - t)**2, .0676 to 0; a level of .02 allows t = .74. The
    source knows better: there, every answer agrees. A policy that believed it for good would
    answer all, and disagree in .15.
    """
    thresholds = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
    rule = JointRule(2, tuple(JointArm((0,), t) for t in thresholds), SplitCost(offload=3.0))
    target = stream(1)
    source = Trace(target.confidence, np.zeros((3000, 2), np.int64), np.zeros(3000, np.int64))
    world = JointReplayVector(
        target, rule=rule, reward="estimate", calibration=source, num_envs=6, rounds=3000
    )
    policy = bs.compose(
        world.arms, indices.BetaThompson(), objective=bs.Subsidy(0.02), side_observations=True
    )
    history = bs.simulate(
        {"it": policy}, world, horizon=3000, runs=6, seed=0, checkpoints=3,
        objective=bs.Net(0.1), record=("agrees",),
    )  # fmt: skip
    track = history["it"]
    agrees = np.diff(track.recorded["agrees"].mean(0))[-1] / 1000
    paid = np.diff(track.cost.mean(0))[-1] / 1000

    assert 0.97 < agrees < 0.995
    assert 1.4 < paid < 3.2  # always offloading costs 4; threshold .75 costs 2.5


BAD: dict[str, tuple[Any, str]] = {
    "no trace": (lambda: AgreementTable("trace"), "trace"),  # type: ignore[arg-type]
    "no weight": (lambda: AgreementTable(SOURCE, weight=0.0), "weight"),
    "no runs": (lambda: AgreementTable(SOURCE, runs=0), "runs"),
    "no calibration": (lambda: env(TRACE, calibration=None), "calibration"),
    "nothing to calibrate": (lambda: env(TRACE, reward="agreement"), "calibration"),
    "another network": (
        lambda: env(TRACE, calibration=Trace(np.ones((2, 2)), np.ones((2, 2), np.int64))),
        "calibration",
    ),
    "other weights": (
        lambda: env(
            replace(TRACE, metadata={"weights_sha256": "f0"}),
            calibration=replace(SOURCE, metadata={"weights_sha256": "f1"}),
        ),
        "calibration",
    ),
    "too many audits": (lambda: env(TRACE, audit_rate=1.5), "audit_rate"),
}


@pytest.mark.parametrize(("call", "name"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call: Any, name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must "):
        call()
