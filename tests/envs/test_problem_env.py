"""Arms with known laws as an environment, and the wrapper for agents that know no costs."""

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import banditsplit as bs
from banditsplit_envs import NetReward, ProblemEnv, SplitCost, SplitReplay, Trace

MEANS, COSTS, STD = [0.2, 0.7, 0.5], [0.0, 3.0, 1.5], [0.5, 1.0, 2.0]
BERNOULLI = {"id": "banditsplit/BernoulliBandit-v0", "means": MEANS, "costs": COSTS}
GAUSSIAN = {
    "id": "banditsplit/GaussianBandit-v0",
    "means": MEANS,
    "std": STD,
    "costs": COSTS,
}

both = pytest.mark.parametrize("made", [BERNOULLI, GAUSSIAN], ids=["Bernoulli", "Gaussian"])


def make(made: dict[str, Any], **changes: Any) -> gym.Env[Any, Any]:
    return gym.make(**(made | changes))


@both
def test_gymnasium_accepts_it(made: dict[str, Any]) -> None:
    env = make(made)

    assert isinstance(env.unwrapped, ProblemEnv)
    assert env.action_space == gym.spaces.Discrete(3)
    assert env.observation_space == gym.spaces.Discrete(1)
    check_env(env.unwrapped, skip_render_check=True)


@both
def test_an_info_holds_the_cost_and_what_is_expected(made: dict[str, Any]) -> None:
    env = make(made)
    env.reset(seed=0)
    for arm in range(3):
        observation, reward, terminated, truncated, info = env.step(arm)

        assert (observation, terminated, truncated) == (0, False, False)
        assert type(reward) is float
        assert set(info) == {"cost", "expected_reward", "expected_cost"}
        assert info["cost"] == COSTS[arm]
        np.testing.assert_array_equal(info["expected_reward"], MEANS)
        np.testing.assert_array_equal(info["expected_cost"], COSTS)


@both
def test_an_info_belongs_to_whoever_gets_it(made: dict[str, Any]) -> None:
    env = make(made)
    env.reset(seed=0)
    info = env.step(0)[4]
    info["expected_reward"][:] = 9
    info["expected_cost"][:] = 9

    np.testing.assert_array_equal(env.step(0)[4]["expected_reward"], MEANS)
    np.testing.assert_array_equal(env.step(0)[4]["expected_cost"], COSTS)


def test_costs_are_nothing_by_default() -> None:
    for name in ("Bernoulli", "Gaussian"):
        env = gym.make(f"banditsplit/{name}Bandit-v0", means=MEANS)
        env.reset(seed=0)
        info = env.step(1)[4]

        assert info["cost"] == 0.0
        np.testing.assert_array_equal(info["expected_cost"], [0, 0, 0])


def pulls(env: gym.Env[Any, Any], arm: int, rounds: int) -> Any:
    return np.array([env.step(arm)[1] for _ in range(rounds)])


def test_bernoulli_rewards_have_their_means() -> None:
    """4000 pulls: each mean is within 5 deviations; all three fail with p < 2e-6."""
    env = make(BERNOULLI)
    env.reset(seed=0)
    for arm, mean in enumerate(MEANS):
        rewards = pulls(env.unwrapped, arm, 4000)
        tolerance = 5 * np.sqrt(mean * (1 - mean) / 4000)

        assert set(rewards) == {0.0, 1.0}
        assert abs(rewards.mean() - mean) < tolerance
        for other in set(MEANS) - {mean}:  # the control: another arm's law is noticed
            assert abs(rewards.mean() - other) > tolerance


def test_gaussian_rewards_have_their_means_and_deviations() -> None:
    """4000 pulls, 5 deviations for means and deviations; all six fail with p < 4e-6."""
    env = make(GAUSSIAN)
    env.reset(seed=0)
    for arm, (mean, std) in enumerate(zip(MEANS, STD, strict=True)):
        rewards = pulls(env.unwrapped, arm, 4000)

        assert abs(rewards.mean() - mean) < 5 * std / np.sqrt(4000)
        assert abs(rewards.std() - std) < 5 * std / np.sqrt(2 * 4000)
        for other in set(STD) - {std}:  # the control
            assert abs(rewards.std() - other) > 5 * std / np.sqrt(2 * 4000)


@both
def test_the_same_seed_gives_the_same_rewards(made: dict[str, Any]) -> None:
    env = make(made).unwrapped
    sequences = []
    for seed in (1, 1, 2):
        env.reset(seed=seed)
        sequences.append(pulls(env, 1, 50))

    np.testing.assert_array_equal(sequences[0], sequences[1])
    assert (sequences[0] != sequences[2]).any()


@both
def test_an_episode_is_long_and_never_ends_by_itself(made: dict[str, Any]) -> None:
    env = make(made)
    env.reset(seed=0)
    for n in range(1, 10_001):
        _, _, terminated, truncated, _ = env.step(0)
        assert (terminated, truncated) == (False, n == 10_000)


