"""The cheapest arm that is certified to be good enough."""

from collections.abc import Sequence
from typing import Any, Unpack

from banditsplit import _checks
from banditsplit.compose import RunOptions
from banditsplit.policy import Policy
from banditsplit.recipes import ConstrainedDriftRecipe, ConstrainedRecipe, Recipe
from banditsplit.theory import ConfidenceSequence


def Constrained(
    arms: int,
    *,
    level: float,
    safe: int,
    revealing: int,
    delta: float = 0.05,
    costs: Sequence[float] | None = None,
    order: Sequence[int] | None = None,
    audit_rate: float = 0.01,
    burn_in: float = 100.0,
    own: bool = False,
    safe_reveals: bool = False,
    assume_stationary: bool = True,
    sequence: ConfidenceSequence | None = None,
    until_certified: float = 0.0,
    window: float | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return a policy that plays the cheapest arm certified to lose at most ``level``.

    A round's loss is ``1 - reward``, rewards in [0, 1]. The safe arm is played until another
    one is certified, and with some probability a round is an audit: a pull of the revealing
    arm, which shows every arm's loss as side observations. With probability at least
    ``1 - delta`` no arm is ever played whose mean loss exceeds ``level``; the theorem and what
    it assumes stand at `ConstrainedRecipe`. `Policy.certificate` tells what is certified.

    That is true of laws that stay what they are. Without that assumption no arm is certified.
    Audits go on for ever, cheap arms are played by how they did lately, and with probability at
    least ``1 - delta`` the share of all rounds so far that was lost never exceeds ``level``;
    see `ConstrainedDriftRecipe`.

    Args:
        arms: How many arms there are.
        level: The largest mean loss allowed, in (0, 1).
        safe: The arm that is known to lose at most that.
        revealing: The arm whose pulls show every arm's loss.
        delta: Probability of ever playing an arm that loses more, in (0, 1).
        costs: `[arms]`, not negative, in cost units; None to learn them.
        order: Arms in an order of testing that was fixed beforehand, the surest first; None
            to test all alike. Where laws may change, just the arms that may be played.
        audit_rate: The smallest probability of an audit, in (0, 1].
        burn_in: After so many rounds the probability of an audit has halved.
        own: Whether a pull of any arm always shows its own loss.
        safe_reveals: Whether a pull of the safe arm always shows the same arms' losses.
        assume_stationary: Whether laws stay what they are, so that arms can be certified, and
            audits may stop.
        sequence: The kind of confidence sequence; a `BetaMixture` by default. Only for laws
            that stay.
        until_certified: The smallest probability of an audit while no arm is certified. Only
            for laws that stay.
        window: How many of an arm's losses count, about, where laws may change; ``10 / level``
            by default. Only there.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, names no arm, or is not one for each arm;
            or ``sequence``, ``until_certified`` or ``window`` is given where it has no
            meaning.
    """
    _checks.instance("assume_stationary", assume_stationary, bool)
    idle: dict[str, tuple[Any, Any]] = {"window": (window, None)}
    if not assume_stationary:
        idle = {"sequence": (sequence, None), "until_certified": (until_certified, 0.0)}
    for name, (value, nothing) in idle.items():
        if value != nothing:
            wanted = f"`{name}` must be {nothing} with `assume_stationary={assume_stationary}`"
            raise ValueError(f"{wanted}, got {value!r}.")
    shared: dict[str, Any] = {
        "arms": arms,
        "level": level,
        "safe": safe,
        "revealing": revealing,
        "delta": delta,
        "costs": costs,
        "order": order,
        "audit_rate": audit_rate,
        "burn_in": burn_in,
        "own": own,
        "safe_reveals": safe_reveals,
    }
    recipe: Recipe
    if assume_stationary:
        recipe = ConstrainedRecipe(**shared, sequence=sequence, until_certified=until_certified)
    else:
        window = 10 / _checks.open_fraction("level", level) if window is None else window
        recipe = ConstrainedDriftRecipe(**shared, window=window)
    return Policy(recipe, **options)
