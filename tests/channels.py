"""What the tests of recipes share that learn rewards and costs apart."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import banditsplit
from banditsplit import Policy

Make = Callable[..., Policy]


def play(policy: Policy, rounds: int, seed: int = 0) -> list[Any]:
    """The arms of ``rounds`` rounds with random rewards, costs and masks, masks obeyed."""
    rng, arms = np.random.default_rng(seed), policy.arms
    shape = (arms,) if policy.runs is None else (policy.runs, arms)
    chosen = []
    for _ in range(rounds):
        mask = rng.random(shape) < 0.6
        mask[..., rng.integers(arms)] = True
        reward, cost = rng.integers(2, size=shape) * 1.0, rng.random(shape)
        arm = np.asarray(policy.select(available=mask))[..., None]
        assert np.take_along_axis(mask, arm, -1).all()
        gained, paid = (np.take_along_axis(x, arm, -1)[..., 0] for x in (reward, cost))
        arm = arm[..., 0]
        revealed = np.arange(arms) == np.where(arm == 0, 1, 0)[..., None]
        side = {"revealed": revealed, "reward": reward, "cost": cost, "kind": "observed"}
        policy.update(arm if policy.runs else int(arm), gained, paid, side)
        chosen.append(arm.tolist())
    return chosen


def check_masks_and_files(make: Make, runs: int | None, folder: Path) -> None:
    """Masks hold, and a policy that was saved and loaded plays on as the one that was not."""
    policy = make(3, runs=runs, seed=1)
    play(policy, 60)
    policy.save(folder / "policy.json")
    loaded = banditsplit.load(folder / "policy.json")

    assert loaded.recipe == policy.recipe
    assert play(loaded, 100, seed=5) == play(policy, 100, seed=5)


def bad(make: Any, name: str, *values: Any, **given: Any) -> Any:
    """A call for each bad value of the argument ``name``."""
    return {
        f"{make.__name__}({name}={v!r})": (partial(make, **given, **{name: v}), name)
        for v in values
    }
