"""Linear contextual bandits: the regression, the rules on top of it, and what they refuse."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats as laws

import banditsplit
from banditsplit import (
    OFUL,
    Decision,
    LinearRecipe,
    LinGreedy,
    LinTS,
    LinUCB,
    Net,
    Policy,
    SquareCB,
    UniformRandom,
    compose_linear,
)
from banditsplit._typing import Bool, Float
from banditsplit.recipes import (
    InverseGap,
    LinearConfidence,
    LinearGreedy,
    LinearIndex,
    LinearThompson,
    LinearUCB,
    Prediction,
)

NAN, INF = float("nan"), float("inf")
REFUSAL = r"(?s)^`[^`]+` must .*, got .*"
ARMS, FEATURES = 3, 2

ALGORITHMS: dict[str, Callable[..., Policy]] = {
    "LinUCB": LinUCB,
    "OFUL": OFUL,
    "LinTS": LinTS,
    "LinTS(delta)": partial(LinTS, delta=0.1),
    "LinGreedy": partial(LinGreedy, epsilon=0.3),
    "LinGreedy(decay)": partial(LinGreedy, epsilon=5.0, decay=True),
    "SquareCB": partial(SquareCB, gamma=5.0),
    "SquareCB(anytime)": partial(SquareCB, gamma=1.0, anytime=True),
}
every = pytest.mark.parametrize("make", ALGORITHMS.values(), ids=ALGORITHMS)
both_doors = pytest.mark.parametrize("runs", [None, 3])
both_forms = pytest.mark.parametrize("shared", [False, True], ids=["disjoint", "shared"])


def context_shape(policy: Policy) -> tuple[int, ...]:
    """Of what the policy is shown, runs included."""
    shape = policy.recipe.context_shape
    assert shape is not None
    return shape if policy.runs is None else (policy.runs, *shape)


def model(policy: Policy) -> Any:
    """The regression's state."""
    return policy._state


def inverse(policy: Policy) -> Float:
    """The inverse of the regularised second moment, `[..., models, features, features]`."""
    root = model(policy).root
    product: Float = root.swapaxes(-1, -2) @ root
    return product


