"""Policies that draw: their probabilities, their estimates, and what late feedback does."""

import copy
import math
from collections.abc import Callable, Generator
from decimal import Decimal, localcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy.optimize import brentq

from banditsplit import (
    EXP3,
    EXP3IX,
    EXP3S,
    EXP3SET,
    Decision,
    EpsilonGreedy,
    Net,
    Policy,
    TsallisINF,
    load,
    simulate,
)
from banditsplit._draw import draw
from banditsplit._typing import Float
from banditsplit.recipes import (
    ExponentialWeighting,
    ImportanceWeighting,
    ReducedVariance,
    SamplingRecipe,
    TsallisWeighting,
    Weighting,
)
from banditsplit.theory import Situation

Make = Callable[..., Policy]
Loop = Generator[int, float, None]  # arms out, rewards in
REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
NAN = float("nan")


def graphless(arms: int, **options: Any) -> Policy:
    """Exp3-SET where nobody reveals anybody."""
    return EXP3SET(arms, graph=np.eye(arms, dtype=bool), **options)


POLICIES: dict[str, Make] = {
    "EXP3": EXP3,
    "EXP3(gamma)": lambda arms, **options: EXP3(arms, gamma=0.3, **options),
    "EXP3(horizon)": lambda arms, **options: EXP3(arms, horizon=500, **options),
    "EXP3IX": EXP3IX,
    "EXP3IX(horizon)": lambda arms, **options: EXP3IX(arms, horizon=500, **options),
    "EXP3S": lambda arms, **options: EXP3S(arms, horizon=500, **options),
    "EXP3SET": graphless,
    "TsallisINF": TsallisINF,
    "TsallisINF(rv)": lambda arms, **options: TsallisINF(
        arms, reduced_variance=True, **options
    ),
}
every = pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)
both_doors = pytest.mark.parametrize("runs", [None, 3])


def played(policy: Policy, rounds: int, seed: int = 0, chance: Any = (0.3, 0.5, 0.7)) -> Policy:
    """``policy`` after some rounds of Bernoulli arms."""
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        arm = policy.select()
        reward = (rng.random(policy.runs) < np.asarray(chance)[arm]) * 1.0
        policy.update(arm, reward)
    return policy


def score(policy: Policy) -> Float:
    return np.array(policy._state.score)


# What the probabilities are.


def test_exp3_is_its_formula_by_hand() -> None:
    """Arm 0 gives 1 at probability 1/2, so exp(.5 * 2 / 2); then arm 1 gives .5."""
    policy = EXP3(2, gamma=0.5, seed=0)
    policy.update(0, 1.0)
    first = 0.5 * math.exp(0.5) / (math.exp(0.5) + 1) + 0.25

    assert policy.probabilities().tolist() == pytest.approx([first, 1 - first], rel=1e-14)

    policy.update(1, 0.5)
    other = math.exp(0.25 * 0.5 / (1 - first))
    second = 0.5 * math.exp(0.5) / (math.exp(0.5) + other) + 0.25

    assert policy.probabilities().tolist() == pytest.approx([second, 1 - second], rel=1e-14)


def test_anytime_exp3_is_its_formula_by_hand() -> None:
    """A loss of .25 at probability 1/2 is .5, and eta_2 = sqrt(ln 2 / (2 * 2)); then eta_3."""
    policy = EXP3(2, seed=0)
    policy.update(0, 0.75)
    weight = math.exp(-math.sqrt(math.log(2) / 4) * 0.5)
    first = weight / (weight + 1)

    assert policy.probabilities()[0] == pytest.approx(first, rel=1e-14)

    policy.update(1, 0.0)
    eta = math.sqrt(math.log(2) / 6)
    weights = math.exp(-eta * 0.5), math.exp(-eta / (1 - first))

    assert policy.probabilities()[0] == pytest.approx(weights[0] / sum(weights), rel=1e-14)


