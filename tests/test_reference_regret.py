"""Mean pseudo-regret after 10,000 rounds, against large samples of independent programs.

UCB1 and Thompson sampling: plain C loops, 2,000 runs. Epsilon-greedy: a literal loop that
pulls each arm once and breaks ties by lot, 6,000 runs.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from banditsplit import (
    UCB1,
    BernoulliProblem,
    EpsilonGreedy,
    Policy,
    ThompsonSampling,
    compose,
    simulate,
)
from banditsplit.indices import UCB

PROBLEMS = {
    "linspace": BernoulliProblem(np.linspace(0.1, 0.9, 12)),
    "hard": BernoulliProblem(np.append(np.full(11, 0.5), 0.55)),
}
RUNS = 200
REFERENCES = [  # regret and its standard error
    (UCB1, "linspace", 460.8, 0.3),
    (UCB1, "hard", 417.5, 0.4),
    (ThompsonSampling, "linspace", 60.7, 0.6),
    (ThompsonSampling, "hard", 263.0, 2.5),
    (EpsilonGreedy, "linspace", 453.0, 1.4),
]


def errors_off(policy: Policy, problem: str, reference: float, error: float) -> float:
    """How many standard errors the mean of `RUNS` runs lies from ``reference``."""
    history = simulate(
        {"it": policy}, PROBLEMS[problem], horizon=10_000, runs=RUNS, seed=7, checkpoints=1
    )
    regret = history["it"].pseudo_regret[:, -1]
    own = regret.std(ddof=1) / math.sqrt(RUNS)
    return float(abs(regret.mean() - reference) / math.hypot(own, error))


@pytest.mark.parametrize(("make", "problem", "reference", "error"), REFERENCES)
def test_the_regret_is_the_references(
    make: Callable[[int], Policy], problem: str, reference: float, error: float
) -> None:
    """Within 3.5 standard errors: fails with probability 5e-4 for a seed, which is fixed."""
    assert errors_off(make(12), problem, reference, error) < 3.5


@pytest.mark.parametrize(
    ("policy", "reference", "error"),
    [
        (compose(12, UCB(alpha=3.7)), 460.8, 0.3),
        (ThompsonSampling(12, prior=(3.0, 1.0)), 60.7, 0.6),
        (EpsilonGreedy(12, epsilon=0.12), 453.0, 1.4),
    ],
    ids=["UCB", "Thompson", "greedy"],
)
def test_a_constant_that_is_slightly_off_is_noticed(
    policy: Policy, reference: float, error: float
) -> None:
    """The controls: an alpha of 3.7 for 4, two successes more in the prior, a fifth more."""
    assert errors_off(policy, "linspace", reference, error) > 3.5
