"""`Constrained(assume_stationary=False)`: what it may lose altogether, whatever losses do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

from banditsplit import Constrained, Decision, Policy, load
from banditsplit._typing import Bool, Float, Int
from banditsplit.recipes import ConstrainedDriftRecipe
from banditsplit.theory import AuditedTotal

SAFE, REVEALING, LEVEL, DELTA = 0, 1, 0.1, 0.05
COSTS = (4.0, 8.0, 1.0, 2.0)


def policy_of(**changes: Any) -> Policy:
    """A policy over `COSTS` for one run."""
    given: dict[str, Any] = {
        "level": LEVEL,
        "safe": SAFE,
        "revealing": REVEALING,
        "delta": DELTA,
        "costs": COSTS,
        "audit_rate": 0.2,
        "burn_in": 0.0,
        "assume_stationary": False,
        "seed": 0,
    }
    return Constrained(4, **(given | changes))


def shown(loss: Any) -> dict[str, Any]:
    """What an audit shows, for one run."""
    return {
        "revealed": np.arange(4) != REVEALING,
        "reward": 1.0 - np.asarray(loss, np.float64),
        "cost": np.asarray(COSTS),
        "kind": "observed",
    }


def tell(policy: Policy, decision: Decision, loss: Any) -> None:
    """Answer a decision as a world of these losses would."""
    arm = decision.arm
    side = shown(loss) if arm == REVEALING else None
    reward = 1.0 - loss[arm] if arm in (SAFE, REVEALING) else 0.5  # a stand-in
    policy.learn(decision, reward, COSTS[arm], side)


def choice(policy: Policy, arm: int) -> Decision:
    """A decision of ``policy`` that drew ``arm``."""
    probability = policy.probabilities()
    assert probability[arm] > 0
    return policy.adopt(Decision(0, arm, probability))


def trusting(**changes: Any) -> Policy:
    """A policy whose audits saw no loss in 60 rounds, so that both cheap arms are trusted."""
    policy = policy_of(**changes)
    for _ in range(60):
        tell(policy, choice(policy, REVEALING), [0, 0, 0, 0])
    return policy


def test_the_safe_arm_is_played_until_a_cheap_one_did_well_and_there_is_room() -> None:
    policy = policy_of()
    for t in range(1, 14):
        # One loss in n + 1 is at most the level from n = 9 on, and n, discounted by 1 %, is
        # 8.6 after 9 audits and 9.6 after 10; a loss is affordable from t = 10 on.
        expected = 2 if t > 10 else SAFE
        assert policy.recommendation == expected
        tell(policy, choice(policy, REVEALING), [0, 0, 0, 0])


def test_a_round_is_an_audit_with_the_probability_told() -> None:
    policy = trusting(burn_in=5.0)
    for t in range(61, 67):
        rate = max(0.2, 5 / (5 + t))
        np.testing.assert_allclose(policy.probabilities(), [0, rate, 1 - rate, 0])
        tell(policy, choice(policy, 2), [0, 0, 0, 0])
    assert policy.certificate.settled is False


def test_what_may_be_lost_is_counted_by_hand() -> None:
    """Losses of safe and revealing arms, and the bound of the others, less those prevented."""
    policy, total = trusting(), AuditedTotal(DELTA, least=0.2)
    state = total.empty(())
    loss = [0.05, 0.02, 0.5, 0.0]
    for arm in (2, 2, REVEALING):
        tell(policy, choice(policy, arm), loss)
        total.observe(state, 0, 0.5, propensity=0.2, seen=arm == REVEALING)
    known = policy.certificate

    assert known.running_upper == pytest.approx((0.02 + 2) / 63)  # all that was not seen
    assert known.running_loss == pytest.approx((0.02 + 0.5 / 0.2 - 0.5) / 63)
    for _ in range(400):
        tell(policy, policy.adopt(Decision(0, 2, np.array([0, 0.2, 0.8, 0]))), loss)
        total.observe(state, 0, 0.0, propensity=0.2, seen=False)
    known = policy.certificate
    expected = 0.02 + total.upper(state) - 0.5
    assert total.upper(state) < 403
    assert known.running_upper == pytest.approx(expected / 463)
    assert known.audits == 61
    assert not known.certified.any()
    assert (known.upper == 1).all()


def test_what_no_audit_could_show_counts_as_lost() -> None:
    """Arms from elsewhere, masks without the revealing arm, audits that show nothing."""
    elsewhere, masked, silent = trusting(), trusting(), trusting()
    elsewhere.update(2, 1.0, 1.0)
    assert elsewhere.certificate.running_upper == pytest.approx(1 / 61)

    masked.select(available=np.array([True, False, True, True]))
    masked.update(2, 1.0, 1.0)
    assert masked.certificate.running_upper == pytest.approx(1 / 61)

    probability = silent.probabilities()
    silent.learn(silent.adopt(Decision(0, REVEALING, probability)), 1.0, 8.0)
    assert silent.certificate.running_loss == pytest.approx((1 / 0.2 - 1) / 61)

    own = trusting(own=True)  # where losses show, they are counted as they are
    own.update(2, 0.75, 1.0)
    assert own.certificate.running_upper == pytest.approx(0.25 / 61)


def test_it_falls_back_to_the_safe_arm_and_returns() -> None:
    policy = trusting()
    assert policy.recommendation == 2
    for _ in range(6):
        tell(policy, choice(policy, REVEALING), [0, 0, 1, 1])
    assert policy.recommendation == SAFE  # both did badly
    rounds = 0
    while policy.recommendation == SAFE:  # until it was long ago
        tell(policy, choice(policy, REVEALING), [0, 0, 1, 0])
        rounds += 1
        assert rounds < 1000
    assert policy.recommendation == 3


def test_without_room_a_trusted_arm_waits() -> None:
    policy = trusting()
    for _ in range(6):  # lost, for all that is known
        policy.update(2, 1.0, 1.0)
    assert policy.recommendation == SAFE  # 7 > .1 * 67
    for _ in range(3):
        assert policy.recommendation == SAFE
        tell(policy, choice(policy, SAFE), [0, 0, 0, 0])
    assert policy.recommendation == 2  # 7 <= .1 * 70


def test_its_state_survives_a_file(tmp_path: Path) -> None:
    policy = trusting(costs=None)
    policy.save(tmp_path / "policy.json")
    again = load(tmp_path / "policy.json")
    arms = []
    for each in (policy, again):
        played = []
        for _ in range(200):
            decision = each.decide()
            played.append(decision.arm)
            tell(each, decision, [0, 0, 0.05, 0])
        arms.append(played)

    assert arms[0] == arms[1]
    assert policy.certificate.running_upper == again.certificate.running_upper


# --- how often it is wrong ----------------------------------------------------------------

World = Callable[[int, Int], Float]  # round, arms pulled in the round before -> losses


def switch(t: int, pulled: Int) -> Float:
    """Arm 2 never loses for 600 rounds, and always from then on; arm 3 the other way."""
    loss = np.zeros((len(pulled), 4))
    loss[:, 2 if t > 600 else 3] = 1.0
    return loss


def spite(t: int, pulled: Int) -> Float:
    """An adversary's: what was just played loses, and nothing else, so that all look well."""
    del t
    loss = np.zeros((len(pulled), 4))
    loss[np.arange(len(pulled)), pulled] = 1.0
    loss[:, [SAFE, REVEALING]] = 0.0
    return loss


