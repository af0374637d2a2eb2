"""Arms that ask some exits and leave at the first sure one; what an audit knows; no leaks."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

import banditsplit as bs
from banditsplit_envs import (
    JointArm,
    JointReplayVector,
    JointRule,
    SplitCost,
    SplitRule,
    Trace,
    joint_arms,
)
from banditsplit_envs.evaluation import baselines

ID = "banditsplit/JointReplay-v0"
COST = SplitCost(layer=0.75, exit=0.25, offload=5.0)
ARMS = (JointArm((0, 1), 0.8), JointArm((2,), 0.7), JointArm((0, 1, 2, 3), 0.9))
RULE = JointRule(4, ARMS, COST)
EVERY = JointRule(4, joint_arms(4, (0.5, 0.8), stay=True), COST)
CONFIDENCE = np.array(
    [
        [0.85, 0.60, 0.75, 0.95],  # sure at once for .8
        [0.50, 0.80, 0.65, 0.95],  # sure at the second exit
        [0.50, 0.60, 0.70, 0.10],  # never sure but at the third for .7
    ]
)


def traces(samples: int = 40, exits: int = 4) -> st.SearchStrategy[Trace]:
    """Confidences with many ties, and predictions of three classes."""
    grid = st.sampled_from([0.0, 0.5, 0.7, 0.8, 0.9, 1.0])
    return st.builds(
        Trace,
        nps.arrays(np.float64, (samples, exits), elements=grid),
        nps.arrays(np.int64, (samples, exits), elements=st.integers(0, 2)),
        nps.arrays(np.int64, samples, elements=st.integers(0, 2)),
    )


def by_hand(rule: JointRule, confidence: Any, arm: JointArm) -> tuple[int, bool, float]:
    """Exit, whether it offloads, and cost of one sample, in plain Python."""
    last, cost, head = rule.exits - 1, rule.cost, 0.0
    amounts = (cost.layer, cost.exit, cost.offload, cost.overhead)
    layer, exit_, offload, overhead = (np.full(rule.exits, amount) for amount in amounts)
    for stop in range(arm.stops[-1] + 1):
        head += layer[stop]
        if stop in arm.stops:
            head += exit_[stop]
            stays = stop == last or (stop == arm.stops[-1] and not arm.offloads)
            if confidence[stop] >= arm.threshold or stays:
                return stop, False, head
    return last, True, head + offload[stop] + overhead[stop]


def test_what_arms_do_is_what_a_hand_works_out() -> None:
    verdict = RULE.verdicts(CONFIDENCE)

    assert verdict.exit.tolist() == [[3, 0, 2, 3, 3], [3, 1, 3, 3, 3], [3, 3, 2, 3, 3]]
    assert verdict.offloaded[:, :4].tolist() == [
        [True, False, False, False],
        [True, False, True, False],
        [True, True, False, False],
    ]
    np.testing.assert_allclose(
        verdict.cost[:, :4],
        [[6, 1, 2.5, 4], [6, 2, 7.5, 4], [6, 7, 2.5, 4]],
    )
    # All arms are done at the last exit: the audit has asked four, and need not offload.
    np.testing.assert_allclose(verdict.cost[:, 4], 4.0)


@given(trace=traces())
def test_many_samples_and_arms_are_one_sample_and_one_arm_at_a_time(trace: Trace) -> None:
    verdict = EVERY.verdicts(trace.confidence)
    for sample in range(trace.samples):
        for number, arm in enumerate(EVERY.joint, 1):
            exit_, offloaded, cost = by_hand(EVERY, trace.confidence[sample], arm)
            assert verdict.exit[sample, number] == exit_
            assert verdict.offloaded[sample, number] == offloaded
            assert math.isclose(verdict.cost[sample, number], cost)


@given(trace=traces(), threshold=st.sampled_from([0.5, 0.8, 1.0]), layer=st.integers(0, 3))
def test_with_one_stop_it_is_the_rule_of_the_paper(
    trace: Trace, threshold: float, layer: int
) -> None:
    joint = JointRule(4, (JointArm((layer,), threshold),), COST).verdicts(trace.confidence)
    plain = baselines.fixed_arm(SplitRule(threshold, COST), trace.confidence, layer)

    np.testing.assert_array_equal(joint.exit[:, 1], plain.exit)
    np.testing.assert_array_equal(joint.offloaded[:, 1], plain.offloaded)
    np.testing.assert_allclose(joint.cost[:, 1], plain.cost)


@given(trace=traces(), threshold=st.sampled_from([0.5, 0.8, 1.0]), layer=st.integers(0, 3))
def test_asking_in_turn_never_costs_more_than_asking_all_of_them(
    trace: Trace, threshold: float, layer: int
) -> None:
    """And where it offloads, the paper's rule with every exit evaluated offloads, too."""
    arm = JointArm(tuple(range(layer + 1)), threshold)
    joint = JointRule(4, (arm,), COST).verdicts(trace.confidence)
    every = SplitRule(threshold, SplitCost(0.75, 0.25, 5.0, "all"))
    plain = baselines.fixed_arm(every, trace.confidence, layer)

    assert (joint.cost[:, 1] <= plain.cost + 1e-12).all()
    assert (plain.offloaded | ~joint.offloaded[:, 1]).all()


