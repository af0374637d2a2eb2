"""What every arm would give in every round, the same whoever plays."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from banditsplit._typing import Bool, Float
from banditsplit.testing._subject import Subject, lead

SHOWN = 64  # numbers of a table that a message still shows


@final
@dataclass(frozen=True, eq=False)
class World:
    """A table of outcomes.

    Attributes:
        runs: How many runs it is for; None for one.
        seed: What it was drawn from, and what the policy gets.
        reward: `[rounds, (runs,) arms]`.
        cost: Of the same shape, and `[resources]` behind it where there are several.
        revealed: What a round reveals beside the pulled arm, `[rounds, (runs,) arms]`.
        context: `[rounds, (runs,) ...]`, or None.
    """

    runs: int | None
    seed: int
    reward: Float
    cost: Float
    revealed: Bool
    context: Float | None

    @classmethod
    def draw(
        cls, subject: Subject, runs: int | None, rounds: int, seed: int, *, fine: bool = False
    ) -> "World":
        """Return a world of coarse rewards, where ties abound, or ``fine`` ones without."""
        rng = np.random.default_rng(seed)
        shape = (rounds, *lead(runs), subject.arms)
        (low, high), (least, most) = subject.rewards, subject.costs
        unit = rng.random(shape) if fine else rng.integers(0, 9, shape) / 8
        costs = shape if subject.resources is None else (*shape, subject.resources)
        context = None
        if subject.context_shape is not None:
            context = rng.uniform(-1, 1, (rounds, *lead(runs), *subject.context_shape))
        return cls(
            runs,
            seed,
            low + (high - low) * unit,
            least + (most - least) * rng.integers(0, 8, costs) / 7,
            rng.integers(0, 2, shape) == 1,
            context,
        )

    @property
    def rounds(self) -> int:
        """How many there are."""
        return len(self.reward)

    def situation(self, t: int) -> Any:
        """Return the context of round ``t``."""
        return None if self.context is None else self.context[t]

    def answer(self, t: int, arm: Any) -> tuple[Any, Any]:
        """Return reward and cost of ``arm`` in round ``t``."""
        if self.runs is None:
            cost = self.cost[t, arm]
            return float(self.reward[t, arm]), cost if cost.ndim else float(cost)
        rows = np.arange(self.runs)
        return self.reward[t, rows, arm], self.cost[t, rows, arm]

    def side(self, t: int, arm: Any, *, hidden: float = 0.0, everything: bool = False) -> Any:
        """Return side observations of round ``t``; ``hidden`` stands where there are none."""
        shown, arms = self.revealed[t] | everything, np.arange(self.revealed.shape[-1])
        # Whichever arm is pulled, it reveals these; and itself.
        graph = shown[..., None, :] | (arms[:, None] == arms)
        revealed = shown & (np.asarray(arm)[..., None] != arms)
        cost = self.cost[t]
        priced = revealed if cost.ndim == revealed.ndim else revealed[..., None]
        return {
            "revealed": revealed,
            "reward": np.where(revealed, self.reward[t], hidden),
            "cost": np.where(priced, cost, hidden),
            "kind": "observed",
            "graph": graph,
        }

    def __repr__(self) -> str:
        told = f"World(runs={self.runs}, seed={self.seed}, rounds={self.rounds}"
        if self.reward.size <= SHOWN:
            told += f", reward={self.reward.round(4).tolist()}"
            told += f", cost={self.cost.round(4).tolist()}"
        return told + ")"


def play(
    subject: Subject, policy: Any, world: World, rounds: range | None = None, **how: Any
) -> list[Any]:
    """Let ``policy`` play, until the world or the policy ends, and return its arms."""
    arms = []
    for t in range(world.rounds) if rounds is None else rounds:
        if np.all(getattr(policy, "finished", False)):
            break
        arm = subject.select(policy, world.situation(t))
        reward, cost = world.answer(t, arm)
        side = world.side(t, arm, **how)
        subject.update(policy, arm, reward, cost, side=side)
        arms.append(np.asarray(arm).tolist())
    return arms


def first_difference(one: list[Any], other: list[Any]) -> str:
    """Return where two lists of arms part, or nothing if they do not."""
    if one == other:
        return ""
    pairs = enumerate(zip(one, other, strict=False))
    at = next((t for t, (a, b) in pairs if a != b), min(len(one), len(other)))
    return f"round {at + 1}: {one[at : at + 1]} against {other[at : at + 1]}"
