"""Evidence from the range of the values alone."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from banditsplit._typing import Float
from banditsplit.theory._confidence._linear import LinearSequence


@final
@dataclass(frozen=True, slots=True)
class Hoeffding(LinearSequence):
    """Hoeffding's inequality at all times (Waudby-Smith & Ramdas 2024, Proposition 1).

    On the unit scale the evidence against a mean of at most ``m`` is

        ``prod_i exp(l_i (x_i - m) - l_i**2 / 8)``,
        ``l_i = min(1, sqrt(8 ln(1 / delta) / (i ln(i + 1))))``

    with half of ``delta`` for two bounds. A factor's mean is at most 1 because a value in
    [0, 1] is 1/2-sub-Gaussian. The width shrinks like ``sqrt(ln(n) / n)`` whatever the
    variance is: the others are sharper, this one is easiest to explain and to check.

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
        del variance
        t = count + 1
        bet: Float = np.minimum(np.sqrt(8 * self.threshold / (t * np.log(t + 1))), 1.0)
        return bet

    def _price(self, bet: Float, deviation: Float) -> Float:
        del deviation
        return bet**2 / 8
