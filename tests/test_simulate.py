"""Simulation: what is played, what is booked, and that nothing else changes a number."""

import math
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as laws

from banditsplit import (
    UCB1,
    BernoulliProblem,
    FixedArm,
    GaussianProblem,
    History,
    Net,
    Policy,
    Reward,
    SplitEE,
    ThompsonSampling,
    Track,
    UniformRandom,
    simulate,
)
from banditsplit._typing import Int

LAWS = BernoulliProblem(np.array([0.25, 0.75, 0.5]), costs=np.array([0.0, 1.0, 0.5]))
GAPS = np.array([0.5, 0.0, 0.25])  # of the rewards


def same(first: Track, second: Track, rows: slice = slice(None)) -> bool:
    """Whether every number of two tracks is the same, in ``rows`` of the second."""
    names = ("pseudo_regret", "reward", "cost", "audit_cost", "pulls")
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)[rows], equal_nan=True)
        for name in names
    )


def test_a_history_has_the_shapes_that_were_asked_for() -> None:
    history = simulate(
        {"UCB1": UCB1(3), "uniform": UniformRandom(3)},
        LAWS,
        horizon=200,
        runs=4,
        seed=0,
        checkpoints=10,
    )

    assert list(history) == ["UCB1", "uniform"]
    assert len(history) == 2
    assert history.rounds.tolist() == list(range(20, 201, 20))
    for track in history.values():
        curves = (track.pseudo_regret, track.reward, track.cost, track.audit_cost)
        assert [curve.shape for curve in curves] == [(4, 10)] * 4
        assert track.pulls.shape == (4, 3)
        assert track.pulls.sum(1).tolist() == [200] * 4
        assert track.side_kind is None


@given(horizon=st.integers(1, 60), checkpoints=st.integers(1, 120))
def test_the_last_checkpoint_is_the_horizon_and_none_comes_twice(
    horizon: int, checkpoints: int
) -> None:
    """Even where more are asked for than there are rounds."""
    rounds = simulate(
        {"it": FixedArm(3, 0)}, LAWS, horizon=horizon, runs=1, seed=0, checkpoints=checkpoints
    ).rounds

    assert rounds[-1] == horizon
    assert len(rounds) == min(horizon, checkpoints)
    assert (np.diff(rounds, prepend=0) > 0).all()


def test_regret_and_cost_are_counted_pull_by_pull() -> None:
    """Cumulative pseudo-regret is pulls times gaps, whatever the rewards were."""
    track = simulate({"it": UniformRandom(3)}, LAWS, horizon=300, runs=5, seed=0)["it"]

    np.testing.assert_allclose(track.pseudo_regret[:, -1], track.pulls @ GAPS, rtol=1e-12)
    np.testing.assert_allclose(track.cost[:, -1], track.pulls @ LAWS.costs, rtol=1e-12)
    assert (np.diff(track.pseudo_regret, axis=1) >= 0).all()
    assert (track.reward[:, -1] == np.round(track.reward[:, -1])).all()


def test_the_objective_judges_and_does_not_teach() -> None:
    """Net values at tradeoff 1: .25, -.25, 0; so the cheap arm 0 is best."""
    reward, net = (
        simulate({"it": UCB1(3)}, LAWS, horizon=300, runs=5, seed=0, objective=objective)
        for objective in (Reward(), Net(1.0))
    )

    assert net.objective == Net(1.0)
    assert np.array_equal(net["it"].pulls, reward["it"].pulls)
    np.testing.assert_allclose(
        net["it"].pseudo_regret[:, -1], net["it"].pulls @ [0.0, 0.5, 0.25], rtol=1e-12
    )


def test_the_same_seed_gives_the_same_numbers() -> None:
    once, again, other = (
        simulate({"it": UCB1(3, seed=n)}, LAWS, horizon=200, runs=4, seed=seed)
        for n, seed in enumerate((7, 7, 8))
    )
    sequence = np.random.SeedSequence(7)
    spawned = [
        simulate({"it": UCB1(3)}, LAWS, horizon=200, runs=4, seed=sequence) for _ in "ab"
    ]

    assert same(once["it"], again["it"])
    assert not same(once["it"], other["it"])
    assert all(same(once["it"], history["it"]) for history in spawned)


def test_adding_or_reordering_policies_changes_no_other() -> None:
    few = {"UCB1": UCB1(3), "Thompson": ThompsonSampling(3)}
    many = {"uniform": UniformRandom(3), "Thompson": few["Thompson"], "UCB1": few["UCB1"]}
    first, second = (simulate(p, LAWS, horizon=200, runs=4, seed=0) for p in (few, many))

    assert all(same(first[name], second[name]) for name in few)


