"""Theory as code: problems, and what is proved about them. It knows no policy."""

from banditsplit.theory._bounds import explore_then_commit_regret_bound, ucb1_regret_bound
from banditsplit.theory._confidence import (
    BetaMixture,
    Betting,
    ConfidenceSequence,
    EmpiricalBernstein,
    Hoeffding,
    ImportanceWeighted,
)
from banditsplit.theory._contextual import LinearProblem
from banditsplit.theory._costly import CostlyProblem
from banditsplit.theory._divergences import Bernoulli, Exponential, Family, Gaussian, Poisson
from banditsplit.theory._drift import PiecewiseProblem
from banditsplit.theory._graphs import GraphProblem
from banditsplit.theory._problems import BernoulliProblem, GaussianProblem, Problem
from banditsplit.theory._worlds import Situation, Stationary, World

__all__ = [
    "Bernoulli",
    "BernoulliProblem",
    "BetaMixture",
    "Betting",
    "ConfidenceSequence",
    "CostlyProblem",
    "EmpiricalBernstein",
    "Exponential",
    "Family",
    "Gaussian",
    "GaussianProblem",
    "GraphProblem",
    "Hoeffding",
    "ImportanceWeighted",
    "LinearProblem",
    "PiecewiseProblem",
    "Poisson",
    "Problem",
    "Situation",
    "Stationary",
    "World",
    "explore_then_commit_regret_bound",
    "ucb1_regret_bound",
]
