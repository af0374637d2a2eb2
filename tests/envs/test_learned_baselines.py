"""The learners of other papers, in replay: by hand, honest, and wary of bad input.

A layer and its exit are 1.5 lambda, each further pair 1.5 more; an upload is 5.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import banditsplit as bs
from banditsplit_envs import SplitCost, Trace
from banditsplit_envs.evaluation.adaee import THRESHOLDS, AdaEEReplayVector, adaee
from banditsplit_envs.evaluation.uee_ucb import DisagreementReplayVector, uee_ucb

COST = SplitCost(layer=1.0, exit=0.5, offload=5.0)
CONFIDENCE = np.array([[0.5, 0.1, 0.9], [0.6, 0.1, 0.5], [0.9, 0.1, 1.0], [1.0, 0.1, 0.7]])
PREDICTION = np.array([[0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1]])
TRACE = Trace(CONFIDENCE, PREDICTION, np.ones(4, int))

Round = tuple[Any, dict[str, Any]]
Make = Callable[..., Any]


def thresholds(trace: Trace = TRACE, **changes: Any) -> AdaEEReplayVector:
    how: dict[str, Any] = {"cost": COST, "thresholds": (0.6, 0.95)}
    return AdaEEReplayVector(trace, **(how | changes))


def exits(trace: Trace = TRACE, **changes: Any) -> DisagreementReplayVector:
    return DisagreementReplayVector(trace, **({"cost": COST} | changes))


def play(make: Make, arm: int, trace: Trace = TRACE) -> list[Round]:
    """Reward and info of every sample, one after the other."""
    env = make(trace, order=[range(trace.samples)])
    env.reset(seed=0)
    rounds = []
    for _ in range(trace.samples):
        _, reward, _, _, info = env.step(np.array([arm]))
        rounds.append((reward, info))
    return rounds


def check(rounds: Sequence[Round], reward: Any, **infos: Any) -> None:
    np.testing.assert_allclose([gained[0] for gained, _ in rounds], reward)
    for name, expected in infos.items():
        np.testing.assert_array_equal([info[name][0] for _, info in rounds], expected)


# ----- AdaEE


@pytest.mark.parametrize(
    ("arm", "away", "gain"),
    [(0, [1, 0, 0, 0], [0.4, 0, 0, 0]), (1, [1, 1, 1, 0], [0.4, 0, 0.1, 0])],
    ids=["0.6", "0.95"],
)
def test_the_gain_is_what_the_cloud_adds_to_the_first_exit_and_never_negative(
    arm: int, away: Any, gain: Any
) -> None:
    """The second sample reaches .6, and the cloud is less sure of it than the device."""
    exit_ = 2 * np.array(away)
    answer = PREDICTION[range(4), exit_]
    check(
        play(thresholds, arm),
        gain,
        offloaded=away,
        cost=1.5 + 5.0 * np.array(away),
        prediction=answer,
        confidence=CONFIDENCE[range(4), exit_],
        correct=answer == 1,
    )


def test_a_sample_that_stays_teaches_nothing_of_other_thresholds() -> None:
    assert all("side_observations" not in info for _, info in play(thresholds, 0))


def test_a_threshold_is_expected_to_gain_its_mean_over_the_trace() -> None:
    _, info = play(thresholds, 0)[0]

    np.testing.assert_allclose(info["expected_reward"], [0.1, 0.125])
    np.testing.assert_allclose(info["expected_cost"], [1.5 + 5 / 4, 1.5 + 15 / 4])


def test_with_one_exit_there_is_nowhere_to_offload_to() -> None:
    one = Trace(np.array([[0.3]]), np.array([[1]]), np.ones(1, int))

    check(play(thresholds, 1, one), [0.0], cost=[1.5], offloaded=[False], confidence=[0.3])


def test_by_default_the_thresholds_are_those_that_are_published_here() -> None:
    assert AdaEEReplayVector(TRACE, cost=COST).arms == len(THRESHOLDS)


def test_adaee_learns_when_an_upload_pays() -> None:
    """Half of the samples are unsure and gain .45 in the cloud, the others gain nothing.

    An upload is .225: leaving all alone earns 0, asking for the unsure .1125, for all 0. Of
    2,000 other passes the least pulled it 3,142 times of 4,000, and so fewer than 1 of 100 sets
    of 20 would fail; the seed is fixed.
    """
    trace = Trace(np.array([[0.5, 0.95], [0.9, 0.9]]), np.zeros((2, 2), int))
    cheap = SplitCost(layer=1.0, exit=0.5, offload=1.0)
    env = thresholds(trace, cost=cheap, thresholds=(0.2, 0.6, 0.95), num_envs=20, rounds=4000)

    assert (pulls(adaee(3, tradeoff=0.225), env)[:, 1] > 2000).all()


def pulls(policy: bs.Policy, env: Any) -> Any:
    """How often each arm was pulled in each of 20 passes of 4000 rounds."""
    how: dict[str, Any] = {"horizon": 4000, "runs": 20, "seed": 0, "objective": bs.Net(0.1)}
    return bs.simulate({"": policy}, env, **how)[""].pulls


# ----- UEE-UCB


@pytest.mark.parametrize(
    ("arm", "differs"), [(0, [0, 0, 0, 0]), (1, [0, 1, 1, 0]), (2, [1, 1, 0, 0])], ids=str
)
def test_an_exit_earns_what_it_differs_from_the_first(arm: int, differs: Any) -> None:
    """It pays for every exit on the way, and never offloads."""
    check(
        play(exits, arm),
        differs,
        cost=[1.5 * (arm + 1)] * 4,
        offloaded=[False] * 4,
        prediction=PREDICTION[:, arm],
        confidence=CONFIDENCE[:, arm],
        correct=PREDICTION[:, arm] == 1,
    )


def test_an_exit_shows_how_the_shallower_ones_differ_from_the_first() -> None:
    for (_, info), second in zip(play(exits, 2), [0, 1, 1, 0], strict=True):
        side = info["side_observations"]
        assert side["kind"] == "observed"
        np.testing.assert_array_equal(side["revealed"], [[True, True, False]])
        np.testing.assert_array_equal(side["reward"], [[0, second, 0]])
        np.testing.assert_array_equal(side["cost"], [[1.5, 3.0, 0.0]])
    _, info = play(exits, 0)[0]
    assert not info["side_observations"]["revealed"].any()


def test_an_exit_is_expected_to_differ_as_it_does_over_the_trace() -> None:
    _, info = play(exits, 0)[0]

    np.testing.assert_allclose(info["expected_reward"], [0, 0.5, 0.5])
    np.testing.assert_allclose(info["expected_cost"], [1.5, 3.0, 4.5])


def test_under_dominance_its_value_is_the_accuracy_gained() -> None:
    """Exits are right on growing sets of samples."""
    right = np.arange(60)[:, None] < np.array([18, 24, 30, 36, 42, 48, 54])
    trace = Trace(np.full((60, 7), 0.5), right.astype(int), np.ones(60, int))
    _, info = play(exits, 0, trace)[0]

    np.testing.assert_allclose(info["expected_reward"], trace.accuracy - trace.accuracy[0])


def test_without_dominance_being_wrong_where_the_first_is_right_counts_as_gain() -> None:
    trace = Trace(np.full((4, 2), 0.5), np.tile([1, 0], (4, 1)), np.ones(4, int))
    _, info = play(exits, 0, trace)[0]

    np.testing.assert_array_equal(info["expected_reward"], [0, 1])
    np.testing.assert_array_equal(trace.accuracy, [1, 0])


def test_uee_ucb_learns_the_exit_of_the_smallest_error_and_cost() -> None:
    """Under dominance errors are .5, .1, .1 and values, at .1 a lambda, -.15, .1, -.05.

    Of 2,000 other passes the least pulled it 3,491 times of 4,000; the seed is fixed.
    """
    right = np.arange(20)[:, None] < np.array([10, 18, 18])
    trace = Trace(np.full((20, 3), 0.5), right.astype(int), np.ones(20, int))
    env = exits(trace, num_envs=20, rounds=4000)

    assert (pulls(uee_ucb(3, tradeoff=0.1), env)[:, 1] > 2000).all()


# ----- Nothing leaks


@st.composite
def traces(draw: st.DrawFn) -> tuple[Trace, Trace]:
    """Draw two traces of one shape."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    some = st.sampled_from([0.1, 0.6, 0.95, 1.0]) | st.floats(0, 1)
    confidence = arrays.arrays(np.float64, shape, elements=some, fill=st.nothing())
    classes = arrays.arrays(np.int64, shape, elements=st.integers(0, 2), fill=st.nothing())
    return Trace(draw(confidence), draw(classes)), Trace(draw(confidence), draw(classes))