def test_all_policies_meet_the_same_world() -> None:
    """Twins under two names have the same rewards."""
    history = simulate({"a": UCB1(3), "b": UCB1(3)}, LAWS, horizon=200, runs=4, seed=0)

    assert same(history["a"], history["b"])


def test_templates_stay_as_they_are(tmp_path: Path) -> None:
    template = UCB1(3, runs=2, seed=0)
    template.update([0, 1], [1.0, 0.0])
    template.save(tmp_path / "before")
    simulate({"it": template}, LAWS, horizon=50, runs=3, seed=0)
    template.save(tmp_path / "after")

    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()


def test_more_runs_leave_the_first_blocks_as_they_were() -> None:
    """Blocks of 1,000 have their own seeds: so 2,400 begin with the 1,000 and the 2,000."""
    short, longer, long = (
        simulate({"it": UCB1(3)}, LAWS, horizon=40, runs=runs, seed=3)["it"]
        for runs in (1000, 2000, 2400)
    )

    assert long.pulls.shape == (2400, 3)
    assert same(short, long, slice(1000))
    assert same(longer, long, slice(2000))
    assert not same(short, long, slice(1000, 2000))


def test_progress_sees_every_job() -> None:
    seen: list[Any] = []

    def watch(jobs: Iterable[Any]) -> Iterable[Any]:
        for job in jobs:
            seen.append(job)
            yield job

    plain = simulate({"it": UCB1(3)}, LAWS, horizon=5, runs=1300, seed=0)
    watched = simulate({"it": UCB1(3)}, LAWS, horizon=5, runs=1300, seed=0, progress=watch)

    assert len(seen) == 2
    assert same(plain["it"], watched["it"])


def test_a_problem_gives_what_its_law_says() -> None:
    """Means and spreads of 40,000 pulls an arm, within six standard errors (1e-8 each)."""
    n, rng = 40_000, np.random.default_rng(0)
    gaussian = GaussianProblem(np.array([0.0, 5.0]), np.array([1.0, 3.0]), np.array([2.0, 0.0]))
    for arm, (mean, std) in enumerate([(0.0, 1.0), (5.0, 3.0)]):
        reward, cost = gaussian.draw(np.full(n, arm), rng)
        assert abs(reward.mean() - mean) < 6 * std / math.sqrt(n)
        assert abs(reward.std() - std) < 6 * std / math.sqrt(2 * n)
        assert set(cost.tolist()) == {gaussian.costs[arm]}
    reward, _ = LAWS.draw(np.full(n, 1), rng)
    assert set(reward.tolist()) == {0.0, 1.0}
    assert abs(reward.mean() - 0.75) < 6 * math.sqrt(0.75 * 0.25 / n)


def test_a_summary_has_students_intervals() -> None:
    history = simulate({"it": UCB1(3)}, LAWS, horizon=100, runs=12, seed=0)
    (row,) = history.summary()

    assert row["policy"] == "it"
    assert row["rounds"] == 100
    assert row["side_kind"] is None
    for key in ("pseudo_regret", "reward", "cost"):
        final = getattr(history["it"], key)[:, -1]
        low, high = laws.t.interval(0.95, 11, loc=final.mean(), scale=laws.sem(final))
        assert row[key] == pytest.approx(final.mean())
        assert row[f"{key}_ci"] == pytest.approx((low, high))


def test_one_run_has_no_interval() -> None:
    (row,) = simulate({"it": UCB1(3)}, LAWS, horizon=10, runs=1, seed=0).summary()

    assert [math.isnan(end) for end in row["pseudo_regret_ci"]] == [True, True]


def test_a_history_prints_as_a_table() -> None:
    """A fixed arm's regret has no spread: 10 rounds of .5."""
    history = simulate({"always 0": FixedArm(3, 0)}, LAWS, horizon=10, runs=2, seed=0)
    head, line = str(history).splitlines()

    assert head.split() == ["policy", "pseudo-regret", "reward", "cost", "side"]
    assert line.startswith("always 0 ")
    assert "5.0 [5.0, 5.0]" in line
    assert line.endswith("  -")