class World:
    """Rounds with contexts, rewards and costs, the same for everyone with its seed."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def round(self, policy: Policy, **how: Any) -> Any:
        """Let ``policy`` play a round and return its arm."""
        context = self.rng.standard_normal(context_shape(policy))
        reward, cost = self.rng.standard_normal(policy.runs), self.rng.random(policy.runs)
        arm = policy.select(context, **how)
        policy.update(arm, reward, cost)
        return np.asarray(arm).tolist()


def decisions(policy: Policy, rounds: int, world: World | None = None) -> list[Any]:
    """The arms of ``rounds`` rounds."""
    world = World() if world is None else world
    return [world.round(policy) for _ in range(rounds)]


def saved(policy: Policy, folder: Path) -> bytes:
    """Everything the policy is, generator included."""
    policy.save(folder / "policy.json")
    return (folder / "policy.json").read_bytes()


# The regression


@both_forms
def test_after_ten_thousand_rounds_the_model_is_what_solving_the_whole_history_gives(
    *, shared: bool
) -> None:
    """Estimates and inverse within 1e-8 of `numpy.linalg.solve`, features correlated."""
    rng = np.random.default_rng(0)
    features, rounds = 4, 10_000
    policy = LinUCB(ARMS, features=features, shared=shared, ridge=0.5, seed=0)
    mix = rng.standard_normal((features, features))
    contexts = rng.standard_normal((rounds, *context_shape(policy))) @ mix
    arms, rewards = rng.integers(ARMS, size=rounds), rng.standard_normal(rounds)
    for context, arm, reward in zip(contexts, arms.tolist(), rewards, strict=True):
        policy.learn(policy.adopt(Decision(0, arm, None, context)), reward)

    seen = contexts[np.arange(rounds), arms] if shared else contexts
    for number in range(1 if shared else ARMS):
        x, y = (seen, rewards) if shared else (seen[arms == number], rewards[arms == number])
        precision = 0.5 * np.eye(features) + x.T @ x
        estimate = np.linalg.solve(precision, x.T @ y)
        growth = np.linalg.slogdet(precision)[1] - features * math.log(0.5)

        np.testing.assert_allclose(model(policy).estimate[number], estimate, rtol=1e-8)
        np.testing.assert_allclose(
            inverse(policy)[number], np.linalg.inv(precision), rtol=1e-8, atol=1e-14
        )
        assert model(policy).log_volume[number] == pytest.approx(growth, rel=1e-10)
    assert policy.stats.pulls.tolist() == np.bincount(arms).tolist()
    assert policy.round == rounds + 1


def test_numbers_a_hand_can_check() -> None:
    """Context [1]: one reward of 1 makes A = 2 and the estimate 1/2; width 1/sqrt(2)."""
    policy = LinUCB(2, features=1, seed=0)
    policy.select([1.0])
    policy.update(0, 1.0)
    recipe = cast("LinearRecipe", policy.recipe)
    prediction = recipe.predict(model(policy), np.array([1.0]))

    assert prediction.mean.tolist() == pytest.approx([0.5, 0.0])
    assert prediction.width.tolist() == pytest.approx([math.sqrt(0.5), 1.0])
    assert policy.select([1.0]) == 0  # 1.207 against 1
    assert policy.select([-1.0]) == 1  # 0.207 against 1


small = st.integers(-8, 8).map(lambda number: number / 4)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Float, Float, float, float]:
    """Contexts `[rounds, arms, features]`, rewards `[rounds]`, alpha and ridge."""
    shape = draw(st.tuples(st.integers(1, 25), st.integers(1, 4), st.integers(1, 3)))
    contexts = draw(nps.arrays(float, shape, elements=small))
    rewards = draw(nps.arrays(float, shape[:1], elements=small))
    return contexts, rewards, draw(st.floats(0.1, 3)), draw(st.floats(0.25, 4))


@both_forms
@given(history=histories())
def test_linucb_decides_as_the_papers_algorithm_with_an_inverse_in_every_round(
    *, shared: bool, history: tuple[Float, Float, float, float]
) -> None:
    """Li et al. 2010, Alg. 1, arm by arm.

    Where several arms are within 1e-9 of the best score, rounding decides between them, and
    any of them is right; the transcription then goes on with the arm that was taken.
    """
    contexts, rewards, alpha, ridge = history
    arms, features = contexts.shape[1:]
    policy = LinUCB(arms, features=features, shared=shared, alpha=alpha, ridge=ridge, seed=0)
    models = 1 if shared else arms
    moment = [ridge * np.eye(features) for _ in range(models)]
    b = [np.zeros(features) for _ in range(models)]
    for context, reward in zip(contexts, rewards.tolist(), strict=True):
        score = []
        for a in range(arms):
            own, x = (0, context[a]) if shared else (a, context[0])
            inverted = np.linalg.inv(moment[own])
            theta = inverted @ b[own]
            score.append(theta @ x + alpha * math.sqrt(x @ inverted @ x))
        arm = policy.select(context if shared else context[0])

        assert arm in np.flatnonzero(np.array(score) >= max(score) - 1e-9)
        policy.update(arm, reward)
        own, x = (0, context[arm]) if shared else (arm, context[0])
        moment[own] += np.outer(x, x)
        b[own] += reward * x


@pytest.mark.parametrize("fault", ["twice the width", "no bonus", "forgets the first"])
def test_the_same_transcription_notices_a_wrong_linucb(fault: str) -> None:
    """The control: with a fault, a decision differs from the one whose scores are computed."""
    rng = np.random.default_rng(0)
    right, wrong = (LinUCB(3, features=2, alpha=a, seed=0) for a in (1.0, 1.0))
    if fault != "forgets the first":
        wrong = LinUCB(3, features=2, alpha=2.0 if "twice" in fault else 1e-9, seed=0)
    differ = False
    for number in range(200):
        context = rng.standard_normal(2)
        arm = right.select(context)
        differ |= arm != wrong.select(context)
        reward = float(rng.standard_normal() + arm)
        right.update(arm, reward)
        if number or fault != "forgets the first":
            wrong.update(arm, reward)

    assert differ


@every
def test_arms_with_a_model_each_are_one_model_with_blocks_of_features(
    make: Callable[..., Policy],
) -> None:
    """So whatever is proved of the shared form holds for the other one as well."""
    rng = np.random.default_rng(0)
    apart = make(ARMS, features=FEATURES, seed=1)
    blocks = make(ARMS, features=ARMS * FEATURES, shared=True, seed=1)
    for _ in range(150):
        context = rng.standard_normal(FEATURES)
        arm = apart.select(context)

        assert blocks.select(np.kron(np.eye(ARMS), context)) == arm
        reward = float(rng.standard_normal())
        apart.update(arm, reward)
        blocks.update(arm, reward)
    np.testing.assert_allclose(
        model(apart).estimate.reshape(-1), model(blocks).estimate[0], rtol=1e-9, atol=1e-12
    )


@every
@both_forms
def test_a_batch_is_its_runs_side_by_side(make: Callable[..., Policy], *, shared: bool) -> None:
    """A batch of one decides as one run does; row b of three learns what run b would."""
    one, batch = (
        make(ARMS, features=FEATURES, shared=shared, runs=runs, seed=5) for runs in (None, 1)
    )
    three = make(ARMS, features=FEATURES, shared=shared, runs=3, seed=5)
    alone = make(ARMS, features=FEATURES, shared=shared, seed=5)
    rng = np.random.default_rng(0)
    for _ in range(100):
        context = rng.standard_normal(context_shape(three))
        reward = rng.standard_normal(3)
        arm, arms = one.select(context[0]), three.select(context)

        assert batch.select(context[:1]).tolist() == [arm]
        one.update(arm, reward[0])
        batch.update([arm], reward[:1])
        three.update(arms, reward)
        alone.learn(alone.adopt(Decision(0, int(arms[1]), None, context[1])), reward[1])
    for first, second in ((one, batch), (alone, three)):
        row = 0 if second is batch else 1
        for name in ("root", "estimate", "log_volume"):
            np.testing.assert_allclose(
                getattr(model(first), name),
                getattr(model(second), name)[row],
                rtol=1e-10,
                atol=1e-13,
            )


@both_forms
def test_net_regresses_reward_minus_cost(*, shared: bool) -> None:
    """Rewards 1 that cost 2 at tradeoff .25 are rewards of .5."""
    net = LinUCB(ARMS, features=FEATURES, shared=shared, objective=Net(0.25), seed=0)
    plain = LinUCB(ARMS, features=FEATURES, shared=shared, seed=0)
    for context in np.random.default_rng(0).standard_normal((20, *context_shape(net))):
        arm = net.select(context)
        assert plain.select(context) == arm
        net.update(arm, 1.0, 2.0)
        plain.update(arm, 0.5, 9.0)

    assert model(net).estimate.tobytes() == model(plain).estimate.tobytes()
    assert net.stats.mean.max() == 0.5


@both_forms
def test_runs_outside_where_stay_as_they_are(*, shared: bool) -> None:
    """And those inside learn with their own context."""
    policy = LinUCB(ARMS, features=FEATURES, shared=shared, runs=3, seed=0)
    alone = LinUCB(ARMS, features=FEATURES, shared=shared, seed=0)
    decisions(policy, 5)
    before = copy.deepcopy(policy)
    context = np.random.default_rng(1).standard_normal(context_shape(policy))
    policy.select(context)
    marked = np.array([False, False, True])
    policy.update([7, -1, 1], [NAN, INF, 0.5], where=marked)

    for name in ("root", "estimate", "log_volume"):
        old, new = getattr(model(before), name), getattr(model(policy), name)
        assert old[:2].tobytes() == new[:2].tobytes()
    assert policy.round.tolist() == [[6], [6], [7]]
    # The third run alone, from the state that it had.
    model(alone).root[...] = model(before).root[2]
    model(alone).estimate[...] = model(before).estimate[2]
    alone.select(context[2])
    alone.update(1, 0.5)
    np.testing.assert_allclose(model(alone).estimate, model(policy).estimate[2], rtol=1e-12)
    np.testing.assert_allclose(model(alone).root, model(policy).root[2], rtol=1e-12, atol=1e-15)


@both_forms
@both_doors
def test_late_feedback_in_another_order_gives_the_same_model(
    runs: int | None, *, shared: bool
) -> None:
    """Each answer is learned with the context of its own decision, not with the latest."""
    in_order, shuffled = (
        LinTS(ARMS, features=FEATURES, shared=shared, runs=runs, seed=3) for _ in range(2)
    )
    rng = np.random.default_rng(0)
    contexts = rng.standard_normal((60, *context_shape(in_order)))
    waiting = [in_order.decide(context) for context in contexts]
    rewards = list(rng.standard_normal((60, *([] if runs is None else [runs]))))
    elsewhere = [shuffled.adopt(decision) for decision in waiting]
    for number in range(60):
        in_order.learn(waiting[number], rewards[number])
    for number in rng.permutation(60):
        shuffled.learn(elsewhere[number], rewards[number])

    np.testing.assert_allclose(
        model(shuffled).estimate, model(in_order).estimate, rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(inverse(shuffled), inverse(in_order), rtol=1e-10, atol=1e-13)
    assert np.array_equal(shuffled.stats.pulls, in_order.stats.pulls)


def test_update_answers_the_latest_select() -> None:
    """Even where the caller has used its array for something else since."""
    policy, other = LinUCB(2, features=2, seed=0), LinUCB(2, features=2, seed=0)
    buffer = np.array([1.0, 2.0])
    policy.select([5.0, 5.0])
    policy.select(buffer)
    buffer[:] = 9.0
    policy.update(1, 1.0)
    other.select([1.0, 2.0])
    other.update(1, 1.0)

    assert model(policy).estimate.tobytes() == model(other).estimate.tobytes()


# Side observations


@both_forms
@both_doors
@pytest.mark.parametrize("marked", [False, True])
def test_side_observations_are_regressed_with_the_rounds_context(
    runs: int | None, *, shared: bool, marked: bool
) -> None:
    """The same model as solving for every pulled and revealed arm; nan where hidden."""
    if marked and runs is None:
        runs = 4
    policy = LinUCB(
        ARMS, features=FEATURES, shared=shared, runs=runs, side_observations=True, seed=0
    )
    lead = () if runs is None else (runs,)
    models = 1 if shared else ARMS
    rows = 1 if runs is None else runs
    moment = np.tile(np.eye(FEATURES), (rows, models, 1, 1))
    b = np.zeros((rows, models, FEATURES))
    rng = np.random.default_rng(0)
    for _ in range(40):
        context = rng.standard_normal(context_shape(policy))
        reward = rng.standard_normal((*lead, ARMS))
        arm = policy.select(context)
        revealed = rng.random((*lead, ARMS)) < 0.5
        where = rng.random(rows) < 0.6 if marked else None
        seen = revealed.reshape(rows, ARMS).copy()
        pulled = np.atleast_1d(arm)
        seen[np.arange(rows), pulled] = True
        revealed.reshape(rows, ARMS)[np.arange(rows), pulled] = False
        side = {
            "revealed": revealed,
            "reward": np.where(revealed, reward, NAN),
            "cost": np.where(revealed, 0.0, NAN),
            "kind": "observed",
        }
        gained = reward.reshape(rows, ARMS)[np.arange(rows), pulled]
        policy.update(arm, gained if runs else float(gained[0]), 0.0, side, where)
        for run in range(rows) if where is None else np.flatnonzero(where):
            for a in np.flatnonzero(seen[run]):
                own = 0 if shared else a
                x = context if runs is None else context[run]
                x = x[a] if shared else x
                moment[run, own] += np.outer(x, x)
                b[run, own] += reward.reshape(rows, ARMS)[run, a] * x

    shape = (*lead, models, FEATURES)
    expected = np.linalg.solve(moment, b[..., None])[..., 0].reshape(shape)
    np.testing.assert_allclose(model(policy).estimate, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        inverse(policy), np.linalg.inv(moment).reshape(*shape, FEATURES), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        model(policy).log_volume, np.linalg.slogdet(moment)[1].reshape(shape[:-1]), rtol=1e-9
    )
    assert policy.stats.pulls.sum() > 40 * rows * (0.5 if marked else 1.5)


def test_a_policy_without_side_observations_does_not_look_at_them() -> None:
    policy = LinUCB(2, features=1, seed=0)
    policy.select([1.0])
    policy.update(0, 1.0, 0.0, "garbage")

    assert policy.stats.pulls.tolist() == [1.0, 0.0]


# Rules


def wrong_by(draws: Float, mean: Float, covariance: Float) -> float:
    """The largest deviation of sample mean and covariance, in their standard errors."""
    count = len(draws)
    off = np.abs(draws.mean(0) - mean) / np.sqrt(np.diag(covariance) / count)
    variance = np.diag(covariance)
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / count)
    spread = np.abs(np.cov(draws.T) - covariance) / error
    return float(max(off.max(), spread.max()))


@both_forms
@pytest.mark.parametrize("delta", [None, 0.1])
def test_thompson_draws_from_the_posterior(*, delta: float | None, shared: bool) -> None:
    """Normal(x' estimate, v**2 x' A**-1 x), correlated between arms that share parameters.

    40,000 draws, 3 means and 6 covariances within 6 standard errors: it fails with
    probability below 9 * 2e-9 where the normal approximation holds. The controls: a width
    that is off by a twentieth, a mean that is off by as much of a width, and arms drawn
    apart that share parameters.
    """
    runs, scale = 40_000, 0.7
    policy = LinTS(3, features=2, shared=shared, scale=scale, delta=delta, runs=runs, seed=0)
    rng = np.random.default_rng(1)

    def shown(context: Float) -> Float:
        """The same for every run."""
        return np.tile(context if shared else context[0], (runs, *[1] * (1 + shared)))

    for _ in range(6):
        policy.select(shown(rng.standard_normal((3, 2))))
        policy.update(np.full(runs, rng.integers(3)), np.full(runs, rng.standard_normal()))
    context = rng.standard_normal((3, 2))
    recipe = cast("LinearRecipe", policy.recipe)
    rule = cast("LinearThompson", recipe.rule)
    draws = rule(recipe.predict(model(policy), shown(context)), np.random.default_rng(2))

    v = scale if delta is None else scale * math.sqrt(9 * (2 if shared else 6) * math.log(70))
    estimate, spread = model(policy).estimate[0], inverse(policy)[0]
    if shared:
        mean, covariance = context @ estimate[0], v**2 * context @ spread[0] @ context.T
    else:
        x = context[0]
        mean, covariance = estimate @ x, v**2 * np.diag(np.einsum("f,afg,g->a", x, spread, x))
    assert wrong_by(draws, mean, covariance) < 6
    assert wrong_by(mean + 1.05 * (draws - mean), mean, covariance) > 6
    assert wrong_by(draws + 0.05 * np.sqrt(np.diag(covariance)), mean, covariance) > 6
    if shared:
        apart = rng.normal(mean, np.sqrt(np.diag(covariance)), (runs, 3))
        assert wrong_by(apart, mean, covariance) > 6


@both_forms
def test_ofuls_radius_is_theorem_2s(*, shared: bool) -> None:
    """From the determinant of the whole history, once in 30 rounds."""
    rule = LinearConfidence(delta=0.1, noise=0.5, norm=2.0)
    policy = compose_linear(
        ARMS, rule, features=FEATURES, shared=shared, ridge=0.25, runs=2, seed=0
    )
    decisions(policy, 30)
    context = np.ones(context_shape(policy))
    prediction = cast("LinearRecipe", policy.recipe).predict(model(policy), context)
    volume = -np.linalg.slogdet(inverse(policy))[1].sum(-1)
    models = 1 if shared else ARMS
    start = models * FEATURES * math.log(0.25)
    half = np.exp((volume - start) / 2)  # det(A)**(1/2) det(ridge I)**(-1/2)
    expected = 0.5 * np.sqrt(2 * np.log(half / 0.1)) + math.sqrt(0.25) * 2.0

    np.testing.assert_allclose(rule.radius(prediction)[:, 0], expected, rtol=1e-10)
    np.testing.assert_allclose(
        rule(prediction, np.random.default_rng(0)),
        prediction.mean + expected[:, None] * prediction.width,
        rtol=1e-10,
    )


def outside(policy: Policy, parameter: Float, rounds: int, radius: float) -> Bool:
    """Whether the parameter ever left ``radius`` times the ellipsoid, `[runs]`."""
    assert policy.runs is not None
    recipe, rng = cast("LinearRecipe", policy.recipe), np.random.default_rng(4)
    rule = cast("LinearConfidence", recipe.rule)
    left = np.zeros(policy.runs, bool)
    for _ in range(rounds):
        context = rng.standard_normal(context_shape(policy))
        arm = policy.select(context)
        mean = (context[np.arange(policy.runs), arm] * parameter).sum(-1)
        policy.update(arm, mean + rng.standard_normal(policy.runs))
        off = parameter - model(policy).estimate[:, 0]
        distance = np.sqrt(
            np.einsum("rf,rfg,rg->r", off, np.linalg.inv(inverse(policy)[:, 0]), off)
        )
        bound = rule.radius(recipe.predict(model(policy), context))[:, 0]
        left |= distance > radius * bound
    return left


def test_ofuls_ellipsoid_holds_the_parameter_in_all_rounds_at_once() -> None:
    """200 runs of 100 rounds at delta 0.1.

    With exactly 0.1 it fails with probability P[Binomial(200, 0.1) > 45] < 1e-7. The
    control: an ellipsoid of half the radius does not hold it.
    """
    parameter = np.array([0.6, -0.8])
    for radius, holds in ((1.0, True), (0.5, False)):
        policy = OFUL(4, features=2, shared=True, delta=0.1, runs=200, seed=0)

        assert (outside(policy, parameter, 100, radius).sum() <= 45) == holds


def taught(rule: Any, **options: Any) -> Policy:
    """Means 0, .5 and .25 in context [1]: rewards 1 and .5 of one pull each, halved."""
    policy = compose_linear(3, rule, features=1, seed=0, **options)
    policy.select([1.0])
    policy.update(1, 1.0)
    policy.update(2, 0.5)
    return policy


def test_squarecbs_probabilities_by_hand() -> None:
    """1 / (3 + 4 * .5), 1 / (3 + 4 * .25), the rest for the best; with two arms, 2 + ..."""
    policy = taught(InverseGap(4.0))

    assert policy.probabilities([1.0]).tolist() == pytest.approx([1 / 5, 11 / 20, 1 / 4])
    assert policy.probabilities([1.0], [True, False, True]).tolist() == pytest.approx(
        [1 / 3, 0.0, 2 / 3]
    )
    # Means 0, -.5 and -.25: arm 0 is best.
    assert policy.probabilities([-1.0]).tolist() == pytest.approx([11 / 20, 1 / 5, 1 / 4])


def test_squarecbs_gamma_grows_with_the_root_of_the_round() -> None:
    """In round 3."""
    policy = taught(InverseGap(4.0, anytime=True))
    others = [1 / (3 + 4 * math.sqrt(3) * gap) for gap in (0.5, 0.25)]

    assert policy.probabilities([1.0]).tolist() == pytest.approx(
        [others[0], 1 - sum(others), others[1]]
    )


def test_equally_good_arms_share_what_the_others_leave() -> None:
    """Means .5, .5 and 0, gamma 4: 1/5 for the last arm."""
    policy = compose_linear(3, InverseGap(4.0), features=1, seed=0)
    assert policy.probabilities([1.0]).tolist() == pytest.approx([1 / 3] * 3)
    policy.select([1.0])
    for arm in (0, 1):
        policy.update(arm, 1.0)

    assert policy.probabilities([1.0]).tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_epsilon_greedys_probabilities_by_hand() -> None:
    """A third of .3 each, and .7 for the best; min(1, 6 / 3) is 1, 1.5 / 3 is a half."""
    policy = taught(LinearGreedy(0.3))

    assert policy.probabilities([1.0]).tolist() == pytest.approx([0.1, 0.8, 0.1])
    assert policy.probabilities([1.0], [True, False, True]).tolist() == pytest.approx(
        [0.15, 0.0, 0.85]
    )
    for epsilon, expected in ((6.0, [1 / 3] * 3), (1.5, [1 / 6, 2 / 3, 1 / 6])):
        decaying = taught(LinearGreedy(epsilon, decay=True))
        assert decaying.probabilities([1.0]).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("rule", [InverseGap(4.0), LinearGreedy(0.3)], ids=repr)
def test_arms_are_drawn_with_their_probabilities_and_the_decision_keeps_them(
    rule: Any,
) -> None:
    """Chi-square at 1e-6 of 20,000 decisions through each door; and its control.

    Rewards over propensities are unbiased for what each arm gives: within 6 standard errors,
    so it fails with probability below 3 * 2e-9.
    """
    one = taught(rule)
    many = compose_linear(3, rule, features=1, runs=20_000, seed=1)
    for arm, reward in ((1, 1.0), (2, 0.5)):
        many.select(np.ones((20_000, 1)))
        many.update(np.full(20_000, arm), np.full(20_000, reward))
    expected = one.probabilities([1.0])
    together = many.decide(np.ones((20_000, 1)))
    apart = [one.decide([1.0]) for _ in range(20_000)]

    np.testing.assert_allclose(together.probability, np.tile(expected, (20_000, 1)))
    for arms in (together.arm, np.array([decision.arm for decision in apart])):
        counts = np.bincount(arms, minlength=3)
        assert laws.chisquare(counts, expected * 20_000).pvalue > 1e-6
        assert laws.chisquare(counts, [20_000 / 3] * 3).pvalue < 1e-6
    assert apart[0].propensity == expected[apart[0].arm]
    assert together.propensity.tolist() == expected[together.arm].tolist()
    values = np.array([3.0, 1.0, 2.0])
    weighted = (together.arm[:, None] == np.arange(3)) * (
        values[together.arm] / together.propensity
    )[:, None]
    error = weighted.std(0) / math.sqrt(20_000)
    assert (np.abs(weighted.mean(0) - values) < 6 * error).all()


@pytest.mark.parametrize("name", ["LinUCB", "OFUL", "LinTS"])
def test_a_policy_that_does_not_draw_has_no_probabilities(name: str) -> None:
    policy = ALGORITHMS[name](ARMS, features=FEATURES, seed=0)

    assert policy.probabilities([1.0, 2.0]) is None
    assert policy.decide([1.0, 2.0]).propensity is None


@every
@both_forms
def test_ties_are_broken_evenly(make: Callable[..., Policy], *, shared: bool) -> None:
    """6,000 runs that know nothing, then as much of arms 1 and 3: chi-square at 1e-6 each."""
    policy = make(4, features=3, shared=shared, runs=6000, seed=3)
    context = np.array([0.3, -0.7, 1.1])
    shown = np.broadcast_to(context, context_shape(policy))
    fresh = np.bincount(policy.select(shown), minlength=4)
    for arm in (1, 3):
        policy.update(np.full(6000, arm), np.full(6000, 0.5))
    masked = policy.select(shown, available=[False, True, False, True])

    assert laws.chisquare(fresh).pvalue > 1e-6
    assert laws.chisquare(np.bincount(masked, minlength=4)[[1, 3]]).pvalue > 1e-6
    assert laws.chisquare(np.bincount(masked, minlength=4)).pvalue < 1e-6  # the control


@every
@both_forms
def test_a_masked_arm_is_never_chosen(make: Callable[..., Policy], *, shared: bool) -> None:
    policy = make(4, features=FEATURES, shared=shared, runs=50, seed=2)
    one = make(4, features=FEATURES, shared=shared, seed=2)
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random((50, 4)) < 0.4
        mask[np.arange(50), rng.integers(4, size=50)] = True
        context = rng.standard_normal(context_shape(policy))
        arm = policy.select(context, available=mask)

        assert mask[np.arange(50), arm].all()
        policy.update(arm, rng.random(50))
        alone = one.select(context[0], available=mask[0])
        assert mask[0, alone]
        one.update(alone, 0.5)


@dataclass(frozen=True, slots=True)
class Optimist(LinearIndex):
    """A rule of a user: only the width counts."""

    strength: float = 1.0

    def __call__(self, prediction: Prediction, rng: np.random.Generator) -> Float:
        """The width, `[..., arms]`."""
        del rng
        return self.strength * prediction.width


def test_a_rule_of_your_own_decides_and_comes_back_when_it_is_named(tmp_path: Path) -> None:
    """Pure exploration pulls all arms equally often in a context that stays the same."""
    policy = compose_linear(3, Optimist(2.0), features=1, seed=0)
    for _ in range(30):
        policy.update(policy.select([1.0]), 1.0)
    policy.save(tmp_path / "own.json")

    assert policy.stats.pulls.tolist() == [10.0] * 3
    assert banditsplit.load(tmp_path / "own.json", parts=(Optimist,)).recipe == policy.recipe


# Saving


@every
@both_doors
@both_forms
def test_decisions_go_on_bit_for_bit_after_save_and_load_and_deepcopy(
    make: Callable[..., Policy], runs: int | None, *, shared: bool, tmp_path: Path
) -> None:
    """Between a decision and its feedback, too."""
    policy = make(ARMS, features=FEATURES, shared=shared, runs=runs, seed=5)
    world = World()
    decisions(policy, 40, world)
    arm = policy.select(world.rng.standard_normal(context_shape(policy)))
    policy.save(tmp_path / "policy.json")
    others = [banditsplit.load(tmp_path / "policy.json"), copy.deepcopy(policy)]
    futures = []
    for each in (policy, *others):
        each.update(arm, 0.5 if runs is None else np.full(runs, 0.5))
        futures.append(decisions(each, 100, copy.deepcopy(world)))

    assert futures[0] == futures[1] == futures[2]
    for other in others:
        assert other.recipe == policy.recipe
        assert saved(other, tmp_path) == saved(policy, tmp_path)


def test_a_forged_model_is_refused(tmp_path: Path) -> None:
    """A model of other features does not pass for this one's."""
    raw = saved(LinUCB(2, features=2, seed=0), tmp_path)
    (tmp_path / "forged.json").write_bytes(raw.replace(b'"features": 2', b'"features": 3'))

    with pytest.raises(ValueError, match=r"^`path` must .*"):
        banditsplit.load(tmp_path / "forged.json")


