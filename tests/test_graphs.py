"""Feedback graphs: what a pull reveals, and what is made of it."""

import copy
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from banditsplit import (
    EXP3SET,
    UCB1,
    BernoulliProblem,
    Decision,
    GraphProblem,
    Net,
    Policy,
    SplitEES,
    ThompsonSampling,
    load,
    simulate,
)
from banditsplit._typing import Bool, Float

REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
MEANS = np.array([0.2, 0.8, 0.5, 0.4])
PROBLEM = BernoulliProblem(MEANS, np.array([0.1, 0.2, 0.3, 0.4]))
# Arm 0 reveals 1 and 2, arm 1 nobody, arm 2 arm 3, arm 3 arm 0; the diagonal says nothing.
GRAPH = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]], dtype=bool)
COMPLETE = np.ones((4, 4), dtype=bool)


def side_of(
    graph: Any, arm: int, reward: Any, cost: Any = 0.0, /, **more: Any
) -> dict[str, Any]:
    """What a pull of ``arm`` reveals."""
    revealed = np.array(graph)[arm]
    revealed[arm] = False
    return {
        "revealed": revealed,
        "reward": np.where(revealed, reward, 0.0),
        "cost": np.where(revealed, cost, 0.0),
        "kind": "observed",
        **more,
    }


def responded(graph: Any, arm: Any, seed: int = 0) -> tuple[Any, Any, dict[str, Any]]:
    world, rng = GraphProblem(PROBLEM, graph), np.random.default_rng(seed)
    return world.respond(world.situation(1, len(arm), rng), np.asarray(arm), rng)


# The world.


def test_a_pull_reveals_whom_the_graph_says_and_never_itself() -> None:
    reward, cost, side = responded(GRAPH, [0, 1, 2, 3])

    assert side["revealed"].tolist() == [
        [False, True, True, False],
        [False, False, False, False],
        [False, False, False, True],
        [True, False, False, False],
    ]
    assert (side["reward"][~side["revealed"]] == 0).all()
    assert side["cost"].tolist() == (side["revealed"] * PROBLEM.costs).tolist()
    assert cost.tolist() == PROBLEM.costs.tolist()
    assert set(np.unique(reward)) <= {0.0, 1.0}
    assert side["kind"] == "observed"
    assert side["graph"].tolist() == GRAPH.tolist()


def test_revealed_rewards_follow_their_arms_laws() -> None:
    """20,000 pulls of arm 0; five standard deviations: 2e-6."""
    reward, _, side = responded(COMPLETE, np.zeros(20_000, int))

    assert abs(reward.mean() - 0.2) < 5 * 0.4 / np.sqrt(20_000)
    for arm in (1, 2, 3):
        assert abs(side["reward"][:, arm].mean() - MEANS[arm]) < 5 * 0.5 / np.sqrt(20_000)


def test_rewards_do_not_depend_on_what_is_revealed() -> None:
    """Policies of one seed are compared on the same draws, whatever they are shown."""
    arm = [0, 1, 2, 3]

    assert responded(GRAPH, arm)[0].tolist() == responded(COMPLETE, arm)[0].tolist()


def test_random_graphs_are_drawn_anew_with_their_probability() -> None:
    """Each round and run its own; 20,000 rows of 3 others; five standard deviations."""
    _, _, side = responded(0.3, np.zeros(20_000, int))
    off = ~np.eye(4, dtype=bool)

    assert side["graph"].shape == (20_000, 4, 4)
    assert abs(side["graph"][:, off].mean() - 0.3) < 5 * 0.46 / np.sqrt(20_000 * 12)
    assert (side["revealed"][:, 1:] == side["graph"][:, 0, 1:]).all()
    assert not side["revealed"][:, 0].any()


@pytest.mark.parametrize(("graph", "shown"), [(0.0, 0), (1.0, 3), (0, 0), (1, 3)])
def test_probabilities_0_and_1_reveal_nobody_and_everybody(graph: float, shown: int) -> None:
    _, _, side = responded(graph, [0, 1, 2, 3])

    assert (side["revealed"].sum(-1) == shown).all()


# Index policies become UCB-N, Thompson-N ...

INDEXED: dict[str, Callable[..., Policy]] = {
    "UCB1": partial(UCB1, 4, side_observations=True),
    "Thompson": partial(ThompsonSampling, 4, side_observations=True),
    "SplitEES": partial(SplitEES, 4, tradeoff=0.5),
}


