"""Named algorithms: short constructors with their papers' constants."""

from banditsplit.algorithms._epsilon_greedy import EpsilonGreedy
from banditsplit.algorithms._exp3 import EXP3, EXP3IX, EXP3S, EXP3SET
from banditsplit.algorithms._explore_then_commit import ExploreThenCommit
from banditsplit.algorithms._reference import FixedArm, UniformRandom
from banditsplit.algorithms._split_ee import SplitEE, SplitEES
from banditsplit.algorithms._successive_elimination import SuccessiveElimination
from banditsplit.algorithms._thompson import ThompsonSampling
from banditsplit.algorithms._tsallis_inf import TsallisINF
from banditsplit.algorithms._ucb import UCB1

__all__ = [
    "EXP3",
    "EXP3IX",
    "EXP3S",
    "EXP3SET",
    "UCB1",
    "EpsilonGreedy",
    "ExploreThenCommit",
    "FixedArm",
    "SplitEE",
    "SplitEES",
    "SuccessiveElimination",
    "ThompsonSampling",
    "TsallisINF",
    "UniformRandom",
]