@given(trace=traces())
def test_an_audit_asks_until_every_arm_is_done_and_finishes_cheaply(trace: Trace) -> None:
    rule = JointRule(4, ARMS[:2], COST)
    verdict = rule.verdicts(trace.confidence)
    for sample, confidence in enumerate(trace.confidence):
        depth = 0
        for arm in rule.joint:
            exit_, offloaded, _ = by_hand(rule, confidence, arm)
            depth = max(depth, arm.stops[-1] if offloaded else exit_)
        head = 0.75 * (depth + 1) + 0.25 * (depth + 1)  # exits 0, 1 and 2 are asked by some
        rest = min(5.0, 0.75 * (3 - depth) + 0.25)
        assert math.isclose(verdict.cost[sample, -1], head + rest)
        assert verdict.exit[sample, -1] == 3


def vector(trace: Trace, **changes: Any) -> JointReplayVector:
    given: dict[str, Any] = {"trace": trace, "rule": RULE, "num_envs": trace.samples}
    return JointReplayVector(**(given | changes))


PREDICTION = np.array([[1, 1, 0, 1], [0, 2, 2, 2], [1, 0, 0, 2]])
TRACE = Trace(CONFIDENCE, PREDICTION, np.array([1, 2, 0]))


def answered(arm: int, **changes: Any) -> tuple[Any, dict[str, Any]]:
    """The round in which every row answers its own sample of `TRACE` with ``arm``."""
    env = vector(TRACE, order=np.arange(3)[:, None], **changes)
    env.reset()
    _, reward, _, _, info = env.step(np.full(3, arm))
    return reward, info


def test_an_audit_reveals_every_other_arm_and_nothing_else_does() -> None:
    reward, info = answered(RULE.revealing)
    side = info["side_observations"]
    assert reward.tolist() == [1, 1, 1]
    assert side["revealed"].tolist() == [[True] * 4 + [False]] * 3
    # Answers 1, 0, 1 of a final 1; 2, 2, 2 of 2; 2, 0, 2 of 2.
    assert side["reward"].tolist() == [[1, 1, 0, 1, 0], [1, 1, 1, 1, 0], [1, 1, 0, 1, 0]]
    np.testing.assert_allclose(side["cost"][:, :4], RULE.verdicts(CONFIDENCE).cost[:, :4])

    for arm in (1, 2, 3):
        reward, info = answered(arm)
        assert not info["side_observations"]["revealed"].any()
        exit_ = RULE.verdicts(CONFIDENCE).exit[:, arm]
        assert reward.tolist() == CONFIDENCE[np.arange(3), exit_].tolist()


def test_the_safe_arm_reveals_what_does_not_depend_on_the_sample() -> None:
    reward, info = answered(RULE.safe)
    assert reward.tolist() == [1, 1, 1]
    assert not info["side_observations"]["revealed"].any()

    with_first = JointRule(4, (JointArm((0,), 0.8), *ARMS), COST)
    _, info = answered(0, rule=with_first)
    assert (
        info["side_observations"]["revealed"].tolist()
        == [[False, True, False, False, False, False]] * 3
    )

    _, info = answered(0, cloud_reports="all")
    assert info["side_observations"]["revealed"].tolist() == [[False] + [True] * 4] * 3