def lost(policy: Policy, world: World, rounds: int = 1200) -> tuple[Bool, Bool]:
    """In which runs the share lost ever exceeded the level, and ever the stated bound."""
    runs = cast("int", policy.runs)
    rows = np.arange(runs)
    total, above, beyond = np.zeros(runs), np.zeros(runs, np.bool_), np.zeros(runs, np.bool_)
    recipe = policy.recipe
    arm = np.zeros(runs, np.int64)
    for t in range(1, rounds + 1):
        loss = world(t, arm)
        arm = policy.select()
        audited = arm == REVEALING
        side = {
            "revealed": audited[:, None] & (np.arange(4) != REVEALING),
            "reward": 1 - loss,
            "cost": np.broadcast_to(COSTS, (runs, 4)),
            "kind": "observed",
        }
        total += loss[rows, arm]
        shows = np.isin(arm, (SAFE, REVEALING))
        policy.update(arm, np.where(shows, 1 - loss[rows, arm], 0.5), np.take(COSTS, arm), side)
        above |= total > LEVEL * t + 1e-9
        if isinstance(recipe, ConstrainedDriftRecipe):
            beyond |= total > recipe.at_most(policy._state) + 1e-9
    return above, beyond


def check(wrong: Bool) -> None:
    """More than ``DELTA`` is refused at a level of 1e-6: so often it fails where it is true."""
    result = stats.binomtest(int(wrong.sum()), wrong.size, DELTA, alternative="greater")
    assert result.pvalue > 1e-6


