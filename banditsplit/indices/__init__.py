"""Indices: a score for every arm. The best score is pulled."""

from banditsplit.indices._exploring import Exploring
from banditsplit.indices._fixed import Constant, Fixed
from banditsplit.indices._greedy import Greedy
from banditsplit.indices._index import Index
from banditsplit.indices._thompson import BetaThompson, GaussianThompson
from banditsplit.indices._ucb import UCB

__all__ = [
    "UCB",
    "BetaThompson",
    "Constant",
    "Exploring",
    "Fixed",
    "GaussianThompson",
    "Greedy",
    "Index",
]
