"""What a split costs: one model for the learner and for the report."""

from dataclasses import dataclass

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float

EVALUATES = ("split", "all")


@dataclass(frozen=True, slots=True)
class SplitCost:
    """Costs in lambda: running and judging one layer costs ``layer + exit``.

    Attributes:
        layer: Running one layer on the device (the paper's lambda_1).
        exit: Evaluating one exit on the device (lambda_2).
        offload: Sending one hidden state to the cloud (the paper's o).
        evaluates: ``"split"``, only the exit at the split layer (SplitEE); or ``"all"``,
            every exit up to it (SplitEE-S, and whoever exits at the first confident one).

    Raises:
        ValueError: A cost is negative or not finite, or ``evaluates`` is neither.
    """

    layer: float = 0.8
    exit: float = 0.2
    offload: float = 5.0
    evaluates: str = "split"

    def __post_init__(self) -> None:
        for name in ("layer", "exit", "offload"):
            _checks.nonnegative(name, getattr(self, name))
        _checks.member("evaluates", self.evaluates, EVALUATES)

    def head(self, exits: int) -> Float:
        """Return gamma: what the device pays up to each exit, `[exits]`, in lambda."""
        layers = np.arange(1.0, _checks.integer("exits", exits, least=1) + 1)
        evaluated = layers if self.evaluates == "all" else 1.0
        return self.layer * layers + self.exit * evaluated
