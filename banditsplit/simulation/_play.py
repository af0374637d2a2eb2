"""One policy plays one block of runs: against a problem, an `Env`, or a `VectorEnv`.

The three differ in how a round is asked for; what a round is worth, what the policy may
see of it, and what is booked is the same, and stands in `Game`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from banditsplit._typing import Bool, Float, Int
from banditsplit.objectives import Objective
from banditsplit.policy import Policy
from banditsplit.simulation._history import Track
from banditsplit.simulation._ledger import Ledger
from banditsplit.theory import BernoulliProblem, GaussianProblem, Stationary


class Seeds(NamedTuple):
    """Where the randomness of a block comes from: the policy's, and the world's."""

    policy: np.random.SeedSequence
    world: np.random.SeedSequence


def block_seeds(root: np.random.SeedSequence, number: int) -> Seeds:
    """Return the seeds of a block; every policy gets the same ones.

    Not `spawn`, which counts its calls: the next simulation would differ.
    """
    key = (*root.spawn_key, number)
    return Seeds(
        np.random.SeedSequence(root.entropy, spawn_key=(*key, 0)),
        np.random.SeedSequence(root.entropy, spawn_key=(*key, 1)),
    )


@dataclass(frozen=True, slots=True)
class Game:
    """What is played, how it is judged, and when the books are read.

    Attributes:
        environment: A `Problem`, a `World`, an ``Env`` or a ``VectorEnv``.
        arms: How many arms it has.
        rounds: `[checkpoints]`, the last one being the horizon.
        objective: What everyone is judged by.
        record: Info entries to add up.
    """

    environment: Any
    arms: int
    rounds: Int
    objective: Objective
    record: tuple[str, ...]

    def ledger(self, runs: int, gaps: Float | None = None) -> Ledger:
        """Return empty books; with ``gaps``, `[arms]`, they work out regrets from pulls."""
        return Ledger(runs, self.arms, self.rounds, self.record, gaps)

    def check_recorded(self, info: dict[str, Any]) -> None:
        """Refuse to record what the environment does not tell."""
        for name in self.record:
            if name not in info:
                msg = f"`record` must name info entries, {sorted(info)}"
                raise ValueError(f"{msg}, got {name!r}.")

    def regret(self, arm: Any, info: dict[str, Any], audit_cost: Any) -> Any:
        """Return the gaps of the pulled arms plus what audits cost; nan where unknown."""
        if "expected_reward" not in info:
            return np.nan
        # Without expected costs an objective that needs them makes this nan, which is honest.
        gap = self.objective.gaps(info["expected_reward"], info.get("expected_cost", np.nan))
        pulled = gap[arm] if gap.ndim == 1 else gap[np.arange(len(gap)), arm]
        audit = self._audit(info, audit_cost)
        regret = pulled + audit
        known = info.get("_expected_reward")  # the rows of a vector that tell
        return regret if known is None else np.where(known, regret, np.nan)

    def _audit(self, info: dict[str, Any], audit_cost: Any) -> Any:
        """Return what an audit costs, in the units of gaps."""
        if hasattr(self.objective, "charge"):  # it depends on what the arms are worth
            expected = info["expected_reward"], info.get("expected_cost", np.nan)
            return self.objective.charge(*expected, audit_cost)
        return self.objective.value(0.0, 0.0) - self.objective.value(0.0, audit_cost)


def play_world(policy: Policy, game: Game, runs: int, seeds: Seeds) -> Track:
    """Play ``runs`` runs side by side against a world, or a problem as one."""
    learner = policy.fresh(runs=runs, seed=np.random.default_rng(seeds.policy))
    rng = np.random.default_rng(seeds.world)
    world, gaps = game.environment, None
    if not hasattr(world, "situation"):
        # Every round is the same, so a gap need not be looked up in each.
        gaps = game.objective.gaps(world.expected_reward, world.expected_cost)
        world = Stationary(world)
    ours = isinstance(game.environment, BernoulliProblem | GaussianProblem)
    ledger, regret = game.ledger(runs, gaps), None
    for t in range(1, game.rounds[-1] + 1):
        finished = learner.finished
        playing = ~finished if finished.any() else None
        if playing is not None and not playing.any():
            break
        situation = world.situation(t, runs, rng)
        arm = learner.select(situation.context)
        reward, cost, side = world.respond(situation, arm, rng)
        if ours:
            learner.update_unchecked(arm, reward, cost)
        else:
            learner.update(arm, reward, cost, side)
        if side is not None:
            _note_side_kind(ledger, learner, side)
        if gaps is None:
            regret = game.regret(arm, situation._asdict(), 0.0)
        ledger.add(arm, (regret, reward, _total(cost, 1), None), playing)
    return ledger.track()


def play_env(policy: Policy, game: Game, runs: int, seeds: Seeds) -> Track:
    """Play a single run against an ``Env``."""
    learner = policy.fresh(seed=np.random.default_rng(seeds.policy))
    env, ledger = game.environment, game.ledger(runs)
    observation, _ = env.reset(seed=int(seeds.world.generate_state(1)[0]))
    for _ in range(game.rounds[-1]):
        if learner.finished:
            break
        arm = learner.select(observation)
        observation, reward, terminated, truncated, info = env.step(arm)
        cost, audit_cost = info.get("cost", 0.0), info.get("audit_cost", 0.0)
        side = info.get("side_observations")
        learner.update(arm, reward, cost, side)
        _note_side_kind(ledger, learner, side)
        game.check_recorded(info)
        recorded = [float(info[name]) for name in game.record]
        regret = game.regret(arm, info, audit_cost)
        ledger.add(arm, (regret, reward, _total(cost, 0), audit_cost, *recorded))
        if terminated or truncated:
            observation, _ = env.reset()
    return ledger.track()


def play_vector_env(policy: Policy, game: Game, runs: int, seeds: Seeds) -> Track:
    """Play every row of a ``VectorEnv``, whatever its autoreset mode.

    A row that was reset in a step (NEXT_STEP) has no feedback there. Rows may therefore
    fall behind; all go on until the last one has its rounds, and what a row gets beyond
    the horizon is neither learned nor booked.
    """
    learner = policy.fresh(runs=runs, seed=np.random.default_rng(seeds.policy))
    env, ledger = game.environment, game.ledger(runs)
    mode = getattr(env.metadata.get("autoreset_mode"), "name", "NEXT_STEP")
    observation, _ = env.reset(seed=int(seeds.world.generate_state(1)[0]))
    resetting = np.zeros(runs, np.bool_)
    while (playing := (ledger.count < game.rounds[-1]) & ~learner.finished).any():
        arm = learner.select(observation)
        observation, reward, terminated, truncated, info = env.step(arm)
        ended = np.asarray(terminated | truncated)
        if mode == "SAME_STEP" and "final_info" in info:
            info = _with_final(info, ended, runs)
        where: Bool = ~resetting & playing
        asked = None if where.all() else where
        cost = _numbers(info, "cost", runs, learner.recipe.resources)
        audit_cost = _numbers(info, "audit_cost", runs)
        side = info.get("side_observations")
        learner.update(arm, reward, cost, side, asked)
        _note_side_kind(ledger, learner, side)
        if where.any():
            game.check_recorded(info)
        recorded = [_numbers(info, name, runs) for name in game.record]
        regret = game.regret(arm, info, audit_cost)
        ledger.add(arm, (regret, reward, _total(cost, 1), audit_cost, *recorded), asked)
        if mode == "NEXT_STEP":
            resetting = ended
        elif mode == "DISABLED" and ended.any():
            observation, _ = env.reset(options={"reset_mask": ended})
    return ledger.track()


def _total(cost: Any, axes: int) -> Any:
    """Return the cost summed over the resources, if there are several: ``axes`` are left."""
    return np.sum(cost, -1) if np.ndim(cost) > axes else cost


def _numbers(info: dict[str, Any], name: str, runs: int, resources: int | None = None) -> Float:
    """Return an info entry as floats `[runs]` or `[runs, resources]`; 0 where it is missing."""
    if name not in info:
        return np.zeros(runs if resources is None else (runs, resources))
    values, present = np.asarray(info[name], np.float64), info.get(f"_{name}")
    if present is None:
        return values
    return np.where(np.reshape(present, (-1, *[1] * (values.ndim - 1))), values, 0.0)


def _with_final(info: dict[str, Any], ended: Bool, runs: int) -> dict[str, Any]:
    """Return ``info`` of the round that was played, where SAME_STEP shows the reset's."""
    final, merged = info["final_info"], dict(info)
    for name, value in final.items():
        if name.startswith("_"):
            continue
        if isinstance(value, dict):
            merged[name] = _with_final({**info.get(name, {}), "final_info": value}, ended, runs)
            continue
        new = np.asarray(value)
        rows = ended.reshape(-1, *[1] * (new.ndim - 1))
        merged[name] = np.where(rows, new, info.get(name, np.zeros_like(new)))
        present = info.get(f"_{name}", np.zeros(runs, np.bool_))
        merged[f"_{name}"] = np.where(ended, final.get(f"_{name}", ended), present)
    return merged


def _note_side_kind(ledger: Ledger, learner: Policy, side: Any) -> None:
    """Remember how the side observations were obtained, once they were learned from."""
    if ledger.side_kind is None and side is not None and learner.recipe.side_observations:
        kind, revealing = side["kind"], np.asarray(side["revealed"]).any(-1)
        if isinstance(kind, str):
            ledger.side_kind = kind
        elif revealing.any():  # row by row, and a silent row has none
            ledger.side_kind = str(kind[revealing.argmax()])
