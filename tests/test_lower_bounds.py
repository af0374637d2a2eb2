"""Lower bounds by hand, and the linear program against other ways of solving it."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banditsplit import UCB1, BernoulliProblem, GaussianProblem, Net, Ratio, simulate
from banditsplit._typing import Float
from banditsplit.theory import (
    Bernoulli,
    CostlyProblem,
    Exponential,
    Gaussian,
    GraphProblem,
    LinearProblem,
    PiecewiseProblem,
    Poisson,
    graves_lai_constant,
    graves_lai_lower_bound,
    lai_robbins_constant,
    lai_robbins_lower_bound,
)
from tests.bound_problems import bernoulli
from tests.bound_problems import edges as graph

KL = Bernoulli().kl


def test_lai_robbins_by_hand() -> None:
    """kl(1/4, 3/4) is ln(3) / 2; Gaussian laws have gap / kl = 2 std**2 / gap."""
    assert math.isclose(lai_robbins_constant(bernoulli(0.75, 0.25)), 1 / math.log(3))
    three = GaussianProblem(np.array([1.0, 0.5, 0.0]), np.array([9.0, 2.0, 3.0]))
    assert math.isclose(lai_robbins_constant(three), 8 / 0.5 + 18 / 1)
    assert math.isclose(lai_robbins_constant(three, family=Gaussian(2.0)), 8 / 0.5 + 8 / 1)
    two = bernoulli(0.5, 0.25)
    poisson = 0.25 / (0.25 + 0.25 * math.log(0.5))
    assert math.isclose(lai_robbins_constant(two, family=Poisson()), poisson)
    exponential = 0.25 / (0.5 - 1 - math.log(0.5))
    assert math.isclose(lai_robbins_constant(two, family=Exponential()), exponential)


def test_the_lower_bound_is_the_constant_times_the_logarithm() -> None:
    problem = bernoulli(0.75, 0.25)
    edgeless = GraphProblem(problem, graph(2))

    assert math.isclose(lai_robbins_lower_bound(problem, 9), 2)
    assert math.isclose(graves_lai_lower_bound(edgeless, 9), 2)
    assert lai_robbins_lower_bound(problem, 1) == 0


def test_where_there_is_nothing_to_learn_the_constant_is_0() -> None:
    for means in ((0.5,), (0.0, 0.0), (1.0, 1.0), (0.3, 0.3, 0.3)):
        problem = bernoulli(*means)
        assert lai_robbins_constant(problem) == 0
        assert graves_lai_constant(GraphProblem(problem, graph(len(means)))) == 0


def test_arms_that_tie_for_the_best_count_as_one() -> None:
    tied = lai_robbins_constant(bernoulli(0.75, 0.25, 0.75))
    assert math.isclose(tied, 1 / math.log(3))


def test_nothing_is_better_than_always_1() -> None:
    """No law on [0, 1] has a mean above 1, so one failure settles the matter."""
    assert lai_robbins_constant(bernoulli(1.0, 0.9, 0.3)) == 0


def test_an_arm_that_never_succeeded_still_must_be_tried() -> None:
    assert math.isclose(lai_robbins_constant(bernoulli(0.5, 0.0)), 0.5 / math.log(2))


def test_net_values_ask_for_a_mean_that_pays_for_its_cost() -> None:
    """Values .75, .25 and .2: arm 1 would need a mean of .75 + .2, arm 2 one of 1.25."""
    problem = bernoulli(0.75, 0.45, 0.7, costs=(0.0, 1.0, 2.5))

    constant = lai_robbins_constant(problem, objective=Net(0.2))

    assert math.isclose(constant, 0.5 / KL(0.45, 0.95))
    assert math.isclose(
        lai_robbins_constant(problem), 0.3 / KL(0.45, 0.75) + 0.05 / KL(0.7, 0.75)
    )


def test_gaussian_values_can_pay_for_any_cost() -> None:
    problem = GaussianProblem(np.array([0.0, 3.0]), 1.0, np.array([0.0, 10.0]))
    assert math.isclose(lai_robbins_constant(problem, objective=Net(1.0)), 2 / 7)


def test_what_has_no_lower_bound_here_is_refused() -> None:
    costly = CostlyProblem(np.array([0.5, 0.7]), np.array([0.2, 0.4]))

    with pytest.raises(ValueError, match=r"^`objective` must be Reward or Net here, got Ratio"):
        lai_robbins_constant(costly, objective=Ratio())
    with pytest.raises(ValueError, match=r"^`problem` must have fixed costs where"):
        lai_robbins_constant(costly, objective=Net(1.0))
    with pytest.raises(ValueError, match=r"^`family` must contain the problem's means"):
        lai_robbins_constant(GaussianProblem(np.array([0.5, 2.0])), family=Bernoulli())
    with pytest.raises(TypeError, match=r"^`family` must be of type Family, got 'bernoulli'"):
        lai_robbins_constant(costly, family="bernoulli")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^`problem` must have gaps that floats can tell"):
        lai_robbins_constant(bernoulli(0.5, 0.5 + 1e-16, 0.5 - 1e-16), family=Gaussian(1e200))
    with pytest.raises(ValueError, match=r"^`horizon` must be an integer of at least 1, got 0"):
        lai_robbins_lower_bound(costly, 0)
    assert lai_robbins_constant(costly) == lai_robbins_constant(bernoulli(0.5, 0.7))


def test_problems_of_another_kind_are_refused() -> None:
    two = bernoulli(0.5, 0.7)
    for world in (GraphProblem(two, 0.5), PiecewiseProblem([two], []), None):
        with pytest.raises(TypeError, match=r"^`problem` must have a method `expected_reward`"):
            lai_robbins_constant(world)  # type: ignore[arg-type]
    for other in (two, LinearProblem(np.ones(2), arms=2)):
        with pytest.raises(TypeError, match=r"^`problem` must be of type GraphProblem"):
            graves_lai_constant(other)  # type: ignore[arg-type]


class Unnamed:
    """A problem whose family nobody said."""

    arms, span = 2, 1.0
    expected_reward = np.array([0.25, 0.75])
    expected_cost = np.zeros(2)

    def draw(self, arm: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        raise NotImplementedError


def test_a_problem_that_says_no_family_must_be_given_one() -> None:
    with pytest.raises(ValueError, match=r"^`family` must be given for Unnamed, got None"):
        lai_robbins_constant(Unnamed())
    constant = lai_robbins_constant(Unnamed(), family=Bernoulli())
    assert math.isclose(constant, 1 / math.log(3))


# Side observations. Arm 0 is the best; the others need to be seen 1 / kl times.


def test_without_edges_it_is_lai_robbins() -> None:
    problem = bernoulli(0.8, 0.7, 0.5, 0.1)
    for edges in (graph(4), 0.0):
        constant = graves_lai_constant(GraphProblem(problem, edges))
        assert math.isclose(constant, lai_robbins_constant(problem), rel_tol=1e-9)


def test_a_best_arm_that_reveals_all_others_makes_learning_free() -> None:
    problem = bernoulli(0.8, 0.7, 0.5)
    for edges in (np.ones((3, 3), np.bool_), graph(3, (0, 1), (0, 2)), 0.01):
        assert abs(graves_lai_constant(GraphProblem(problem, edges))) < 1e-9


def test_in_a_clique_without_the_best_arm_the_nearest_arm_is_enough() -> None:
    """Its gap is the smallest, and it must be seen most often."""
    problem = bernoulli(0.8, 0.7, 0.5, 0.1)
    edges = np.ones((4, 4), np.bool_)
    edges[0] = False

    constant = graves_lai_constant(GraphProblem(problem, edges))

    assert math.isclose(constant, 0.1 / KL(0.7, 0.8))


def test_a_revealing_arm_is_pulled_while_that_is_cheaper() -> None:
    """The star's hub is the worst arm, .6 below the best; two others need different amounts.

    Up to the smaller need a pull of the hub replaces one of each, .1 + .2 of regret for .6: it
    is pulled for its own sake alone. A hub that is .25 below is pulled up to that need.
    """
    spokes = [1 / KL(0.7, 0.8), 1 / KL(0.6, 0.8)]
    for hub, paid in ((0.2, 1 / KL(0.2, 0.8)), (0.55, spokes[1])):
        problem = bernoulli(0.8, 0.7, 0.6, hub)
        star = GraphProblem(problem, graph(4, (3, 1), (3, 2)))
        rest = 0.1 * (spokes[0] - paid) + 0.2 * max(spokes[1] - paid, 0)

        constant = graves_lai_constant(star)

        assert math.isclose(constant, (0.8 - hub) * paid + rest)


def test_arms_that_cannot_become_the_best_may_still_be_worth_a_pull() -> None:
    """Arm 2 costs .5 and gives .9: no mean makes it the best, but it reveals arm 1.

    Values .6, .1 and .4: seeing arm 1 through arm 2 costs .2 instead of .5.
    """
    problem = bernoulli(0.6, 0.1, 0.9, costs=(0.0, 0.0, 0.5))
    revealing = GraphProblem(problem, graph(3, (2, 1)))

    constant = graves_lai_constant(revealing, objective=Net(1.0))

    assert math.isclose(constant, 0.2 / KL(0.1, 0.6))


def least(cost: Float, seen: Float) -> float:
    """The smallest ``cost @ c`` with ``seen @ c >= 1`` and ``c >= 0``: over all corners."""
    rows = np.vstack([seen, np.eye(len(cost))])
    right = np.append(np.ones(len(seen)), np.zeros(len(cost)))
    best = math.inf
    for chosen in itertools.combinations(range(len(rows)), len(cost)):
        square = rows[list(chosen)]
        if abs(np.linalg.det(square)) > 1e-12:
            corner = np.linalg.solve(square, right[list(chosen)])
            if (rows @ corner >= right - 1e-9).all():
                best = min(best, float(cost @ corner))
    return best


def instance(arms: int, seed: int, spread: float) -> tuple[BernoulliProblem, Any]:
    rng = np.random.default_rng(seed)
    means = 0.9 - np.append(0.0, 10 ** rng.uniform(-spread, -0.1, arms - 1))
    edges = rng.random((arms, arms)) < 0.4
    edges[0] &= rng.random(arms) < 0.3  # the best arm reveals few
    return BernoulliProblem(means), edges


@pytest.mark.parametrize("seed", range(30))
def test_the_linear_program_agrees_with_its_corners(seed: int) -> None:
    problem, edges = instance(2 + seed % 3, seed, spread=2)
    gap = problem.means.max() - problem.means
    need = 1 / KL(problem.means[1:], problem.means.max())
    seen = (edges | np.eye(problem.arms, dtype=np.bool_)).T[1:] / need[:, None]

    constant = graves_lai_constant(GraphProblem(problem, edges))

    assert math.isclose(constant, least(gap, seen), rel_tol=1e-7, abs_tol=1e-9)


@given(arms=st.integers(2, 8), seed=st.integers(0, 2**32 - 1))
def test_an_edge_more_never_makes_learning_dearer(arms: int, seed: int) -> None:
    """From no edges, which is Lai and Robbins' constant, to all, in three steps."""
    problem, edges = instance(arms, seed, spread=5)
    graphs = [graph(arms), edges, edges | edges.T, np.ones((arms, arms), np.bool_)]

    constants = [graves_lai_constant(GraphProblem(problem, each)) for each in graphs]

    robbins = lai_robbins_constant(problem)
    assert math.isclose(constants[0], robbins, rel_tol=1e-9)
    for more, fewer in itertools.pairwise(constants):
        assert -1e-9 * robbins <= fewer <= more + 1e-7 * robbins