@pytest.mark.parametrize("make", INDEXED.values(), ids=INDEXED)
def test_a_complete_graph_makes_any_index_policy_full_information(
    make: Callable[..., Policy],
) -> None:
    """Its statistics are those of someone who saw every arm in every round."""
    policy, world, rng = make(runs=5, seed=0), GraphProblem(PROBLEM, COMPLETE), Twin(3)
    for t in range(1, 101):
        arm = policy.select()
        reward, cost, side = world.respond(world.situation(t, 5, rng.one), arm, rng.one)
        policy.update(arm, reward, cost, side)
    everything = np.array([rng.all_arms() for _ in range(100)])  # [rounds, runs, arms]
    tradeoff = 0.5 if make is INDEXED["SplitEES"] else 0.0

    assert (policy.stats.pulls == 100).all()
    np.testing.assert_allclose(
        policy.stats.mean, everything.mean(0) - tradeoff * PROBLEM.costs, rtol=1e-12, atol=1e-15
    )
    assert (policy.round == 101).all()


class Twin:
    """Two generators of one seed: the world's, and one that shows what it drew."""

    def __init__(self, seed: int) -> None:
        self.one, self.other = (np.random.default_rng(seed) for _ in range(2))

    def all_arms(self) -> Float:
        arms = np.tile(np.arange(4), (5, 1))
        reward: Float = PROBLEM.draw(arms, self.other)[0]
        return reward


INSTANCES = {
    "linspace": np.linspace(0.1, 0.9, 12),
    "hard": np.r_[np.full(11, 0.5), 0.6],
}


@pytest.mark.parametrize("means", INSTANCES.values(), ids=INSTANCES)
@pytest.mark.parametrize("make", [UCB1, ThompsonSampling])
def test_more_feedback_means_less_regret(make: Callable[..., Policy], means: Float) -> None:
    """Nobody, a fifth, everybody revealed: each step lowers the mean by 5 standard errors."""
    arms, regret = len(means), []
    for probability in (0.0, 0.2, 1.0):
        world = GraphProblem(BernoulliProblem(means), probability)
        policy = make(arms, side_observations=True)
        track = simulate({"it": policy}, world, horizon=800, runs=40, seed=1, checkpoints=1)
        regret.append(track["it"].pseudo_regret[:, -1])
    for more, less in itertools.pairwise(regret):
        error = np.sqrt((more.var(ddof=1) + less.var(ddof=1)) / 40)

        assert more.mean() - less.mean() > 5 * error


def test_a_policy_that_does_not_look_gains_nothing() -> None:
    """The control: without side observations, the same decisions on any graph."""
    played = []
    for graph in (COMPLETE, GRAPH):
        policy = {"it": UCB1(4)}
        track = simulate(policy, GraphProblem(PROBLEM, graph), horizon=300, runs=5, seed=1)
        played.append(track["it"].pulls.tolist())

    assert played[0] == played[1]


# Exp3-SET.


def pulled(policy: Policy, arm: int, values: Float, **more: Any) -> None:
    """One round at ``GRAPH``, answered for an arm chosen elsewhere."""
    policy.update(arm, values[arm], 0.0, side_of(GRAPH, arm, values, **more))


@pytest.mark.parametrize("told", [True, False])
def test_exp3_set_is_its_formula_by_hand(told: bool) -> None:  # noqa: FBT001 - a parameter
    """At p = 1/4 arms 0 to 3 are seen with q = 1/2 each (by 3, 0, 0 and 2, and themselves)."""
    policy = EXP3SET(4, graph=None if told else GRAPH, eta=0.5, seed=0)
    values = np.array([0.2, 0.9, 0.4, 0.6])
    pulled(policy, 0, values, **({"graph": GRAPH} if told else {}))
    weights = np.exp(-0.5 * np.array([0.8 / 0.5, 0.1 / 0.5, 0.6 / 0.5, 0.0]))

    np.testing.assert_allclose(policy.probabilities(), weights / weights.sum(), rtol=1e-14)

    p = policy.probabilities()
    pulled(policy, 2, values, **({"graph": GRAPH} if told else {}))
    weights *= np.exp(-0.5 * np.array([0, 0, 0.6 / (p[2] + p[0]), 0.4 / (p[3] + p[2])]))

    np.testing.assert_allclose(policy.probabilities(), weights / weights.sum(), rtol=1e-13)