def computed(make: Make, arm: int, rounds: Sequence[Round], shape: tuple[int, int]) -> Any:
    """What was evaluated, `[samples, exits]`, from what the device and the cloud did."""
    ran = np.zeros(shape, bool)
    if make is thresholds:
        ran[:, 0] = True
        ran[:, -1] |= [bool(info["offloaded"][0]) for _, info in rounds]
    else:
        ran[:, : arm + 1] = True
    return ran


def check_that_nothing_leaks(
    make: Make, both: tuple[Trace, Trace], arm: int, leak: Make | None = None
) -> None:
    """Change whatever was not computed, and get the same bits."""
    played = make if leak is None else leak
    one, other = both
    first = play(played, arm, one)
    ran = computed(make, arm, first, one.confidence.shape)
    changed = Trace(
        np.where(ran, one.confidence, other.confidence),
        np.where(ran, one.prediction, other.prediction),
    )
    for (reward, info), (again, others) in zip(first, play(played, arm, changed), strict=True):
        assert reward.tobytes() == again.tobytes()
        assert info.keys() == others.keys()
        for name in info.keys() - {"expected_reward", "expected_cost"}:  # for the judge alone
            np.testing.assert_equal(info[name], others[name])


@pytest.mark.parametrize("make", [thresholds, exits], ids=["AdaEE", "UEE-UCB"])
@given(both=traces(), arm=st.integers(0, 3))
def test_what_was_not_computed_changes_nothing(
    make: Make, both: tuple[Trace, Trace], arm: int
) -> None:
    arms = 2 if make is thresholds else both[0].exits
    check_that_nothing_leaks(make, both, arm % arms)


