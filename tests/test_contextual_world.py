"""A world whose arms depend on a context, and who can live in it."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from banditsplit import (
    OFUL,
    UCB1,
    History,
    LinearProblem,
    LinGreedy,
    LinTS,
    LinUCB,
    Net,
    Policy,
    SquareCB,
    UniformRandom,
    simulate,
)

NAN, INF = float("nan"), float("inf")
APART = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
TOGETHER = np.array([1.0, -2.0])


def test_shared_features_are_worth_what_each_arms_parameters_say() -> None:
    world = LinearProblem(APART, costs=np.array([0.0, 1.0, 2.0]))
    situation = world.situation(1, 5, np.random.default_rng(0))

    assert world.arms == 3
    assert situation.context.shape == (5, 2)
    for row, (x, y) in zip(situation.expected_reward, situation.context, strict=True):
        assert row.tolist() == pytest.approx([x, y, -x - y])
    assert situation.expected_cost.tolist() == [[0.0, 1.0, 2.0]] * 5


def test_each_arms_features_are_worth_what_the_shared_parameters_say() -> None:
    world = LinearProblem(TOGETHER, arms=4)
    situation = world.situation(1, 5, np.random.default_rng(0))

    assert world.arms == 4
    assert situation.context.shape == (5, 4, 2)
    np.testing.assert_allclose(
        situation.expected_reward, situation.context[..., 0] - 2 * situation.context[..., 1]
    )


@pytest.mark.parametrize("world", [LinearProblem(APART), LinearProblem(TOGETHER, arms=3)])
def test_gaussian_features_are_standard_normal(world: LinearProblem) -> None:
    """20,000 numbers at least: mean and variance within 6 standard errors, 4e-9."""
    context = world.situation(1, 10_000, np.random.default_rng(0)).context.reshape(-1)

    assert abs(context.mean()) < 6 / math.sqrt(context.size)
    assert abs(context.var() - 1) < 6 * math.sqrt(2 / context.size)


@pytest.mark.parametrize(
    "world",
    [LinearProblem(APART, contexts="sphere"), LinearProblem(TOGETHER, 3, contexts="sphere")],
)
def test_contexts_on_the_sphere_have_norm_one_and_no_direction(world: LinearProblem) -> None:
    """Coordinates have mean 0 and variance 1/2: within 6 standard errors, 1e-8 in all."""
    context = world.situation(1, 10_000, np.random.default_rng(0)).context.reshape(-1, 2)

    np.testing.assert_allclose(np.linalg.norm(context, axis=-1), 1.0)
    assert (np.abs(context.mean(0)) < 6 * math.sqrt(0.5 / len(context))).all()


def test_rewards_are_normal_around_what_is_expected_and_costs_are_fixed() -> None:
    """10,000 rewards of an arm with std 2: within 6 standard errors, 4e-9."""
    world = LinearProblem(APART, std=np.array([1.0, 2.0, 3.0]), costs=np.array([0.0, 1.0, 2.0]))
    rng = np.random.default_rng(0)
    situation = world.situation(1, 10_000, rng)
    reward, cost, side = world.respond(situation, np.ones(10_000, np.int64), rng)
    noise = reward - situation.expected_reward[:, 1]

    assert side is None
    assert cost.tolist() == [1.0] * 10_000
    assert abs(noise.mean()) < 6 * 2 / 100
    assert abs(noise.var() - 4) < 6 * 4 * math.sqrt(2) / 100


def test_everyone_meets_the_same_contexts_and_noise() -> None:
    """Whatever the others chose: so adding a policy changes no other."""
    world = LinearProblem(APART, std=0.5)
    together = simulate(
        {"lin": LinUCB(3, features=2), "it": UniformRandom(3)},
        world,
        horizon=50,
        runs=4,
        seed=0,
    )
    alone = simulate({"it": UniformRandom(3)}, world, horizon=50, runs=4, seed=0)

    assert together["it"].pseudo_regret.tobytes() == alone["it"].pseudo_regret.tobytes()
    assert together["it"].reward.tobytes() == alone["it"].reward.tobytes()


def test_pseudo_regret_is_against_the_best_arm_of_each_context() -> None:
    """Replayed by hand, under net values: the world's own stream, the policy's own pulls."""
    world = LinearProblem(APART, std=0.5, costs=np.array([0.0, 1.0, 2.0]))
    rounds: list[Any] = []

    def situation(t: int, runs: int, rng: np.random.Generator) -> Any:
        rounds.append([world.situation(t, runs, rng)])
        return rounds[-1][0]

    def respond(told: Any, arm: Any, rng: np.random.Generator) -> Any:
        rounds[-1].append(arm)
        return world.respond(told, arm, rng)

    recorded = SimpleNamespace(arms=3, situation=situation, respond=respond)
    policy = LinUCB(3, features=2, objective=Net(0.25))
    options: dict[str, Any] = {"horizon": 40, "runs": 3, "seed": 0, "objective": Net(0.25)}
    track = simulate({"it": policy}, recorded, **options)["it"]
    expected = np.zeros(3)
    for told, arm in rounds:
        net = told.expected_reward - 0.25 * np.array([0.0, 1.0, 2.0])
        expected += net.max(1) - net[np.arange(3), arm]

    np.testing.assert_allclose(track.pseudo_regret[:, -1], expected, rtol=1e-12)
    assert len({np.argmax(told.expected_reward[0]) for told, _ in rounds}) == 3
    same = simulate({"it": policy}, world, **options)["it"]
    assert same.pseudo_regret.tobytes() == track.pseudo_regret.tobytes()


def played(policies: dict[str, Policy], world: Any) -> History:
    """1,000 rounds of 40 runs."""
    return simulate(policies, world, horizon=1000, runs=40, seed=3, checkpoints=4)


def growth(history: History, name: str) -> float:
    """Regret of the last quarter over regret of the first: 1 where it is linear."""
    regret = history[name].pseudo_regret.mean(0)
    return float((regret[3] - regret[2]) / regret[0])


@pytest.mark.parametrize("shared", [False, True], ids=["disjoint", "shared"])
def test_linear_policies_have_sublinear_regret_where_others_do_not(*, shared: bool) -> None:
    """Regret of the last quarter is below .4 of the first's, and total below .3 of uniform's.

    The controls grow by .8 to 1.25: uniform play, and UCB1, which does not look at contexts,
    in whose view all arms are worth the same. Largest standard error of a ratio: .05.
    """
    world = (
        LinearProblem(TOGETHER, arms=3, std=0.5) if shared else LinearProblem(APART, std=0.5)
    )
    form: dict[str, Any] = {"features": 2, "shared": shared}
    learners = {
        "LinUCB": LinUCB(3, **form),
        "OFUL": OFUL(3, noise=0.5, norm=2.5, **form),
        "LinTS": LinTS(3, scale=0.5, **form),
        "LinGreedy": LinGreedy(3, epsilon=20.0, decay=True, **form),
        "SquareCB": SquareCB(3, gamma=10.0, anytime=True, **form),
    }
    controls = {"uniform": UniformRandom(3), "UCB1": UCB1(3)}
    history = played(learners | controls, world)
    final = {name: history[name].pseudo_regret[:, -1].mean() for name in history}

    for name in learners:
        assert growth(history, name) < 0.4, name
        assert final[name] < 0.3 * final["uniform"], name
    for name in controls:
        assert 0.8 < growth(history, name) < 1.25, name
        assert final[name] > 0.8 * final["uniform"], name


class Shown:
    """As much of a Gymnasium environment as simulation asks for: arm 1 if x is positive."""

    def __init__(self) -> None:
        self.action_space = SimpleNamespace(n=2)
        self.told: list[NDArray[np.float32]] = []

    def _observe(self) -> NDArray[np.float32]:
        observation = np.array([self.rng.standard_normal(), 1.0], np.float32)
        self.told.append(observation)
        return observation

    def reset(self, *, seed: int | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        return self._observe(), {}

    def step(self, arm: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        value = [0.0, float(self.told[-1][0])]
        info = {"cost": 0.0, "expected_reward": value, "expected_cost": [0.0, 0.0]}
        return self._observe(), value[arm], False, len(self.told) % 20 == 0, info


class ShownToMany:
    """The same as a vector environment that ends its episodes never."""

    def __init__(self, runs: int) -> None:
        self.num_envs = runs
        self.single_action_space = SimpleNamespace(n=2)
        self.metadata: dict[str, Any] = {}

    def _observe(self) -> NDArray[np.float64]:
        self.x = self.rng.standard_normal(self.num_envs)
        return np.stack([self.x, np.ones(self.num_envs)], -1)

    def reset(self, *, seed: int | None = None) -> tuple[NDArray[np.float64], dict[str, Any]]:
        self.rng = np.random.default_rng(seed)
        return self._observe(), {}

    def step(self, arm: Any) -> tuple[Any, ...]:
        value = np.stack([np.zeros(self.num_envs), self.x], -1)
        reward = value[np.arange(self.num_envs), arm]
        never = np.zeros(self.num_envs, bool)
        info = {"expected_reward": value, "expected_cost": np.zeros_like(value)}
        return self._observe(), reward, never, never, info


@pytest.mark.parametrize("environment", [Shown(), ShownToMany(5)], ids=["Env", "VectorEnv"])
def test_an_environments_observation_is_the_context(environment: Any) -> None:
    """Without noise two rounds of an arm tell everything: it errs a few times, then never.

    The control looks at nothing, and errs to the end.
    """
    policies = {"lin": LinUCB(2, features=2, alpha=0.5), "blind": UCB1(2)}
    history = simulate(policies, environment, horizon=300, runs=5, seed=0, checkpoints=3)
    last = {name: np.diff(history[name].pseudo_regret, axis=1)[:, -1] for name in policies}

    assert history["lin"].pseudo_regret[:, -1].max() < 10
    assert last["lin"].max() < 1
    assert last["blind"].min() > 10


def test_an_observation_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`context` must have shape \(3,\), got shape"):
        simulate({"it": LinUCB(2, features=3)}, Shown(), horizon=5, runs=1, seed=0)


def test_a_world_without_contexts_is_refused_by_a_policy_that_needs_one() -> None:
    from_one_arm = LinearProblem(APART).situation(1, 2, np.random.default_rng(0))
    blind = SimpleNamespace(
        arms=3,
        situation=lambda *_: from_one_arm._replace(context=None),
        respond=lambda *_: None,
    )
    with pytest.raises(ValueError, match=r"^`context` must be given, of shape .*, got None"):
        simulate({"it": LinUCB(3, features=2)}, blind, horizon=5, runs=2, seed=0)


NOT_PARAMETERS: tuple[Any, ...] = (
    *(1.0, [], [[]], [[NAN]], [[INF, 1.0]]),
    *([["a"]], None, [[[1.0]]], [[1.0], []]),
)
NOT_STD: tuple[Any, ...] = (0.0, -1.0, NAN, INF, "1", [1.0], [1.0, 0.0, 2.0], None)
BAD: dict[str, dict[str, Any]] = {
    **{f"parameters {bad!r}": {"parameters": bad} for bad in NOT_PARAMETERS},
    **{f"arms {bad!r}": {"parameters": TOGETHER, "arms": bad} for bad in (0, -1, 1.5, None)},
    **{f"arms {bad!r} for 3 rows": {"arms": bad} for bad in (2, 4, -1, None)},
    **{f"std {bad!r}": {"std": bad} for bad in NOT_STD},
    **{f"costs {bad!r}": {"costs": bad} for bad in ([1.0], [-1.0, 0.0, 0.0], [NAN] * 3, None)},
    **{f"contexts {bad!r}": {"contexts": bad} for bad in ("uniform", "", None, 1)},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_a_linear_problem_refuses(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=r"(?s)^`[^`]+` must .*, got .*"):
        LinearProblem(**{"parameters": APART} | change)
