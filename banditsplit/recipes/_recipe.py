"""What a policy asks of the algorithm it plays."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from banditsplit._draw import draw
from banditsplit._stats import ArmStats
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen


class Recipe(ABC):
    """What a `Policy` asks of the algorithm it plays.

    A subclass is a frozen dataclass, is final, and says where it departs from what is usual:
    no context, one cost a pull, no draw, another round always.

    Shapes, dtypes, finiteness and signs are checked before anything arrives here. What only
    the algorithm can refuse, `learn` refuses before it changes the state.

    The state is a dataclass of arrays, numbers and further dataclasses whose shapes depend on
    ``runs`` and the recipe alone, and whose numbers are finite: so it can be saved.

    A recipe that never finishes, never draws and sees no context may also have
    ``learn_plain(state, cell, reward, cost)``: what `learn` does with pulls in all runs and
    nothing else. A `Policy` then takes a short way there, and past `finished` in `select`.

    Attributes:
        arms: How many arms there are.
    """

    __slots__ = ()

    arms: int

    @property
    def side_observations(self) -> bool:
        """Whether it learns from arms that were revealed without a pull."""
        return False

    @property
    def context_shape(self) -> tuple[int, ...] | None:
        """The shape of one run's context; None if it does not look at contexts."""
        return None

    @property
    def resources(self) -> int | None:
        """How many costs a pull has; None if it is one number."""
        return None

    @abstractmethod
    def empty(self, runs: int | None) -> Any:
        """Return the state before the first round."""

    @abstractmethod
    def stats(self, state: Any) -> ArmStats:
        """Return what is known of each arm."""

    @abstractmethod
    def choose(
        self, state: Any, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, Any]:
        """Return the arm to pull, an int or `[runs]`, and the probabilities of all arms.

        The probabilities are `[..., arms]` where the arm was drawn from them, else None.
        """

    @abstractmethod
    def learn(self, state: Any, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it, or refuse it and change nothing."""

    def probabilities(self, state: Any, context: Any, available: Bool | None) -> Any:
        """Return the probabilities of the arms, `[..., arms]`; None if it does not draw."""
        del state, context, available

    def finished(self, state: Any) -> Any:
        """Return whether there is nothing left to decide: False for never, or `[runs]`."""
        del state
        return False

    def recommend(self, state: Any) -> Any:
        """Return the arm to keep when learning stops, an int or `[runs]`: the best mean.

        Of arms with the same mean it is the one observed more often. No tie is drawn: asked
        again, it says the same.
        """
        return best_mean(self.stats(state))

    def certificate(self, state: Any) -> Any:
        """Return what is certified of the arms; None for a recipe that certifies nothing."""
        del state

    # What production needs, where it makes sense: each returns what is to be, or refuses with
    # the reason. No state that it is given changes.

    def merge(self, states: Sequence[Any]) -> Any:
        """Return the state of one that saw what all of ``states`` saw, in whatever order.

        Raises:
            ValueError: It cannot be told from them, which is so unless a recipe says how.
        """
        del states
        raise unable(self, "merge", "it does not say how what several saw adds up")

    def warm_start(self, state: Any, prior: ArmStats) -> Any:
        """Return the state after the observations that ``prior`` tells of, made in no round.

        Raises:
            ValueError: They are not what it learns from, which is so unless a recipe says
                how; or they lie outside what it takes.
        """
        del state, prior
        raise unable(self, "start warm", "means of arms are not what it learns from")

    def change_arms(self, state: Any, kept: Sequence[int], added: int) -> tuple["Recipe", Any]:
        """Return recipe and state for the ``kept`` arms and ``added`` untried ones behind.

        Raises:
            ValueError: It cannot go on with other arms, which is so unless a recipe says how.
        """
        del state, kept, added
        raise unable(self, "change its arms", "it does not say how")


class DrawingRecipe(Recipe):
    """One that always draws its arm from the probabilities."""

    __slots__ = ()

    @abstractmethod
    def probabilities(self, state: Any, context: Any, available: Bool | None) -> Float:
        """Return the probabilities of the arms, `[..., arms]`; 0 where not available."""

    def choose(
        self, state: Any, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, Float]:
        """Return an arm drawn from the probabilities, and these."""
        probability = self.probabilities(state, context, available)
        return draw(probability, rng), probability


def unable(recipe: Recipe, what: str, why: str) -> ValueError:
    """Return the refusal of something that makes no sense for ``recipe``."""
    return ValueError(f"`recipe` must be able to {what}, got {recipe!r}: {why}.")


def best_mean(stats: ArmStats, among: Bool | None = None) -> Any:
    """Return the arm with the best mean, an int or `[runs]`; of equal ones the more observed.

    Of the arms marked in ``among``, `[..., arms]`, if it is given.
    """
    eligible = stats.pulls > 0 if among is None else (stats.pulls > 0) & among
    mean = np.where(eligible, stats.mean, -np.inf)
    equal = mean == mean.max(-1, keepdims=True)
    if among is not None:
        equal &= among
    best = np.where(equal, stats.pulls, -1.0).argmax(-1)
    return best if best.ndim else int(best)