@given(trace=traces(), arm=st.integers(1, 3))
def test_what_nobody_computed_reaches_no_policy(trace: Trace, arm: int) -> None:
    """Change every confidence behind the answer, and every prediction but the answer's."""
    exit_ = RULE.verdicts(trace.confidence).exit[:, arm]
    asked = np.arange(4) <= np.where(exit_ == 3, 4, exit_)[:, None]
    changed = Trace(
        np.where(asked, trace.confidence, 1 - trace.confidence),
        np.where(np.arange(4) == exit_[:, None], trace.prediction, 2 - trace.prediction),
        trace.label,
    )
    rounds = []
    for one in (trace, changed):
        env = vector(one, order=np.arange(one.samples)[:, None])
        env.reset()
        _, reward, _, _, info = env.step(np.full(one.samples, arm))
        rounds.append((reward, info["cost"], info["prediction"], info["side_observations"]))

    for mine, theirs in zip(*rounds, strict=True):
        if isinstance(mine, dict):
            for name in ("revealed", "reward", "cost"):
                np.testing.assert_array_equal(mine[name], theirs[name])
        else:
            np.testing.assert_array_equal(mine, theirs)


def test_expected_values_are_means_over_the_trace() -> None:
    agreement, cost = RULE.expected(TRACE)

    np.testing.assert_allclose(agreement, [1, 1, 1 / 3, 1, 1])
    np.testing.assert_allclose(cost, RULE.verdicts(CONFIDENCE).cost.mean(0))