@both
def test_it_keeps_the_contract_of_rivers_evaluator(made: dict[str, Any]) -> None:
    """deepcopy, reset(seed=int), action_space.seed(int), range(n), five values, an end."""
    env = NetReward(deepcopy(make(made)), tradeoff=0.1)
    agent_env = deepcopy(env)
    played = []
    for one in (env, agent_env):
        one.reset(seed=42)
        one.action_space.seed(42)
        arms = range(one.action_space.n)  # type: ignore[attr-defined]
        assert list(arms) == [0, 1, 2]
        rewards: list[Any] = []
        terminated = truncated = False
        while not (terminated or truncated):
            arm = arms[len(rewards) % 3]
            _, reward, terminated, truncated, _ = one.step(arm)
            rewards.append(reward)
        played.append(rewards)

    assert played[0] == played[1]
    assert len(played[0]) == 10_000


@both
def test_simulation_takes_it_as_an_environment_and_knows_its_gaps(made: dict[str, Any]) -> None:
    """Net values .2, .4, .35 at a tradeoff of .1: the gap of arm 0 is .2, ten times."""
    history = bs.simulate(
        {"arm 0": bs.FixedArm(3, 0)},
        make(made),
        horizon=10,
        runs=2,
        seed=0,
        objective=bs.Net(0.1),
    )

    np.testing.assert_allclose(history["arm 0"].pseudo_regret[:, -1], [2.0, 2.0])


# ----- Net rewards


@both
def test_a_net_reward_is_the_reward_minus_what_it_cost(made: dict[str, Any]) -> None:
    plain, net = make(made), NetReward(make(made), tradeoff=0.25)
    plain.reset(seed=5)
    net.reset(seed=5)
    for arm in (0, 1, 2, 1):
        _, reward, _, _, info = plain.step(arm)
        _, value, terminated, truncated, its_info = net.step(arm)

        assert value == float(reward) - 0.25 * COSTS[arm]
        assert (terminated, truncated) == (False, False)
        assert its_info["cost"] == info["cost"]


def test_a_net_reward_charges_the_replay_what_it_reports() -> None:
    """Sure at .9: .9 - .1 * (.8 + .2)."""
    trace = Trace(np.array([[0.9, 0.95]]), np.array([[1, 1]]))
    env = NetReward(SplitReplay(trace, threshold=0.8, cost=SplitCost()), tradeoff=0.1)
    env.reset(seed=0)

    assert env.step(np.int64(0))[1] == pytest.approx(0.8)


def test_at_a_tradeoff_of_0_nothing_changes() -> None:
    plain, net = make(GAUSSIAN), NetReward(make(GAUSSIAN), tradeoff=0)
    plain.reset(seed=5)
    net.reset(seed=5)

    assert net.step(1)[1] == plain.step(1)[1]


# ----- Bad input


@both
@pytest.mark.parametrize(
    ("action", "error"),
    [
        (3, ValueError),
        (-1, ValueError),
        (1.0, TypeError),
        (True, TypeError),
        ("1", TypeError),
        (None, TypeError),
    ],
)
def test_an_action_is_an_arm_and_a_refused_one_draws_nothing(
    made: dict[str, Any], action: Any, error: type[Exception]
) -> None:
    env, other = make(made).unwrapped, make(made).unwrapped
    env.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(error, match=r"`action` must be an integer in 0 .. 2, got"):
        env.step(action)

    assert env.step(2)[1] == other.step(2)[1]


@both
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"means": []}, "means"),
        ({"means": [[0.5]]}, "means"),
        ({"means": [0.5, float("nan")]}, "means"),
        ({"means": "half"}, "means"),
        ({"means": [[0.5], 0.5]}, "means"),
        ({"costs": [1.0]}, "costs"),
        ({"costs": [1.0, 2.0, -1.0]}, "costs"),
        ({"costs": [1.0, 2.0, float("inf")]}, "costs"),
    ],
)
def test_laws_that_are_none_are_refused(
    made: dict[str, Any], changes: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must"):
        make(made, **changes)


@pytest.mark.parametrize(
    ("made", "changes", "wanted"),
    [
        (BERNOULLI, {"means": [0.5, 1.1, 0.2]}, r"`means` must lie in \[0, 1\]"),
        (GAUSSIAN, {"std": [1.0, 0.0, 1.0]}, "`std` must be positive"),
        (GAUSSIAN, {"std": [1.0]}, "`std` must be a vector"),
    ],
)
def test_each_law_has_a_range(
    made: dict[str, Any], changes: dict[str, Any], wanted: str
) -> None:
    with pytest.raises(ValueError, match=wanted):
        make(made, **changes)


@pytest.mark.parametrize("tradeoff", [-0.1, float("nan"), float("inf")])
def test_a_tradeoff_is_finite_and_not_negative(tradeoff: float) -> None:
    with pytest.raises(ValueError, match="`tradeoff` must"):
        NetReward(make(BERNOULLI), tradeoff)


def test_what_is_no_problem_is_refused() -> None:
    with pytest.raises(TypeError, match="`problem` must be a Problem, got 3"):
        ProblemEnv(3)  # type: ignore[arg-type]