BOTH = (
    Trace(np.array([[0.7, 0.9]]), np.array([[0, 1]])),
    Trace(np.array([[0.7, 0.6]]), np.array([[0, 0]])),
)


def with_gain_unseen(trace: Trace, **how: Any) -> Any:
    """Tell what the cloud would have gained, asked or not."""
    env: Any = thresholds(trace, **how)
    answer = env._answer
    unseen = trace.confidence[:, -1] - trace.confidence[:, 0]
    env._answer = lambda sample, arm: (unseen[sample], answer(sample, arm)[1])
    return env


def with_deeper_exits(trace: Trace, **how: Any) -> Any:
    """Show how every exit differs from the first, run or not."""
    env: Any = exits(trace, **how)
    answer = env._answer

    def told(sample: Any, arm: Any) -> Round:
        reward, info = answer(sample, arm)
        differs = trace.prediction[sample] != trace.prediction[sample, :1]
        return reward, info | {"side_observations": {"reward": differs}}

    env._answer = told
    return env


@pytest.mark.parametrize(
    ("make", "leak"),
    [(thresholds, with_gain_unseen), (exits, with_deeper_exits)],
    ids=["AdaEE", "UEE-UCB"],
)
def test_the_same_check_notices_what_nobody_saw(make: Make, leak: Make) -> None:
    """The controls: what one round tells of the cloud or of deeper exits was not computed."""
    check_that_nothing_leaks(make, BOTH, 0)
    with pytest.raises(AssertionError):
        check_that_nothing_leaks(make, BOTH, 0, leak)


# ----- Bad input


@pytest.mark.parametrize(
    ("make", "changes", "error", "wanted"),
    [
        (thresholds, {"trace": CONFIDENCE}, TypeError, "`trace` must be of type Trace"),
        (thresholds, {"cost": 5.0}, TypeError, "`cost` must be of type SplitCost, got 5.0"),
        (thresholds, {"thresholds": ()}, ValueError, "must hold at least one arm"),
        (thresholds, {"thresholds": (0.5, 0.5)}, ValueError, "each of them once"),
        (thresholds, {"thresholds": (0.5, 1.2)}, ValueError, r"must lie in \[0, 1\], got 1.2"),
        (thresholds, {"thresholds": (np.nan,)}, ValueError, "must be a finite number, got nan"),
        (thresholds, {"thresholds": ("a",)}, TypeError, "must be a finite number, got 'a'"),
        (thresholds, {"thresholds": 0.5}, TypeError, "`thresholds` must be a sequence"),
        (thresholds, {"thresholds": "0.5"}, TypeError, "`thresholds` must be a sequence"),
        (thresholds, {"num_envs": 0}, ValueError, "`num_envs` must be an integer of at least"),
        (exits, {"trace": CONFIDENCE}, TypeError, "`trace` must be of type Trace"),
        (exits, {"cost": 5.0}, TypeError, "`cost` must be of type SplitCost, got 5.0"),
        (exits, {"order": [[9]]}, ValueError, "`order` must be"),
        (exits, {"rounds": 0}, ValueError, "`rounds` must be an integer of at least 1"),
    ],
)
def test_bad_input_is_refused(
    make: Make, changes: dict[str, Any], error: type[Exception], wanted: str
) -> None:
    with pytest.raises(error, match=wanted):
        make(**changes)


@pytest.mark.parametrize("make", [adaee, uee_ucb])
def test_a_learner_needs_an_arm_and_a_tradeoff(make: Make) -> None:
    with pytest.raises(ValueError, match="`arms` must be an integer of at least 1, got 0"):
        make(0, tradeoff=0.1)
    with pytest.raises(ValueError, match="`tradeoff` must not be negative, got -1"):
        make(2, tradeoff=-1)
