"""Named algorithms: short constructors with their papers' constants."""

from banditsplit.algorithms._bayes_ucb import BayesUCB
from banditsplit.algorithms._boltzmann_gumbel import BoltzmannGumbel
from banditsplit.algorithms._budgeted import UCBBV, BudgetedThompsonSampling, PrimalDualBwK
from banditsplit.algorithms._constrained import Constrained
from banditsplit.algorithms._cost_subsidy import CSETC, CSTS, CSUCB
from banditsplit.algorithms._drift import CUSUMUCB, DUCB, GLRUCB, SWUCB, DiscountedThompson
from banditsplit.algorithms._epsilon_greedy import EpsilonGreedy
from banditsplit.algorithms._exp3 import EXP3, EXP3IX, EXP3S, EXP3SET
from banditsplit.algorithms._explore_then_commit import ExploreThenCommit
from banditsplit.algorithms._imed import IMED
from banditsplit.algorithms._kl_ucb import KLUCB, KLUCBPlusPlus
from banditsplit.algorithms._linear import OFUL, LinGreedy, LinTS, LinUCB, SquareCB
from banditsplit.algorithms._lucb import KLLUCB, LUCB
from banditsplit.algorithms._moss import MOSS, AnytimeMOSS
from banditsplit.algorithms._nig_thompson import NIGThompsonSampling
from banditsplit.algorithms._reference import FixedArm, UniformRandom
from banditsplit.algorithms._split_ee import SplitEE, SplitEES
from banditsplit.algorithms._successive_elimination import SuccessiveElimination
from banditsplit.algorithms._successive_halving import SuccessiveHalving
from banditsplit.algorithms._thompson import ThompsonSampling
from banditsplit.algorithms._top_two import TopTwoThompson
from banditsplit.algorithms._tsallis_inf import TsallisINF
from banditsplit.algorithms._ucb import UCB1
from banditsplit.algorithms._ucb_alpha import UCB
from banditsplit.algorithms._ucb_optimal import AsymptoticallyOptimalUCB
from banditsplit.algorithms._ucb_variance import UCBV, UCBTuned

__all__ = [
    "CSETC",
    "CSTS",
    "CSUCB",
    "CUSUMUCB",
    "DUCB",
    "EXP3",
    "EXP3IX",
    "EXP3S",
    "EXP3SET",
    "GLRUCB",
    "IMED",
    "KLLUCB",
    "KLUCB",
    "LUCB",
    "MOSS",
    "OFUL",
    "SWUCB",
    "UCB",
    "UCB1",
    "UCBBV",
    "UCBV",
    "AnytimeMOSS",
    "AsymptoticallyOptimalUCB",
    "BayesUCB",
    "BoltzmannGumbel",
    "BudgetedThompsonSampling",
    "Constrained",
    "DiscountedThompson",
    "EpsilonGreedy",
    "ExploreThenCommit",
    "FixedArm",
    "KLUCBPlusPlus",
    "LinGreedy",
    "LinTS",
    "LinUCB",
    "NIGThompsonSampling",
    "PrimalDualBwK",
    "SplitEE",
    "SplitEES",
    "SquareCB",
    "SuccessiveElimination",
    "SuccessiveHalving",
    "ThompsonSampling",
    "TopTwoThompson",
    "TsallisINF",
    "UCBTuned",
    "UniformRandom",
]
