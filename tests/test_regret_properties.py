"""Regret properties: one check for all policies of a list, and planted faults that it catches.

Mean regret stays below its bound. It grows by the right constant where a policy is
asymptotically optimal, and like the logarithm where it is proved to. On the listed graphs it
does not rise with side observations. The faults are `CONTROLS`, `MISTAKEN`, `NOT_LOGARITHMIC`
and `miscredit`.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr

from banditsplit import (
    DUCB,
    EXP3,
    EXP3IX,
    EXP3SET,
    IMED,
    KLUCB,
    MOSS,
    OFUL,
    SWUCB,
    UCB,
    UCB1,
    UCBV,
    ArmStats,
    AsymptoticallyOptimalUCB,
    BayesUCB,
    BernoulliProblem,
    EpsilonGreedy,
    ExploreThenCommit,
    GaussianProblem,
    GraphProblem,
    KLUCBPlusPlus,
    LinUCB,
    Net,
    PiecewiseProblem,
    Policy,
    SplitEE,
    SuccessiveElimination,
    ThompsonSampling,
    TsallisINF,
    UniformRandom,
    compose,
    compose_linear,
    simulate,
)
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.indices import Index
from banditsplit.recipes import LinearGreedy, LinearIndex, Prediction, Recipe
from banditsplit.theory import LinearProblem, lai_robbins_constant

RUNS = 60


def regret(policy: Policy, world: Any, horizon: int, **options: Any) -> Any:
    """Pseudo-regret at the checkpoints, `[runs, checkpoints]`; one, unless said otherwise."""
    options = {"runs": RUNS, "seed": 1, "checkpoints": 1} | options
    return simulate({"it": policy}, world, horizon=horizon, **options)["it"].pseudo_regret


@dataclass(frozen=True, eq=False)
class Percent:
    """Coins that pay 100 or nothing."""

    means: Float
    costs: tuple[float, ...] = ()
    span: float = 100.0

    @property
    def arms(self) -> int:
        return len(self.means)

    @property
    def expected_reward(self) -> Float:
        return self.span * self.means

    @property
    def expected_cost(self) -> Float:
        return np.array(self.costs or np.zeros(self.arms))

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        won = rng.random(np.shape(arm)) < self.means[arm]
        return self.span * won, self.expected_cost[arm]


def percent(*means: float, costs: tuple[float, ...] = ()) -> Percent:
    return Percent(np.array(means), costs)


def bernoulli(*means: float) -> BernoulliProblem:
    return BernoulliProblem(np.array(means))


def nested(arms: int) -> Bool:
    """Exits of a network: a pull reveals all earlier ones."""
    return np.tri(arms, k=-1, dtype=np.bool_)


def complete(arms: int) -> Bool:
    return np.ones((arms, arms), np.bool_)


def star(arms: int) -> Bool:
    """The first arm and all others reveal each other."""
    graph = np.zeros((arms, arms), np.bool_)
    graph[0] = graph[:, 0] = True
    return graph


def ring(arms: int) -> Bool:
    """Neighbours reveal each other."""
    one_way = np.roll(np.eye(arms, dtype=np.bool_), 1, axis=1)
    return one_way | one_way.T


# Faults. What they are planted in is an ordinary policy in every other respect.


@dataclass(frozen=True)
class Unrooted(Index):
    """UCB1 with the square root of its width forgotten."""

    span: float

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        del rng
        index: Float = stats.mean + 2 * self.span**2 * np.log(stats.t) / stats.pulls
        return index


@dataclass(frozen=True)
class UnrootedLinear(LinearIndex):
    """LinUCB with the square root of its width forgotten."""

    alpha: float

    def __call__(self, prediction: Prediction, rng: np.random.Generator) -> Float:
        del rng
        return prediction.mean + self.alpha * prediction.width**2


@dataclass(frozen=True)
class Swapped(Index):
    """KL-UCB with ``kl(q, mean)`` in place of ``kl(mean, q)``, by bisection."""

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        del rng
        low, high = stats.mean.copy(), np.ones_like(stats.mean)
        for _ in range(12):
            q = (low + high) / 2
            divergence = rel_entr(q, stats.mean) + rel_entr(1 - q, 1 - stats.mean)
            near = stats.pulls * divergence <= np.log(stats.t)
            low, high = np.where(near, q, low), np.where(near, high, q)
        return low


Learning = Callable[[Any, Any, Pull, Seen | None], None]


@dataclass(frozen=True, slots=True)
class Meddled(Recipe):
    """Another recipe that learns by a mistaken ``learning(recipe, state, pull, side)``."""

    recipe: Any
    learning: Learning
    arms: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", self.recipe.arms)

    @property
    def side_observations(self) -> bool:
        return bool(self.recipe.side_observations)

    @property
    def context_shape(self) -> Any:
        return self.recipe.context_shape

    def empty(self, runs: int | None) -> Any:
        return self.recipe.empty(runs)

    def stats(self, state: Any) -> ArmStats:
        stats: ArmStats = self.recipe.stats(state)
        return stats

    def choose(
        self, state: Any, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> Any:
        return self.recipe.choose(state, rng, context, available)

    def learn(self, state: Any, pull: Pull, side: Seen | None) -> None:
        self.learning(self.recipe, state, pull, side)


def leak(recipe: Any, state: Any, pull: Pull, side: Seen | None) -> None:
    """Run i learns from what run i + 1 got and paid."""
    reward, cost = np.roll(pull.reward, -1), np.roll(pull.cost, -1)
    recipe.learn(state, pull._replace(reward=reward, cost=cost), side)


def miscredit(recipe: Any, state: Any, pull: Pull, side: Seen | None) -> None:
    """What a pull revealed of others counts as rewards of the pulled arm."""
    if side is not None:
        pulled = np.asarray(pull.cell)
        for arm in range(recipe.arms):  # no memory takes a cell twice at once
            of_it = np.asarray(side.cell) % recipe.arms == arm
            cells = pulled[np.asarray(side.cell)[of_it] // recipe.arms]
            recipe.memory.observe(state, cells, side.reward[of_it])
    recipe.learn(state, pull, None)


# Below the bound.


@dataclass(frozen=True)
class Bounded:
    """A policy that some theorem bounds.

    Attributes:
        make: From a world and a horizon.
        worlds: What the theorem speaks of.
        judged: Where the controls are to be caught: a key of `JUDGED`.
        tradeoff: What a unit of cost weighs, as a share of the rewards' span.
        assumed: What the theorem asks for and no policy knows, from a world.
    """

    make: Callable[[Any, int], Policy]
    worlds: st.SearchStrategy[Any]
    judged: str
    tradeoff: float = 0.0
    assumed: Callable[[Any], dict[str, Any]] = lambda _: {}

    def bound(self, world: Any, horizon: int) -> float:
        return self.make(world, horizon).regret_bound(world, horizon, **self.assumed(world))


@st.composite
def drawn_means(draw: st.DrawFn, most: int = 5) -> Float:
    """A best arm and others, .1 to .45 below it, in any order."""
    best = draw(st.floats(0.5, 0.95))
    gaps = draw(st.lists(st.floats(0.1, 0.45), min_size=1, max_size=most - 1))
    return np.array(draw(st.permutations([best, *(best - gap for gap in gaps)])))


@st.composite
def drawn_graphs(draw: st.DrawFn, *, directed: bool) -> GraphProblem:
    means = draw(drawn_means())
    bits = draw(st.lists(st.booleans(), min_size=len(means) ** 2, max_size=len(means) ** 2))
    graph = np.array(bits).reshape(len(means), -1)
    return GraphProblem(BernoulliProblem(means), graph if directed else graph | graph.T)


@st.composite
def drawn_pieces(draw: st.DrawFn) -> PiecewiseProblem:
    """One to three problems, one after the other."""
    means = draw(drawn_means())
    changes = sorted(draw(st.sets(st.integers(2, 800), max_size=2)))
    orders = [draw(st.permutations(list(means))) for _ in range(len(changes) + 1)]
    return PiecewiseProblem([BernoulliProblem(np.array(order)) for order in orders], changes)


@st.composite
def drawn_lines(draw: st.DrawFn) -> LinearProblem:
    """Parameters shared by the arms, of a norm just below 1."""
    parameters = np.array(draw(st.lists(st.floats(0.1, 1.0), min_size=2, max_size=4)))
    return LinearProblem(
        0.999 * parameters / np.linalg.norm(parameters),
        arms=draw(st.integers(2, 5)),
        std=draw(st.floats(0.02, 0.1)),
        contexts="sphere",
    )


@st.composite
def drawn_costs(draw: st.DrawFn) -> BernoulliProblem:
    means = draw(drawn_means())
    costs = draw(st.lists(st.floats(0.0, 5.0), min_size=len(means), max_size=len(means)))
    return BernoulliProblem(means, np.array(costs))


COINS = drawn_means().map(BernoulliProblem)
NORMALS = st.builds(GaussianProblem, drawn_means(), st.floats(0.1, 1.0))
UNDIRECTED, DIRECTED = drawn_graphs(directed=False), drawn_graphs(directed=True)
RANDOM_GRAPHS = st.builds(GraphProblem, COINS, st.floats(0.0, 1.0))
TRADEOFF = 0.4
PIECES, LINES = drawn_pieces(), drawn_lines()


def span(world: Any) -> float:
    """The span of a world's rewards, of a graph's and of a pieced world's, too."""
    return float(getattr(world, "problem", world).span)


