"""Every named policy obeys the laws of `banditsplit.testing`.

A new algorithm joins `POLICIES` and inherits all of them. What a policy is outside of is
declared beside it, with the reason; a declaration that is not needed is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Unpack

import numpy as np
import pytest

import banditsplit as bs
from banditsplit import (
    UCB1,
    EpsilonGreedy,
    FixedArm,
    IndexRecipe,
    Net,
    Options,
    Policy,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
    algorithms,
    compose,
)
from banditsplit._argmax import argmax
from banditsplit._typing import Seed
from banditsplit.feedback import Pull
from banditsplit.testing import LAWS, LawBroken, Subject, check_policy

Make = Callable[..., Policy]

LAW = {law.name: law for law in LAWS}
ANY_ORDER = "The order of independent feedback does not matter"
TIES = "Ties are broken evenly"
NEVER_LEARNS = "What it sees changes what it does: it beats uniform play"
NEVER_SAVES = "Of equal arms it prefers the cheap one under a net objective"


@dataclass(frozen=True)
class Named:
    """A policy under the laws.

    Attributes:
        make: What `check_policy` takes.
        exempt: Laws that it is outside of where that cannot be seen, name to reason.
        rewards: The lowest and the highest reward that it takes.
        costs: The lowest and the highest cost.
    """

    make: Make
    exempt: dict[str, str] = field(default_factory=dict)
    rewards: tuple[float, float] = (0.0, 1.0)
    costs: tuple[float, float] = (0.125, 1.0)

    def subject(self) -> Subject:
        """As the kit sees it."""
        return Subject(self.make, rewards=self.rewards, costs=self.costs)


def spanned(algorithm: Make, *arguments: Any, unit: str, at_one: float, **others: Any) -> Make:
    """Return how ``algorithm`` is made for rewards in another unit, which ``unit`` tells."""

    def make(
        *, reward_scale: float = 1.0, reward_shift: float = 0.0, **options: Unpack[Options]
    ) -> Policy:
        del reward_shift  # it has no zero
        return algorithm(*arguments, **{unit: at_one * reward_scale}, **others, **options)

    return make


def budgeted(*, runs: int | None = None, seed: Seed) -> Policy:
    """Return UCB1 until 150 units of cost are spent."""
    return bs.with_budget(UCB1(4), 150.0).fresh(runs=runs, seed=seed)


# What a policy is outside of that plays only what is certified.
CERTIFIES = dict.fromkeys(
    (
        "Renaming the arms renames the decisions",
        TIES,
        "Every arm gets its chance",
        "An arm that began badly gets another chance",
    ),
    "one arm is safe, and the others wait for their certificate",
) | {
    "With every arm revealed it does not matter which was pulled": (
        "only what a pull was sure to show is learned from"
    ),
    NEVER_LEARNS: "it wants the least cost, not the most reward",
}

# Name (and what is special about it, after a blank) to policy.
POLICIES: dict[str, Named] = {
    "UCB1": Named(spanned(UCB1, 4, unit="span", at_one=1.0)),
    "UCB1 span=2.5": Named(spanned(UCB1, 3, unit="span", at_one=2.5)),
    "UCB1 of two arms": Named(partial(UCB1, 2)),
    "SplitEE": Named(partial(SplitEE, 4, tradeoff=0.1)),
    "SplitEES": Named(partial(SplitEES, 4, tradeoff=0.1, beta=0.5)),
    "ThompsonSampling": Named(partial(ThompsonSampling, 4)),
    "ThompsonSampling std=0.5": Named(spanned(ThompsonSampling, 4, unit="std", at_one=0.5)),
    "EpsilonGreedy": Named(partial(EpsilonGreedy, 4)),
    "EpsilonGreedy decay": Named(partial(EpsilonGreedy, 4, epsilon=5.0, decay=True)),
    "UniformRandom": Named(
        partial(UniformRandom, 4),
        exempt=dict.fromkeys((NEVER_LEARNS, NEVER_SAVES), "it does not learn"),
    ),
    "FixedArm": Named(
        partial(FixedArm, 4, 1),
        exempt=dict.fromkeys((NEVER_LEARNS, NEVER_SAVES), "it does not learn")
        | dict.fromkeys(
            (
                "Renaming the arms renames their scores",
                "Renaming the arms renames the decisions",
                TIES,
                "Every arm gets its chance",
                "An arm that began badly gets another chance",
            ),
            "one arm is special: it is all that it pulls",
        ),
    ),
}

# Others, by family.
POLICIES |= {
    "UCB": Named(partial(bs.UCB, 4, alpha=3.0)),
    "UCBTuned": Named(spanned(bs.UCBTuned, 4, unit="span", at_one=1.0)),
    "UCBV": Named(spanned(bs.UCBV, 4, unit="span", at_one=1.0)),
    "AsymptoticallyOptimalUCB": Named(
        spanned(bs.AsymptoticallyOptimalUCB, 4, unit="std", at_one=0.5)
    ),
    "MOSS": Named(partial(bs.MOSS, 4, horizon=1000)),
    "AnytimeMOSS": Named(spanned(bs.AnytimeMOSS, 4, unit="span", at_one=1.0)),
    "KLUCB": Named(partial(bs.KLUCB, 4)),
    "KLUCB Gaussian": Named(partial(bs.KLUCB, 4, family=bs.theory.Gaussian(0.5), c=3.0)),
    "KLUCBPlusPlus": Named(partial(bs.KLUCBPlusPlus, 4, horizon=1000)),
    "IMED": Named(partial(bs.IMED, 4)),
    "IMED Gaussian": Named(partial(bs.IMED, 4, family=bs.theory.Gaussian(0.5))),
    "BayesUCB": Named(partial(bs.BayesUCB, 4)),
    "BayesUCB Gaussian": Named(spanned(bs.BayesUCB, 4, unit="std", at_one=0.5)),
    "NIGThompsonSampling": Named(partial(bs.NIGThompsonSampling, 4)),
    "BoltzmannGumbel": Named(spanned(bs.BoltzmannGumbel, 4, unit="c", at_one=0.5)),
}
POLICIES |= {
    "ExploreThenCommit": Named(partial(bs.ExploreThenCommit, 4, pulls_each=10)),
    # At span 1 the rounds of the laws are too few for it to drop anyone.
    "SuccessiveElimination": Named(partial(bs.SuccessiveElimination, 4, delta=0.1, span=0.25)),
    "LUCB": Named(spanned(bs.LUCB, 4, unit="span", at_one=1.0, delta=0.1)),
    # Stops in the middle of the laws.
    "LUCB soon": Named(partial(bs.LUCB, 4, delta=0.1, epsilon=0.5, span=0.5)),
    "KLLUCB": Named(partial(bs.KLLUCB, 4, delta=0.1)),
    "SuccessiveHalving": Named(partial(bs.SuccessiveHalving, 4, budget=200)),
    "TopTwoThompson": Named(partial(bs.TopTwoThompson, 4, delta=0.1)),
    "TopTwoThompson std=0.5": Named(partial(bs.TopTwoThompson, 4, delta=0.1, std=0.5)),
    "EXP3": Named(partial(bs.EXP3, 4)),
    "EXP3 gamma": Named(partial(bs.EXP3, 4, gamma=0.1)),
    "EXP3IX": Named(
        partial(bs.EXP3IX, 4),
        exempt={ANY_ORDER: "how far it shrinks an estimate falls with the round of learning"},
    ),
    "EXP3IX eta": Named(partial(bs.EXP3IX, 4, eta=0.05)),
    "EXP3S": Named(
        partial(bs.EXP3S, 4, horizon=1000, changes=2),
        exempt={ANY_ORDER: "every round shares weights anew: what came first is shared more"},
    ),
    "EXP3SET": Named(partial(bs.EXP3SET, 4, graph=np.eye(4, dtype=bool))),
    "TsallisINF": Named(partial(bs.TsallisINF, 4)),
    "TsallisINF reduced variance": Named(partial(bs.TsallisINF, 4, reduced_variance=True)),
}
POLICIES |= {
    "DUCB": Named(partial(bs.DUCB, 4, discount=0.98)),
    "SWUCB": Named(partial(bs.SWUCB, 4, window=100)),
    "DiscountedThompson": Named(partial(bs.DiscountedThompson, 4, discount=0.98)),
    "CUSUMUCB": Named(
        partial(bs.CUSUMUCB, 4, threshold=5.0, tolerance=0.1, baseline=20, exploration=0.1)
    ),
    "GLRUCB": Named(partial(bs.GLRUCB, 4, delta=0.05, exploration=0.1)),
}
POLICIES |= {
    "UCB1 by reward per cost": Named(partial(UCB1, 4, objective=bs.Ratio())),
    "UCB1 with a budget": Named(budgeted),
    "UCBBV": Named(partial(bs.UCBBV, 4, smallest_cost=0.45)),
    "BudgetedThompsonSampling": Named(partial(bs.BudgetedThompsonSampling, 4)),
    "PrimalDualBwK": Named(partial(bs.PrimalDualBwK, 4, budgets=1e6, horizon=10**6)),
    "CSUCB": Named(partial(bs.CSUCB, 4, factor=0.2, horizon=1000)),
    "CSTS": Named(partial(bs.CSTS, 4, factor=0.2)),
    "CSETC": Named(partial(bs.CSETC, 4, factor=0.2, horizon=30)),
    "Constrained": Named(
        partial(bs.Constrained, 4, level=0.3, safe=0, revealing=3),
        exempt=CERTIFIES,
    ),
    "Constrained under drift": Named(
        partial(bs.Constrained, 4, level=0.3, safe=0, revealing=3, assume_stationary=False),
        exempt=CERTIFIES | {ANY_ORDER: "what is long ago counts less"},
    ),
}
POLICIES |= {
    "LinUCB": Named(partial(bs.LinUCB, 4, features=2)),
    "LinUCB shared": Named(partial(bs.LinUCB, 4, features=2, shared=True)),
    "OFUL": Named(partial(bs.OFUL, 4, features=2)),
    "LinTS": Named(partial(bs.LinTS, 4, features=2)),
    "LinGreedy": Named(partial(bs.LinGreedy, 4, features=2)),
    "SquareCB": Named(partial(bs.SquareCB, 4, features=2, gamma=5.0)),
}

every = pytest.mark.parametrize("named", POLICIES.values(), ids=POLICIES)


def test_every_named_algorithm_is_in_the_list() -> None:
    listed = {name.partition(" ")[0] for name in POLICIES}

    assert listed == set(algorithms.__all__)
    assert listed <= set(bs.__all__)


@every
def test_it_obeys_the_laws(named: Named) -> None:
    report = check_policy(
        named.make, exempt=named.exempt, rewards=named.rewards, costs=named.costs
    )

    assert set(report.passed) | set(report.outside) | set(report.exempt) == set(LAW)
    assert all(report.outside.values())


EXEMPTIONS = [
    pytest.param(named, law, id=f"{name}: {law}")
    for name, named in POLICIES.items()
    for law in named.exempt
]


@pytest.mark.parametrize(("named", "law"), EXEMPTIONS)
def test_every_exemption_is_needed(named: Named, law: str) -> None:
    """Each law is thereby seen to catch somebody, and no exemption outlives its reason."""
    subject = named.subject()

    assert LAW[law].outside(subject) is None
    with pytest.raises(LawBroken, match=r"(?s)^" + law):
        LAW[law].check(subject)


def test_every_law_concerns_some_named_policy() -> None:
    subjects = [named.subject() for named in POLICIES.values()]
    idle = {law.name for law in LAWS if all(law.outside(s) is not None for s in subjects)}

    assert idle == set()


# What production asks of them: they do it, or are listed here and refuse.

FORGETTING = {"DUCB", "SWUCB", "DiscountedThompson", "CUSUMUCB", "GLRUCB"}
DRAWING = {"EXP3", "EXP3 gamma", "EXP3IX", "EXP3IX eta", "EXP3S", "EXP3SET"}
DRAWING |= {"TsallisINF", "TsallisINF reduced variance"}
PAYING = {"UCB1 by reward per cost", "UCBBV", "BudgetedThompsonSampling", "PrimalDualBwK"}
PAYING |= {"CSUCB", "CSTS", "CSETC"}
LINEAR = {name for name in POLICIES if POLICIES[name].make(seed=0).recipe.context_shape}

CERTIFIED = {
    "Constrained",
    "Constrained under drift",
}  # what it certifies hangs on the order, and on one set of arms

IDENTIFYING = {
    *("LUCB", "LUCB soon", "KLLUCB", "SuccessiveHalving"),
    *("TopTwoThompson", "TopTwoThompson std=0.5"),
}
# The order of rounds, or the round itself, is a part of what they know.
NO_MERGE = FORGETTING | CERTIFIED | {"EXP3IX", "EXP3S", "PrimalDualBwK"}
NO_MERGE |= {"TsallisINF reduced variance", "SuccessiveHalving"}
# One mean an arm is not what they learn from, or it would belong to a round.
NO_WARM_START = FORGETTING - {"DUCB", "DiscountedThompson"} | DRAWING | PAYING | LINEAR
NO_WARM_START |= CERTIFIED | IDENTIFYING
# Arms are compared over the same rounds.
NO_OTHER_ARMS = DRAWING | CERTIFIED | IDENTIFYING


def lived(policy: Policy, named: Named, seed: int, rounds: int = 25) -> list[Any]:
    """Let a policy of one run live, and return what it was told with what it drew from."""
    rng, recipe, pulls = np.random.default_rng(seed), policy.recipe, []
    for _ in range(rounds):
        shape = recipe.context_shape
        context = None if shape is None else rng.normal(size=shape)
        arm, drawn = recipe.choose(policy._state, rng, context, None)
        reward, cost = rng.uniform(*named.rewards), rng.uniform(*named.costs, recipe.resources)
        chance = None if drawn is None else drawn[arm]
        pulls.append(Pull(arm, reward, cost, None, chance, context, None, drawn))
        recipe.learn(policy._state, pulls[-1], None)
    return pulls


@pytest.mark.parametrize("name", POLICIES)
def test_devices_merge_to_one_that_saw_everything_or_it_is_refused(name: str) -> None:
    """In full: tests/test_merge.py."""
    named = POLICIES[name]
    devices, one = [named.make(seed=seed) for seed in range(3)], named.make(seed=0)
    for seed, device in enumerate(devices):
        for pull in lived(device, named, seed):
            one.recipe.learn(one._state, pull, None)
    if name in NO_MERGE:
        with pytest.raises(ValueError, match=r"(?s)^`(memory|recipe)` must .*, got "):
            devices[0].merge(*devices[1:])
        return

    merged = devices[0].merge(*devices[1:], seed=0)

    assert merged.round == one.round == 76
    assert merged.stats.pulls.tolist() == one.stats.pulls.tolist()
    np.testing.assert_allclose(merged.stats.mean, one.stats.mean, rtol=1e-12, atol=1e-15)
    context = None if one.recipe.context_shape is None else np.ones(one.recipe.context_shape)
    probabilities = merged.probabilities(context), one.probabilities(context)
    if probabilities[0] is not None:
        np.testing.assert_allclose(*probabilities, rtol=1e-9, atol=1e-12)
    assert merged.recommendation == one.recommendation


@pytest.mark.parametrize("name", POLICIES)
def test_it_starts_warm_or_refuses(name: str) -> None:
    """In full: tests/test_warm_start.py."""
    policy = POLICIES[name].make(seed=0)
    prior = np.linspace(0.1, 0.9, policy.arms)
    if name in NO_WARM_START:
        with pytest.raises(ValueError, match=r"(?s)^`(memory|recipe)` must .*, got "):
            policy.warm_start(prior, 10, 0.1)
        return

    policy.warm_start(prior, 10, 0.1)

    assert policy.stats.pulls.tolist() == [10.0] * policy.arms
    assert policy.stats.mean.tolist() == prior.tolist()
    assert policy.recommendation == policy.arms - 1
    assert policy.round == 1
    policy.update(policy.select(), 0.5, 0.5)


@pytest.mark.parametrize("name", POLICIES)
def test_its_arms_come_and_go_or_it_refuses(name: str) -> None:
    """In full: tests/test_changing_arms.py."""
    named = POLICIES[name]
    policy = named.make(seed=0)
    arms = policy.arms
    lived(policy, named, 0)
    if name in NO_OTHER_ARMS:
        for change in (policy.add_arms, partial(policy.remove_arms, 0)):
            with pytest.raises(ValueError, match=r"(?s)^`recipe` must .*, got "):
                change()
        assert policy.arms == arms
        return
    before = policy.stats

    policy.add_arms(2)
    policy.remove_arms([0, arms])  # the first one, and one of the new ones

    assert policy.arms == arms
    assert policy.stats.pulls.tolist() == [*before.pulls[1:].tolist(), 0.0]
    assert policy.stats.mean.tolist() == [*before.mean[1:].tolist(), 0.0]
    assert policy.round == 26
    lived(policy, named, 1)
    assert policy.round == 51


# What only our own policies can be asked.


def played(policy: Policy, rounds: int = 200) -> list[Any]:
    """The arms of rounds in which arm 2 of 3 is the best, with costs and side observations."""
    rng, arms = np.random.default_rng(0), []
    for _ in range(rounds):
        reward, cost = (rng.random(3) < [0.3, 0.5, 0.7]) * 1.0, rng.random(3)
        arm = policy.select()
        revealed = (rng.random(3) < 0.5) & (np.arange(3) != arm)
        shown = {"reward": reward * revealed, "cost": cost * revealed}
        policy.update(
            arm, reward[arm], cost[arm], {"revealed": revealed, "kind": "observed", **shown}
        )
        arms.append(arm)
    return arms


@every
def test_another_seed_makes_other_decisions(named: Named) -> None:
    """The control of "the same seed", where anything is drawn at all."""
    shape = named.make(seed=0).recipe.context_shape
    context = None if shape is None else np.ones((3, *shape))
    one, other = (
        [policy.select(context).tolist() for _ in range(50)]
        for policy in (named.make(runs=3, seed=5), named.make(runs=3, seed=6))
    )

    assert (one == other) == (named is POLICIES["FixedArm"])


def test_one_run_breaks_its_ties_evenly_too() -> None:
    """In 6,000 decisions each of 4 arms gets 1,500 +- 6 sigma: fails with probability 1e-8."""
    policy = UCB1(4, seed=3)
    counts = np.bincount([policy.select() for _ in range(6000)], minlength=4)

    assert (abs(counts - 1500) < 6 * np.sqrt(6000 * 0.25 * 0.75)).all()


def test_without_a_tie_the_generator_is_not_touched() -> None:
    rng, untouched = np.random.default_rng(0), np.random.default_rng(0)

    assert argmax(np.array([0.1, 0.3, 0.2]), rng) == 1
    assert argmax(np.array([[0.1, 0.3], [0.3, 0.2]]), rng).tolist() == [1, 0]
    assert rng.bit_generator.state == untouched.bit_generator.state


def test_split_ee_does_not_look_at_side_observations() -> None:
    """One observation a round, of the pulled arm; SplitEES has seen more."""
    plain, more = SplitEE(3, tradeoff=0.1, seed=5), SplitEES(3, tradeoff=0.1, seed=5)
    played(plain, 100)
    played(more, 100)

    assert plain.stats.pulls.sum() == 100
    assert more.stats.pulls.sum() > 150
    assert plain.round == more.round == 101


def test_with_every_arm_revealed_split_ees_knows_as_much_as_full_information() -> None:
    rng = np.random.default_rng(0)
    rewards, costs = rng.random((60, 4)), rng.random((60, 4))
    policy = SplitEES(4, tradeoff=0.5, seed=0)
    for reward, cost in zip(rewards, costs, strict=True):
        arm = policy.select()
        others = np.arange(4) != arm
        side = {"revealed": others, "reward": reward, "cost": cost, "kind": "observed"}
        policy.update(arm, reward[arm], cost[arm], side)

    assert policy.stats.pulls.tolist() == [60.0] * 4
    np.testing.assert_allclose(policy.stats.mean, (rewards - 0.5 * costs).mean(0), rtol=1e-12)


def test_a_cost_changes_nothing_under_reward() -> None:
    cheap, dear = (UCB1(3, seed=5) for _ in range(2))
    for t in range(200):
        arm = cheap.select()

        assert dear.select() == arm
        cheap.update(arm, (t + arm) % 2)
        dear.update(arm, (t + arm) % 2, 9.0)


@pytest.mark.parametrize(
    "make", [UCB1, partial(ThompsonSampling, std=0.5), EpsilonGreedy, UniformRandom]
)
def test_a_cost_counts_under_net(make: Make) -> None:
    """Two pulls of arm 0 that cost 1 and 3 at tradeoff .25 lower its mean by .5."""
    policy = make(3, seed=5, objective=Net(0.25))
    policy.update(0, 1.0, 1.0)
    policy.update(0, 1.0, 3.0)

    assert policy.stats.mean[0] == pytest.approx(0.5)


def test_a_composed_policy_is_its_named_one() -> None:
    """A name is a short constructor and nothing else."""
    named = SplitEE(3, tradeoff=0.1, seed=5)
    assert isinstance(named.recipe, IndexRecipe)
    composed = compose(3, named.recipe.index, objective=Net(0.1), seed=5)

    assert played(composed) == played(named)
