"""Feedback that comes late, in any order, in batches or never: each decision counts once."""

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banditsplit import (
    EXP3,
    UCB1,
    Decision,
    LinUCB,
    Policy,
    ThompsonSampling,
    load,
    with_budget,
)

STATES = Path(__file__).with_name("states")


def saved(policy: Policy, path: Path) -> bytes:
    """Everything that a policy is."""
    policy.save(path / "policy")
    return (path / "policy").read_bytes()


def refuses(
    call: Callable[[], object], match: str, policy: Policy, path: Path, error: Any = ValueError
) -> None:
    """The call is refused, and leaves the policy as it was."""
    before = saved(policy, path)
    with pytest.raises(error, match=rf"(?s)^`[^`]+` must .*{match}.*, got "):
        call()
    assert saved(policy, path) == before


@given(order=st.permutations(range(12)), answered=st.integers(0, 12))
def test_decisions_wait_until_they_are_answered_in_any_order(
    order: list[int], answered: int
) -> None:
    policy = UCB1(3, seed=0)
    decisions = [policy.decide() for _ in range(12)]
    for number in order[:answered]:
        policy.learn(decisions[number], float(number))

    assert [d.id for d in policy.pending] == sorted(order[answered:])
    assert policy.stats.pulls.sum() == answered
    assert policy.round == 1 + answered
    arms = np.array([decisions[number].arm for number in order[:answered]], dtype=int)
    assert policy.stats.pulls.tolist() == np.bincount(arms, minlength=3).tolist()


def test_a_number_will_do_where_only_that_is_known() -> None:
    policy = EXP3(3, seed=0)
    decision = policy.decide()
    policy.learn(decision.id, 1.0)

    assert policy.stats.pulls[decision.arm] == 1


def test_no_decision_counts_twice_and_each_refusal_says_why(tmp_path: Path) -> None:
    policy, other = UCB1(3, seed=0), UCB1(3, seed=1)
    policy.max_pending = 3
    decisions = [policy.decide() for _ in range(5)]
    for _ in range(6):
        other.decide()
    policy.learn(decisions[3], 1.0)

    refuses(lambda: policy.learn(decisions[3], 1.0), "not be answered", policy, tmp_path)
    refuses(lambda: policy.learn(decisions[0], 1.0), "or expired", policy, tmp_path)
    refuses(lambda: policy.learn(5, 1.0), "one of the 5", policy, tmp_path)
    refuses(lambda: policy.learn(-1, 1.0), "one of the 5", policy, tmp_path)
    refuses(lambda: policy.learn(other.pending[5], 1.0), "one of the 5", policy, tmp_path)
    strange = Decision(4, (decisions[4].arm + 1) % 3)
    refuses(lambda: policy.learn(strange, 1.0), "that this policy made", policy, tmp_path)
    forget = policy.forget
    refuses(lambda: forget(decisions[3]), "not be answered", policy, tmp_path)
    for nonsense in ("4", None, 4.0, True, [4]):
        refuses(
            lambda value=nonsense: policy.learn(value, 1.0),  # type: ignore[misc]
            "a Decision or the number",
            policy,
            tmp_path,
            TypeError,
        )
    assert policy.stats.pulls.sum() == 1


def test_a_decision_whose_answer_was_refused_goes_on_waiting(tmp_path: Path) -> None:
    policy = ThompsonSampling(3, seed=0)
    decision = policy.decide()
    for reward, cost in [(float("nan"), 0.0), (0.5, -1.0), (0.5, float("inf")), (2.0, 0.0)]:
        refuses(lambda r=reward, c=cost: policy.learn(decision, r, c), "", policy, tmp_path)  # type: ignore[misc]

    assert policy.pending == (decision,)
    policy.learn(decision, 1.0)
    assert not policy.pending


def test_how_many_wait_is_bounded_and_the_oldest_expire() -> None:
    policy = UCB1(2, seed=0)
    assert policy.max_pending == 100_000
    policy.max_pending = 4
    for _ in range(10):
        policy.decide()
    assert [d.id for d in policy.pending] == [6, 7, 8, 9]

    policy.max_pending = 2
    assert [d.id for d in policy.pending] == [8, 9]
    policy.forget(9)
    assert [d.id for d in policy.pending] == [8]
    assert policy.decide().id == 10  # a number is never used again


@pytest.mark.parametrize("most", [0, -1, 1.5, None, "3", True])
def test_the_bound_must_be_a_number_of_decisions(most: Any, tmp_path: Path) -> None:
    policy = UCB1(2, seed=0)
    error = ValueError if most in (0, -1) and most is not True else TypeError
    refuses(lambda: setattr(policy, "max_pending", most), "an integer", policy, tmp_path, error)