def test_exp3_ix_is_its_formula_by_hand() -> None:
    """gamma_1 = sqrt(ln 2 / 2) / 2 stands beside the probability."""
    policy = EXP3IX(2, seed=0)
    policy.update(0, 0.0)
    loss = 1 / (0.5 + math.sqrt(math.log(2) / 2) / 2)
    weight = math.exp(-math.sqrt(math.log(2) / 4) * loss)

    assert policy.probabilities()[0] == pytest.approx(weight / (weight + 1), rel=1e-14)


def test_tsallis_inf_is_its_formula_by_hand() -> None:
    """4 / 2.5**2 = .64 and 4 / (10/3)**2 = .36: losses 5/6 apart, measured by eta_t."""
    policy = TsallisINF(2, seed=0)
    loss = 5 / 6 / math.sqrt(2)  # eta_2 = 2 / sqrt(2)
    policy.update(1, 1 - loss / 2)  # at probability 1/2

    assert policy.probabilities().tolist() == pytest.approx([0.64, 0.36], rel=1e-12)

    turned = loss + 5 / 6 * math.sqrt(3) / 2  # eta_3 = 2 / sqrt(3)
    policy.update(0, 1 - 0.64 * turned)

    assert policy.probabilities().tolist() == pytest.approx([0.36, 0.64], rel=1e-12)


def test_exp3_s_is_its_formula_by_hand() -> None:
    """Each arm also gets e * .1 / 2 of the weights there were, which is 2."""
    policy = EXP3S(2, gamma=0.5, share=0.1, seed=0)
    policy.update(0, 1.0)
    gift = math.e * 0.1 / 2 * 2
    weights = math.exp(0.5) + gift, 1 + gift
    first = 0.5 * weights[0] / sum(weights) + 0.25

    assert policy.probabilities()[0] == pytest.approx(first, rel=1e-14)


WEIGHTINGS: dict[str, Weighting] = {
    "exponential": ExponentialWeighting(0.3),
    "decaying": ExponentialWeighting(0.3, decay=True),
    "mixed": ExponentialWeighting(0.3, mixing=0.1),
    "Tsallis": TsallisWeighting(),
}
scores = nps.arrays(
    float, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=st.floats(-1e7, 1e7)
)


@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS)
@given(scores=scores, t=st.integers(1, 10**6), data=st.data())
def test_probabilities_are_probabilities_whatever_was_seen(
    weighting: Weighting, scores: Float, t: int, data: st.DataObject
) -> None:
    """They sum to 1, rise with the score, ignore what all have, and know no other run."""
    probability = weighting(scores, t)
    runs, arms = scores.shape
    order = scores.argsort(-1)
    rising = np.take_along_axis(probability, order, -1)
    permutation = data.draw(st.permutations(range(arms)))

    assert np.abs(probability.sum(-1) - 1).max() <= 1e-13
    assert (probability >= 0).all()
    assert (np.diff(rising, axis=-1) >= -1e-15).all()
    np.testing.assert_allclose(
        weighting(scores[:, permutation], t), probability[:, permutation], rtol=1e-9, atol=1e-15
    )
    for run in range(runs):
        assert weighting(scores[run], t).tobytes() == probability[run].tobytes()


@given(scores=scores, t=st.integers(1, 10**6))
def test_newton_finds_the_root_that_bracketing_finds(scores: Float, t: int) -> None:
    """scipy's brentq on the sum, between the bounds for the best arm's share."""
    eta = 2 / math.sqrt(t)
    ours = TsallisWeighting()(scores, t)
    for row, mine in zip(scores, ours, strict=True):
        behind = eta * (row.max() - row)

        def excess(z: float, behind: Float = behind) -> float:
            return float((4 / (z + behind) ** 2).sum() - 1)

        z = brentq(excess, 2 * (1 - 1e-9), 2 * math.sqrt(len(row)) * (1 + 1e-9), xtol=1e-13)

        np.testing.assert_allclose(mine, 4 / (z + behind) ** 2, rtol=1e-9)