# Extremes


enormous = st.one_of(
    st.floats(-1e99, 1e99), st.sampled_from([0.0, 1e-300, -1e-99, 1e10, 7e99, 1.0])
)


@both_forms
@given(
    data=st.data(),
    ridge=st.sampled_from([1e-50, 1e-8, 1.0, 1e12, 1e300]),
    side_observations=st.booleans(),
)
def test_no_context_or_value_that_is_accepted_breaks_the_model(
    *, shared: bool, data: st.DataObject, ridge: float, side_observations: bool
) -> None:
    """Everything stays finite, without a warning, and the policy can be saved."""
    policy = OFUL(
        2,
        features=2,
        shared=shared,
        ridge=ridge,
        side_observations=side_observations,
        seed=0,
    )
    for _ in range(data.draw(st.integers(1, 6))):
        context = data.draw(nps.arrays(float, context_shape(policy), elements=enormous))
        arm = policy.select(context)
        reward = data.draw(nps.arrays(float, 2, elements=enormous))
        side = {"reward": reward, "cost": [0.0, 0.0], "kind": "observed"}
        side["revealed"] = np.arange(2) != arm
        policy.update(arm, reward[arm], 0.0, side)

        for name in ("root", "estimate", "log_volume"):
            assert np.isfinite(getattr(model(policy), name)).all()
        prediction = cast("LinearRecipe", policy.recipe).predict(model(policy), context)
        assert np.isfinite(prediction.width).all()


