"""Checks at the boundary: every message names the argument, what was wanted and what came."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from banditsplit._typing import Bool, Float, Seed


def integer(name: str, value: Any, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``; bools and fractions are refused."""
    return _integer(value, least, math.inf, f"`{name}` must be an integer of at least {least}")


def below(name: str, value: Any, end: int) -> int:
    """Return ``value`` as an int in `0 .. end - 1`; bools and fractions are refused."""
    return _integer(value, 0, end, f"`{name}` must be an integer in 0 .. {end - 1}")


def several_below(name: str, value: Any, end: int) -> list[int]:
    """Return ``value``, one or several, as different ints in `0 .. end - 1`."""
    numbers = [below(name, number, end) for number in ([value] if _one(value) else value)]
    if not numbers or len(set(numbers)) < len(numbers):
        wanted = f"`{name}` must hold at least one number, and none twice"
        raise ValueError(f"{wanted}, got {value!r}.")
    return numbers


def _one(value: Any) -> bool:
    """Return whether ``value`` is a single one, as text and an array without axes are."""
    one = not isinstance(value, Iterable) or isinstance(value, str | bytes)
    return one or getattr(value, "ndim", 1) == 0


def _integer(value: Any, least: int, end: float, wanted: str) -> int:
    wanted = f"{wanted}, got {value!r}."
    if isinstance(value, bool | np.bool_):
        raise TypeError(wanted)
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(wanted) from None
    if not least <= number < end:
        raise ValueError(wanted)
    return number


def number(name: str, value: Any) -> float:
    """Return ``value`` as a finite float; strings, None and complex numbers are refused."""
    wanted = f"`{name}` must be a finite number, got {value!r}."
    if isinstance(value, str | bytes):
        raise TypeError(wanted)
    try:
        converted = float(value)
    except (TypeError, ValueError):
        raise TypeError(wanted) from None
    except OverflowError:
        raise ValueError(wanted) from None
    if not math.isfinite(converted):
        raise ValueError(wanted)
    return converted


def positive(name: str, value: Any) -> float:
    """Return ``value`` as a finite float above 0."""
    if (converted := number(name, value)) <= 0:
        raise ValueError(f"`{name}` must be positive, got {value!r}.")
    return converted


def nonnegative(name: str, value: Any) -> float:
    """Return ``value`` as a finite float of at least 0."""
    if (converted := number(name, value)) < 0:
        raise ValueError(f"`{name}` must not be negative, got {value!r}.")
    return converted


def nonnegatives(name: str, value: Any) -> float | tuple[float, ...]:
    """Return ``value``, one number or several, as finite floats of at least 0."""
    if _one(value):
        return nonnegative(name, value)
    return tuple(nonnegative(name, number) for number in value)


def fraction(name: str, value: Any) -> float:
    """Return ``value`` as a float in `[0, 1]`."""
    if not 0 <= (converted := number(name, value)) <= 1:
        raise ValueError(f"`{name}` must lie in [0, 1], got {value!r}.")
    return converted


def share(name: str, value: Any) -> float:
    """Return ``value`` as a float in `(0, 1]`."""
    if not 0 < (converted := number(name, value)) <= 1:
        raise ValueError(f"`{name}` must lie in (0, 1], got {value!r}.")
    return converted


def open_fraction(name: str, value: Any) -> float:
    """Return ``value`` as a float strictly between 0 and 1."""
    if not 0 < (converted := number(name, value)) < 1:
        raise ValueError(f"`{name}` must lie strictly between 0 and 1, got {value!r}.")
    return converted


def inside(name: str, value: Any, low: float, high: float) -> Float:
    """Return ``value`` as floats in `[low, high]`, of any shape."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.array(np.nan)
    numbers = array.dtype.kind in "biuf"
    if numbers and ((array >= low) & (array <= high)).all():
        return array.astype(np.float64, copy=False)
    # The message last: arrays are slow to print.
    error = ValueError if numbers else TypeError
    raise error(f"`{name}` must lie in [{low:g}, {high:g}], got {value!r}.")


def flags(name: str, value: Any) -> Bool:
    """Return ``value`` as booleans, of any shape."""
    array = np.asarray(value)
    if array.dtype != np.bool_:
        raise TypeError(f"`{name}` must hold booleans, got {value!r}.")
    return array


def graph(name: str, value: Any, arms: int) -> Bool:
    """Return ``value`` as a feedback graph: read-only booleans, `[arms, arms]`."""
    wanted = f"`{name}` must hold booleans of shape {(arms, arms)}"
    try:
        edges = np.array(value)
    except ValueError:  # ragged
        raise ValueError(f"{wanted}, got {value!r}.") from None
    if edges.shape != (arms, arms):
        raise ValueError(f"{wanted}, got shape {edges.shape}.")
    if edges.dtype != np.bool_:
        raise TypeError(f"{wanted}, got dtype {edges.dtype}.")
    edges.flags.writeable = False
    return edges


def member(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``allowed``."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(allowed)}, got {value!r}.")
    return str(value)


def instance(name: str, value: Any, wanted: type) -> None:
    """Refuse a ``value`` that is no ``wanted``."""
    if not isinstance(value, wanted):
        raise TypeError(f"`{name}` must be of type {wanted.__name__}, got {value!r}.")


def method(name: str, value: Any, wanted: str) -> None:
    """Refuse a ``value`` without a method ``wanted``: a part of the wrong kind."""
    if not hasattr(value, wanted):
        raise TypeError(f"`{name}` must have a method `{wanted}`, got {value!r}.")


def generator(seed: Seed) -> np.random.Generator:
    """Return a generator: ``seed`` itself, or a new one from an int or a `SeedSequence`."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        wanted = "None, an int of at least 0, a SeedSequence or a Generator"
        raise TypeError(f"`seed` must be {wanted}, got {seed!r}.") from None