RUNS = 100


@pytest.mark.parametrize("world", [switch, spite])
def test_the_share_lost_stays_below_the_level_and_the_bound(world: World) -> None:
    above, beyond = lost(policy_of(runs=RUNS), world)

    check(above)
    check(beyond)


def test_a_certificate_that_assumes_stationary_laws_is_wrong_after_a_switch() -> None:
    """It certifies arm 2 while that never loses, and goes on playing it when it always does."""
    stationary = Constrained(
        4, level=LEVEL, safe=SAFE, revealing=REVEALING, delta=DELTA, costs=COSTS,
        audit_rate=0.2, burn_in=0.0, runs=RUNS, seed=0,
    )  # fmt: skip
    above, _ = lost(stationary, switch)

    assert stationary.certificate.certified[:, 2].all()
    assert (stationary.certificate.upper[:, 2] <= LEVEL).all()  # audits stopped long ago
    assert above.all()
    with pytest.raises(AssertionError):
        check(above)


def without_width(recipe: ConstrainedDriftRecipe, state: Any) -> Float:
    """A planted bug: the estimate in place of the bound."""
    del recipe
    audited = state.audited
    found: Float = state.lost + audited.estimate - audited.seen
    return found


def as_if_stationary(recipe: ConstrainedDriftRecipe, state: Any) -> Float:
    """A planted bug: only what audits have seen is counted."""
    del recipe
    found: Float = state.lost + state.audited.seen
    return found


@pytest.mark.parametrize("at_most", [without_width, as_if_stationary])
def test_the_same_check_catches_planted_bugs(
    at_most: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConstrainedDriftRecipe, "at_most", at_most)
    above, _ = lost(policy_of(runs=RUNS, window=20.0), spite)

    with pytest.raises(AssertionError):
        check(above)


# --- what is refused ----------------------------------------------------------------------

# What any `Constrained` refuses stands in `test_constrained`.
BAD: dict[str, tuple[str, Any]] = {
    f"{name}={value!r}": (name, value)
    for name, values in {
        "window": (0.5, float("nan"), "20", -1.0),
        "until_certified": (0.5,),
    }.items()
    for value in values
}


@pytest.mark.parametrize(("name", "value"), BAD.values(), ids=BAD)
def test_a_bad_argument_is_refused(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^`{name}` must .*, got .*"):
        policy_of(**{name: value})


@pytest.mark.parametrize(
    ("reward", "cost", "side"),
    [
        (1.5, 1.0, None),
        (-0.5, 1.0, None),
        (1.0, 1e301, None),
        (1.0, 1.0, shown([0, 0, 2, 0])),
    ],
    ids=["a reward above 1", "one below 0", "an enormous cost", "a side reward below 0"],
)
def test_bad_feedback_changes_nothing(
    reward: float, cost: float, side: Any, tmp_path: Path
) -> None:
    policy = trusting(costs=None)
    policy.save(tmp_path / "before")
    with pytest.raises(ValueError, match=r"must .*, got "):
        policy.update(REVEALING, reward, cost, side)
    policy.save(tmp_path / "after")

    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()
