"""Replays that follow one another: who answers in which round, and how it is judged."""

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Discrete
from scipy import stats

import banditsplit as bs
from banditsplit_envs import (
    DriftingReplayVector,
    JointReplayVector,
    JointRule,
    SplitCost,
    SplitReplayVector,
    Trace,
    joint_arms,
)

ARMS, RUNS = 3, 4
COST = SplitCost(offload=2.0, evaluates="all")


def trace(number: int, samples: int = 6) -> Trace:
    """Return a trace whose predictions are its number, sure at exit ``number``."""
    rng = np.random.default_rng(number)
    confidence = rng.uniform(0.2, 0.5, (samples, ARMS))
    confidence[:, number] = rng.uniform(0.9, 1.0, samples)
    return Trace(confidence, np.full((samples, ARMS), number), np.arange(samples))


def replay(number: int, **changes: Any) -> SplitReplayVector:
    how: dict[str, Any] = {"threshold": 0.8, "cost": COST, "num_envs": RUNS} | changes
    return SplitReplayVector(trace(number), **how)


def drifting(**changes: Any) -> DriftingReplayVector:
    return DriftingReplayVector([replay(n, **changes) for n in range(3)], [4, 20])


def test_each_replay_answers_from_its_change_on() -> None:
    env = drifting()
    env.reset(seed=0)
    said = []
    for _ in range(30):
        _, _, terminated, truncated, info = env.step(np.ones(RUNS, np.int64))
        assert not (terminated | truncated).any()
        said.append(set(info["prediction"].tolist()))

    assert said == [{0}] * 3 + [{1}] * 16 + [{2}] * 11


def test_passes_that_end_lose_no_round() -> None:
    """A pass has 6 samples, the second replay 16 rounds: every sample twice, four thrice."""
    replays = []
    for number in range(2):
        names = Trace(trace(number).confidence, np.arange(6)[:, None].repeat(ARMS, 1))
        replays.append(SplitReplayVector(names, threshold=0.8, cost=COST, num_envs=RUNS))
    env = DriftingReplayVector(replays, [4])
    env.reset(seed=0)
    infos = [env.step(np.full(RUNS, 2))[4] for _ in range(19)]
    samples = np.array([info["prediction"] for info in infos])

    assert all((info["cost"] == COST.head(ARMS)[2]).all() for info in infos)
    for first, second in zip(samples[:3].T, samples[3:].T, strict=True):
        assert len(set(first)) == 3
        assert np.bincount(second[:12], minlength=6).tolist() == [2] * 6
        assert len(set(second[12:])) == 4


def test_its_numbers_are_those_of_the_replay_that_holds() -> None:
    """With orders given there is nothing to draw: round for round the same info."""
    order = np.random.default_rng(0).integers(6, size=(RUNS, 25))
    env, alone = drifting(order=order), [replay(n, order=order) for n in range(3)]
    env.reset(seed=0)
    for one in alone:
        one.reset(seed=0)
    for t in range(1, 26):
        arm = np.full(RUNS, t % ARMS)
        expected = alone[(t >= 4) + (t >= 20)].step(arm)
        found = env.step(arm)
        np.testing.assert_array_equal(found[1], expected[1])
        for key in ("cost", "expected_reward", "expected_cost", "prediction"):
            np.testing.assert_array_equal(found[4][key], expected[4][key])
        for key, part in expected[4]["side_observations"].items():
            np.testing.assert_array_equal(found[4]["side_observations"][key], part)


def test_a_fixed_arm_has_the_dynamic_pseudo_regret_of_a_hand_calculation() -> None:
    env = drifting()
    net = bs.Net(0.1)
    history = bs.simulate(
        {"second": bs.FixedArm(ARMS, arm=1)},
        env,
        horizon=30,
        runs=RUNS,
        seed=0,
        objective=net,
        checkpoints=30,
    )
    gaps = [net.gaps(*replay(n).rule.expected(trace(n).confidence))[1] for n in range(3)]
    per_round = np.repeat(gaps, [3, 16, 11])

    assert gaps[1] == 0 < min(gaps[0], gaps[2])  # each is best in one of them
    for run in history["second"].pseudo_regret:
        np.testing.assert_allclose(run, np.cumsum(per_round))


