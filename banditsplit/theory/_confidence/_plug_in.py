"""Mean and variance as estimated before a value is seen."""

from banditsplit._typing import Float

# Before the first value; they weigh as much as one value.
MEAN, VARIANCE = 0.5, 0.25


def moved(count: Float, mean: Float, variance: Float, value: Float) -> tuple[Float, Float]:
    """Return the estimates after ``count`` values and one more.

    With ``t = count + 1`` they are ``(1/2 + sum of x_i) / (t + 1)`` and
    ``(1/4 + sum of (x_i - mean_i)**2) / (t + 1)`` (Waudby-Smith & Ramdas 2024, Theorem 2).
    """
    mean = mean + (value - mean) / (count + 2)
    return mean, variance + ((value - mean) ** 2 - variance) / (count + 2)