@pytest.mark.parametrize("arms", [1, 2, 12, 1000])
def test_newton_needs_few_steps(arms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 8 for 500 rows of all kinds of scores, counted by the sums that it takes."""
    rng = np.random.default_rng(0)
    rows = -rng.random((500, arms)) * 10 ** rng.uniform(-3, 7, (500, 1))
    count = 0
    square_root = np.sqrt

    def counting(x: Any) -> Any:
        nonlocal count
        count += 1
        return square_root(x)

    monkeypatch.setattr(np, "sqrt", counting)
    TsallisWeighting()(rows, 1000)

    assert count <= 8 + 1  # one is the step size's


def test_exponential_weights_hold_after_a_million_rounds() -> None:
    """Against 60 decimal digits: sums of estimates of 1e6, and one of 2**53 * 1e6."""
    eta = math.sqrt(math.log(4) / 4)
    total = np.array([-1e6 - 3.0, -1e6, -1e6 - 777.7, -(2.0**53) * 1e6])
    ours = ExponentialWeighting(eta, decay=True)(total, 10**6)
    with localcontext() as context:
        context.prec = 60
        step = Decimal(eta) / Decimal(10**6).sqrt()
        weights = [(step * Decimal(x)).exp() for x in total]
        exact = [float(weight / sum(weights)) for weight in weights]

    np.testing.assert_allclose(ours, exact, rtol=1e-12)


def test_a_policy_goes_on_from_a_million_rounds_of_estimates() -> None:
    for make in POLICIES.values():
        policy = make(3, seed=0)
        policy._state.stats.t = 10**6
        policy._state.score[:] = [-1e6, -1.001e6, -(2.0**53) * 1e6]
        played(policy, 200)

        assert np.isfinite(score(policy)).all()
        assert policy.probabilities().sum() == pytest.approx(1)


def test_weights_that_are_shared_stay_bounded() -> None:
    """Exp3.S's weights grow by e**(gamma / K) a round; what is kept of them does not."""
    policy = EXP3S(3, gamma=0.5, share=0.01, seed=0)
    for _ in range(3000):
        policy.update(0, 1.0)

    assert np.abs(score(policy)).max() < 100
    assert policy.probabilities()[0] > 0.6


# What masks do.


@every
@both_doors
def test_masked_arms_have_no_probability_and_the_rest_keeps_its_ratios(
    make: Make, runs: int | None
) -> None:
    policy = played(make(3, runs=runs, seed=1), 60)
    full = policy.probabilities()
    masked = policy.probabilities(available=[True, False, True])
    rest = full[..., [0, 2]]

    assert (masked[..., 1] == 0).all()
    np.testing.assert_allclose(
        masked[..., [0, 2]], rest / rest.sum(-1, keepdims=True), rtol=1e-12
    )


@every
def test_masked_arms_are_never_drawn(make: Make) -> None:
    policy = make(3, runs=2000, seed=1)
    mask = np.random.default_rng(0).random((2000, 3)) < 0.5
    mask[np.arange(2000), np.arange(2000) % 3] = True
    for _ in range(5):
        decision = policy.decide(available=mask)

        assert mask[np.arange(2000), decision.arm].all()
        assert (decision.propensity > 0).all()
        policy.learn(decision, np.zeros(2000))


def test_available_arms_are_told_apart_even_where_they_would_vanish() -> None:
    """Beside arm 0, e**-2000 and e**-2001 are both 0; beside each other they are not."""
    policy = EXP3(3, seed=0)
    policy._state.score[:] = np.array([0.0, -2000.0, -2001.0]) / math.sqrt(math.log(3) / 3)
    masked = policy.probabilities(available=[False, True, True])

    assert masked[1:].tolist() == pytest.approx([math.e / (math.e + 1), 1 / (math.e + 1)])


def test_a_draw_never_takes_an_arm_without_probability() -> None:
    """Not even with the largest and the smallest uniform number there is."""

    class Extreme:
        def __init__(self, number: float) -> None:
            self.number = number

        def random(self, size: int | None = None) -> Any:
            return self.number if size is None else np.full(size, self.number)

    for probability in (
        [0.0, 0.3, 0.7, 0.0],
        [0.0, 0.1, 0.2, 0.7, 0.0],
        [0.0, 1 / 3, 2 / 3, 0.0],
    ):
        row = np.array(probability)
        for number in (0.0, 1 - 2.0**-53):
            rng: Any = Extreme(number)

            assert row[draw(row, rng)] > 0
            assert (row[draw(np.tile(row, (3, 1)), rng)] > 0).all()


@pytest.mark.parametrize("runs", [None, 20_000])
def test_arms_are_drawn_as_often_as_is_said(runs: int | None) -> None:
    """20,000 draws; five standard deviations, so it fails with probability 2e-6."""
    probability, rng = np.array([0.1, 0.6, 0.3]), np.random.default_rng(3)
    if runs is None:
        arms = np.array([draw(probability, rng) for _ in range(20_000)])
    else:
        arms = draw(np.tile(probability, (runs, 1)), rng)
    counts = np.bincount(arms, minlength=3)

    assert (np.abs(counts - 20_000 * probability) < 5 * np.sqrt(20_000 * 0.24)).all()


# What the estimates are worth.

VALUES = np.array([0.2, 0.9, 0.4])
BIAS: dict[str, Callable[[Float, Float], Float]] = {
    # What a round adds to the scores on average, given values and probabilities.
    "EXP3": lambda value, _: value - 1,
    "EXP3(gamma)": lambda value, _: value,
    "EXP3IX": lambda value, p: (value - 1) * p / (p + math.sqrt(math.log(3) / 3 / 31) / 2),
    "EXP3SET": lambda value, _: value - 1,
    "TsallisINF": lambda value, _: value - 1,
    "TsallisINF(rv)": lambda value, _: value - 1,
}


def average_change(policy: Policy, answer: Callable[[Policy, int], object], p: Float) -> Float:
    """What the answer adds to the scores, averaged exactly over the draw of the arm."""
    before, change = score(policy), np.zeros(len(p))
    for arm, chance in enumerate(p):
        after = copy.deepcopy(policy)
        answer(after, arm)
        change += chance * (score(after) - before)
    return change


@pytest.mark.parametrize("name", BIAS)
def test_estimates_are_unbiased_by_enumeration_of_the_draw(name: str) -> None:
    policy = played(POLICIES[name](3, seed=2), 30)
    policy.select()
    p = policy.probabilities()
    change = average_change(policy, lambda it, arm: it.update(arm, VALUES[arm]), p)

    np.testing.assert_allclose(change, BIAS[name](VALUES, p), rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in BIAS if name != "EXP3IX"])
