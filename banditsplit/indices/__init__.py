"""Indices: a score for every arm. The best score is pulled."""

from banditsplit.indices._bayes_ucb import BetaBayesUCB, GaussianBayesUCB
from banditsplit.indices._boltzmann_gumbel import BoltzmannGumbel
from banditsplit.indices._exploring import Exploring
from banditsplit.indices._fixed import Constant, Fixed
from banditsplit.indices._greedy import Greedy
from banditsplit.indices._horizon_ucb import HorizonUCB
from banditsplit.indices._imed import IMED
from banditsplit.indices._index import Index
from banditsplit.indices._joint import UCBBV1, JointIndex
from banditsplit.indices._kl_ucb import KLUCB, KLUCBPlusPlus
from banditsplit.indices._moss import MOSS, AnytimeMOSS
from banditsplit.indices._nig_thompson import NIGThompson
from banditsplit.indices._thompson import BetaThompson, GaussianThompson
from banditsplit.indices._ucb import UCB
from banditsplit.indices._ucb_optimal import AsymptoticallyOptimalUCB
from banditsplit.indices._ucb_variance import UCBV, UCBTuned

__all__ = [
    "IMED",
    "KLUCB",
    "MOSS",
    "UCB",
    "UCBBV1",
    "UCBV",
    "AnytimeMOSS",
    "AsymptoticallyOptimalUCB",
    "BetaBayesUCB",
    "BetaThompson",
    "BoltzmannGumbel",
    "Constant",
    "Exploring",
    "Fixed",
    "GaussianBayesUCB",
    "GaussianThompson",
    "Greedy",
    "HorizonUCB",
    "Index",
    "JointIndex",
    "KLUCBPlusPlus",
    "NIGThompson",
    "UCBTuned",
]
