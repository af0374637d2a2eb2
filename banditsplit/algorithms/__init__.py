"""Named algorithms: short constructors with their papers' constants."""

from banditsplit.algorithms._budgeted import UCBBV, BudgetedThompsonSampling, PrimalDualBwK
from banditsplit.algorithms._cost_subsidy import CSETC, CSTS, CSUCB
from banditsplit.algorithms._epsilon_greedy import EpsilonGreedy
from banditsplit.algorithms._reference import FixedArm, UniformRandom
from banditsplit.algorithms._split_ee import SplitEE, SplitEES
from banditsplit.algorithms._thompson import ThompsonSampling
from banditsplit.algorithms._ucb import UCB1

__all__ = [
    "CSETC",
    "CSTS",
    "CSUCB",
    "UCB1",
    "UCBBV",
    "BudgetedThompsonSampling",
    "EpsilonGreedy",
    "FixedArm",
    "PrimalDualBwK",
    "SplitEE",
    "SplitEES",
    "ThompsonSampling",
    "UniformRandom",
]