@both_doors
def test_late_feedback_counts_with_the_probability_of_its_own_decision(
    name: str, runs: int | None
) -> None:
    """River's fault is planted: dividing by the latest choice's probability is noticed."""
    policy = played(POLICIES[name](3, runs=runs, seed=2), 30)
    early = policy.decide()
    played(policy, 30, seed=1)
    policy.select()
    p = early.probability if runs is None else early.probability[0]
    now = policy.probabilities() if runs is None else policy.probabilities()[0]
    assert np.abs(p - now).max() > 0.02

    def arms(arm: int) -> Any:
        return arm if runs is None else np.full(runs, arm)

    def late(it: Policy, arm: int) -> None:
        it.learn(it.adopt(Decision(0, arms(arm), early.probability)), VALUES[arms(arm)])

    def latest(it: Policy, arm: int) -> None:
        it.update(arms(arm), VALUES[arms(arm)])

    def change(answer: Callable[[Policy, int], object]) -> Float:
        shown = policy if runs is None else copy.deepcopy(policy)
        before, total = score(shown), np.zeros(3)
        for arm, chance in enumerate(p):
            after = copy.deepcopy(policy)
            answer(after, arm)
            moved = score(after) - before
            total += chance * (moved if runs is None else moved[0])
        return total

    wanted = BIAS[name](VALUES, p)

    np.testing.assert_allclose(change(late), wanted, rtol=1e-9)
    assert np.abs(change(latest) - wanted).max() > 0.01


