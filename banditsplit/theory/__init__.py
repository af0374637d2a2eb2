"""Theory as code: problems, and what is proved about them. It knows no policy."""

from banditsplit.theory._bounds import (
    asymptotically_optimal_ucb_regret_bound,
    discounted_ucb_regret_bound,
    epsilon_greedy_regret_bound,
    exp3_ix_regret_bound,
    exp3_regret_bound,
    exp3_set_regret_bound,
    explore_then_commit_regret_bound,
    kl_ucb_regret_bound,
    lin_ucb_regret_bound,
    moss_regret_bound,
    oful_regret_bound,
    sliding_window_ucb_regret_bound,
    split_ee_regret_bound,
    successive_elimination_regret_bound,
    thompson_bayesian_regret_bound,
    thompson_regret_bound,
    tsallis_inf_regret_bound,
    ucb1_regret_bound,
    ucb_n_regret_bound,
    ucb_regret_bound,
    ucb_v_regret_bound,
)
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
from banditsplit.theory._identification import (
    best_arm_lower_bound,
    halving_phases,
    sequential_halving_error_bound,
)
from banditsplit.theory._lower_bounds import (
    graves_lai_constant,
    graves_lai_lower_bound,
    lai_robbins_constant,
    lai_robbins_lower_bound,
)
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
    "asymptotically_optimal_ucb_regret_bound",
    "best_arm_lower_bound",
    "discounted_ucb_regret_bound",
    "epsilon_greedy_regret_bound",
    "exp3_ix_regret_bound",
    "exp3_regret_bound",
    "exp3_set_regret_bound",
    "explore_then_commit_regret_bound",
    "graves_lai_constant",
    "graves_lai_lower_bound",
    "halving_phases",
    "kl_ucb_regret_bound",
    "lai_robbins_constant",
    "lai_robbins_lower_bound",
    "lin_ucb_regret_bound",
    "moss_regret_bound",
    "oful_regret_bound",
    "sequential_halving_error_bound",
    "sliding_window_ucb_regret_bound",
    "split_ee_regret_bound",
    "successive_elimination_regret_bound",
    "thompson_bayesian_regret_bound",
    "thompson_regret_bound",
    "tsallis_inf_regret_bound",
    "ucb1_regret_bound",
    "ucb_n_regret_bound",
    "ucb_regret_bound",
    "ucb_v_regret_bound",
]