def test_constants_scale_with_the_rewards() -> None:
    """In units a quarter as large, gaps and deviations are four times as many of them."""
    means, std = np.array([1.0, 0.5, 0.25]), np.array([1.0, 2.0, 1.0])
    edges = graph(3, (2, 1))
    plain = GaussianProblem(means, std)
    scaled = GaussianProblem(4 * means, 4 * std)

    assert math.isclose(lai_robbins_constant(scaled), 4 * lai_robbins_constant(plain))
    assert math.isclose(
        graves_lai_constant(GraphProblem(scaled, edges)),
        4 * graves_lai_constant(GraphProblem(plain, edges)),
    )


def test_side_observations_let_ucb1_go_below_lai_robbins() -> None:
    """Where a best arm reveals the others: regret there stops growing with the horizon.

    The mean of 60 runs grows by less than .02 standard units of Lai and Robbins' rate between
    1000 and 4000 rounds; without side observations by more than its whole rate.
    """
    problem = bernoulli(0.8, 0.5)
    world = GraphProblem(problem, graph(2, (0, 1)))
    rate = lai_robbins_constant(problem) * math.log(4)
    growth = []
    for policy in (UCB1(2, side_observations=True), UCB1(2)):
        history = simulate({"it": policy}, world, horizon=4000, runs=60, seed=2, checkpoints=4)
        regret = history["it"].pseudo_regret.mean(0)
        growth.append(float(regret[-1] - regret[0]) / rate)

    assert graves_lai_constant(world) == 0
    assert growth[0] < 0.02
    assert growth[1] > 1