@both_doors
def test_an_arm_chosen_elsewhere_counts_with_its_present_probability(runs: int | None) -> None:
    """Nobody asked this policy, or it had ruled the arm out."""
    for make in POLICIES.values():
        fresh, asked = (played(make(3, runs=runs, seed=2), 30) for _ in range(2))
        fresh._latest = (None, None)
        asked.select(available=[True, True, False])
        arm, reward = (2, 0.5) if runs is None else (np.full(3, 2), np.full(3, 0.5))
        p = fresh.probabilities()[..., 2]
        expected = copy.deepcopy(fresh)
        expected.learn(expected.adopt(Decision(0, arm, fresh.probabilities())), reward)
        for policy in (fresh, asked):
            policy.update(arm, reward)

            np.testing.assert_array_equal(score(policy), score(expected))
        assert (p > 0).all()


def test_an_arm_that_is_never_drawn_does_not_overflow_when_it_is_played_elsewhere() -> None:
    """Its probability is 0 to the last bit; the state stays finite, so it can be saved."""
    policy = EXP3(2, seed=0)
    policy._state.score[:] = [0.0, -1e6]
    for _ in range(100):
        policy.update(1, 0.0)

    assert policy.probabilities()[1] == 0
    assert np.isfinite(score(policy)).all()


# Against literal loops.


def weights_of_exp3(arms: int, rng: np.random.Generator, gamma: float) -> Loop:
    """Auer et al. 2002, Fig. 1, on a list of weights."""
    w = [1.0] * arms
    while True:
        p = [(1 - gamma) * x / sum(w) + gamma / arms for x in w]
        i = drawn(p, rng)
        x = yield i
        w[i] *= math.exp(gamma * (x / p[i]) / arms)


def weights_of_exp3_s(arms: int, rng: np.random.Generator, gamma: float, alpha: float) -> Loop:
    """Auer et al. 2002, Exp3.S, on a list of weights."""
    w = [1.0] * arms
    while True:
        p = [(1 - gamma) * x / sum(w) + gamma / arms for x in w]
        i = drawn(p, rng)
        x = yield i
        gift = math.e * alpha / arms * sum(w)
        w = [
            w[j] * math.exp(gamma * (x / p[j] if j == i else 0.0) / arms) + gift
            for j in range(arms)
        ]


def losses_of_exp3_ix(arms: int, rng: np.random.Generator) -> Loop:
    """Neu 2015, Alg. 1, anytime."""
    total, t = [0.0] * arms, 0
    while True:
        t += 1
        eta = math.sqrt(math.log(arms) / (arms * t))
        w = [math.exp(-eta * x) for x in total]
        p = [x / sum(w) for x in w]
        i = drawn(p, rng)
        x = yield i
        total[i] += (1 - x) / (p[i] + eta / 2)


def losses_of_tsallis_inf(arms: int, rng: np.random.Generator, *, reduced: bool) -> Loop:
    """Zimmert & Seldin 2021, Alg. 1 with alpha = 1/2, and Newton's method as in Alg. 2."""
    total, t = [0.0] * arms, 0
    while True:
        t += 1
        eta = (4 if reduced else 2) / math.sqrt(t)
        x = min(total) - 2 / eta
        for _ in range(100):
            w = [4 * (eta * (loss - x)) ** -2 for loss in total]
            x -= (sum(w) - 1) / (eta * sum(v**1.5 for v in w))
        i = drawn(w, rng)
        loss = 1 - (yield i)
        for j in range(arms):
            b = 0.5 * (w[j] >= eta**2) if reduced else 0.0
            total[j] += ((loss - b) / w[j] if j == i else 0.0) + b


def drawn(p: list[float], rng: np.random.Generator) -> int:
    mark, edge = rng.random(), 0.0
    for i, chance in enumerate(p):
        edge += chance
        if edge > mark:
            return i
    return len(p) - 1


