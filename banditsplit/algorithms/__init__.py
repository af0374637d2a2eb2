"""Named algorithms: short constructors with their papers' constants."""

from banditsplit.algorithms._epsilon_greedy import EpsilonGreedy
from banditsplit.algorithms._linear import OFUL, LinGreedy, LinTS, LinUCB, SquareCB
from banditsplit.algorithms._reference import FixedArm, UniformRandom
from banditsplit.algorithms._split_ee import SplitEE, SplitEES
from banditsplit.algorithms._thompson import ThompsonSampling
from banditsplit.algorithms._ucb import UCB1

__all__ = [
    "OFUL",
    "UCB1",
    "EpsilonGreedy",
    "FixedArm",
    "LinGreedy",
    "LinTS",
    "LinUCB",
    "SplitEE",
    "SplitEES",
    "SquareCB",
    "ThompsonSampling",
    "UniformRandom",
]
