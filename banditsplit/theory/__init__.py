"""Theory as code: problems, and what is proved about them. It knows no policy."""

from banditsplit.theory._bounds import ucb1_regret_bound
from banditsplit.theory._problems import BernoulliProblem, GaussianProblem, Problem

__all__ = ["BernoulliProblem", "GaussianProblem", "Problem", "ucb1_regret_bound"]