TRANSCRIPTIONS: dict[str, tuple[Policy, Loop]] = {
    "EXP3": (EXP3(5, gamma=0.1, seed=7), weights_of_exp3(5, np.random.default_rng(7), 0.1)),
    "EXP3S": (
        EXP3S(5, gamma=0.1, share=0.01, seed=7),
        weights_of_exp3_s(5, np.random.default_rng(7), 0.1, 0.01),
    ),
    "EXP3IX": (EXP3IX(5, seed=7), losses_of_exp3_ix(5, np.random.default_rng(7))),
    "TsallisINF": (
        TsallisINF(5, seed=7),
        losses_of_tsallis_inf(5, np.random.default_rng(7), reduced=False),
    ),
    "TsallisINF(rv)": (
        TsallisINF(5, reduced_variance=True, seed=7),
        losses_of_tsallis_inf(5, np.random.default_rng(7), reduced=True),
    ),
}


def first_difference(policy: Policy, literal: Loop, rounds: int) -> int | None:
    """The first of the rounds in which the two draw different arms."""
    rewards = np.random.default_rng(0).random((rounds, 5)) * np.linspace(0.5, 1, 5)
    expected = next(literal)
    for t, reward in enumerate(rewards):
        arm = policy.select()
        if arm != expected:
            return t
        policy.update(arm, reward[arm])
        expected = literal.send(reward[arm])
    return None


@pytest.mark.parametrize(("policy", "literal"), TRANSCRIPTIONS.values(), ids=TRANSCRIPTIONS)
def test_a_literal_loop_draws_the_same_arms(policy: Policy, literal: Loop) -> None:
    """1,500 draws; rounding could part them with probability 1e-10."""
    assert first_difference(policy, literal, 1500) is None


def test_a_slightly_different_constant_draws_other_arms() -> None:
    """The control."""
    loop = losses_of_tsallis_inf(5, np.random.default_rng(7), reduced=False)
    recipe = SamplingRecipe(5, TsallisWeighting(2.02), ImportanceWeighting())

    assert first_difference(Policy(recipe, seed=7), loop, 1500) is not None


# What they are for.


class Turning:
    """Arm 0 is the better one until ``turn``; then arm 1 is, by more."""

    arms = 2

    def __init__(self, turn: int) -> None:
        self.turn = turn

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        del runs, rng
        means = np.array([0.5, 0.25]) if t <= self.turn else np.array([0.0, 1.0])
        return Situation(means, np.zeros(2))

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        chance = situation.expected_reward[arm]
        return (rng.random(len(arm)) < chance) * 1.0, np.zeros(len(arm)), None


def regret_on_turning(policy: Policy, horizon: int) -> float:
    """Shortfall against always arm 1, on average over 20 runs."""
    turn = horizon // 3
    track = simulate(
        {"it": policy}, Turning(turn), horizon=horizon, runs=20, seed=5, checkpoints=1
    )["it"]
    return 0.25 * turn + horizon - turn - float(track.reward[:, -1].mean())


@pytest.mark.parametrize("name", ["EXP3", "EXP3IX", "TsallisINF", "TsallisINF(rv)"])
def test_regret_against_a_switching_sequence_stays_below_its_bound(name: str) -> None:
    """At most 2 sqrt(n K ln K), a bound of EXP3 (Thm. 3.1) that the others keep here too."""
    for horizon in (1500, 6000):
        bound = 2 * math.sqrt(2 * horizon * math.log(2))

        assert regret_on_turning(POLICIES[name](2), horizon) < bound


def test_greedy_play_has_linear_regret_on_the_same_sequence() -> None:
    """The control: four times the rounds, four times the regret, beyond that bound."""
    short, long = (regret_on_turning(EpsilonGreedy(2, epsilon=0.0), n) for n in (1500, 6000))

    assert long > 2 * math.sqrt(2 * 6000 * math.log(2))
    assert long > 3 * short > 0


class Swap:
    """The best of three arms changes once, in the middle."""

    arms = 3

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        del runs, rng
        return Situation(np.roll([0.9, 0.1, 0.1], t > 3000), np.zeros(3))

    respond = Turning.respond


def test_exp3_s_follows_a_change_and_exp3_does_not() -> None:
    """Against each round's best arm: below its bound for one change, and Exp3 above it."""
    policies = {"Exp3.S": EXP3S(3, horizon=6000, changes=1), "Exp3": EXP3(3)}
    history = simulate(policies, Swap(), horizon=6000, runs=20, seed=1, checkpoints=1)
    regret = {name: track.pseudo_regret[:, -1].mean() for name, track in history.items()}
    bound = 2 * math.sqrt((math.e - 1) * 3 * 6000 * (2 * math.log(18000) + math.e))

    assert regret["Exp3.S"] < bound
    assert regret["Exp3"] > 1.5 * regret["Exp3.S"]