def test_selecting_and_updating_leaves_nothing_waiting() -> None:
    policy = EXP3(3, seed=0)
    for _ in range(5):
        policy.update(policy.select(), 1.0)

    assert policy.pending == ()


def test_in_a_batch_each_run_is_answered_once(tmp_path: Path) -> None:
    policy = EXP3(3, runs=4, seed=0)
    decision = policy.decide()
    some = np.array([True, False, True, False])
    policy.learn(decision, np.ones(4), where=some)
    assert policy.pending == (decision,)
    assert policy.stats.pulls.sum(-1).tolist() == [1, 0, 1, 0]

    again = np.array([True, True, False, False])
    refuses(
        lambda: policy.learn(decision, np.ones(4), where=again),
        "has not come",
        policy,
        tmp_path,
    )
    twin = load_of(policy, tmp_path)
    for one in (policy, twin):
        one.learn(decision, np.ones(4))  # all that are left
        assert one.pending == ()
        assert one.stats.pulls.sum(-1).tolist() == [1, 1, 1, 1]
    refuses(lambda: policy.learn(decision, np.ones(4)), "not be answered", policy, tmp_path)


def load_of(policy: Policy, path: Path) -> Policy:
    """The policy after it was written and read again."""
    policy.save(path / "again")
    return load(path / "again")


def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    policy = LinUCB(3, features=2, seed=0)
    policy.max_pending = 9
    rng = np.random.default_rng(0)
    decisions = [policy.decide(rng.random(2)) for _ in range(12)]
    policy.learn(decisions[7], 1.0)

    again = load_of(policy, tmp_path)
    assert again.max_pending == 9
    assert [d.id for d in again.pending] == [3, 4, 5, 6, 8, 9, 10, 11]
    for one, other in zip(policy.pending, again.pending, strict=True):
        assert one.arm == other.arm
        np.testing.assert_array_equal(one.context, other.context)
    for each in (policy, again):
        for number in (11, 4, 8):
            each.learn(decisions[number], 0.5)
    np.testing.assert_array_equal(policy.stats.mean, again.stats.mean)
    assert again.decide([1.0, 1.0]).id == policy.decide([1.0, 1.0]).id == 12
    refuses(lambda: again.learn(decisions[7], 1.0), "not be answered", again, tmp_path)


def test_a_copy_has_its_own_waiting_decisions() -> None:
    policy = UCB1(3, seed=0)
    decision = policy.decide()
    twin = copy.deepcopy(policy)
    policy.learn(decision, 1.0)
    twin.learn(decision, 0.0)

    assert policy.pending == twin.pending == ()
    assert policy.stats.mean[decision.arm] == 1.0
    assert twin.stats.mean[decision.arm] == 0.0
    assert policy.fresh(seed=0).pending == ()


def test_a_batch_of_answers_is_learned_whole_or_not_at_all(tmp_path: Path) -> None:
    policy, one_by_one = UCB1(3, seed=0), UCB1(3, seed=0)
    decisions = [policy.decide() for _ in range(6)]
    for _ in range(6):
        one_by_one.decide()
    good = [(d, 0.1 * d.id, 1.0) for d in decisions[:4]]
    for bad in (
        [(decisions[4], float("nan"))],
        [(decisions[0], 1.0)],
        [(decisions[5], 1.0), (decisions[5], 1.0)],
        [(99, 1.0)],
    ):
        with pytest.raises(ValueError, match="must"):
            policy.learn_batch([*good, *bad])
        assert policy.stats.pulls.sum() == 0
        assert len(policy.pending) == 6
    policy.learn_batch(good)
    for answer in good:
        one_by_one.learn(*answer)

    assert saved(policy, tmp_path) == saved(one_by_one, tmp_path)
    policy.learn_batch([])
    assert saved(policy, tmp_path) == saved(one_by_one, tmp_path)


def test_a_decision_made_elsewhere_is_adopted_with_its_probability(tmp_path: Path) -> None:
    """EXP3 counts a loss divided by the probability that the other device played with."""
    elsewhere = Decision(77, 2, np.array([0.5, 0.25, 0.25]))
    policy = EXP3(3, gamma=0.1, seed=0)
    ours = policy.adopt(elsewhere)
    assert (ours.id, ours.arm, ours.propensity) == (0, 2, 0.25)
    refuses(lambda: policy.learn(elsewhere, 1.0), "one of the 1", policy, tmp_path)
    policy.learn(ours, 1.0)

    state: Any = policy._state
    np.testing.assert_allclose(state.score, [0, 0, 1 / 0.25])


