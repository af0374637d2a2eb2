"""SplitEE, with the span that its net rewards have."""

from banditsplit import _checks
from banditsplit.objectives import Net
from banditsplit.theory._bounds._ucb import ucb_regret_bound
from banditsplit.theory._problems import Problem


def split_ee_regret_bound(
    problem: Problem, horizon: int, *, tradeoff: float, beta: float = 1.0, span: float
) -> float:
    """Return the bound on SplitEE's expected pseudo-regret after ``horizon`` rounds.

    SplitEE's width ``beta * sqrt(ln t / pulls)`` is that of UCB with
    ``alpha = 2 beta**2 / span**2`` for values of that span. With it, ``sum_i 2 alpha span**2
    ln(n) / gap_i + alpha / (alpha - 2) gap_i`` over the arms with a gap: Bubeck &
    Cesa-Bianchi 2012, Thm. 2.1, for alpha above 2. So beta must exceed ``span``, and published
    runs, with 1, are not covered where net rewards span 1 or more. Nothing is claimed for
    SplitEE-S, whose side observations depend on the sample.

    Args:
        problem: Independent rounds.
        horizon: Rounds, at least 1.
        tradeoff: The policy's: reward units given up for one unit of cost.
        beta: The policy's.
        span: Largest minus smallest net reward that one arm can give, at least the rewards'
            own. Where an offload has a price, that comes on top.

    Raises:
        TypeError: `problem` is no `Problem`, or a number is of the wrong type.
        ValueError: Net rewards spread wider than ``span``, ``beta`` is at most ``span``, or a
            number is out of range.
    """
    ratio = _checks.positive("beta", beta) / _checks.positive("span", span)
    alpha = 2 * ratio * ratio  # inf where `ratio**2` would raise; the bound refuses it
    if alpha <= 2:  # noqa: PLR2004 - the theorem's
        wanted = "`beta` must exceed `span`, that alpha be above 2"
        raise ValueError(f"{wanted}, got {beta!r} and {span!r}.")
    return ucb_regret_bound(problem, horizon, alpha=alpha, span=span, objective=Net(tradeoff))