def seasoned(seed: int, **options: Any) -> Policy:
    """An Exp3-SET with a past on ``GRAPH``."""
    policy = EXP3SET(4, graph=GRAPH, eta=0.3, seed=seed, **options)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        pulled(policy, policy.select(), rng.random(4))
    return policy


def estimates(policy: Policy, p: Float, graph: Bool, values: Float, *, late: bool) -> Float:
    """What a round adds to the scores, averaged exactly over the draw from ``p``."""
    before, change = np.array(policy._state.score), np.zeros(4)
    for arm, chance in enumerate(p):
        after = copy.deepcopy(policy)
        side = side_of(graph, arm, values, graph=graph)
        if late:
            after.learn(after.adopt(Decision(0, arm, p)), values[arm], 0.0, side)
        else:
            after.update(arm, values[arm], 0.0, side)
        change += chance * (after._state.score - before)
    return change


def test_its_estimates_are_unbiased_on_any_graph_even_late() -> None:
    """By enumeration, on random graphs; dividing by the latest probabilities is noticed."""
    rng = np.random.default_rng(0)
    for seed in range(5):
        graph = rng.random((4, 4)) < 0.4
        policy, values = seasoned(seed), rng.random(4)
        p = policy.decide().probability
        for _ in range(20):
            pulled(policy, policy.select(), rng.random(4))
        policy.select()

        np.testing.assert_allclose(
            estimates(policy, p, graph, values, late=True), values - 1, rtol=1e-9
        )
        planted = estimates(policy, p, graph, values, late=False)
        assert np.abs(planted - (values - 1)).max() > 0.01


def test_a_complete_graph_makes_it_hedge() -> None:
    """Everyone's loss is known, and q = 1: the score is minus the sum of all losses."""
    policy = EXP3SET(4, graph=COMPLETE, seed=0)
    values = np.random.default_rng(0).random((50, 4))
    for value in values:
        arm = policy.select()
        policy.update(arm, value[arm], 0.0, side_of(COMPLETE, arm, value))

    np.testing.assert_allclose(policy._state.score, (values - 1).sum(0), rtol=1e-12)
    np.testing.assert_allclose(policy.stats.mean, values.mean(0), rtol=1e-12)


def test_many_runs_with_graphs_of_their_own_are_single_runs_side_by_side() -> None:
    """Where only some runs have feedback, too."""
    rng = np.random.default_rng(0)
    together = EXP3SET(4, runs=3, seed=0)
    alone = [EXP3SET(4, seed=0) for _ in range(3)]
    for _ in range(30):
        graph, values = rng.random((3, 4, 4)) < 0.5, rng.random((3, 4))
        where, arm = rng.random(3) < 0.7, rng.integers(4, size=3)
        sides = [side_of(graph[r], arm[r], values[r], graph=graph[r]) for r in range(3)]
        side = {key: np.array([one[key] for one in sides]) for key in sides[0]}
        together.update(arm, values[range(3), arm], 0.0, side, where)
        for r in np.flatnonzero(where).tolist():
            alone[r].update(int(arm[r]), values[r, arm[r]], 0.0, sides[r])

    for r in range(3):
        np.testing.assert_allclose(together._state.score[r], alone[r]._state.score, rtol=1e-12)


@pytest.mark.parametrize("graph", [GRAPH, 0.5], ids=["fixed", "drawn"])
def test_it_learns_from_simulated_graphs_and_the_more_the_better(graph: Any) -> None:
    """30 runs; five standard errors below the same policy without edges."""
    regret = []
    for world in (GraphProblem(PROBLEM, 0.0), GraphProblem(PROBLEM, graph)):
        track = simulate(
            {"it": EXP3SET(4)}, world, horizon=2000, runs=30, seed=2, checkpoints=1
        )["it"]
        assert track.side_kind == "observed"
        regret.append(track.pseudo_regret[:, -1])
    alone, helped = regret
    error = np.sqrt((alone.var(ddof=1) + helped.var(ddof=1)) / 30)

    assert alone.mean() - helped.mean() > 5 * error


