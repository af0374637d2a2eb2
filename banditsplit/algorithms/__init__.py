"""Named algorithms: short constructors with their papers' constants."""

from banditsplit.algorithms._drift import (
    CUSUMUCB,
    DUCB,
    GLRUCB,
    SWUCB,
    DiscountedThompson,
)
from banditsplit.algorithms._epsilon_greedy import EpsilonGreedy
from banditsplit.algorithms._reference import FixedArm, UniformRandom
from banditsplit.algorithms._split_ee import SplitEE, SplitEES
from banditsplit.algorithms._thompson import ThompsonSampling
from banditsplit.algorithms._ucb import UCB1

__all__ = [
    "CUSUMUCB",
    "DUCB",
    "GLRUCB",
    "SWUCB",
    "UCB1",
    "DiscountedThompson",
    "EpsilonGreedy",
    "FixedArm",
    "SplitEE",
    "SplitEES",
    "ThompsonSampling",
    "UniformRandom",
]