def test_means_by_hand() -> None:
    """Final answers 1, 2, 2 of 1, 2, 0; the second arm says 0, 2, 0."""
    means = RULE.means(TRACE)

    np.testing.assert_allclose(means.agreement, [1, 1, 1 / 3, 1, 1])
    np.testing.assert_allclose(means.accuracy, [2 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    final = (0.95 + 0.95 + 0.1) / 3
    np.testing.assert_allclose(
        means.confidence, [final, (0.85 + 0.8 + 0.1) / 3, (0.75 + 0.95 + 0.7) / 3, final, final]
    )
    assert np.isnan(RULE.means(Trace(CONFIDENCE, PREDICTION)).accuracy).all()


# ----- Confidence as reward


def by_confidence(trace: Trace, arm: int, rule: JointRule = EVERY, **changes: Any) -> Any:
    """The round in which every row answers its own sample with ``arm``."""
    order = np.arange(trace.samples)[:, None]
    env = vector(trace, rule=rule, reward="confidence", order=order, **changes)
    env.reset()
    _, reward, _, _, info = env.step(np.full(trace.samples, arm))
    return reward, info


def test_by_confidence_there_is_no_audit_and_the_reward_is_the_answers_confidence() -> None:
    env = vector(TRACE, reward="confidence")
    assert env.arms == RULE.revealing == 4

    for arm in range(4):
        reward, info = by_confidence(TRACE, arm, RULE)
        exit_ = RULE.verdicts(CONFIDENCE).exit[:, arm]
        assert reward.tolist() == CONFIDENCE[np.arange(3), exit_].tolist()
        assert not info["audited"].any()
        np.testing.assert_allclose(info["expected_reward"], RULE.means(TRACE).confidence[:4])
        assert info["confidence"].tolist() == reward.tolist()


@given(trace=traces(), layer=st.integers(0, 3))
def test_with_one_stop_it_earns_what_the_paper_s_rule_does(trace: Trace, layer: int) -> None:
    joint = JointRule(4, (JointArm((layer,), 0.8),), COST).means(trace)
    reward, cost = SplitRule(0.8, COST).expected(trace.confidence)

    np.testing.assert_allclose(joint.confidence[1], reward[layer])
    np.testing.assert_allclose(joint.cost[1], cost[layer])


def test_who_shows_whom_by_hand() -> None:
    """Earlier stops on the same way, satisfied with less."""
    arms = (
        JointArm((0,), 0.5),
        JointArm((0, 1), 0.5),
        JointArm((0, 1), 0.8),
        JointArm((1,), 0.5),
        JointArm((0, 1), 0.8, offloads=False),
        JointArm((0, 1, 3), 0.8),
    )
    shown = {
        0: {1},  # always offloading has asked the first exit
        1: set(),
        2: {1},
        3: {1, 2, 5},
        4: set(),
        5: set(),  # what the cloud would say of doubtful samples, it never learns
        6: {1, 2, 3, 5},
        7: set(),
    }
    reveals = JointRule(4, arms, COST).reveals

    assert {arm: {*np.flatnonzero(row).tolist()} for arm, row in enumerate(reveals)} == shown


@given(trace=traces(), arm=st.integers(0, EVERY.revealing - 1))
def test_what_a_pull_shows_is_what_the_others_would_have_got(trace: Trace, arm: int) -> None:
    """But for what the cloud would have said: there the answer's confidence stands in."""
    reward, info = by_confidence(trace, arm)
    side, exit_ = info["side_observations"], EVERY.verdicts(trace.confidence).exit[:, arm]
    assert side["kind"] == "surrogate"
    np.testing.assert_array_equal(
        side["revealed"], np.broadcast_to(EVERY.reveals[arm, :-1], side["revealed"].shape)
    )
    for sample, other in np.argwhere(side["revealed"]):
        shown = EVERY.joint[other - 1]
        answer, away, cost = by_hand(EVERY, trace.confidence[sample], shown)
        unseen = away and exit_[sample] != 3
        told = reward[sample] if unseen else trace.confidence[sample, answer]
        assert math.isclose(side["cost"][sample, other], cost)
        assert side["reward"][sample, other] == told


@given(trace=traces(), arm=st.integers(0, EVERY.revealing - 1))
def test_by_confidence_what_nobody_computed_reaches_no_policy(trace: Trace, arm: int) -> None:
    exit_ = EVERY.verdicts(trace.confidence).exit[:, [arm]]
    stops = EVERY.joint[arm - 1].stops if arm else (0,)
    exits = np.arange(4)
    seen = (np.isin(exits, stops) & (exits <= exit_)) | (exits == exit_)
    changed = Trace(
        np.where(seen, trace.confidence, 1 - trace.confidence),
        np.where(exits == exit_, trace.prediction, 2 - trace.prediction),
        trace.label,
    )
    told = []
    for one in (trace, changed):
        reward, info = by_confidence(one, arm)
        side = info["side_observations"]
        told.append((reward, info["cost"], info["prediction"], side["reward"], side["cost"]))
    for mine, theirs in zip(*told, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_cloud_that_reports_all_its_exits_shows_every_arm_for_an_offload() -> None:
    _, info = by_confidence(TRACE, 0, RULE, cloud_reports="all")
    side = info["side_observations"]

    assert side["revealed"].tolist() == [[False, True, True, True]] * 3
    exit_ = RULE.verdicts(CONFIDENCE).exit[:, :4]
    # Every row has seen its final confidence, so that nothing stands in.
    expected = np.take_along_axis(CONFIDENCE, exit_, 1)
    np.testing.assert_array_equal(side["reward"][:, 1:], expected[:, 1:])


def test_rounds_that_are_worked_out_together_are_those_of_one_round_at_a_time() -> None:
    """Over 200 rounds of 3 passes, twice: the second passes draw other samples."""
    trace = noisy(3, samples=50)
    env = vector(trace, rule=RULE, num_envs=3, rounds=200)
    env.reset(seed=0)
    for _ in range(2):
        order = env._order
        assert order is not None
        for now in range(200):
            arm = np.full(3, now % RULE.arms)
            _, _, _, _, info = env.step(arm)
            verdict = RULE.verdicts(trace.confidence[order[:, now]])
            np.testing.assert_array_equal(info["cost"], verdict.cost[range(3), arm])
        env.step(np.zeros(3, np.int64))  # begins new passes


def noisy(seed: int, samples: int = 1500) -> Trace:
    """Later exits are surer and more often right; doubtful answers are more often wrong."""
    rng = np.random.default_rng(seed)
    hard = rng.random((samples, 1))
    right = hard < np.array([0.6, 0.85, 0.95, 1.0])
    confidence = np.clip(1.1 - hard * np.array([0.9, 0.6, 0.4, 0.1]), 0, 1)
    return Trace(confidence, 1 - right.astype(np.int64), np.ones(samples, np.int64))


def test_the_frontier_holds_arms_that_nothing_beats_the_surest_first() -> None:
    trace = noisy(0)
    every = joint_arms(4, (0.5, 0.7, 0.9))
    rule = JointRule.frontier(trace, every, level=0.05, most=4, cost=COST)
    agreement, cost = rule.expected(trace)
    whole = JointRule(4, every, COST)
    all_agreement, all_cost = whole.expected(trace)

    assert 1 < len(rule.joint) <= 4
    assert rule.order == tuple(range(1, len(rule.joint) + 1))
    for n in rule.order:
        assert agreement[n] >= 1 - 0.1
        better = (all_cost[1:-1] <= cost[n]) & (all_agreement[1:-1] > agreement[n])
        assert not better.any()
    assert (np.diff(agreement[1:-1]) <= 0).all()
    assert (np.diff(cost[1:-1]) <= 0).all()
    with pytest.raises(ValueError, match=r"^`candidates` must hold an arm that is worth "):
        JointRule.frontier(trace, [JointArm((0,), 0.0)], level=0.001)


def test_calibrated_arms_are_the_cheapest_of_their_way_that_lose_little() -> None:
    recorded = noisy(0)
    trace = Trace(recorded.confidence, recorded.prediction, np.zeros(1500, np.int64))
    every = joint_arms(4, (0.5, 0.7, 0.9, 0.95), stay=True)
    rule = JointRule.calibrated(trace, every, loss=0.02, most=8, cost=COST)
    least: dict[Any, tuple[float, JointArm]] = {}
    for arm in every:
        _, _, accuracy, cost = JointRule(4, (arm,), COST).means(trace)
        way = arm.stops, arm.offloads
        if accuracy[1] >= trace.accuracy[-1] - 0.02:
            least[way] = min(least.get(way, (math.inf, arm)), (cost[1], arm))
    paid = rule.means(trace).cost[1:-1]

    np.testing.assert_allclose(paid, sorted(cost for cost, _ in least.values())[:8])
    assert len({(arm.stops, arm.offloads) for arm in rule.joint}) == len(rule.joint)
    assert (rule.means(trace).accuracy[1:-1] >= trace.accuracy[-1] - 0.02).all()
    with pytest.raises(ValueError, match=r"^`candidates` must hold an arm that loses at most "):
        JointRule.calibrated(trace, [JointArm((0,), 0.0)], loss=0.0)


def test_a_network_of_one_exit_has_nothing_to_offload() -> None:
    rule = JointRule(1, (JointArm((0,), 0.8),), COST)
    verdict = rule.verdicts(CONFIDENCE[:, :1])

    assert not verdict.offloaded.any()
    assert (verdict.cost == 1.0).all()
    assert rule.safe_cost == 1.0


def test_a_certified_policy_keeps_the_level_and_pays_less_than_offloading() -> None:
    """From another trace's frontier: no bad arm in any of 30 runs, where delta allows .05.

    With probability .05 a run has one, so that more than 9 have with less than 1e-6.
    """
    rule = JointRule.frontier(noisy(0), joint_arms(4, (0.5, 0.7, 0.9)), level=0.05, cost=COST)
    trace, runs = noisy(1), 30
    env = JointReplayVector(trace, rule=rule, num_envs=runs, rounds=3000)
    policy = bs.Constrained(
        rule.arms, level=0.05, safe=0, revealing=rule.revealing, order=rule.order,
        safe_reveals=True, burn_in=200.0, runs=runs, seed=0,
    )  # fmt: skip
    env.reset(seed=0)
    paid = np.zeros(runs)
    for _ in range(3000):
        arm = policy.select()
        _, reward, _, _, info = env.step(arm)
        policy.update(arm, reward, info["cost"], info["side_observations"])
        paid += info["cost"]
    bad = 1 - info["expected_reward"] > 0.05

    assert (policy.certificate.certified & bad).any(-1).sum() <= 9
    assert paid.mean() / 3000 < 0.8 * rule.safe_cost
    assert bad.any()  # something could go wrong


@pytest.mark.parametrize("reports", ["final", "all"])
def test_gymnasium_accepts_it(reports: str) -> None:
    env = gym.make(ID, trace=TRACE, rule=RULE, cloud_reports=reports)
    check_env(env.unwrapped, skip_render_check=True)
    many: Any = gym.make_vec(
        ID, num_envs=2, vectorization_mode="vector_entry_point", trace=TRACE, rule=RULE
    )
    assert isinstance(many, JointReplayVector)
    assert many.single_action_space == gym.spaces.Discrete(5)


BAD: dict[str, tuple[Any, str]] = {
    "no arms": (lambda: JointRule(4, ()), "joint"),
    "a word": (lambda: JointRule(4, "arms"), "joint"),  # type: ignore[arg-type]
    "an arm twice": (lambda: JointRule(4, (ARMS[0], ARMS[0])), "joint"),
    "no stops": (lambda: JointRule(4, (JointArm((), 0.5),)), "stops"),
    "one stop as a number": (lambda: JointRule(4, (JointArm(1, 0.5),)), "stops"),  # type: ignore[arg-type]
    "stops out of order": (lambda: JointRule(4, (JointArm((1, 0), 0.5),)), "stops"),
    "a stop twice": (lambda: JointRule(4, (JointArm((1, 1), 0.5),)), "stops"),
    "an exit that is not there": (lambda: JointRule(4, (JointArm((4,), 0.5),)), "stops"),
    "a threshold above 1": (lambda: JointRule(4, (JointArm((1,), 1.5),)), "threshold"),
    "a nan": (lambda: JointRule(4, (JointArm((1,), math.nan),)), "threshold"),
    "no word on offloading": (lambda: JointRule(4, (JointArm((1,), 0.5, 1),)), "offloads"),  # type: ignore[arg-type]
    "no exits": (lambda: JointRule(0, ARMS), "exits"),
    "a loss above 1": (lambda: JointRule.calibrated(TRACE, ARMS, loss=1.1), "loss"),
    "no arm to keep": (lambda: JointRule.calibrated(TRACE, ARMS, loss=1, most=0), "most"),
    "no labels": (
        lambda: JointRule.calibrated(Trace(CONFIDENCE, PREDICTION), ARMS, loss=0.1),
        "trace",
    ),
    "no word on staying": (lambda: joint_arms(4, (0.5,), stay=1), "stay"),  # type: ignore[arg-type]
    "another reward": (lambda: vector(TRACE, reward="accuracy"), "reward"),
    "no cost": (lambda: JointRule(4, ARMS, 5.0), "cost"),  # type: ignore[arg-type]
    "no such arm": (lambda: RULE.arm(5), "number"),
    "three stops": (lambda: joint_arms(4, (0.5,), stops=0), "stops"),
    "no trace": (lambda: JointReplayVector("trace", rule=RULE), "trace"),  # type: ignore[arg-type]
    "no rule": (lambda: vector(TRACE, rule=0.8), "rule"),
    "another network": (lambda: vector(TRACE, rule=JointRule(5, ARMS)), "rule"),
    "silent clouds": (lambda: vector(TRACE, cloud_reports="none"), "cloud_reports"),
    "an arm too many": (lambda: answered(5), "actions"),
}


@pytest.mark.parametrize(("call", "name"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call: Any, name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must "):
        call()


def test_an_arm_says_what_it_is() -> None:
    assert RULE.arm(1) == JointArm((0, 1), 0.8)
    assert RULE.arm(0) is None
    assert RULE.arm(RULE.revealing) is None
    assert JointRule.sequential(3, (0.5, 0.9)).joint[2] == JointArm((0, 1), 0.5)
    assert len(joint_arms(4, (0.5,))) == 4 + 4 - 1 + 6 - 1
    staying = [arm for arm in joint_arms(4, (0.5, 0.9), stay=True) if not arm.offloads]
    # One exit whatever it says, and for each threshold (0, 1), (0, 2), (1, 2), (0, 1, 2).
    assert len(staying) == 3 + 2 * 4
