"""Theory as code: problems, and what is proved about them. It knows no policy."""

from banditsplit.theory._bounds import ucb1_regret_bound
from banditsplit.theory._drift import PiecewiseProblem
from banditsplit.theory._problems import BernoulliProblem, GaussianProblem, Problem
from banditsplit.theory._worlds import Situation, Stationary, World

__all__ = [
    "BernoulliProblem",
    "GaussianProblem",
    "PiecewiseProblem",
    "Problem",
    "Situation",
    "Stationary",
    "World",
    "ucb1_regret_bound",
]