def net(world: Any, tradeoff: float) -> Net:
    """What regret is measured in; a linear world has no span, and no costs."""
    return Net(tradeoff * span(world) if tradeoff else 0.0)


def variance(world: Any) -> dict[str, Any]:
    return {"variance": span(world) ** 2 * world.means * (1 - world.means)}


def features(world: Any) -> dict[str, Any]:
    return {"features": len(world.parameters), "shared": True}


BOUNDED = {
    "UCB": Bounded(lambda w, _: UCB(w.arms, alpha=2.5, span=span(w)), COINS, "percent"),
    "UCB1": Bounded(lambda w, _: UCB1(w.arms, span=span(w)), COINS, "percent"),
    "UCBV": Bounded(
        lambda w, _: UCBV(w.arms, span=span(w)), COINS, "percent", assumed=variance
    ),
    "KLUCB": Bounded(lambda w, _: KLUCB(w.arms, c=3.0), COINS, "coins"),
    "AsymptoticallyOptimalUCB": Bounded(
        lambda w, _: AsymptoticallyOptimalUCB(w.arms, std=float(np.max(w.std))),
        NORMALS,
        "normal",
    ),
    "MOSS": Bounded(lambda w, n: MOSS(w.arms, horizon=n, span=span(w)), COINS, "percent"),
    "ExploreThenCommit": Bounded(
        lambda w, n: ExploreThenCommit(w.arms, pulls_each=n // 100),
        COINS,
        "percent",
        assumed=lambda w: {"span": span(w)},
    ),
    "EpsilonGreedy": Bounded(
        lambda w, _: EpsilonGreedy(w.arms, epsilon=30.0, decay=True),
        COINS,
        "percent",
        assumed=lambda w: {"span": span(w)},
    ),
    "SuccessiveElimination": Bounded(
        lambda w, _: SuccessiveElimination(w.arms, delta=0.05, span=span(w)), COINS, "percent"
    ),
    "ThompsonSampling": Bounded(lambda w, _: ThompsonSampling(w.arms), COINS, "coins"),
    "EXP3": Bounded(lambda w, _: EXP3(w.arms, span=span(w)), COINS, "percent"),
    "EXP3 of gains": Bounded(
        lambda w, n: EXP3(w.arms, horizon=n, span=span(w)), COINS, "percent"
    ),
    "EXP3IX": Bounded(lambda w, _: EXP3IX(w.arms, span=span(w)), COINS, "percent"),
    "EXP3IX of a horizon": Bounded(
        lambda w, n: EXP3IX(w.arms, horizon=n, span=span(w)), COINS, "percent"
    ),
    "EXP3SET": Bounded(lambda w, _: EXP3SET(w.arms, span=span(w)), DIRECTED, "graph"),
    "EXP3SET of a horizon": Bounded(
        lambda w, n: EXP3SET(w.arms, horizon=n, span=span(w)), DIRECTED, "graph"
    ),
    "EXP3SET on random graphs": Bounded(
        lambda w, _: EXP3SET(w.arms, independence=1.5, span=span(w)), RANDOM_GRAPHS, "graph"
    ),
    "TsallisINF": Bounded(lambda w, _: TsallisINF(w.arms, span=span(w)), COINS, "percent"),
    "TsallisINF of reduced variance": Bounded(
        lambda w, _: TsallisINF(w.arms, reduced_variance=True, span=span(w)), COINS, "percent"
    ),
    "UCB-N": Bounded(
        lambda w, _: UCB1(w.arms, span=span(w), side_observations=True), UNDIRECTED, "graph"
    ),
    "SWUCB": Bounded(
        lambda w, n: SWUCB(w.arms, window=n // 8, xi=0.6, span=span(w)), PIECES, "drift"
    ),
    "DUCB": Bounded(lambda w, _: DUCB(w.arms, discount=0.996, span=span(w)), PIECES, "drift"),
    "OFUL": Bounded(
        lambda w, _: OFUL(w.arms, noise=float(np.max(w.std)), **features(w)), LINES, "line"
    ),
    "LinUCB": Bounded(lambda w, _: LinUCB(w.arms, alpha=1.6, **features(w)), LINES, "line"),
    "SplitEE": Bounded(
        lambda w, _: SplitEE(w.arms, tradeoff=TRADEOFF * span(w), beta=1.5 * span(w)),
        drawn_costs(),
        "costs",
        tradeoff=TRADEOFF,
        assumed=lambda w: {"span": span(w)},
    ),
}

STD = 60.0
# Where the controls are judged, and for how long. In percent, for a width without its root is
# wrong by its units: of rewards 0 and 1 it makes the regret 2 ln n for each arm and smaller
# than any bound, of rewards 0 and 100 it explores for far too long.
JUDGED: dict[str, tuple[Any, int]] = {
    "coins": (bernoulli(0.7, 0.2), 5000),
    "percent": (percent(0.6, 0.2), 8000),
    "normal": (GaussianProblem(np.array([60.0, 20.0]), STD), 5000),
    "graph": (GraphProblem(percent(0.6, 0.2, 0.2, 0.2), complete(4)), 3000),
    "drift": (
        PiecewiseProblem([percent(0.95, 0.05), percent(0.05, 0.95)], [3001]),
        6000,
    ),
    "line": (
        LinearProblem(np.array([0.6, 0.8, 0.0]), arms=5, std=0.1, contexts="sphere"),
        1500,
    ),
    "costs": (percent(0.6, 0.6, costs=(0.0, 1.0)), 5000),
}


def check_below_bound(regret: Float, bound: float) -> None:
    """The mean over runs of what `regret` returned is below ``bound``."""
    assert regret.mean() < bound


@pytest.mark.parametrize("name", BOUNDED)
@settings(max_examples=4)
@given(data=st.data())
def test_mean_regret_is_below_the_bound(name: str, data: st.DataObject) -> None:
    """In 40 draws of each, means are at most .73 of the bound.

    They are 8 of their standard errors below it at least (explore-then-commit, where the
    chance of a wrong commitment weighs most; others 18). So chance fails it with a probability
    below 1e-12 per draw.
    """
    case = BOUNDED[name]
    world = data.draw(case.worlds)
    horizon = data.draw(st.integers(100, 800))
    policy = case.make(world, horizon)

    played = regret(policy, world, horizon, objective=net(world, case.tradeoff))

    check_below_bound(played, case.bound(world, horizon))


def greedy(world: Any, objective: Net) -> Policy:
    if isinstance(world, LinearProblem):
        return compose_linear(world.arms, LinearGreedy(0.0), **features(world))
    return EpsilonGreedy(world.arms, epsilon=0.0, objective=objective)


def unrooted(world: Any, objective: Net) -> Policy:
    if isinstance(world, LinearProblem):
        return compose_linear(world.arms, UnrootedLinear(1.6), **features(world))
    return compose(world.arms, Unrooted(unit(world)), objective=objective)


def leaking(world: Any, objective: Net) -> Policy:
    if isinstance(world, LinearProblem):
        honest = OFUL(world.arms, noise=0.1, **features(world))
    else:
        honest = UCB1(world.arms, span=unit(world), objective=objective)
    return Policy(Meddled(honest.recipe, leak))


def unit(world: Any) -> float:
    """What widths are measured in: the span of rewards, or their standard deviation."""
    return STD if isinstance(world, GaussianProblem) else span(world)


CONTROLS: dict[str, Callable[[Any, Net], Policy]] = {
    "uniform": lambda world, _: UniformRandom(world.arms),
    "greedy": greedy,
    "without its square root": unrooted,
    "leaking batch": leaking,
}


@functools.cache
def judged(world: str, control: str, tradeoff: float) -> Any:
    """Pseudo-regret of a control, `[runs]`; of more runs, for greedy play varies much."""
    where, horizon = JUDGED[world]
    objective = net(where, tradeoff)
    policy = CONTROLS[control](where, objective)
    return regret(policy, where, horizon, objective=objective, runs=240)[:, -1]


LOST_AT_ONCE = "With rewards 0 and 1 it loses about 2 ln n per arm, which a true bound allows."
STUCK = "One run in eight settles on the wrong arm; the constants are worth more for so long."
DIVERSE = "Drawn contexts explore by themselves, and greedy regression has next to no regret."
NEARLY = "Uniform play is 1.2 times the bound, and in the end this one explores less than that."
MINIMAX = "49 sqrt(n k) is more than uniform play loses here in less than 120,000 rounds."
TOO_LOOSE = {
    ("KLUCB", "without its square root"): LOST_AT_ONCE,
    ("ThompsonSampling", "without its square root"): LOST_AT_ONCE,
    ("SuccessiveElimination", "greedy"): STUCK,
    ("TsallisINF of reduced variance", "greedy"): STUCK,
    ("OFUL", "greedy"): DIVERSE,
    ("OFUL", "without its square root"): DIVERSE,
    ("LinUCB", "greedy"): DIVERSE,
    ("LinUCB", "without its square root"): DIVERSE,
    ("DUCB", "without its square root"): NEARLY,
    **{("MOSS", control): MINIMAX for control in CONTROLS},
}


@pytest.mark.parametrize("name", BOUNDED)
def test_each_bound_catches_the_controls(name: str) -> None:
    """All but those that it is `TOO_LOOSE` for, and these indeed pass.

    What is caught has at least 1.15 times the bound, what is not at most .9. Standard errors
    of leaking batches are up to .04 of their means, so that the nearest is 3.7 of them away (1
    seed of 10,000); those of uniform play and of the width are below .01. Greedy play's are .1
    to .2 where 1 run in 8 settles on the wrong arm: other seeds may move its nearest entries,
    Tsallis-INF of reduced variance (.9) and EXP3-IX (1.5). All seeds are fixed, and no policy
    of the library is on trial here.
    """
    case = BOUNDED[name]
    bound = case.bound(*JUDGED[case.judged])
    for control in CONTROLS:
        played = judged(case.judged, control, case.tradeoff)
        if (name, control) in TOO_LOOSE:
            check_below_bound(played, bound)
        else:
            with pytest.raises(AssertionError):
                check_below_bound(played, bound)


def test_only_what_there_is_counts_as_too_loose() -> None:
    assert set(TOO_LOOSE) <= {(name, control) for name in BOUNDED for control in CONTROLS}


# The constant of Lai and Robbins.

# A low mean varies little where the best one is high, so that second-order terms are small.
PLAIN = bernoulli(0.6, 0.1)
LONG = 5000
OPTIMAL: dict[str, Callable[[int], Policy]] = {
    "KLUCB": lambda _: KLUCB(2),
    "KLUCBPlusPlus": lambda horizon: KLUCBPlusPlus(2, horizon=horizon),
    "IMED": lambda _: IMED(2),
    "BayesUCB": lambda _: BayesUCB(2),
    "ThompsonSampling": lambda _: ThompsonSampling(2),
}
MISTAKEN: dict[str, Callable[[int], Policy]] = {
    "UCB1": lambda _: UCB1(2),
    "KLUCB with swapped arguments": lambda _: compose(2, Swapped()),
    "greedy": lambda _: EpsilonGreedy(2, epsilon=0.0),
    "uniform": lambda _: UniformRandom(2),
}


def growth_by_lai_robbins(make: Callable[[int], Policy]) -> Float:
    """Growth of regret from a horizon to ten times of it, over the asymptotic one, `[runs]`.

    A policy that is told its horizon plays both, with other seeds.
    """
    last = make(LONG)
    if last.recipe == make(LONG // 10).recipe:
        curve = regret(last, PLAIN, LONG, runs=200, checkpoints=10)
        growth = curve[:, -1] - curve[:, 0]
    else:
        growth = regret(last, PLAIN, LONG, runs=200)[:, 0]
        growth = growth - regret(make(LONG // 10), PLAIN, LONG // 10, runs=200, seed=2)[:, 0]
    grown: Float = growth / (lai_robbins_constant(PLAIN) * math.log(10))
    return grown


def check_asymptotically_optimal(growth: Float) -> None:
    assert 0.5 < growth.mean() < 1.5


@pytest.mark.parametrize("name", OPTIMAL)
def test_asymptotically_optimal_policies_grow_by_lai_robbins(name: str) -> None:
    """Means are .74 (Thompson, IMED) to 1.12 (KL-UCB), their standard errors .03 to .11.

    The nearest in terms of these is KL-UCB++ with 1.02, 4.3 of them from 1.5: a fault of chance
    in less than 1 of 50,000 seeds for each.
    """
    check_asymptotically_optimal(growth_by_lai_robbins(OPTIMAL[name]))


@pytest.mark.parametrize("name", MISTAKEN)
def test_other_play_does_not_grow_by_lai_robbins(name: str) -> None:
    """UCB1 has 6, uniform play 500. The others settle on the wrong arm in 1 run of 13.

    Even one such run of 200 makes the mean 5, and without any, greedy play does not grow.
    """
    growth = growth_by_lai_robbins(MISTAKEN[name])

    with pytest.raises(AssertionError):
        check_asymptotically_optimal(growth)


# Growth like the logarithm.

LOGARITHMIC: dict[str, Callable[[], Policy]] = {
    "UCB": lambda: UCB(2, alpha=2.5),
    "UCB1": lambda: UCB1(2),
    "UCBV": lambda: UCBV(2),
    "KLUCB": lambda: KLUCB(2, c=3.0),
    "EpsilonGreedy": lambda: EpsilonGreedy(2, epsilon=40.0, decay=True),
    "ThompsonSampling": lambda: ThompsonSampling(2),
    "AsymptoticallyOptimalUCB": lambda: AsymptoticallyOptimalUCB(2, std=0.5),
    "TsallisINF": lambda: TsallisINF(2),
}
NOT_LOGARITHMIC: dict[str, Callable[[], Policy]] = {
    "uniform": lambda: UniformRandom(2),
    "greedy": lambda: EpsilonGreedy(2, epsilon=0.0),
    "constant exploration": lambda: EpsilonGreedy(2, epsilon=0.1),
    "leaking batch": lambda: Policy(Meddled(UCB1(2).recipe, leak)),
}


def growth_twice(policy: Policy) -> Any:
    """Growth of regret between 300 and 1200 rounds and between 1200 and 4800, `[runs, 2]`."""
    curve = regret(policy, PLAIN, 4800, runs=200, checkpoints=16)
    return np.diff(curve[:, [0, 3, 15]])


def check_grows_like_log(growth: Float) -> None:
    first, second = growth.mean(0)
    assert 0.5 < second / first < 1.5


@pytest.mark.parametrize("name", LOGARITHMIC)
def test_logarithmic_policies_grow_alike_from_n_to_4n(name: str) -> None:
    """Ratios are .89 to 1.13, and their standard errors at most .09 (Thompson's).

    That is 4.3 of them from the end of the interval: below 1e-5 for each.
    """
    check_grows_like_log(growth_twice(LOGARITHMIC[name]()))


@pytest.mark.parametrize("name", NOT_LOGARITHMIC)
def test_other_play_does_not_grow_like_the_logarithm(name: str) -> None:
    """Linear regret has a ratio of 4, and a batch that leaks 3.8 with a standard error of .16.

    A width without its square root is no control here: it grows like the logarithm, too, by
    a constant too small (`test_bounds.py`).
    """
    growth = growth_twice(NOT_LOGARITHMIC[name]())

    with pytest.raises(AssertionError):
        check_grows_like_log(growth)


# Side observations.

# Arms from .5 to .8; exits rise, peak in the middle, or fall.
RISING, PEAK, FALLING = (0.5, 0.6, 0.7, 0.8), (0.5, 0.8, 0.6, 0.4), (0.8, 0.6, 0.5, 0.4)
LISTED: dict[str, GraphProblem] = {
    "nested, rising": GraphProblem(bernoulli(*RISING), nested(4)),
    "nested, peaked": GraphProblem(bernoulli(*PEAK), nested(4)),
    "nested, falling": GraphProblem(bernoulli(*FALLING), nested(4)),
    "complete": GraphProblem(bernoulli(*PEAK), complete(4)),
    "star around a bad arm": GraphProblem(bernoulli(*RISING), star(4)),
    "star around the best arm": GraphProblem(bernoulli(*FALLING), star(4)),
    "ring": GraphProblem(bernoulli(*PEAK), ring(4)),
}
SEEING: dict[str, Callable[..., Policy]] = {
    "UCB1": UCB1,
    "KLUCB": KLUCB,
    "ThompsonSampling": ThompsonSampling,
}


def raised(
    with_side: Policy, without: Policy, world: GraphProblem, horizon: int = 400
) -> Float:
    """How much more regret there is with side observations, on the same draws, `[runs]`."""
    options: dict[str, Any] = {"runs": 150, "seed": 1}
    more = regret(with_side, world, horizon, **options)
    difference: Float = (more - regret(without, world, horizon, **options))[:, 0]
    return difference


def standard_errors(difference: Float) -> float:
    """How many of its standard errors the mean is above 0."""
    error = difference.std(ddof=1) / math.sqrt(len(difference))
    return float(difference.mean() / error)


def check_not_raised(difference: Float) -> None:
    assert standard_errors(difference) <= 3


@pytest.mark.parametrize("world", LISTED)
@pytest.mark.parametrize("name", SEEING)
def test_side_observations_do_not_raise_regret_where_listed(name: str, world: str) -> None:
    """Means are at least 5.7 standard errors below 0: they are not above 3 but by 1e-17."""
    make = SEEING[name]

    check_not_raised(raised(make(4, side_observations=True), make(4), LISTED[world]))


@pytest.mark.parametrize("world", ["nested, rising", "star around the best arm"])
@pytest.mark.parametrize("name", SEEING)
def test_crediting_what_was_revealed_to_the_pulled_arm_is_caught(name: str, world: str) -> None:
    """At least 7.3 standard errors above 0, 4.3 above what is let through: 1e-5 for each.

    All listed instances catch it but one: among falling exits UCB1 and KL-UCB pass with it. A
    worse arm's width shrinks faster there, which is worth more than its flattered mean costs.
    """
    make = SEEING[name]
    wrong = Policy(Meddled(make(4, side_observations=True).recipe, miscredit))
    more = raised(wrong, make(4), LISTED[world])

    with pytest.raises(AssertionError):
        check_not_raised(more)


def test_that_side_observations_do_not_raise_regret_is_no_theorem() -> None:
    """Two exits of .55 and .45: the second one's pulls reveal the first, and not vice versa.

    So the first, better one is seen in every round, and its width is as small as can be,
    ``sqrt(2 ln t / t)``. UCB1 pulls the other until that one's width is down to this and the
    gap. With bandit feedback the better arm keeps more of its own optimism the less it is
    pulled, which is what brings it back. By 200 rounds the worse arm has 95 pulls with and
    71 without side observations, 14 standard errors of the difference. In the long run the
    gap decides, not the widths, and the effect fades: 8 standard errors at 1000 rounds, 3 at
    5000.
    """
    world = GraphProblem(bernoulli(0.55, 0.45), nested(2))
    more = raised(UCB1(2, side_observations=True), UCB1(2), world, 200)

    assert standard_errors(more) > 5
    with pytest.raises(AssertionError):
        check_not_raised(more)