# What they keep, and what they refuse.


@every
@both_doors
def test_a_policy_saved_midway_goes_on_bit_for_bit(
    make: Make, runs: int | None, tmp_path: Path
) -> None:
    policy = played(make(3, runs=runs, seed=4), 40)
    waiting = policy.decide()
    policy.save(tmp_path / "policy.json")
    back = load(tmp_path / "policy.json")
    assert back.recipe == policy.recipe
    assert back.probabilities().tobytes() == policy.probabilities().tobytes()
    for it in (policy, back):
        it.learn(waiting, 0.25 if runs is None else np.full(runs, 0.25))
        played(it, 200, seed=9)

    assert score(back).tobytes() == score(policy).tobytes()
    assert back.stats.mean.tobytes() == policy.stats.mean.tobytes()
    assert back.select() == policy.select() if runs is None else True


@every
def test_runs_without_feedback_stay_as_they_are(make: Make) -> None:
    """And those with it learn what they would alone."""
    policy = played(make(3, runs=3, seed=4), 40)
    whole = copy.deepcopy(policy)
    before = score(policy)
    arm = policy.select()
    whole.select()
    where = np.array([True, False, True])
    policy.update(arm, [0.3, NAN, 0.6], where=where)
    whole.update(arm, [0.3, 0.0, 0.6])

    assert score(policy)[1].tobytes() == before[1].tobytes()
    assert score(policy)[where].tobytes() == score(whole)[where].tobytes()
    assert policy.round.ravel().tolist() == [42, 41, 42]


@every
def test_stats_are_counts_and_means_of_what_was_observed(make: Make) -> None:
    policy = make(3, seed=0)
    for arm, reward in ((0, 0.5), (0, 1.0), (2, 0.25)):
        policy.update(arm, reward)

    assert policy.stats.pulls.tolist() == [2.0, 0.0, 1.0]
    assert policy.stats.mean.tolist() == [0.75, 0.0, 0.25]
    assert policy.round == 4


@every
@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nextafter(1.0, 2.0), 1e9])
def test_a_value_outside_its_interval_is_refused(make: Make, bad: float) -> None:
    policy = played(make(3, seed=0), 10)
    before = score(policy).tobytes()
    with pytest.raises(ValueError, match=REFUSAL):
        policy.update(0, bad)

    assert score(policy).tobytes() == before
    assert policy.round == 11


@every
def test_values_may_be_told_to_lie_elsewhere(make: Make) -> None:
    """Net rewards in [-.5, 1]: -.5 is what 0 is, 1 is 1, and .25 is a half."""
    plain = make(3, seed=0)
    net = make(3, seed=0, objective=Net(0.5), low=-0.5, span=1.5)
    for arm, reward, cost, unit in ((0, 0.0, 1.0, 0.0), (1, 1.0, 0.0, 1.0), (2, 0.5, 0.5, 0.5)):
        net.update(arm, reward, cost)
        plain.update(arm, unit)

    np.testing.assert_allclose(net.probabilities(), plain.probabilities(), rtol=1e-14)
    assert net.stats.mean.tolist() == [-0.5, 1.0, 0.25]
    with pytest.raises(ValueError, match=REFUSAL):
        net.update(0, 0.0, 1.1)


@every
def test_a_single_arm_is_certain(make: Make) -> None:
    policy = played(make(1, seed=0), 20, chance=[0.5])

    assert policy.probabilities().tolist() == [1.0]


def each(make: Make, name: str, *values: Any) -> dict[str, Callable[[], object]]:
    """A call of ``make`` for each bad value of an argument."""
    return {
        f"{make.__name__}({name}={bad!r})": partial(make, 3, **{name: bad}) for bad in values
    }


