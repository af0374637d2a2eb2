"""A bound of what was lost, from the rounds in which somebody looked."""

import math
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Cell
from banditsplit.theory._confidence._sequence import one_each

_SMALLEST = 1e-9  # of `least`
_RATES = 12  # the mixture's; each is half of the one before
_LARGEST = 0.95  # the first one's, as a share of what is possible
_STEPS = 10  # Newton's, from above: each ends at a valid bound


@dataclass(slots=True, eq=False)
class Audits:
    """What was seen of the values, and what it says of their total.

    Attributes:
        hidden: `[...]`, how many values were not seen.
        seen: `[...]`, the sum of those seen.
        estimate: `[...]`, the sum of those seen, each over its propensity.
        price: `[..., rates]`, what each rate of the mixture lost by what was seen.
        bound: `[...]`, the largest total that is not excluded.
    """

    hidden: Float
    seen: Float
    estimate: Float
    price: Float
    bound: Float


@final
@dataclass(frozen=True, slots=True)
class AuditedTotal:
    """An upper bound of a sum of values of which each is seen with its own probability.

    Nothing is assumed of the values but that they lie in [0, 1]: they may drift, jump, or be
    chosen by an adversary who knows everything but the coins to come. So it bounds what a
    stream *was*, where a `ConfidenceSequence` bounds the mean of the law behind it.

    Theorem. In each round let ``x`` in [0, 1] be fixed before a coin shows it with probability
    ``p >= least``, where ``p`` is known before. Then with probability at least ``1 - delta``,
    after all rounds at once, the sum of all values, seen or not, is at most `upper`.

    Proof. For a rate ``l`` with ``1 - exp(-l) < least`` let ``h = -ln(1 - (1 - exp(-l)) / p)``.
    The factor ``exp(l x - h x [seen])`` has mean ``exp(l x) (1 - p + p exp(-h x))``, whose
    logarithm is convex in ``x`` (a cumulant function and a linear one) and 0 for ``x`` = 0 and
    1, so that it is at most 0 between them. The product of the factors is a supermartingale
    that starts at 1, so is a mixture over rates, and by Ville's inequality it ever reaches
    ``1 / delta`` with probability at most ``delta``. The mixture grows with the sum.

    (Method of mixtures, Robbins 1970. Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2024,
    *Anytime-valid off-policy inference for contextual bandits*, bound running averages of
    weighted values whose means change; here the values are not drawn at all, and the factor
    is exact for 0 and 1. `ImportanceWeighted` is sharper, and holds for one mean only.)

    Attributes:
        delta: Probability of ever being wrong, in (0, 1).
        least: The smallest propensity that a round may have, in [1e-9, 1].
    """

    delta: float
    least: float = field(kw_only=True)
    _share: Float = field(init=False, repr=False, compare=False)  # 1 - exp(-rate), `[rates]`
    _rate: Float = field(init=False, repr=False, compare=False)
    _log_weight: Float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.open_fraction("delta", self.delta)
        if not _SMALLEST <= _checks.number("least", self.least) <= 1:
            raise ValueError(f"`least` must lie in [{_SMALLEST}, 1], got {self.least!r}.")
        number = np.arange(_RATES)
        share = _LARGEST * self.least * 0.5**number
        object.__setattr__(self, "_share", share)
        object.__setattr__(self, "_rate", -np.log1p(-share))
        # They sum to 1 - 1 / (rates + 1).
        object.__setattr__(self, "_log_weight", -np.log((number + 1.0) * (number + 2.0)))

    def empty(self, shape: tuple[int, ...]) -> Audits:
        """Return the state before the first round, one total for each cell of ``shape``."""
        state = Audits(
            hidden=np.zeros(shape),
            seen=np.zeros(shape),
            estimate=np.zeros(shape),
            price=np.zeros((*shape, _RATES)),
            bound=np.zeros(shape),
        )
        state.bound[...] = self._bound(np.zeros(_RATES))
        return state

    def observe(
        self, state: Audits, cell: Cell, value: Any, *, propensity: Any, seen: Any
    ) -> None:
        """Take in one round for each cell.

        Args:
            state: The state.
            cell: Flat places, distinct.
            value: What was seen, in [0, 1]; where nothing was, any such number, which is not
                looked at.
            propensity: The probability with which it was to be seen, in [least, 1].
            seen: Whether it was.

        Raises:
            TypeError: Something is no number, or ``seen`` no bool; nothing was taken in.
            ValueError: Something lies outside its interval, or has another shape than
                ``cell``; nothing was taken in.
        """
        values = _checks.inside("value", value, 0.0, 1.0)
        p = _checks.inside("propensity", propensity, self.least, 1.0)
        shown = _checks.flags("seen", seen)
        one_each("value", values, cell)
        one_each("propensity", p, cell)
        one_each("seen", shown, cell)
        places = np.atleast_1d(np.asarray(cell))
        state.hidden.reshape(-1)[places] += ~shown
        what: Bool = np.broadcast_to(shown & (values > 0), places.shape)
        if not what.any():
            return
        places = places[what]
        values, p = (np.broadcast_to(known, what.shape)[what] for known in (values, p))
        state.seen.reshape(-1)[places] += values
        state.estimate.reshape(-1)[places] += values / p
        price = state.price.reshape(-1, _RATES)
        price[places] -= values[:, None] * np.log1p(-self._share / p[:, None])
        state.bound.reshape(-1)[places] = self._bound(price[places])

    def _bound(self, price: Float) -> Float:
        """Return where the mixture reaches ``1 / delta``, `[...]`, for prices `[..., rates]`.

        Its logarithm is convex and increasing, so that Newton's steps come down to the root
        from where a single rate reaches it.
        """
        evidence = -math.log(self.delta)
        total = ((evidence + price - self._log_weight) / self._rate).min(-1)
        for _ in range(_STEPS):
            log = self._log_weight - price + self._rate * total[..., None]
            top = log.max(-1)
            weight = np.exp(log - top[..., None])
            whole = weight.sum(-1)
            slope = (weight * self._rate).sum(-1) / whole
            total = total - np.maximum(top + np.log(whole) - evidence, 0.0) / slope
        bound: Float = total
        return bound

    def upper(self, state: Audits) -> Float:
        """Return the upper bound of the sum of all values so far, `[...]`."""
        upper: Float = np.minimum(state.bound, state.seen + state.hidden)
        return upper