# What is refused


def refuses(call: Callable[[], object], policy: Policy, folder: Path) -> None:
    """Assert that ``call`` is refused by name and changes nothing."""
    before = saved(policy, folder)
    with pytest.raises((ValueError, TypeError), match=REFUSAL):
        call()

    assert saved(policy, folder) == before


BAD_CONTEXTS: dict[str, Any] = {
    "too short": [1.0],
    "too long": [1.0, 2.0, 3.0],
    "one number": 1.0,
    "a matrix": [[1.0, 2.0]],
    "missing": None,
    "a nan": [1.0, NAN],
    "an infinity": [INF, 1.0],
    "words": ["1", "2"],
    "a word": "12",
    "complex numbers": [1j, 1.0],
    "objects": [None, 1.0],
    "ragged": [[1.0], [1.0, 2.0]],
    "a number that no float holds": [10**400, 1.0],
    "so large that its square overflows": [1e200, 1.0],
}


@every
@pytest.mark.parametrize("bad", BAD_CONTEXTS.values(), ids=BAD_CONTEXTS)
@pytest.mark.parametrize("method", ["select", "decide", "probabilities"])
def test_a_context_is_refused(
    make: Callable[..., Policy], bad: Any, method: str, tmp_path: Path
) -> None:
    one, two = (make(ARMS, features=FEATURES, runs=runs, seed=0) for runs in (None, 2))
    for policy in (one, two):
        decisions(policy, 3)
    given = bad if bad is None or isinstance(bad, float | str) else [bad, [1.0, 2.0]]

    refuses(partial(getattr(one, method), bad), one, tmp_path)
    refuses(partial(getattr(two, method), given), two, tmp_path)