class Steps:
    """An `Env` without Gymnasium: arm k gives k / 10 + .01 for every step of its episode."""

    action_space = SimpleNamespace(n=2)

    def __init__(self, **info: Any) -> None:
        self.info, self.seeds, self.steps = info, list[int | None](), 0

    def reset(self, *, seed: int | None = None) -> tuple[int, dict[str, Any]]:
        self.seeds.append(seed)
        self.steps = 0
        return 0, {}

    def step(self, arm: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        assert type(arm) is int
        self.steps += 1
        return 0, arm / 10 + self.steps / 100, self.steps == 3, False, {**self.info}


def test_an_env_is_played_run_after_run_and_its_ended_episodes_go_on() -> None:
    """Episodes of 3: rewards of arm 1 are .11 .12 .13 .11 .12 .13 .11; regret is unknown."""
    env = Steps()
    track = simulate({"it": FixedArm(2, 1)}, env, horizon=7, runs=2, seed=0, checkpoints=7)[
        "it"
    ]

    np.testing.assert_allclose(track.reward[0], [0.11, 0.23, 0.36, 0.47, 0.59, 0.72, 0.83])
    assert track.reward[0].tolist() == track.reward[1].tolist()
    assert track.pulls.tolist() == [[0, 7], [0, 7]]
    assert np.isnan(track.pseudo_regret).all()
    assert not track.cost.any()
    starts = [seed for seed in env.seeds if seed is not None]
    assert len(env.seeds) == 6  # two runs of three episodes
    assert len(set(starts)) == 2


def test_what_an_env_tells_is_booked() -> None:
    """Gap .2; a cost of 1.5; an audit of .5 is charged to regret where costs weigh."""
    env = Steps(
        cost=1.5,
        audit_cost=0.5,
        expected_reward=np.array([0.5, 0.3]),
        expected_cost=np.array([1.0, 1.0]),
        offloaded=True,
    )
    by_reward, by_net = (
        simulate(
            {"it": FixedArm(2, 1)},
            env,
            horizon=4,
            runs=1,
            seed=0,
            checkpoints=1,
            objective=objective,
            record=("offloaded",),
        )["it"]
        for objective in (Reward(), Net(0.1))
    )

    assert by_reward.cost.tolist() == [[6.0]]
    assert by_reward.audit_cost.tolist() == [[2.0]]
    assert by_reward.recorded["offloaded"].tolist() == [[4.0]]
    np.testing.assert_allclose(by_reward.pseudo_regret, [[0.8]])
    np.testing.assert_allclose(by_net.pseudo_regret, [[0.8 + 4 * 0.1 * 0.5]])


def side(kind: str) -> dict[str, Any]:
    """Arm 0 revealed."""
    revealed = np.array([True, False])
    return {
        "revealed": revealed,
        "reward": revealed * 0.5,
        "cost": revealed * 1.0,
        "kind": kind,
    }


def test_how_side_observations_were_obtained_is_said_where_they_were_learned_from() -> None:
    env = Steps(side_observations=side("surrogate"))
    policies = {
        "S": FixedArm(2, 1, side_observations=True),
        "plain": SplitEE(2, tradeoff=0.1),
    }
    history = simulate(policies, env, horizon=4, runs=1, seed=0)

    assert history["S"].side_kind == "surrogate"
    assert history["plain"].side_kind is None
    assert str(history).splitlines()[1].endswith("  surrogate")


class Rows:
    """A `VectorEnv` without Gymnasium: row r gives r + arm / 10, and never ends."""

    metadata: dict[str, Any] = {}  # noqa: RUF012 - as Gymnasium has it
    single_action_space = SimpleNamespace(n=2)

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def reset(self, **_: Any) -> tuple[Int, dict[str, Any]]:
        return np.zeros(self.num_envs, np.int64), {}

    def step(self, arm: Int) -> tuple[Any, ...]:
        never = np.zeros(self.num_envs, bool)
        info = {"cost": arm * 1.0, "_cost": np.arange(self.num_envs) > 0}
        return self.reset()[0], np.arange(self.num_envs) + arm / 10, never, never, info


def test_a_vector_env_is_played_row_by_row_and_its_masks_are_read() -> None:
    """Row 0 has no cost: what stands there is not one."""
    track = simulate({"it": FixedArm(2, 1)}, Rows(3), horizon=10, runs=3, seed=0)["it"]

    np.testing.assert_allclose(track.reward[:, -1], [1.0, 11.0, 21.0])
    assert track.cost[:, -1].tolist() == [0.0, 10.0, 10.0]
    assert track.pulls.tolist() == [[0, 10]] * 3


def test_runs_must_be_the_rows_of_a_vector_env() -> None:
    with pytest.raises(
        ValueError, match=r"^`runs` must equal the environment's num_envs, 3, got 2"
    ):
        simulate({"it": FixedArm(2, 1)}, Rows(3), horizon=10, runs=2, seed=0)


def test_a_history_is_a_mapping() -> None:
    history = simulate({"it": UCB1(3)}, LAWS, horizon=10, runs=2, seed=0)

    assert isinstance(history, History)
    assert isinstance(history["it"], Track)
    assert "it" in history
    with pytest.raises(KeyError):
        history["other"]
    assert isinstance(UCB1(3), Policy)
