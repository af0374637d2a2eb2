"""Playing policies against problems and environments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from banditsplit import _checks
from banditsplit.objectives import Objective, Reward
from banditsplit.policy import Policy
from banditsplit.simulation._history import History, Track
from banditsplit.simulation._ledger import joined
from banditsplit.simulation._play import (
    Game,
    block_seeds,
    play_env,
    play_vector_env,
    play_world,
)

# Runs share their random streams in blocks, and each block has its own seeds: so the numbers
# do not depend on how blocks are spread over workers. A block has this many runs, or as many
# as keep it below this many cells `[runs, arms]`, which is what a processor's cache holds.
BLOCK, CELLS = 1000, 100_000

Progress: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]


def simulate(
    policies: Mapping[str, Policy],
    environment: Any,
    *,
    horizon: int,
    runs: int,
    seed: int | np.random.SeedSequence,
    checkpoints: int = 100,
    objective: Objective | None = None,
    record: Sequence[str] = (),
    progress: Progress | None = None,
) -> History:
    """Play every policy for ``horizon`` rounds, ``runs`` times over, and keep the history.

    Policies are templates: fresh copies play, the given ones stay as they are. All of them
    meet the same random draws of the environment, and adding one changes no other.

    Args:
        policies: Name to template.
        environment: A `Problem` or a `World`; a Gymnasium ``Env``, played run after run; or a
            ``VectorEnv`` in any autoreset mode, whose ``num_envs`` equals ``runs``. An
            episode that ends is reset, and play goes on.
        horizon: Rounds of a run.
        runs: How many independent runs.
        seed: Where all randomness comes from.
        checkpoints: How many evenly spread rounds the curves are read at; the last one is
            the horizon.
        objective: What everyone is judged by; `Reward` by default.
        record: Info entries (numbers) of an environment to add up as well.
        progress: Wraps an iterable, as `tqdm` does.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: No policies, other arms than the environment's, ``horizon``, ``runs`` or
            ``checkpoints`` below 1, or ``runs`` unlike the vector environment's.
    """
    horizon = _checks.integer("horizon", horizon, least=1)
    runs = _checks.integer("runs", runs, least=1)
    checkpoints = _checks.integer("checkpoints", checkpoints, least=1)
    play, arms, block = _player(environment, runs)
    if record and play is play_world:
        raise ValueError(f"`record` must be empty for a Problem, got {record!r}.")
    _check_policies(policies, arms)
    rounds = np.unique(np.linspace(0, horizon, min(checkpoints, horizon) + 1).round())[1:]
    game = Game(
        environment,
        arms,
        rounds.astype(np.int64),
        Reward() if objective is None else objective,
        tuple(record),
    )
    root = seed if isinstance(seed, np.random.SeedSequence) else _root(seed)
    starts = range(0, runs, block)
    seeds = [block_seeds(root, number) for number in range(len(starts))]
    jobs = [(name, n) for name in policies for n in range(len(starts))]
    tracks: dict[str, list[Track]] = {name: [] for name in policies}
    for name, n in jobs if progress is None else progress(jobs):
        size = min(block, runs - starts[n])
        tracks[name].append(play(policies[name], game, size, seeds[n]))
    return History(
        {name: joined(blocks) for name, blocks in tracks.items()}, game.rounds, game.objective
    )


def _player(environment: Any, runs: int) -> tuple[Any, int, int]:
    """Return how to play ``environment``, its arms, and how many runs go side by side."""
    if hasattr(environment, "num_envs"):
        if environment.num_envs != runs:
            msg = f"`runs` must equal the environment's num_envs, {environment.num_envs}"
            raise ValueError(f"{msg}, got {runs}.")
        return play_vector_env, _arms(environment.single_action_space), runs
    if hasattr(environment, "step"):
        return play_env, _arms(environment.action_space), 1
    if hasattr(environment, "draw") or hasattr(environment, "situation"):
        arms = environment.arms
        return play_world, arms, max(1, min(BLOCK, CELLS // arms))
    msg = f"`environment` must be a Problem, an Env or a VectorEnv, got {environment!r}."
    raise TypeError(msg)


def _arms(space: Any) -> int:
    """Return how many arms a Discrete space has; arms are numbered from 0."""
    if not hasattr(space, "n") or getattr(space, "start", 0) != 0:
        msg = "`environment` must have a Discrete action space that starts at 0"
        raise ValueError(f"{msg}, got {space!r}.")
    return int(space.n)


def _check_policies(policies: Any, arms: int) -> None:
    if not isinstance(policies, Mapping) or not policies:
        raise ValueError(f"`policies` must map names to policies, got {policies!r}.")
    for name, policy in policies.items():
        if not isinstance(policy, Policy):
            msg = "`policies` must map names to policies"
            raise TypeError(f"{msg}, got {policy!r} for {name!r}.")
        if policy.arms != arms:
            msg = f"`policies` must have the environment's {arms} arms"
            raise ValueError(f"{msg}, got {policy.arms} for {name!r}.")


def _root(seed: Any) -> np.random.SeedSequence:
    return np.random.SeedSequence(_checks.integer("seed", seed, least=0))
