"""Comparing decisions: samples of two laws, and what can be read of a policy."""

import copy
from typing import Any

import numpy as np
from scipy.special import chdtrc

from banditsplit._typing import Float, Int
from banditsplit.testing._subject import Subject

# A check compares at most some thousand pairs of samples: it fails by chance once in 1e5.
UNLIKELY = 1e-9

SAMPLES = 60


def counts(arms: Int, number: int) -> Int:
    """Return how often each arm occurs, `[arms]`."""
    return np.bincount(arms, minlength=number)


def chance_of(one: Int, other: Int) -> float:
    """Return how likely two equally large samples of one law differ so much: chi-square.

    ``one`` and ``other`` are counts, `[arms]`. Where counts are small this errs towards 1.
    """
    both = one + other
    seen = both > 0
    squared = (one - other)[seen] ** 2 / both[seen]
    return float(chdtrc(max(int(seen.sum()) - 1, 1), squared.sum()))


def chance_of_expected(found: Int, probability: Float) -> float:
    """Return how likely counts `[arms]` come of ``probability``, `[arms]`, or worse ones.

    Arms expected fewer than five times are judged together.
    """
    expected = probability * found.sum()
    rare = expected < 5  # noqa: PLR2004 - the usual rule for chi-square
    if rare.any():
        found = np.append(found[~rare], found[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    if (found[expected == 0] > 0).any():
        return 0.0
    found, expected = found[expected > 0], expected[expected > 0]
    if len(found) == 1:
        return 1.0
    # A pooled rest may still be tiny: one more than expected is then no evidence.
    excess = np.maximum(np.abs(found - expected) - 0.5, 0.0)
    return float(chdtrc(len(found) - 1, (excess**2 / np.maximum(expected, 1.0)).sum()))


def alike(subject: Subject, one: Any, other: Any, context: Any = None) -> None:
    """Refuse two policies of one run that do not know the same, as far as can be seen.

    Statistics and probabilities agree to rounding; decisions, drawn from copies, agree in
    distribution.
    """
    for name, a, b in zip(
        ("finished", "pulls", "mean", "variance", "probabilities"),
        _seen(subject, one, context),
        _seen(subject, other, context),
        strict=True,
    ):
        same = (a is None) == (b is None)
        if not same or (a is not None and not np.allclose(a, b, rtol=1e-9, atol=1e-12)):
            raise AssertionError(f"{name}: {a} against {b}.")
    if np.any(getattr(one, "finished", False)):
        return
    decided = [_decisions(subject, policy, context) for policy in (one, other)]
    if chance_of(*decided) < UNLIKELY:
        came = f"{decided[0].tolist()} against {decided[1].tolist()}"
        raise AssertionError(f"of {SAMPLES} next decisions each arm got {came}.")


def _seen(subject: Subject, policy: Any, context: Any) -> list[Any]:
    stats = getattr(policy, "stats", None)
    known = [getattr(stats, name, None) for name in ("pulls", "mean", "variance")]
    over = bool(getattr(policy, "finished", False))
    drawn = None if over else subject.probabilities(policy, context)
    return [over, *known, drawn]


def _decisions(subject: Subject, policy: Any, context: Any) -> Int:
    """Return how often each arm is chosen next, `[arms]`: nothing is told in between."""
    probe = copy.deepcopy(policy)
    chosen = [subject.select(probe, context) for _ in range(SAMPLES)]
    return counts(np.array(chosen), subject.arms)
