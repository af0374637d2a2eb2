"""What is long ago counts less."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats, warmed
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell

# An arm whose pulls weigh less than this is as good as forgotten: it becomes untried. Below
# it, what indices do with 1 / pulls would leave the range of floats.
FAINTEST = 1e-100


@final
@dataclass(frozen=True, slots=True)
class Discounted:
    """Every round multiplies the weight of all that was seen before by ``discount``.

    Garivier & Moulines 2011 (arXiv:0805.3415), Sec. 2: an observation that is ``k`` rounds
    old weighs ``discount**k``, the latest one weighs 1; pulls, means and variances are
    weighted by it. An index reads as ``t`` the discounted number of rounds, the one being
    decided among them: ``(1 - discount**t) / (1 - discount)``, the paper's
    ``n_t(discount)``. For many runs, a round passes only in the runs that have feedback.

    Attributes:
        discount: In (0, 1], and not below 1e-100. At 1 this is `Full`.
    """

    discount: float

    def __post_init__(self) -> None:
        if not FAINTEST <= _checks.number("discount", self.discount) <= 1:
            wanted = "`discount` must lie in (0, 1] and not below 1e-100"
            raise ValueError(f"{wanted}, got {self.discount!r}.")

    def empty(self, runs: int | None, arms: int, *, variance: bool = False) -> ArmStats:
        """Return the state before the first round."""
        state = ArmStats.empty(runs, arms, variance=variance)
        state.effective = 1.0 if runs is None else np.ones((runs, 1))
        return state

    def stats(self, state: ArmStats) -> ArmStats:
        """Return the state: it is what an index needs."""
        return state

    def observe(self, state: ArmStats, cell: Cell, value: float | Float) -> None:
        """Move each cell's mean, and variance, towards its new value by 1 / pulls.

        No sums are kept that would have to shrink, so no error is carried along.
        """
        pulls, mean = state.pulls.reshape(-1), state.mean.reshape(-1)  # views
        weight, old = pulls[cell], mean[cell]
        count = self.discount * weight + 1.0
        new = old + (value - old) / count
        pulls[cell] = count / self.discount  # `advance` discounts all of them
        mean[cell] = new
        if state.variance is not None:  # West 1979
            variance = state.variance.reshape(-1)
            variance[cell] += ((value - old) * (value - new) - variance[cell]) / count
        if state.untried:
            state.untried -= int(np.count_nonzero(weight == 0.0))

    def advance(self, state: ArmStats, where: Bool | None) -> None:
        """End a round, and discount what was seen."""
        if where is None:
            state.t += 1
            state.effective = self.discount * state.effective + 1.0
            state.pulls *= self.discount
        else:
            state.t[where] += 1
            state.effective[where] = self.discount * state.effective[where] + 1.0
            state.pulls[where] *= self.discount
        faint = state.pulls < FAINTEST
        if np.count_nonzero(faint) != state.untried:
            for array in (state.pulls, state.mean, state.variance):
                if array is not None:
                    array[faint] = 0.0
            state.untried = int(np.count_nonzero(faint))

    def warm_start(self, state: ArmStats, prior: ArmStats) -> ArmStats:
        """Return the state as if the latest round had shown what ``prior`` tells."""
        return warmed(state, prior)

    def change_arms(self, state: ArmStats, kept: Sequence[int], added: int) -> ArmStats:
        """Return the state of the ``kept`` arms, and ``added`` untried ones behind them."""
        return state.change_arms(kept, added)
