"""Evidence from the spread that the values turn out to have."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from banditsplit._typing import Float
from banditsplit.theory._confidence._linear import LinearSequence

_LARGEST = 0.5  # bet; the price of larger ones grows without bound


@final
@dataclass(frozen=True, slots=True)
class EmpiricalBernstein(LinearSequence):
    """Width by the empirical variance (Waudby-Smith & Ramdas 2024, Theorem 2).

    On the unit scale the evidence against a mean of at most ``m`` is

        ``prod_i exp(l_i (x_i - m) - (x_i - e_i)**2 (-ln(1 - l_i) - l_i))``,
        ``l_i = min(1/2, sqrt(2 ln(1 / delta) / (v_i i ln(i + 1))))``

    with half of ``delta`` for two bounds. ``e_i`` and ``v_i`` estimate mean and variance from
    the values *before* ``x_i``: with its own deviation in them the bet would have seen what
    it bets on, and nothing would hold. A factor's mean is at most 1 by the inequality
    ``exp(l z - z**2 (-ln(1 - l) - l)) <= 1 + l z`` for ``z >= -1`` (Fan, Grama & Liu 2015).

    Assumes that values lie in [low, high] and that each has, given those before it, the same
    mean. Then both bounds hold at all times at once with probability at least ``1 - delta``.

    Attributes:
        delta: Probability of ever being wrong, in (0, 1).
        side: Which bounds there are.
        low: The smallest value there is.
        high: The largest one.
    """

    delta: float
    side: Literal["both", "lower", "upper"] = "both"
    low: float = 0.0
    high: float = 1.0

    def _stake(self, count: Float, variance: Float) -> Float:
        t = count + 1
        scale = 2 * self.threshold / (variance * t * np.log(t + 1))
        bet: Float = np.minimum(np.sqrt(scale), _LARGEST)
        return bet

    def _price(self, bet: Float, deviation: Float) -> Float:
        price: Float = deviation**2 * (-np.log1p(-bet) - bet)
        return price
