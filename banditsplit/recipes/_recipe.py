"""What a policy asks of the algorithm it plays."""

from typing import Any, Protocol

import numpy as np

from banditsplit._stats import ArmStats
from banditsplit._typing import Bool
from banditsplit.feedback import Pull, Seen


class Recipe(Protocol):
    """What a `Policy` asks of the algorithm it plays.

    Shapes, dtypes, finiteness and signs are checked before anything arrives here. What only
    the algorithm can refuse, `learn` refuses before it changes the state.

    The state is a dataclass of arrays, numbers and further dataclasses whose shapes depend on
    ``runs`` and the recipe alone, and whose numbers are finite: so it can be saved.

    A recipe that never finishes, never draws and sees no context may also have
    ``learn_plain(state, cell, reward, cost)``: what `learn` does with pulls in all runs and
    nothing else. A `Policy` then takes a short way there, and past `finished` in `select`.
    """

    @property
    def arms(self) -> int:
        """How many arms there are."""
        ...

    @property
    def side_observations(self) -> bool:
        """Whether it learns from arms that were revealed without a pull."""
        ...

    @property
    def context_shape(self) -> tuple[int, ...] | None:
        """The shape of one run's context; None if it does not look at contexts."""
        ...

    @property
    def resources(self) -> int | None:
        """How many costs a pull has; None if it is one number."""
        ...

    def empty(self, runs: int | None) -> Any:
        """Return the state before the first round."""
        ...

    def stats(self, state: Any) -> ArmStats:
        """Return what is known of each arm."""
        ...

    def choose(
        self, state: Any, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, Any]:
        """Return the arm to pull, an int or `[runs]`, and the probabilities of all arms.

        The probabilities are `[..., arms]` where the arm was drawn from them, else None.
        """
        ...

    def probabilities(self, state: Any, context: Any, available: Bool | None) -> Any:
        """Return the probabilities of the arms, `[..., arms]`; None if it does not draw."""
        ...

    def learn(self, state: Any, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it, or refuse it and change nothing."""
        ...

    def finished(self, state: Any) -> Any:
        """Return whether there is nothing left to decide: False for never, or `[runs]`."""
        ...
