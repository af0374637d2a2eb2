"""Named algorithms: short constructors with their papers' constants."""

from banditsplit.algorithms._epsilon_greedy import EpsilonGreedy
from banditsplit.algorithms._reference import FixedArm, UniformRandom
from banditsplit.algorithms._split_ee import SplitEE, SplitEES
from banditsplit.algorithms._thompson import ThompsonSampling
from banditsplit.algorithms._ucb import UCB1

__all__ = [
    "UCB1",
    "EpsilonGreedy",
    "FixedArm",
    "SplitEE",
    "SplitEES",
    "ThompsonSampling",
    "UniformRandom",
]
