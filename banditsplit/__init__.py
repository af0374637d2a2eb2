"""Cost-aware bandits: decisions that have a reward and a price."""

from banditsplit import feedback, indices, memories, objectives, recipes, theory
from banditsplit._stats import ArmStats
from banditsplit.algorithms import (
    CUSUMUCB,
    DUCB,
    GLRUCB,
    SWUCB,
    UCB1,
    DiscountedThompson,
    EpsilonGreedy,
    FixedArm,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
)
from banditsplit.compose import DriftOptions, Options, RunOptions, compose
from banditsplit.feedback import Decision
from banditsplit.objectives import Net, Reward
from banditsplit.policy import Policy, load
from banditsplit.recipes import IndexRecipe, Recipe
from banditsplit.simulation import History, Track, simulate
from banditsplit.theory import BernoulliProblem, GaussianProblem, PiecewiseProblem

__all__ = [
    "CUSUMUCB",
    "DUCB",
    "GLRUCB",
    "SWUCB",
    "UCB1",
    "ArmStats",
    "BernoulliProblem",
    "Decision",
    "DiscountedThompson",
    "DriftOptions",
    "EpsilonGreedy",
    "FixedArm",
    "GaussianProblem",
    "History",
    "IndexRecipe",
    "Net",
    "Options",
    "PiecewiseProblem",
    "Policy",
    "Recipe",
    "Reward",
    "RunOptions",
    "SplitEE",
    "SplitEES",
    "ThompsonSampling",
    "Track",
    "UniformRandom",
    "compose",
    "feedback",
    "indices",
    "load",
    "memories",
    "objectives",
    "recipes",
    "simulate",
    "theory",
]
