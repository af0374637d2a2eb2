"""What a split costs: one model for the learner and for the report."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float

EVALUATES = ("split", "first", "all")

Amount: TypeAlias = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SplitCost:
    """What layers, exits and uploads cost: in lambda, as the paper assumes it, or as measured.

    An amount is one number, the same everywhere, or one for each exit of the network. By
    default the units are the paper's: running and judging one layer costs ``layer + exit`` = 1
    lambda. `measured_cost` makes a model of milliseconds, bytes or joules.

    Attributes:
        layer: Running each layer on the device (the paper's lambda_1), behind the one before.
        exit: Evaluating each exit on the device (lambda_2).
        offload: Sending the hidden state behind each layer to the cloud (the paper's o). It is
            divided by the bandwidth, 1 being the one that the model was made for.
        evaluates: ``"split"``, only the exit at the split layer (SplitEE); ``"first"``, that
            one and the first (who chooses the split by what the first exit says); or
            ``"all"``, every exit up to it (SplitEE-S, and whoever exits at the first
            confident one).
        overhead: What an upload costs besides, whatever the bandwidth: the way there and back,
            and the cloud's time.
        unit: What costs are in, for the report.

    Raises:
        TypeError: An amount is no number and no sequence of numbers, or ``unit`` no text.
        ValueError: An amount is negative, not finite or empty, two are for other numbers of
            exits, or ``evaluates`` is none of the three.
    """

    layer: Amount = 0.8
    exit: Amount = 0.2
    offload: Amount = 5.0
    evaluates: str = "split"
    overhead: Amount = 0.0
    unit: str = "lambda"

    def __post_init__(self) -> None:
        several: dict[str, int] = {}
        for name in ("layer", "exit", "offload", "overhead"):
            amount = _checks.nonnegatives(name, getattr(self, name))
            object.__setattr__(self, name, amount)
            if isinstance(amount, tuple):
                several[f"`{name}`"] = len(amount)
        if 0 in several.values() or len({*several.values()}) > 1:
            wanted = f"{', '.join(several)} must hold one number for each exit"
            raise ValueError(f"{wanted}, got {', '.join(map(str, several.values()))}.")
        _checks.member("evaluates", self.evaluates, EVALUATES)
        _checks.instance("unit", self.unit, str)

    def head(self, exits: int) -> Float:
        """Return gamma: what the device pays up to each exit, `[exits]`."""
        return self.running(exits) + self.asking(self.evaluated(exits))

    def running(self, exits: int) -> Float:
        """Return what the device pays to run all layers up to each one, `[exits]`."""
        layer = self._each(self.layer, exits)
        if isinstance(self.layer, tuple):
            return layer.cumsum()
        return layer * np.arange(1.0, exits + 1)

    def evaluated(self, exits: int) -> Bool:
        """Return which exits the device evaluates: row, the split; column, the exit."""
        split = np.arange(_checks.integer("exits", exits, least=1))
        if self.evaluates == "all":
            return split <= split[:, None]
        evaluated: Bool = np.eye(exits, dtype=np.bool_)
        if self.evaluates == "first":
            evaluated[:, 0] = True
        return evaluated

    def asking(self, asked: Bool) -> Float:
        """Return what it costs to evaluate exits, `[...]`, for booleans `[..., exits]`."""
        each = self._each(self.exit, asked.shape[-1])
        paid: Float = (
            asked @ each if isinstance(self.exit, tuple) else self.exit * asked.sum(-1)
        )
        return paid

    def offloading(self, exits: int, bandwidth: Float | float = 1.0) -> Float:
        """Return what it costs to offload behind each layer, `[exits]`.

        Args:
            exits: How many exits the network has.
            bandwidth: As a multiple of the one that the model was made for; with several,
                `[samples]`, the costs are `[samples, exits]`.
        """
        offload, overhead = self._each(self.offload, exits), self._each(self.overhead, exits)
        paid: Float = overhead + offload / np.asarray(bandwidth)[..., None]
        return paid

    def _each(self, amount: Amount, exits: int) -> Float:
        """Return an amount for each exit, `[exits]`."""
        exits = _checks.integer("exits", exits, least=1)
        if isinstance(amount, tuple) and len(amount) != exits:
            raise ValueError(f"`cost` must be for {exits} exits, got one for {len(amount)}.")
        return np.full(exits, amount, np.float64)