BAD: dict[str, Callable[[], object]] = {
    **each(EXP3, "gamma", 0.0, 1.1, -1, NAN, "1"),
    **each(EXP3, "horizon", 0, 1.5, np.True_, "9"),
    **each(EXP3IX, "eta", 0.0, -1.0, NAN, "1"),
    "EXP3(both)": lambda: EXP3(3, gamma=0.1, horizon=10),
    "EXP3(no arms)": lambda: EXP3(0),
    "EXP3(span)": lambda: EXP3(3, span=0.0),
    "EXP3(low)": lambda: EXP3(3, low=NAN),
    "EXP3(objective)": lambda: EXP3(3, objective=3),  # type: ignore[arg-type]
    "EXP3IX(both)": lambda: EXP3IX(3, eta=0.1, horizon=10),
    "EXP3S()": lambda: EXP3S(3),
    "EXP3S(gamma)": lambda: EXP3S(3, gamma=0.1),
    "EXP3S(share)": lambda: EXP3S(3, share=0.1),
    "EXP3S(changes)": lambda: EXP3S(3, changes=1),
    "EXP3S(changes=-1)": lambda: EXP3S(3, horizon=9, changes=-1),
    "EXP3S(share=0)": lambda: EXP3S(3, horizon=9, share=0.0),
    "EXP3S(gamma=2)": lambda: EXP3S(3, horizon=9, gamma=2.0),
    "EXP3S(gamma and changes)": lambda: EXP3S(3, horizon=9, gamma=0.5, changes=1),
    "EXP3SET(eta)": lambda: EXP3SET(3, eta=0.0),
    "EXP3SET(independence)": lambda: EXP3SET(3, independence=4),
    "EXP3SET(eta and independence)": lambda: EXP3SET(3, eta=1.0, independence=2),
    "TsallisINF(1)": lambda: TsallisINF(3, reduced_variance=1),  # type: ignore[arg-type]
    "TsallisINF(no arms)": lambda: TsallisINF(1.5),  # type: ignore[arg-type]
    "eta": lambda: ExponentialWeighting(0.0),
    "mixing": lambda: ExponentialWeighting(1.0, mixing=1.5),
    "share": lambda: ExponentialWeighting(1.0, decay=True, share=0.1),
    "Tsallis eta": lambda: TsallisWeighting(-1.0),
    "gamma": lambda: ImportanceWeighting(gamma=-0.1),
    "baseline": lambda: ImportanceWeighting(baseline=2.0),
    "reduced eta": lambda: ReducedVariance(NAN),
    "weighting": lambda: SamplingRecipe(3, ReducedVariance(), ReducedVariance()),  # type: ignore[arg-type]
    "estimator": lambda: SamplingRecipe(3, TsallisWeighting(), TsallisWeighting()),  # type: ignore[arg-type]
    "graph": lambda: SamplingRecipe(
        2, TsallisWeighting(), ImportanceWeighting(), graph=((True, True), (True, True))
    ),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_constructors_refuse(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        call()


def test_published_tunings_are_what_the_constructors_set() -> None:
    """Auer et al. 2002, Cor. 3.2 and Sec. 8; Neu 2015, Thm. 1; K = 3, T = 1,000."""
    assert (
        EXP3(3, horizon=1000).recipe
        == EXP3(3, gamma=math.sqrt(3 * math.log(3) / ((math.e - 1) * 1000))).recipe
    )
    assert EXP3(3, horizon=1).recipe == EXP3(3, gamma=1.0).recipe
    assert (
        EXP3IX(3, horizon=1000).recipe
        == EXP3IX(3, eta=math.sqrt(2 * math.log(3) / 3000)).recipe
    )
    assert (
        EXP3S(3, horizon=1000).recipe
        == EXP3S(3, gamma=math.sqrt(3 * math.log(3000) / 1000), share=0.001).recipe
    )
    assert (
        EXP3S(3, horizon=1000, changes=1).recipe
        == EXP3S(
            3,
            gamma=math.sqrt(3 * (2 * math.log(3000) + math.e) / ((math.e - 1) * 1000)),
            share=0.001,
        ).recipe
    )