@pytest.mark.parametrize("context", [[1.0, 2.0], [[1.0, 2.0]] * 2, [[1.0] * 3] * 3])
def test_a_context_of_the_other_form_is_refused(context: Any, tmp_path: Path) -> None:
    """The shared form wants a row for each arm."""
    policy = LinUCB(ARMS, features=FEATURES, shared=True, seed=0)
    policy.select(np.zeros((ARMS, FEATURES)))

    refuses(partial(policy.select, context), policy, tmp_path)


@every
@both_doors
@both_forms
def test_feedback_before_any_context_is_refused(
    make: Callable[..., Policy], runs: int | None, *, shared: bool, tmp_path: Path
) -> None:
    """Nobody knows what it would be feedback on."""
    policy = make(ARMS, features=FEATURES, shared=shared, runs=runs, seed=0)
    arm, reward = (1, 0.5) if runs is None else (np.ones(runs, int), np.ones(runs))
    with pytest.raises(ValueError, match=r"^`context` must be known, from the `select`"):
        policy.update(arm, reward)

    refuses(partial(policy.update, arm, reward), policy, tmp_path)
    refuses(partial(policy.learn, Decision(0, arm), reward), policy, tmp_path)
    foreign = UniformRandom(ARMS, runs=runs, seed=0).decide("a context that it ignores")
    refuses(partial(policy.learn, foreign, reward), policy, tmp_path)