def test_a_seed_gives_its_stream_and_every_replay_its_own() -> None:
    env = drifting(side="doubly_robust", audit_rate=0.5)

    def played(seed: Any) -> Any:
        env.reset(seed=seed)
        infos = [env.step(np.ones(RUNS, np.int64))[4] for _ in range(25)]
        return np.array([(i["correct"], i["audited"]) for i in infos])

    first = played(7)
    np.testing.assert_array_equal(played(7), first)
    assert not np.array_equal(played(8), first)
    np.testing.assert_array_equal(played([1, 2, None, 4]), played([1, 2, None, 4]))
    order = [np.array(one._order) for one in env.replays]
    assert not np.array_equal(order[0], order[1])


def test_without_a_seed_the_stream_goes_on() -> None:
    env = drifting()
    env.reset(seed=0)
    first = np.array(env.replays[0]._order)
    env.reset()

    assert not np.array_equal(np.array(env.replays[0]._order), first)


def ramped(ramp: int, **changes: Any) -> DriftingReplayVector:
    """Three replays that follow one another from rounds 4 and 20 on."""
    return DriftingReplayVector([replay(n, **changes) for n in range(3)], [4, 20], ramp=ramp)


def test_in_a_ramp_the_next_replay_answers_more_and_more_rows() -> None:
    """Counts of 3,000 rows; each of 4 tests fails by chance once in a million seeds."""
    env = ramped(5, num_envs=3000)
    env.reset(seed=0)
    later = [(env.step(np.ones(3000, np.int64))[4]["prediction"] == 1).sum() for _ in range(19)]

    assert later[:3] == [0, 0, 0]
    for count, share in zip(later[3:7], (0.2, 0.4, 0.6, 0.8), strict=True):
        assert stats.binomtest(int(count), 3000, share).pvalue > 1e-6
    assert later[7:] == [3000] * 12


def test_each_row_of_a_ramp_is_answered_by_one_of_the_two() -> None:
    """With orders given, whoever answers says what it says alone in that round."""
    order = np.random.default_rng(0).integers(6, size=(RUNS, 25))
    env, alone = ramped(16, order=order), [replay(n, order=order) for n in range(3)]
    env.reset(seed=0)
    for one in alone:
        one.reset(seed=0)
    drawn = set()
    for _ in range(3):
        env.step(np.full(RUNS, 2))
        alone[0].step(np.full(RUNS, 2))
    for t in range(4, 20):
        arm = np.full(RUNS, t % ARMS)
        _, reward, _, _, info = env.step(arm)
        said = [one.step(arm) for one in alone[:2]]
        share = (t - 3) / 16
        for row in range(RUNS):
            who = int(info["prediction"][row])
            drawn.add(who)
            assert reward[row] == said[who][1][row]
            for key in ("cost", "offloaded", "correct"):
                assert info[key][row] == said[who][4][key][row]
            for key in ("revealed", "reward", "cost"):
                side, its = info["side_observations"], said[who][4]["side_observations"]
                np.testing.assert_array_equal(side[key][row], its[key][row])
        for key in ("expected_reward", "expected_cost"):
            mean = (1 - share) * said[0][4][key] + share * said[1][4][key]
            np.testing.assert_allclose(info[key], mean)

    assert drawn == {0, 1}
    assert isinstance(info["side_observations"]["kind"], str)


def test_kinds_of_side_observations_go_by_rows_where_they_differ() -> None:
    sides = [replay(0), replay(1, side="doubly_robust", audit_rate=0.5)]
    env = DriftingReplayVector(sides, [2], ramp=2)
    env.reset(seed=0)
    env.step(np.ones(RUNS, np.int64))
    *_, info = env.step(np.ones(RUNS, np.int64))

    kinds = np.where(info["prediction"] == 1, "doubly_robust", "surrogate")
    assert info["side_observations"]["kind"].tolist() == kinds.tolist()


