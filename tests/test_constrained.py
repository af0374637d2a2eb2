"""`Constrained`: what it may play, what it learns from, and how often it is wrong."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, final

import numpy as np
import pytest
from scipy import special, stats

from banditsplit import BernoulliProblem, Constrained, Decision, Policy, load, with_budget
from banditsplit._typing import Bool, Float
from banditsplit.theory import (
    BetaMixture,
    Betting,
    ConfidenceSequence,
    EmpiricalBernstein,
    GraphProblem,
    Hoeffding,
    ImportanceWeighted,
)
from banditsplit.theory._confidence import Side
from banditsplit.theory._confidence._beta_mixture import Sums

if TYPE_CHECKING:
    from banditsplit.recipes import Certificate, ConstrainedRecipe

SAFE, REVEALING, LEVEL, DELTA = 0, 1, 0.1, 0.05
COSTS = (4.0, 8.0, 1.0, 2.0, 3.0)  # of safe, revealing, and three candidates


def policy_of(**changes: Any) -> Policy:
    """A policy over `COSTS` for one run."""
    given: dict[str, Any] = {
        "level": LEVEL,
        "safe": SAFE,
        "revealing": REVEALING,
        "delta": DELTA,
        "costs": COSTS,
        "seed": 0,
    }
    return Constrained(5, **(given | changes))


def revealed(loss: Any, pulled: int = REVEALING, cost: Any = COSTS) -> dict[str, Any]:
    """What a pull of the revealing arm shows, for one run."""
    return {
        "revealed": np.arange(len(loss)) != pulled,
        "reward": 1.0 - np.asarray(loss, np.float64),
        "cost": np.asarray(cost, np.float64),
        "kind": "observed",
    }


def audit(policy: Policy, loss: Any, times: int = 1, cost: Any = COSTS) -> None:
    """Pull the revealing arm ``times`` times, with the same losses."""
    for _ in range(times):
        policy.update(REVEALING, 1.0 - loss[REVEALING], cost[REVEALING], revealed(loss))


def play(policy: Policy, world: GraphProblem, rounds: int, seed: int = 1) -> Any:
    """Play ``rounds`` rounds of many runs; return the arms `[rounds, runs]`."""
    rng = np.random.default_rng(seed)
    situation = world.situation(1, cast("int", policy.runs), rng)
    arms = []
    for _ in range(rounds):
        arm = policy.select()
        policy.update(arm, *world.respond(situation, arm, rng))
        arms.append(arm)
    return np.array(arms)


def world_of(loss: Any, costs: Any = None) -> GraphProblem:
    """Arms of these mean losses, of which one reveals all and the others nothing."""
    loss = np.asarray(loss, np.float64)
    graph = np.zeros((len(loss), len(loss)), np.bool_)
    graph[REVEALING] = True
    costs = np.arange(len(loss), 0.0, -1) if costs is None else costs
    return GraphProblem(BernoulliProblem(1 - loss, np.asarray(costs)), graph)


def test_the_safe_arm_is_played_until_a_cheaper_one_is_certified() -> None:
    """Without a loss in n audits the evidence is a closed form; here it is summed by hand."""
    policy = policy_of()
    each, b = DELTA / 3, 0.5 / LEVEL
    prior = stats.beta(0.5, b)
    grid = np.linspace(0, LEVEL, 200_001)[1:]
    weights = np.diff(prior.cdf(np.concatenate([[0.0], grid])))
    needed = 0
    while True:
        needed += 1
        evidence = (weights * ((1 - grid) / (1 - LEVEL)) ** needed).sum() + prior.sf(LEVEL)
        if evidence >= 1 / each:
            break

    audit(policy, [0, 0, 0, 0, 0], needed - 1)
    assert policy.recommendation == SAFE
    assert not policy.certificate.certified.any()
    audit(policy, [0, 0, 0, 0, 0])
    assert policy.certificate.certified.tolist() == [False, False, True, True, True]
    assert policy.recommendation == 2  # the cheapest


def test_an_audit_is_as_likely_as_told_and_more_likely_at_the_start() -> None:
    policy = policy_of(audit_rate=0.25, burn_in=9.0)

    for t in range(1, 60):
        audits = max(0.25, 9 / (9 + t))
        expected = np.array([1 - audits, audits, 0, 0, 0])
        np.testing.assert_allclose(policy.probabilities(), expected)
        decision = policy.decide()
        assert decision.arm in (SAFE, REVEALING)
        assert decision.propensity == expected[decision.arm]
        policy.update(SAFE, 1.0, 4.0)


def test_audits_stop_when_every_cheaper_arm_is_refuted_and_not_before() -> None:
    policy = policy_of()
    audit(policy, [0, 0, 1, 0, 1], 80)
    known = policy.certificate
    assert known.refuted.tolist() == [False, False, True, False, True]
    assert known.deployed == 3
    assert known.settled  # arm 4 is dearer, arm 2 is refuted
    assert policy.probabilities().tolist() == [0, 0, 0, 1, 0]
    assert {policy.select() for _ in range(100)} == {3}

    unsure = policy_of()
    for n in range(80):  # arm 2 loses as often as the level
        audit(unsure, [0, 0, n % 10 == 0, 0, 1])
    assert unsure.recommendation == 3
    assert not unsure.certificate.settled
    assert unsure.probabilities()[REVEALING] > 0


def test_until_an_arm_is_certified_audits_may_be_frequent() -> None:
    policy = policy_of(until_certified=0.9, audit_rate=0.02, burn_in=0.0)
    np.testing.assert_allclose(policy.probabilities(), [0.1, 0.9, 0, 0, 0])

    for n in range(80):  # arm 2 loses as often as the level
        audit(policy, [0, 0, n % 10 == 0, 0, 1])
    np.testing.assert_allclose(policy.probabilities(), [0, 0.02, 0, 0.98, 0])


def test_audits_that_are_to_go_on_do_not_stop() -> None:
    """A recipe may say so; where laws may change nothing settles anyway."""
    policy = policy_of(audit_rate=0.02, burn_in=0.0)
    policy = Policy(replace(policy.recipe, stationary=False), seed=0)  # type: ignore[type-var]
    audit(policy, [0, 0, 1, 0, 1], 80)

    assert policy.certificate.settled
    np.testing.assert_allclose(policy.probabilities(), [0, 0.02, 0, 0.98, 0])


def test_only_what_was_sure_to_be_shown_is_learned() -> None:
    """A pull that shows others by its outcome is no sample of them: it is not counted."""
    policy, own = policy_of(), policy_of(own=True)
    for each in (policy, own):
        each.update(2, 1.0, 1.0, revealed([0, 0, 0, 0, 0], 2))
        each.update(SAFE, 1.0, 4.0, revealed([0, 0, 0, 0, 0], SAFE))
    assert policy.stats.pulls.sum() == 0
    assert own.stats.pulls.tolist() == [1, 0, 1, 0, 0]

    trusting = policy_of(safe_reveals=True)
    trusting.update(SAFE, 1.0, 4.0, revealed([0, 0, 1, 0, 0], SAFE))
    trusting.update(2, 1.0, 1.0, revealed([0, 0, 0, 0, 0], 2))
    assert trusting.stats.pulls.tolist() == [1, 1, 1, 1, 1]
    assert trusting.stats.mean.tolist() == [1, 1, 0, 1, 1]
    assert trusting.certificate.audits == 0


def test_an_audit_that_shows_only_some_arms_counts_for_those() -> None:
    policy = policy_of()
    side = revealed([0, 0, 1, 0, 0]) | {"revealed": np.array([0, 0, 1, 0, 1], np.bool_)}
    policy.update(REVEALING, 0.5, 8.0, side)

    assert policy.stats.pulls.tolist() == [0, 1, 1, 0, 1]
    assert policy.certificate.loss[[1, 2, 4]].tolist() == [0.5, 1, 0]
    assert np.isnan(policy.certificate.loss[[0, 3]]).all()


def test_arms_that_cost_as_much_as_the_safe_one_are_no_candidates() -> None:
    """So they do not share in delta: with one candidate it is not divided."""
    few = policy_of(costs=(2.0, 8.0, 1.0, 2.0, 3.0))
    alone = Constrained(
        3, level=LEVEL, safe=0, revealing=1, delta=DELTA, costs=(2.0, 8.0, 1.0), seed=0
    )
    for each, arms in ((few, 5), (alone, 3)):
        for n in range(200):
            loss = [0, 0, n % 40 == 0, 0, 0][:arms]
            each.update(REVEALING, 1.0, 8.0, revealed(loss, cost=[1.0] * arms))
            if each.certificate.certified.any():
                break
        assert each.certificate.certified.nonzero()[0].tolist() == [2]
    assert few.round == alone.round


def test_in_a_testing_order_each_arm_waits_for_those_before_it() -> None:
    policy = policy_of(order=(4, 3, 2))
    for _ in range(60):  # arm 3 is bad, so arm 2 never has its turn
        audit(policy, [0, 0, 0, 1, 0])
    assert policy.certificate.certified.tolist() == [False, False, False, False, True]
    assert policy.recommendation == 4
    assert policy.certificate.settled

    # All of delta for each: it certifies with fewer audits than the union does.
    ordered, union = policy_of(order=(4, 3, 2)), policy_of()
    taken = []
    for each in (ordered, union):
        while not each.certificate.certified.any():
            audit(each, [0] * 5)
        taken.append(each.round)
    assert taken[0] < taken[1]

    # An arm that is not listed is never played; a dear one may stand before others.
    partly = policy_of(order=(4,), costs=(4.0, 8.0, 1.0, 2.0, 5.0))
    audit(partly, [0] * 5, 200)
    assert partly.recommendation == SAFE


def test_costs_are_learned_where_nobody_tells_them() -> None:
    told, learned = policy_of(), policy_of(costs=None)
    assert learned.recommendation == SAFE
    for each in (told, learned):
        audit(each, [0, 0, 1, 0, 0], 80)

    assert told.recommendation == learned.recommendation == 3
    # The cheap pull of arm 4 is seen, and arm 4 becomes the cheapest on average.
    for _ in range(2000):
        learned.update(4, 1.0, 0.0)
    assert learned.recommendation == 4


def test_while_a_cost_is_unknown_the_choice_has_not_settled() -> None:
    policy = policy_of(costs=None)
    policy.update(SAFE, 1.0, 4.0)

    assert not policy.certificate.settled
    assert policy.probabilities()[REVEALING] > 0


def test_a_mask_leaves_certified_arms_or_the_safe_one_where_it_can() -> None:
    policy = policy_of()
    audit(policy, [0, 0, 0, 0, 1], 80)

    def chosen(*arms: int) -> set[int]:
        available = np.isin(np.arange(5), arms)
        return {policy.select(available=available) for _ in range(30)}

    assert chosen(0, 2, 3, 4) == {2}
    assert chosen(0, 3, 4) == {3}
    assert chosen(0, 4) == {0}
    assert chosen(4) == {4}  # nothing else is there


def test_with_one_arm_it_plays_that_one() -> None:
    policy = Constrained(1, level=0.1, safe=0, revealing=0, costs=(1.0,), seed=0)
    policy.update(0, 1.0, 1.0)

    assert policy.select() == 0
    assert policy.certificate.settled


def test_it_plays_certified_safe_and_revealing_arms_only_and_ends_at_the_best() -> None:
    """Losses .3 and .02 at level .1: 400 rounds settle them in all 50 runs, by far."""
    world = world_of([0, 0, 0.3, 0.3, 0.02, 0.02], [6.0, 9.0, 1.0, 2.0, 3.0, 4.0])
    costs = tuple(world.problem.expected_cost)
    policy = Constrained(
        6, level=0.1, safe=0, revealing=1, costs=costs, burn_in=400.0, runs=50, seed=0
    )
    rng = np.random.default_rng(1)
    situation = world.situation(1, 50, rng)
    for _ in range(800):
        allowed = cast("ConstrainedRecipe", policy.recipe).certified(policy._state)
        allowed[:, [SAFE, REVEALING]] = True
        arm = policy.select()
        assert allowed[np.arange(50), arm].all()
        policy.update(arm, *world.respond(situation, arm, rng))

    known = policy.certificate
    assert known.deployed.tolist() == [4] * 50
    assert known.settled.all()
    assert (known.upper[:, 4] <= 0.1).all()
    assert (known.audits < 800).all()


def ever_wrong(
    recipe: Callable[..., Policy], *, arms: int = 22, runs: int = 200, rounds: int = 300
) -> int:
    """In how many runs an arm of loss .1001 is ever certified at level .1; all are audited."""
    loss = np.full(arms, 0.1001)
    loss[[SAFE, REVEALING]] = 0
    policy = recipe(
        arms,
        level=LEVEL,
        safe=SAFE,
        revealing=REVEALING,
        delta=DELTA,
        audit_rate=1.0,
        runs=runs,
        seed=0,
    )
    rng = np.random.default_rng(5)
    side = {"revealed": np.arange(arms) != REVEALING, "cost": np.ones((runs, arms))}
    side["revealed"] = np.broadcast_to(side["revealed"], (runs, arms))
    for _ in range(rounds):
        lost = (rng.random((runs, arms)) < loss) * 1.0
        shown = side | {"reward": 1 - lost, "kind": "observed"}
        policy.update(np.full(runs, REVEALING), np.ones(runs), np.ones(runs), shown)
    wrong = policy.certificate.certified & (loss > LEVEL)
    return int(wrong.any(-1).sum())


def check_share(wrong: int, runs: int = 200) -> None:
    """More than ``DELTA`` is refused at a level of 1e-6: so often it fails where it is true."""
    assert stats.binomtest(wrong, runs, DELTA, alternative="greater").pvalue > 1e-6


def test_arms_just_above_the_level_are_played_with_probability_delta_at_most() -> None:
    """20 arms of loss .1001 at level .1, over 300 audits: the hardest there are."""
    check_share(ever_wrong(Constrained))
    check_share(ever_wrong(partial(Constrained, order=range(2, 22))))


@final
@dataclass(frozen=True, slots=True)
class FixedTime(ConfidenceSequence):
    """A planted bug: a normal test for one time, used at all times."""

    delta: float = 0.05
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0

    def empty(self, shape: tuple[int, ...]) -> Sums:
        return Sums(np.zeros(shape), np.zeros(shape))

    def observe(self, state: Sums, cell: Any, value: Any) -> None:
        state.count.reshape(-1)[cell] += 1
        state.total.reshape(-1)[cell] += value

    def log_evidence(self, state: Sums, mean: Any, side: Side, cell: Any = None) -> Float:
        count, total = state.count.reshape(-1)[cell], state.total.reshape(-1)[cell]
        distance = mean - total / np.maximum(count, 1)
        distance = distance if side == "upper" else -distance
        deviation = distance * np.sqrt(count / (mean * (1 - mean)))
        evidence: Float = -special.log_ndtr(-deviation)
        return evidence

    def bounds(self, state: Sums) -> tuple[Float, Float]:
        return np.zeros_like(state.count), np.ones_like(state.count)


def without_union(arms: int, **given: Any) -> Policy:
    """A planted bug: every arm has all of delta."""
    policy = Constrained(arms, **given)
    recipe = cast("ConstrainedRecipe", policy.recipe)
    each = BetaMixture(recipe.delta, side="upper", b=0.5 / recipe.level)
    object.__setattr__(recipe, "_upper", each)
    return policy


def by_the_mean(arms: int, **given: Any) -> Policy:
    """A planted bug: what looks good after ten audits is good."""

    @final
    @dataclass(frozen=True, slots=True)
    class Looks(ConfidenceSequence):
        delta: float = 0.05
        side: Literal["both", "lower", "upper"] = "both"
        low: float = 0.0
        high: float = 1.0
        empty, observe, bounds = FixedTime.empty, FixedTime.observe, FixedTime.bounds

        def log_evidence(self, state: Sums, mean: Any, side: Side, cell: Any = None) -> Float:
            count, total = state.count.reshape(-1)[cell], state.total.reshape(-1)[cell]
            good: Float = np.where((count >= 10) & (total < mean * count), np.inf, 0.0)
            return good if side == "upper" else np.zeros_like(good)

    return Constrained(arms, **given, sequence=Looks())


@pytest.mark.parametrize(
    "broken",
    [
        partial(Constrained, order=range(2, 22), sequence=FixedTime()),
        without_union,
        by_the_mean,
    ],
    ids=["a fixed-time bound", "no union over the arms", "the sample mean"],
)
def test_the_same_check_catches_planted_bugs(broken: Callable[..., Policy]) -> None:
    with pytest.raises(AssertionError):
        check_share(ever_wrong(broken))


def test_learning_from_what_an_outcome_revealed_would_break_the_promise() -> None:
    """Why pulls that show others are not learned from.

    Arm 2 errs in 20 % of samples. A pull of it shows how it does only where the network is
    sure, and there it errs in 2 %. Taken for a sample of all, it is certified at once.
    """
    rng = np.random.default_rng(0)
    careful, trusting = policy_of(seed=1), policy_of(seed=1, own=True)
    for _ in range(400):
        sure = rng.random() < 0.8
        lost = float(rng.random() < (0.02 if sure else 0.92))
        if sure:  # shown by its outcome
            for each in (careful, trusting):
                each.update(2, 1 - lost, 1.0)

    assert careful.recommendation == SAFE
    assert trusting.recommendation == 2


def test_the_certificate_is_a_copy_and_survives_a_file(tmp_path: Path) -> None:
    policy = policy_of()
    audit(policy, [0, 0, 1, 0, 0], 60)
    known: Certificate = policy.certificate
    policy.save(tmp_path / "policy.json")
    again = load(tmp_path / "policy.json").certificate
    for name in known.__slots__:
        np.testing.assert_array_equal(getattr(known, name), getattr(again, name))

    known.certified[:] = False
    known.observed[:] = 0
    assert policy.certificate.certified.sum() == 2
    assert policy.stats.pulls.tolist() == [60] * 5
    assert with_budget(policy, 5.0).certificate.audits == 0


def bad(**values: tuple[Any, ...]) -> dict[str, tuple[str, Any]]:
    """Each bad value of each argument."""
    return {f"{name}={one!r}": (name, one) for name, some in values.items() for one in some}


BAD = bad(
    level=(0.0, 1.0, -0.1, math.nan, "0.1", None),
    delta=(0.0, 1.0, 2.0, math.inf, None),
    safe=(-1, 5, 0.0, None),
    revealing=(-1, 5, "1"),
    audit_rate=(0.0, 1.5, math.nan),
    burn_in=(-1.0, math.inf, "10"),
    costs=([1.0], [1.0, 2.0, 3.0, -1.0, 1.0], 3.0, [math.nan] * 5),
    order=([2, 2], [0], [REVEALING], [5], [2.0], 2, "23"),
    own=(1, None),
    safe_reveals=(1, "yes", None),
    sequence=("BetaMixture", BetaMixture),
)
# What is refused where laws are assumed to be stationary; `window` is for those that are not.
BAD_IF_STATIONARY = bad(
    assume_stationary=(0,),
    until_certified=(-0.1, 1.5, math.nan, "1"),
    window=(500.0,),
)


@pytest.mark.parametrize("stationary", [True, False], ids=["stationary", "drifting"])
@pytest.mark.parametrize(("name", "value"), BAD.values(), ids=BAD)
def test_a_bad_argument_is_refused_whatever_is_assumed(
    name: str,
    value: Any,
    stationary: bool,  # noqa: FBT001 - parametrized
) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must .*, got .*"):
        policy_of(assume_stationary=stationary, **{name: value})


@pytest.mark.parametrize(("name", "value"), BAD_IF_STATIONARY.values(), ids=BAD_IF_STATIONARY)
def test_a_bad_argument_is_refused(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must .*, got .*"):
        policy_of(**{name: value})


@pytest.mark.parametrize(
    ("reward", "cost", "side"),
    [
        (1.5, 1.0, None),
        (1.0, 1e301, None),
        (1.0, 1.0, revealed([0, 0, 2, 0, 0])),
        (1.0, 1.0, revealed([0, 0, -1, 0, 0])),
    ],
    ids=["a reward above 1", "an enormous cost", "a side reward below 0", "one above 1"],
)
def test_bad_feedback_changes_nothing(
    reward: float, cost: float, side: Any, tmp_path: Path
) -> None:
    policy = policy_of(costs=None)
    audit(policy, [0] * 5, 3)
    policy.save(tmp_path / "before")
    with pytest.raises(ValueError, match=r"must .*, got "):
        policy.update(REVEALING, reward, cost, side)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()


def test_any_confidence_sequence_will_do_and_keeps_its_own_constants() -> None:
    policy = policy_of(sequence=BetaMixture(0.5, a=1.0, b=1.0))
    recipe = cast("ConstrainedRecipe", policy.recipe)

    assert recipe._upper == BetaMixture(DELTA / 3, side="upper", a=1.0, b=1.0)


SEQUENCES = [
    BetaMixture(0.5),
    Betting(0.5, grid=(LEVEL,)),
    EmpiricalBernstein(0.5),
    Hoeffding(0.5),
    ImportanceWeighted(0.5, grid=(LEVEL,), least=1.0),
]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: type(sequence).__name__)
def test_every_kind_of_sequence_certifies_and_survives_a_file(
    sequence: ConfidenceSequence, tmp_path: Path
) -> None:
    policy = policy_of(sequence=sequence)
    rounds = 0
    while certified(policy).sum() < 2:
        audit(policy, [0, 0, 1, 0, 0], 20)
        rounds += 20
        assert rounds <= 1500
    policy.save(tmp_path / "policy.json")
    again = load(tmp_path / "policy.json")
    for each in (policy, again):
        audit(each, [0, 0, 1, 0, 0])

    assert certified(policy).tolist() == [False, False, False, True, True]
    np.testing.assert_array_equal(policy.certificate.upper, again.certificate.upper)


def certified(policy: Policy) -> Bool:
    """The arms that are certified."""
    known: Bool = policy.certificate.certified
    return known


def test_the_stream_may_be_split_into_late_feedback() -> None:
    """Audits answered late, in any order, certify the same arms."""
    prompt, late = policy_of(seed=3), policy_of(seed=3)
    rng = np.random.default_rng(0)
    losses = (rng.random((150, 5)) < [0, 0, 0.5, 0.01, 0.01]) * 1.0
    audits = [late.adopt(Decision(n, REVEALING)) for n in range(150)]
    for loss in losses:
        prompt.update(REVEALING, 1.0, 8.0, revealed(loss))
    for n in rng.permutation(150):
        late.learn(audits[n], 1.0, 8.0, revealed(losses[n]))

    assert certified(prompt).tolist() == certified(late).tolist()