BAD_DECISIONS = {
    "no decision": 3,
    "an arm too high": Decision(0, 3, np.ones(3) / 3),
    "an arm below 0": Decision(0, -1, np.ones(3) / 3),
    "half an arm": Decision(0, 0.5, np.ones(3) / 3),
    "too few probabilities": Decision(0, 1, np.ones(2) / 2),
    "a probability above 1": Decision(0, 1, np.array([2.0, 0.5, 0.5])),
    "a nan": Decision(0, 1, np.array([np.nan, 0.5, 0.5])),
}


@pytest.mark.parametrize("decision", BAD_DECISIONS.values(), ids=BAD_DECISIONS)
def test_what_does_not_fit_is_not_adopted(decision: Any, tmp_path: Path) -> None:
    policy = EXP3(3, seed=0)
    error = (TypeError, ValueError)
    refuses(lambda: policy.adopt(decision), "", policy, tmp_path, error)

    many = EXP3(3, runs=2, seed=0)
    for arm in ([0, 3], [0.0, 1.0], [0], 1):
        refuses(lambda a=arm: many.adopt(Decision(0, np.array(a))), "", many, tmp_path, error)  # type: ignore[misc]


def test_who_has_finished_learns_no_more_and_what_waits_goes_on_waiting() -> None:
    policy = with_budget(UCB1(2, seed=0), 1.0, seed=0)
    first, second = policy.decide(), policy.decide()
    policy.learn(first, 1.0, 1.0)

    assert policy.finished
    with pytest.raises(RuntimeError, match="finished"):
        policy.learn(second, 1.0, 1.0)
    assert policy.pending == (second,)


def answer_all(policy: Policy, rounds: int, seed: int, counts: list[Any]) -> None:
    """Decide ``rounds`` times; answer in random order, some at once and the rest at the end."""
    rng = np.random.default_rng(seed)
    mine = np.zeros(policy.arms)
    waiting = []
    for _ in range(rounds):
        waiting.append(policy.decide())
        if rng.random() < 0.5:
            decision = waiting.pop(rng.integers(len(waiting)))
            policy.learn(decision, 1.0)
            mine[decision.arm] += 1
    for number in rng.permutation(len(waiting)):
        policy.learn(waiting[number], 1.0)
        mine[waiting[number].arm] += 1
    counts.append(mine)


def test_threads_may_share_a_policy_and_the_counts_add_up() -> None:
    """Eight of them; the full size is in ``tests/benchmarks/threads.py``."""
    policy, counts = UCB1(5, seed=0), list[Any]()
    threads = [
        threading.Thread(target=answer_all, args=(policy, 1000, seed, counts))
        for seed in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert policy.pending == ()
    assert policy.round == 8001
    assert policy.stats.pulls.tolist() == np.sum(counts, 0).tolist()
    assert policy.stats.mean.tolist() == [1.0] * 5


def test_a_call_waits_while_another_one_is_at_work() -> None:
    """What the counts rest on: no call of a policy begins while another one is inside."""
    policy = UCB1(3, seed=0)
    calls: list[Callable[[], Any]] = [
        policy.decide,
        lambda: policy.update(0, 1.0),
        lambda: policy.learn(0, 1.0),
        lambda: policy.stats,
        lambda: policy.pending,
        lambda: copy.deepcopy(policy),
    ]
    policy.decide()
    for call in calls:
        thread = threading.Thread(target=call)
        with policy._lock:
            thread.start()
            thread.join(0.02)
            assert thread.is_alive()
        thread.join()


def states() -> list[str]:
    """The saved policies of earlier versions."""
    return sorted(path.stem for path in STATES.glob("schema*.json") if "." not in path.stem)


@pytest.mark.parametrize("name", states())
def test_a_file_of_an_earlier_schema_or_python_goes_on_as_it_would_have(name: str) -> None:
    """Written by Python 3.11 and read by whichever runs this; 40 decisions stand beside it."""
    policy = load(STATES / f"{name}.json")
    rng = np.random.default_rng(1)
    lead = None if policy.runs is None else (policy.runs,)
    arms = []
    for _ in range(40):
        shape = policy.recipe.context_shape
        context = None if shape is None else rng.random(shape)
        arm = policy.select(context)
        arms.append(np.asarray(arm).tolist())
        policy.update(arm, (rng.random(lead) < 0.3 + 0.1 * np.asarray(arm)) * 1.0, 0.25)

    assert arms == json.loads((STATES / f"{name}.next.json").read_text())


def test_there_are_files_of_both_schemas() -> None:
    assert {name.partition("_")[0] for name in states()} == {"schema1", "schema2"}