@pytest.mark.parametrize("ramp", [0, 6])
def test_what_is_shown_before_a_choice_is_the_sample_that_will_be_answered(ramp: int) -> None:
    """The first exit's confidence, also where a pass ends and where another replay begins."""
    env = ramped(ramp, context="confidence")
    observation, _ = env.reset(seed=0)
    for _ in range(30):
        shown = observation[:, 0]
        observation, reward, _, _, info = env.step(np.zeros(RUNS, np.int64))
        for row, who in enumerate(info["prediction"]):
            first, *_, last = trace(int(who)).confidence.T
            answer = np.where(first >= 0.8, first, last)  # each sample has its own
            assert first[answer == reward[row]].tolist() == [shown[row]]


def test_a_ramp_ends_in_a_regret_of_a_hand_calculation() -> None:
    net = bs.Net(0.1)
    history = bs.simulate(
        {"second": bs.FixedArm(ARMS, arm=1)},
        ramped(8),
        horizon=30,
        runs=RUNS,
        seed=0,
        objective=net,
        checkpoints=30,
    )
    value = np.array(
        [net.value(*replay(n).rule.expected(trace(n).confidence)) for n in range(3)]
    )
    mean = []
    for t in range(1, 31):
        number = (t >= 4) + (t >= 20)
        share = min((t - (1, 4, 20)[number] + 1) / 8, 1) if number else 1
        mean.append(share * value[number] + (1 - share) * value[number - 1])
    gaps = np.max(mean, -1) - np.array(mean)[:, 1]

    for run in history["second"].pseudo_regret:
        np.testing.assert_allclose(run, np.cumsum(gaps))


@pytest.mark.parametrize(
    ("ramp", "error"), [(-1, ValueError), (17, ValueError), (2.5, TypeError), (None, TypeError)]
)
def test_a_ramp_that_makes_no_sense_is_refused(ramp: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^`ramp` must .*, got"):
        ramped(ramp)


def test_joint_arms_may_drift_too() -> None:
    rules = JointRule(ARMS, joint_arms(ARMS, (0.6, 0.8)), cost=SplitCost(offload=2.0))
    env = DriftingReplayVector(
        [JointReplayVector(trace(n), rule=rules, num_envs=2) for n in (1, 2)], [10]
    )
    env.reset(seed=0)
    *_, info = env.step(np.zeros(2, np.int64))

    assert env.single_action_space == Discrete(rules.arms)
    assert info["expected_cost"].shape == (rules.arms,)


def test_what_it_returns_lies_in_its_spaces() -> None:
    env = drifting()
    observation, info = env.reset(seed=0)

    assert env.observation_space.contains(observation)
    assert info == {}
    assert env.observation_space.contains(env.step(env.action_space.sample())[0])


def test_the_first_step_needs_a_reset() -> None:
    with pytest.raises(RuntimeError, match="`reset` must be called"):
        drifting().step(np.zeros(RUNS, np.int64))


def test_an_arm_that_is_none_leaves_the_round_as_it_was() -> None:
    env = drifting()
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"`actions` must lie in 0 .. 2"):
        env.step(np.full(RUNS, 3))
    said = [env.step(np.ones(RUNS, np.int64))[4]["prediction"][0] for _ in range(4)]

    assert said == [0, 0, 0, 1]


TWICE = replay(0)


@pytest.mark.parametrize(
    ("replays", "changes", "error", "message"),
    [
        ([], [], ValueError, "at least one replay"),
        ([replay(0), trace(1)], [3], TypeError, "`replays` must be of type ReplayVector"),
        ([replay(0), replay(1, num_envs=2)], [3], ValueError, "the same passes and arms"),
        ([TWICE, TWICE], [3], ValueError, "one of them twice"),
        ([replay(0), replay(1)], [], ValueError, "one round for each of 1 changes"),
        ([replay(0), replay(1)], [1], ValueError, "`changes` must be an integer of at least 2"),
        ([replay(0), replay(1)], [2.5], TypeError, "`changes` must be an integer"),
        ([replay(0), replay(1), replay(2)], [5, 5], ValueError, "integer of at least 6, got 5"),
    ],
    ids=["none", "a trace", "passes", "twice", "no change", "round 1", "half a round", "equal"],
)
def test_a_drift_that_makes_no_sense_is_refused(
    replays: Any, changes: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DriftingReplayVector(replays, changes)
