"""Killed at any moment, a policy that saves is found whole, and nothing counts twice.

The full size, a thousand kills, is ``tests/benchmarks/crash.py``, whose parts these are.
"""

import json
import os
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from banditsplit import UCB1, Policy, load

CRASH = runpy.run_path(str(Path(__file__).parent / "benchmarks" / "crash.py"))


def test_after_each_kill_the_file_loads_and_every_answer_counts_once(tmp_path: Path) -> None:
    result = CRASH["crash"](12, tmp_path, seed=1)

    assert result["answers_counted_once"] > 12
    assert result["answers_sent_again_and_refused"] > 12


def test_the_same_check_notices_an_answer_that_counts_twice_or_is_lost() -> None:
    def answered(twice: int | None = None, lost: int | None = None) -> Policy:
        policy = UCB1(3, seed=0)
        for _ in range(10):
            policy.decide()
        for number in range(1, 9):
            if number == lost:
                policy.forget(number)
                continue
            policy.learn(number, float(number))
        if twice is not None:
            policy.update(0, float(twice))
        return policy

    check: Any = CRASH["check"]
    assert check(answered()) == 8
    with pytest.raises(AssertionError, match="answers sum to"):
        check(answered(twice=4))
    with pytest.raises(AssertionError, match="answers sum to"):
        check(answered(lost=4))


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_where_a_save_fails_midway_the_old_file_is_intact(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.json"
    policy = UCB1(3, seed=0)
    policy.save(path)
    old = path.read_bytes()
    policy.update(1, 1.0)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    if failing == "write":
        monkeypatch.setattr(json, "dumps", lambda *_, **__: "\ud800")  # cannot be encoded
    elif failing == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises((OSError, UnicodeEncodeError)):
        policy.save(path)
    monkeypatch.undo()

    assert path.read_bytes() == old
    assert [each.name for each in tmp_path.iterdir()] == ["policy.json"]
    assert load(path).stats.pulls.sum() == 0
    np.testing.assert_array_equal(policy.stats.pulls, [0, 1, 0])