@pytest.mark.parametrize(
    "context",
    [np.zeros(3), np.zeros((1, 2)), "12", np.array([1.0, NAN]), np.full(2, 1e200)],
)
def test_a_decision_with_an_impossible_context_is_refused(context: Any, tmp_path: Path) -> None:
    policy = LinUCB(ARMS, features=FEATURES, seed=0)
    decisions(policy, 3)

    refuses(partial(policy.learn, Decision(0, 1, None, context), 0.5), policy, tmp_path)


@pytest.mark.parametrize("bad", [NAN, INF, "1", None, 1e101, -1e101])
@both_forms
def test_a_reward_is_refused(bad: Any, *, shared: bool, tmp_path: Path) -> None:
    """Also one that is only revealed."""
    policy = LinUCB(ARMS, features=FEATURES, shared=shared, side_observations=True, seed=0)
    decisions(policy, 3)
    side = {"revealed": [True, False, False], "reward": [bad, 0.0, 0.0], "cost": [0.0] * 3}

    refuses(partial(policy.update, 1, bad), policy, tmp_path)
    refuses(partial(policy.update, 1, 0.5, 0.0, side | {"kind": "observed"}), policy, tmp_path)


NOT_COUNTS: tuple[Any, ...] = (0, -1, 1.5, "3", True, None)
NOT_POSITIVE: tuple[Any, ...] = (0.0, -1.0, NAN, INF, "1")
NOT_BETWEEN: tuple[Any, ...] = (0.0, 1.0, -0.1, 1.1, NAN, "0.5")
BAD_ARGUMENTS: dict[str, Any] = {
    "arms": (ALGORITHMS.keys(), NOT_COUNTS),
    "features": (ALGORITHMS.keys(), NOT_COUNTS),
    "runs": (["LinUCB"], NOT_COUNTS[:-1]),
    "seed": (["LinUCB"], (-1, 1.5, "1")),
    "ridge": (ALGORITHMS.keys(), (*NOT_POSITIVE, None, 1e-60)),
    "shared": (["LinUCB", "LinTS"], (1, None, "yes")),
    "side_observations": (["LinUCB"], (1, None, "yes")),
    "objective": (["LinUCB"], (1.0, "Reward")),
    "alpha": (["LinUCB"], (*NOT_POSITIVE, None)),
    "delta": (["OFUL", "LinTS"], NOT_BETWEEN),
    "noise": (["OFUL"], (*NOT_POSITIVE, None)),
    "norm": (["OFUL"], (*NOT_POSITIVE, None)),
    "scale": (["LinTS"], (*NOT_POSITIVE, None)),
    "epsilon": (["LinGreedy"], (-0.1, 1.1, NAN, "1", None)),
    "decay": (["LinGreedy"], (1, None)),
    "gamma": (["SquareCB"], (*NOT_POSITIVE, None)),
    "anytime": (["SquareCB"], (1, None)),
}


@pytest.mark.parametrize(
    ("name", "argument", "bad"),
    [
        (name, argument, bad)
        for argument, (names, values) in BAD_ARGUMENTS.items()
        for name in names
        for bad in values
    ],
)
def test_constructors_refuse(name: str, argument: str, bad: Any) -> None:
    arguments = {"arms": ARMS, "features": FEATURES} | {argument: bad}
    with pytest.raises((ValueError, TypeError), match=rf"^`{argument}` must .*, got .*"):
        ALGORITHMS[name](**arguments)


@pytest.mark.parametrize("rule", [None, LinearUCB, 1.0, banditsplit.indices.UCB()])
def test_a_recipe_without_a_rule_is_refused(rule: Any) -> None:
    with pytest.raises(TypeError, match=r"^`rule` must .*, got .*"):
        LinearRecipe(ARMS, FEATURES, rule)


def test_a_decay_that_starts_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`epsilon` must not be negative, got -1"):
        LinearGreedy(-1.0, decay=True)
