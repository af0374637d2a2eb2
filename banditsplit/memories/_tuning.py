"""How long to remember, where horizon and number of changes are known."""

import math

from banditsplit import _checks


def tuned_discount(horizon: int, changes: int, *, span: float = 1.0) -> float:
    """Return ``1 - sqrt(changes / horizon) / (4 span)``, the discount for D-UCB.

    Garivier & Moulines 2011 (arXiv:0805.3415), after Thm. 1: then its dynamic
    pseudo-regret is of order ``sqrt(horizon * changes) * ln(horizon)``.

    Args:
        horizon: Rounds, at least 1.
        changes: How often the arms' laws change, from 0 to ``horizon``.
        span: Largest minus smallest value, in value units.

    Raises:
        TypeError: `horizon` or `changes` is no integer.
        ValueError: An argument is out of range, or `span` so small that no discount is left.
    """
    horizon, changes = _horizon_and_changes(horizon, changes)
    lost = math.sqrt(changes / horizon) / (4 * _checks.positive("span", span))
    if lost >= 1:
        wanted = f"`span` must exceed {math.sqrt(changes / horizon) / 4}"
        raise ValueError(f"{wanted} for this horizon and so many changes, got {span!r}.")
    return 1 - lost


def tuned_window(horizon: int, changes: int, *, span: float = 1.0) -> int:
    """Return ``2 span * sqrt(horizon * ln(horizon) / changes)``, the window for SW-UCB.

    Garivier & Moulines 2011 (arXiv:0805.3415), after Thm. 2: then its dynamic
    pseudo-regret is of order ``sqrt(horizon * changes * ln(horizon))``. It is rounded up, and
    no longer than the horizon; without changes it is the horizon.

    Args:
        horizon: Rounds, at least 1.
        changes: How often the arms' laws change, from 0 to ``horizon``.
        span: Largest minus smallest value, in value units.

    Raises:
        TypeError: `horizon` or `changes` is no integer.
        ValueError: An argument is out of range.
    """
    horizon, changes = _horizon_and_changes(horizon, changes)
    factor = 2 * _checks.positive("span", span)
    if not changes:
        return horizon
    window = math.ceil(factor * math.sqrt(horizon * math.log(horizon) / changes))
    return min(max(window, 1), horizon)


def _horizon_and_changes(horizon: int, changes: int) -> tuple[int, int]:
    horizon = _checks.integer("horizon", horizon, least=1)
    return horizon, _checks.below("changes", changes, horizon + 1)
