"""The cheapest arm that is certified to be good enough."""

from collections.abc import Sequence
from typing import Unpack

from banditsplit.compose import RunOptions
from banditsplit.policy import Policy
from banditsplit.recipes import ConstrainedRecipe
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
    stationary: bool = True,
    sequence: ConfidenceSequence | None = None,
    **options: Unpack[RunOptions],
) -> Policy:
    """Return a policy that plays the cheapest arm certified to lose at most ``level``.

    A round's loss is ``1 - reward``, rewards in [0, 1]. The safe arm is played until another
    one is certified, and with some probability a round is an audit: a pull of the revealing
    arm, which shows every arm's loss as side observations. With probability at least
    ``1 - delta`` no arm is ever played whose mean loss exceeds ``level``; the theorem and what
    it assumes stand at `ConstrainedRecipe`. `Policy.certificate` tells what is certified.

    Args:
        arms: How many arms there are.
        level: The largest mean loss allowed, in (0, 1).
        safe: The arm that is known to lose at most that.
        revealing: The arm whose pulls show every arm's loss.
        delta: Probability of ever playing an arm that loses more, in (0, 1).
        costs: `[arms]`, not negative, in cost units; None to learn them.
        order: Arms in an order of testing that was fixed beforehand, the surest first; None
            to test all alike.
        audit_rate: The smallest probability of an audit, in (0, 1].
        burn_in: After so many rounds the probability of an audit has halved.
        own: Whether a pull of any arm always shows its own loss.
        safe_reveals: Whether a pull of the safe arm always shows the same arms' losses.
        stationary: Whether laws stay what they are, so that audits may stop.
        sequence: The kind of confidence sequence; a `BetaMixture` by default.
        **options: ``runs`` and ``seed``; see `Options`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, names no arm, or is not one for each arm.
    """
    recipe = ConstrainedRecipe(
        arms,
        level,
        safe,
        revealing,
        delta,
        costs,
        order,
        audit_rate,
        burn_in,
        own,
        safe_reveals,
        stationary,
        sequence,
    )
    return Policy(recipe, **options)
