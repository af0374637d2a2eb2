"""Decision logs: what is written as it comes, and what can be made of it again."""

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from banditsplit import (
    EXP3,
    UCB1,
    Decision,
    DecisionLog,
    LinUCB,
    Policy,
    SplitEES,
    ThompsonSampling,
    load,
    read_log,
)

MAKE: dict[str, Callable[[int], Policy]] = {
    "UCB1": lambda seed: UCB1(3, seed=seed),
    "EXP3": lambda seed: EXP3(3, seed=seed),
    "Thompson of 4 runs": lambda seed: ThompsonSampling(3, runs=4, seed=seed),
    "EXP3 of 2 runs": lambda seed: EXP3(3, runs=2, seed=seed),
    "LinUCB": lambda seed: LinUCB(3, features=2, seed=seed),
    "SplitEES": lambda seed: SplitEES(3, tradeoff=0.1, seed=seed),
}
each = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


def side_of(policy: Policy, arm: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Arms revealed beside the pulled one."""
    lead = () if policy.runs is None else (policy.runs,)
    others = np.arange(3) != np.asarray(arm)[..., None]
    reward = rng.random((*lead, 3))
    return {
        "revealed": others,
        "reward": reward * others,
        "cost": 0.1 * others,
        "kind": "observed",
    }


def play(policy: Policy, rounds: int, seed: int = 0) -> None:
    """Decide and answer late, with something left unanswered."""
    rng = np.random.default_rng(seed)
    lead = None if policy.runs is None else (policy.runs,)
    for _ in range(rounds):
        shape = policy.recipe.context_shape
        policy.decide(None if shape is None else rng.random(shape))
        waiting = policy.pending
        if len(waiting) > 3:
            decision = waiting[rng.integers(len(waiting))]
            side = side_of(policy, decision.arm, rng)
            policy.learn(decision, rng.random(lead), 0.5, side)


def saved(policy: Policy, path: Path) -> bytes:
    """Everything that a policy is."""
    policy.save(path / "policy")
    return (path / "policy").read_bytes()


@each
def test_each_decision_and_each_answer_is_a_line(
    make: Callable[[int], Policy], tmp_path: Path
) -> None:
    policy = make(0)
    with DecisionLog(tmp_path / "log") as log:
        policy.log = log
        play(policy, 10)
    records = list(read_log(tmp_path / "log"))
    made = [r for r in records if r["event"] == "decision"]
    answers = [r for r in records if r["event"] == "feedback"]

    assert [r["id"] for r in made] == list(range(10))
    assert len(answers) == 7
    assert {r["id"] for r in made} - {r["id"] for r in answers} == {
        decision.id for decision in policy.pending
    }
    for record in made:
        if record["probability"] is None:
            assert record["propensity"] is None
        else:
            chosen = np.take_along_axis(
                np.array(record["probability"]), np.array(record["arm"])[..., None], -1
            )
            np.testing.assert_array_equal(chosen[..., 0], record["propensity"])


@each
def test_a_new_policy_learns_from_the_log_what_the_old_one_learned(
    make: Callable[[int], Policy], tmp_path: Path
) -> None:
    """Warm start: the same state bit for bit, by another generator."""
    policy, new = make(0), make(1)
    with DecisionLog(tmp_path / "log") as log:
        policy.log = log
        play(policy, 60)
    assert new.replay(read_log(tmp_path / "log")) == 57

    for name in ("pulls", "mean"):
        np.testing.assert_array_equal(getattr(policy.stats, name), getattr(new.stats, name))
    ours, theirs = (json.loads(saved(p, tmp_path))["policy"] for p in (policy, new))
    assert ours["state"] == theirs["state"]
    assert ours["pending"] == theirs["pending"]


@each
def test_an_old_file_and_the_log_bring_back_the_latest_state(
    make: Callable[[int], Policy], tmp_path: Path
) -> None:
    policy = make(0)
    with DecisionLog(tmp_path / "log") as log:
        policy.log = log
        play(policy, 30)
        policy.save(tmp_path / "old")
        play(policy, 25, seed=1)
    old = load(tmp_path / "old")
    assert old.replay(read_log(tmp_path / "log")) == 25

    ours, theirs = (json.loads(saved(p, tmp_path))["policy"] for p in (policy, old))
    assert ours["state"] == theirs["state"]
    assert ours["pending"] == theirs["pending"]
    assert old.replay(read_log(tmp_path / "log")) == 0  # nothing counts twice


def test_exp3_weighs_logged_answers_by_the_logged_probability(tmp_path: Path) -> None:
    records = [
        {
            "event": "decision",
            "id": 5,
            "round": 1,
            "arm": 2,
            "propensity": 0.25,
            "probability": [0.5, 0.25, 0.25],
            "context": None,
        },
        {"event": "feedback", "id": 5, "reward": 1.0, "cost": 0.0, "side": None, "where": None},
    ]
    policy = EXP3(3, gamma=0.1, seed=0)
    with DecisionLog(tmp_path / "own") as log:
        policy.log = log
        assert policy.replay(records) == 1
        assert policy.decide().id == 6

    state: Any = policy._state
    np.testing.assert_allclose(state.score, [0, 0, 4])
    assert [r["id"] for r in read_log(tmp_path / "own")] == [6]  # a replay is not logged


def test_a_half_written_last_line_is_passed_over_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log"
    policy = UCB1(3, seed=0)
    with DecisionLog(path) as log:
        policy.log = log
        play(policy, 5)
    whole = path.read_bytes()
    for cut in range(len(whole) - 40, len(whole)):
        path.write_bytes(whole[:cut])
        lines = whole[:cut].count(b"\n")
        assert len(list(read_log(path))) == lines
        with DecisionLog(path) as log:
            log.decided(Decision(99, 1), 7)
        assert [r["id"] for r in read_log(path)][-1] == 99
        assert len(list(read_log(path))) == lines + 1

    path.write_bytes(b"half")
    DecisionLog(path).close()
    assert path.read_bytes() == b""
    assert list(read_log(path)) == []


def test_a_long_half_line_is_cut_off_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    good = b'{"event": "feedback", "id": 0}\n'
    path.write_bytes(good + b"x" * 200_000)
    DecisionLog(path).close()

    assert path.read_bytes() == good


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"3", b'{"event": "decision"}', b'{"event": "other", "id": 1}', b"\xff"],
)
def test_a_damaged_line_is_named(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log"
    good = b'{"event": "feedback", "id": 0}\n'
    path.write_bytes(good + line + b"\n" + good)

    with pytest.raises(ValueError, match=r"^`path` must hold .*, got .* in line 2 of "):
        list(read_log(path))


BAD_RECORDS: dict[str, dict[str, Any]] = {
    "another arm": {
        "event": "decision",
        "id": 9,
        "arm": 7,
        "probability": None,
        "context": None,
    },
    "other probabilities": {
        "event": "decision",
        "id": 9,
        "arm": 0,
        "probability": [0.5, 0.5],
        "context": None,
    },
    "a nan": {"event": "feedback", "id": 0, "reward": float("nan"), "cost": 0.0}
    | {"side": None, "where": None},
}


@pytest.mark.parametrize("bad", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_of_a_log_with_a_bad_record_nothing_is_learned(
    bad: dict[str, Any], tmp_path: Path
) -> None:
    old, policy = EXP3(3, seed=0), EXP3(3, seed=1)
    with DecisionLog(tmp_path / "log") as log:
        old.log = log
        play(old, 8)
    first, *rest = read_log(tmp_path / "log")
    before = saved(policy, tmp_path)
    with pytest.raises(ValueError, match="must"):
        policy.replay([first, bad, *rest, bad])

    assert saved(policy, tmp_path) == before


def test_what_is_no_log_is_refused_and_none_takes_it_away(tmp_path: Path) -> None:
    policy = UCB1(3, seed=0)
    with pytest.raises(TypeError, match=r"^`log` must be of type DecisionLog, got "):
        policy.log = "log"  # type: ignore[assignment]
    with DecisionLog(tmp_path / "log") as log:
        policy.log = log
        assert copy.deepcopy(policy).log is None
        policy.log = None
        policy.decide()

    assert list(read_log(tmp_path / "log")) == []


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    policy = EXP3(4, seed=0)

    def work() -> None:
        for _ in range(100):
            policy.learn(policy.decide(), 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    with DecisionLog(tmp_path / "log") as log:
        policy.log = log
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    records = list(read_log(tmp_path / "log"))
    new = EXP3(4, seed=1)

    assert sorted(r["id"] for r in records) == sorted([*range(400), *range(400)])
    assert new.replay(records) == 400
    np.testing.assert_array_equal(new.stats.pulls, policy.stats.pulls)


def test_a_batch_that_is_refused_leaves_no_line(tmp_path: Path) -> None:
    policy = UCB1(3, seed=0)
    with DecisionLog(tmp_path / "log") as log:
        policy.log = log
        decisions = [policy.decide() for _ in range(3)]
        with pytest.raises(ValueError, match="must be a finite number"):
            policy.learn_batch([(decisions[0], 1.0), (decisions[1], float("nan"))])
        policy.learn_batch([(decision, 1.0) for decision in decisions])
    events = [record["event"] for record in read_log(tmp_path / "log")]

    assert events == ["decision"] * 3 + ["feedback"] * 3
