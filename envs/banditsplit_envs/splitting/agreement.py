"""How often an exit agrees with the last one, learned from the samples that were offloaded."""

from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.traces.trace import Trace

__all__ = ["AgreementTable"]

EDGES = (0.5, 0.6, 0.65, 0.7, 0.72, 0.74, 0.76, 0.78, 0.8, 0.82, 0.85, 0.9, 0.95, 0.98)


@final
class AgreementTable:
    """The share of agreement by exit and confidence, for some runs side by side.

    It begins as what a trace of the source domain says, needs no labels, and gives way to what
    a run sees of its own samples. Confidence is a poor guide under a shift of domain; agreement
    with the whole network can be looked at.

    Args:
        trace: Of the source domain.
        weight: For how many samples of a cell its word counts, positive.
        runs: How many runs.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: ``weight`` is not positive, or ``runs`` below 1.
    """

    def __init__(self, trace: Trace, *, weight: float = 2.0, runs: int = 1) -> None:
        _checks.instance("trace", trace, Trace)
        weight = _checks.positive("weight", weight)
        runs = _checks.integer("runs", runs, least=1)
        bins = len(EDGES) + 1
        cells = (trace.exits, bins)
        seen, agreed = np.empty(cells), np.empty(cells)
        for exit_ in range(trace.exits):
            cell = self._bin(trace.confidence[:, exit_])
            agrees = trace.prediction[:, exit_] == trace.prediction[:, -1]
            seen[exit_] = np.bincount(cell, minlength=bins)
            agreed[exit_] = np.bincount(cell[agrees], minlength=bins)
        # Laplace's rule, so that no cell is ever certain.
        share = (agreed + 1) / (seen + 2)
        self._seen = np.full((runs, *cells), weight)
        self._agreed = weight * np.broadcast_to(share, self._seen.shape)

    def _bin(self, confidence: Any) -> Int:
        cell: Int = np.searchsorted(EDGES, confidence, side="right")
        return cell

    def __call__(self, exit_: Int, confidence: Float) -> Float:
        """Return the shares, `[runs, n]`, of ``exit_`` and ``confidence``, `[runs, n]`."""
        cell = np.arange(len(self._seen))[:, None], exit_, self._bin(confidence)
        share: Float = self._agreed[cell] / self._seen[cell]
        return share

    def observe(self, where: Bool, confidence: Float, agrees: Bool) -> None:
        """Learn whether exits agreed, `[runs, exits]` each, where the final answer is known."""
        run, exit_ = np.nonzero(where)
        cell = run, exit_, self._bin(confidence[where])
        self._seen[cell] += 1  # no cell twice: one sample a run
        self._agreed[cell] += agrees[where]