@pytest.mark.parametrize("runs", [None, 3])
def test_it_goes_on_bit_for_bit_after_save_and_load(runs: int | None, tmp_path: Path) -> None:
    def on(policy: Policy, rounds: int, seed: int) -> Policy:
        rng = np.random.default_rng(seed)
        for _ in range(rounds):
            values, arm = rng.random((*(() if runs is None else (runs,)), 4)), policy.select()
            cells = np.expand_dims(arm, -1)
            revealed = GRAPH[arm].copy()
            np.put_along_axis(revealed, cells, values=False, axis=-1)
            side = {"revealed": revealed, "reward": values, "cost": values, "kind": "observed"}
            own = np.take_along_axis(values, cells, -1)[..., 0]
            policy.update(arm, own, 0.0, side)
        return policy

    policy = on(EXP3SET(4, graph=GRAPH.tolist(), runs=runs, seed=1), 20, 0)
    policy.save(tmp_path / "policy.json")
    back = load(tmp_path / "policy.json")

    assert back.recipe == policy.recipe
    assert on(back, 50, 3)._state.score.tobytes() == on(policy, 50, 3)._state.score.tobytes()


def test_a_mask_and_costs_go_through_the_graph_too() -> None:
    """Net values; q sums the probabilities of what could be chosen, arms 0 and 3."""
    policy = EXP3SET(4, graph=GRAPH, eta=0.5, objective=Net(1.0), low=-1.0, span=2.0, seed=0)
    decision = policy.decide(available=[True, False, False, True])
    assert decision.probability.tolist() == [0.5, 0.0, 0.0, 0.5]
    rewards, costs = np.array([0.5, 0.4, 1.0, 0.0]), np.array([0.5, 1.0, 0.0, 0.0])
    side = side_of(GRAPH, 0, rewards, costs)
    policy.learn(policy.adopt(Decision(0, 0, decision.probability)), 0.5, 0.5, side)

    # Values 0, -.6 and 1 are losses .5, .8 and 0; seen with q = 1, 1/2 and 1/2.
    np.testing.assert_allclose(policy._state.score, [-0.5, -1.6, 0.0, 0.0], rtol=1e-14)
    assert policy.stats.mean.tolist() == pytest.approx([0.0, -0.6, 1.0, 0.0])


# What is refused.

VALUES = np.full(4, 0.5)
UPDATES: dict[str, tuple[Any, Any]] = {
    "no graph": (None, side_of(GRAPH, 0, VALUES)),
    "no side at all": (None, None),
    "a graph that promised more": (COMPLETE, side_of(GRAPH, 0, VALUES)),
    "a graph that promised less": (GRAPH, side_of(COMPLETE, 0, VALUES)),
    "silence where the graph promised": (GRAPH, None),
    "a round's graph that promised more": (
        GRAPH,
        side_of(GRAPH, 0, VALUES, graph=COMPLETE),
    ),
    "a round's graph that is not square": (GRAPH, side_of(GRAPH, 0, VALUES, graph=GRAPH[:3])),
    "a round's graph of numbers": (GRAPH, side_of(GRAPH, 0, VALUES, graph=GRAPH * 1)),
    "a revealed value outside its interval": (GRAPH, side_of(GRAPH, 0, VALUES * 3)),
}


@pytest.mark.parametrize(("graph", "side"), UPDATES.values(), ids=UPDATES)
def test_learning_is_refused_and_changes_nothing(graph: Any, side: Any, tmp_path: Path) -> None:
    policy = EXP3SET(4, graph=graph, seed=0)
    policy.save(tmp_path / "before")
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        policy.update(0, 0.5, 0.0, side)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()


NOT_GRAPHS: dict[str, Any] = {
    "not square": GRAPH[:3],
    "too small": np.ones((3, 3), bool),
    "numbers": GRAPH * 1.0,
    "ragged": [[True], [True, False]],
    "a vector": [True] * 4,
    "a word": "complete",
    "one value": True,
    "three axes": np.ones((2, 4, 4), bool),
}


@pytest.mark.parametrize("graph", NOT_GRAPHS.values(), ids=NOT_GRAPHS)
@pytest.mark.parametrize(
    "make", [lambda graph: GraphProblem(PROBLEM, graph), lambda graph: EXP3SET(4, graph=graph)]
)
def test_what_is_no_graph_is_refused(make: Callable[..., object], graph: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        make(graph)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=REFUSAL):
        GraphProblem(PROBLEM, probability)
