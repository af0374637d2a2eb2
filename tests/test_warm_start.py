"""A warm start is as having observed what it tells, beside the rounds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import banditsplit as bs
from banditsplit import Policy
from banditsplit.indices import KLUCB
from banditsplit.memories import Discounted, SlidingWindow

Make = Callable[..., Policy]
NAN, INF = float("nan"), float("inf")
REFUSAL = r"(?s)^`[^`]+` must .*, got .*"

WARM: dict[str, Make] = {
    "UCB1": partial(bs.UCB1, 3),
    "UCB1 net": partial(bs.UCB1, 3, objective=bs.Net(0.5)),
    "UCBV": partial(bs.UCBV, 3),
    "NIGThompsonSampling": partial(bs.NIGThompsonSampling, 3),
    "KLUCB": partial(bs.KLUCB, 3),
    "ThompsonSampling": partial(bs.ThompsonSampling, 3),
    "EpsilonGreedy": partial(bs.EpsilonGreedy, 3),
    "CSTS told": partial(bs.CSTS, 3, factor=0.1, costs=[1.0, 2.0, 3.0]),
    "ExploreThenCommit": partial(bs.ExploreThenCommit, 3, pulls_each=2),
    "SuccessiveElimination": partial(bs.SuccessiveElimination, 3, delta=0.1, span=0.1),
    "UCB1 with a budget": lambda **options: bs.with_budget(bs.UCB1(3, **options), 9.0, seed=0),
}
every = pytest.mark.parametrize("make", WARM.values(), ids=WARM)


def exactly(policy: Policy, folder: Path) -> bytes:
    """Everything the policy is."""
    policy.save(folder / "policy.json")
    return (folder / "policy.json").read_bytes()


def numbers(seed: int) -> list[list[float]]:
    """What each of 3 arms gave: from no value to 8."""
    rng = np.random.default_rng(seed)
    return [rng.random(size).tolist() for size in rng.integers(9, size=3)]


def told(policy: Policy, values: list[list[float]]) -> None:
    """Start it warm from their means."""
    policy.warm_start(
        [np.mean(own) if own else 0.0 for own in values],
        [len(own) for own in values],
        [np.var(own) if own else 0.0 for own in values],
    )


def pulled(policy: Policy, values: list[list[float]]) -> None:
    for arm, own in enumerate(values):
        for value in own:
            policy.update(arm, value)


@every
@given(before=st.integers(0, 2**32 - 1), prior=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_it_is_as_having_observed_it_beside_the_rounds(
    make: Make, before: int, prior: int
) -> None:
    warm, lived = make(seed=0), make(seed=0)
    for policy in (warm, lived):
        pulled(policy, numbers(before))
    rounds = warm.round

    told(warm, numbers(prior))
    pulled(lived, numbers(prior))

    mine, whole = warm.stats, lived.stats
    assert mine.pulls.tolist() == whole.pulls.tolist()
    assert mine.untried == whole.untried
    np.testing.assert_allclose(mine.mean, whole.mean, rtol=1e-12, atol=1e-15)
    if whole.variance is not None:
        assert mine.variance is not None
        np.testing.assert_allclose(mine.variance, whole.variance, rtol=1e-9, atol=1e-15)
    assert mine.t == rounds


def test_the_control_that_variances_between_prior_and_past_count() -> None:
    """Ten zeros, and a prior of ten ones: the variance is 1/4, not 0."""
    policy = bs.UCBV(1, seed=0)
    pulled(policy, [[0.0] * 10])

    policy.warm_start([1.0], [10], [0.0])

    assert policy.stats.variance is not None
    assert policy.stats.variance.tolist() == [0.25]
    assert policy.stats.mean.tolist() == [0.5]


@every
def test_a_fresh_policy_decides_by_it_at_once(make: Make) -> None:
    """Arm 2 is by far the best, and nothing is left to try: where scores rule, it is taken."""
    policy = make(seed=0)

    policy.warm_start([0.1, 0.1, 0.9], 1000, 0.01)

    assert policy.stats.untried == 0
    assert policy.round == 1
    assert policy.recommendation == 2
    arms = [policy.select() for _ in range(20)]
    assert arms.count(2) >= 15


@every
def test_it_is_the_same_in_every_run(make: Make) -> None:
    """A number, one for each arm, or one for each arm of each run."""
    policies = [make(runs=2, seed=0) for _ in range(3)]
    rows = [[0.25, 0.5, 0.75]] * 2

    policies[0].warm_start(rows, np.full((2, 3), 4), np.full((2, 3), 0.125))
    policies[1].warm_start(rows[0], [4, 4, 4], [0.125] * 3)
    policies[2].warm_start(rows[0], 4, 0.125)

    for policy in policies:
        assert policy.stats.pulls.tolist() == [[4.0] * 3] * 2
        assert policy.stats.mean.tolist() == rows
        policy.update(policy.select(), [0.5, 0.25])


def test_runs_may_start_from_different_priors() -> None:
    policy = bs.UCB1(2, runs=3, seed=0)

    policy.warm_start([[0.5, 0.1], [0.1, 0.5], [0.0, 0.0]], [[5, 5], [5, 5], [0, 0]])

    assert policy.stats.mean.tolist() == [[0.5, 0.1], [0.1, 0.5], [0.0, 0.0]]
    assert policy.stats.untried == 2
    assert policy.select()[:2].tolist() == [0, 1]


def test_where_there_are_no_pulls_the_mean_is_not_read() -> None:
    """Not even against the support: a 7 stands for nothing here."""
    policy = bs.ThompsonSampling(3, seed=0)

    policy.warm_start([7.0, 0.5, -7.0], [0, 2, 0])

    assert policy.stats.mean.tolist() == [0.0, 0.5, 0.0]
    assert policy.stats.untried == 2


def test_a_prior_of_nothing_changes_nothing(tmp_path: Path) -> None:
    policy = bs.UCBV(3, seed=0)
    pulled(policy, numbers(3))
    before = exactly(policy, tmp_path)

    policy.warm_start(0.0, 0, 0.0)

    assert exactly(policy, tmp_path) == before


def test_discounted_memories_take_it_for_the_latest_round_and_forget_it() -> None:
    """4 pulls, after two rounds at 1/2: 1, and the two of the other arm weigh 1.5."""
    policy = bs.UCB1(2, memory=Discounted(0.5), seed=0)
    policy.warm_start([0.5, 0.0], [4, 0])
    assert policy.stats.pulls.tolist() == [4.0, 0.0]

    policy.update(1, 1.0)
    policy.update(1, 1.0)

    assert policy.stats.pulls.tolist() == [1.0, 1.5]
    assert policy.stats.mean.tolist() == [0.5, 1.0]


def test_a_prior_may_be_worth_a_fraction_more_than_one() -> None:
    """1.5 pulls of 0.5 and one of 1.0: (0.75 + 1) / 2.5."""
    policy = bs.ThompsonSampling(1, seed=0)
    policy.warm_start([0.5], [1.5])
    policy.update(0, 1.0)

    assert policy.stats.pulls.tolist() == [2.5]
    assert policy.stats.mean[0] == pytest.approx(0.7)
    assert policy.stats.untried == 0


def test_it_counts_as_exploration_and_against_bad_arms() -> None:
    commits = bs.ExploreThenCommit(2, pulls_each=5, seed=0)
    commits.warm_start([0.2, 0.8], 5)
    drops = bs.SuccessiveElimination(2, delta=0.1, seed=0)
    drops.warm_start([0.2, 0.8], 1000)

    assert commits.select() == 1
    assert drops._state.alive.tolist() == [False, True]


def test_a_budget_is_not_paid_for_it() -> None:
    policy = WARM["UCB1 with a budget"](seed=0)
    policy.warm_start(0.5, 1000)

    assert policy._state.spent.tolist() == [0.0]
    assert not policy.finished


BAD: dict[str, tuple[Any, ...]] = {
    "a nan": ([0.5, NAN, 0.5], 1),
    "a nan for no pulls": ([0.5, NAN, 0.5], [1, 0, 1]),
    "an infinite mean": ([0.5, INF, 0.5], 1),
    "a mean too few": ([0.5, 0.5], 1),
    "a mean too many": ([0.5] * 4, 1),
    "a row": ([[0.5] * 3], 1),
    "words": (["a", "b", "c"], 1),
    "a word": ("0.5", 1),
    "nothing": (None, 1),
    "marks": ([True, False, True], 1),
    "a mark": (True, 1),
    "complex means": ([1j, 0.0, 0.0], 1),
    "a ragged mean": ([[0.5], [0.5, 0.5], [0.5]], 1),
    "above the support": ([0.5, 1.5, 0.5], 1),
    "below the support": ([0.5, -0.5, 0.5], 1),
    "negative pulls": (0.5, -1),
    "half a pull": (0.5, [1, 0.5, 1]),
    "nan pulls": (0.5, NAN),
    "infinite pulls": (0.5, INF),
    "more pulls than count": (0.5, 1e16),
    "pulls too few": (0.5, [1, 2]),
    "no pulls": (0.5, None),
    "a negative variance": (0.5, 1, -0.1),
    "a nan variance": (0.5, 1, [0.1, NAN, 0.1]),
    "an enormous variance": (0.5, 1, 1e301),
    "variances too few": (0.5, 1, [0.1]),
    "a wordy variance": (0.5, 1, "x"),
}


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_bad_priors_are_refused(
    runs: int | None, arguments: tuple[Any, ...], tmp_path: Path
) -> None:
    policy = bs.ThompsonSampling(3, runs=runs, seed=0)
    policy.update(policy.select(), 0.5 if runs is None else np.full(runs, 0.5))
    before = exactly(policy, tmp_path)
    if arguments[0] == [[0.5] * 3] and runs == 2:
        arguments = ([[0.5] * 3] * 3, 1)  # for two runs three rows are wrong

    with pytest.raises((TypeError, ValueError), match=REFUSAL):
        policy.warm_start(*arguments)

    assert exactly(policy, tmp_path) == before


REFUSED: dict[str, Make] = {
    "windowed": partial(bs.SWUCB, 3, window=9),
    "restarting": partial(bs.GLRUCB, 3, delta=0.05, exploration=0.1),
    "no variance": partial(bs.UCBV, 3),
    "no variance, discounted": partial(bs.UCBV, 3, memory=Discounted(0.9)),
    "reward and cost": partial(bs.UCB1, 3, objective=bs.Ratio()),
    "learned costs": partial(bs.CSUCB, 3, factor=0.1, horizon=99),
    "windowed, told costs": lambda **options: Policy(
        bs.SubsidyRecipe(3, KLUCB(), 0.1, [1.0, 2.0, 3.0], memory=SlidingWindow(5)), **options
    ),
    "drawn": partial(bs.EXP3, 3),
    "a context": partial(bs.LinUCB, 3, features=2),
    "several costs": partial(bs.PrimalDualBwK, 3, budgets=9.0, horizon=100),
    "reward and cost, budgeted": lambda **options: bs.with_budget(
        bs.BudgetedThompsonSampling(3, **options), 9.0, seed=0
    ),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_who_does_not_learn_from_means_refuses(make: Make, tmp_path: Path) -> None:
    policy = make(seed=0)
    before = exactly(policy, tmp_path)

    with pytest.raises(ValueError, match=REFUSAL):
        policy.warm_start(0.5, 10)

    assert exactly(policy, tmp_path) == before


@pytest.mark.parametrize(
    "make",
    [
        WARM["UCB1"],
        WARM["UCBV"],
        WARM["ExploreThenCommit"],
        WARM["SuccessiveElimination"],
        partial(bs.CSUCB, 3, factor=0.1, horizon=9, costs=[1.0, 2.0, 3.0]),
        partial(bs.CSETC, 3, factor=0.1, horizon=9, costs=[1.0, 2.0, 3.0]),
    ],
    ids=["UCB1", "UCBV", "ExploreThenCommit", "SuccessiveElimination", "CSUCB", "CSETC"],
)
def test_a_mean_beyond_what_values_may_be_is_refused(make: Make) -> None:
    policy = make(seed=0)

    with pytest.raises(ValueError, match=r"^`mean` must .*, got "):
        policy.warm_start([0.5, 1e301, 0.5], 1, 0.0)

    assert policy.stats.untried == 3
