"""Cost-aware bandits: decisions that have a reward and a price."""

from banditsplit import indices, memories, objectives, theory
from banditsplit._stats import ArmStats
from banditsplit.algorithms import (
    UCB1,
    EpsilonGreedy,
    FixedArm,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
)
from banditsplit.compose import Options, RunOptions, compose
from banditsplit.objectives import Net, Reward
from banditsplit.policy import Policy, load
from banditsplit.feedback import Decision
from banditsplit.recipe import IndexRecipe, Recipe
from banditsplit.simulation import History, Track, simulate
from banditsplit.theory import BernoulliProblem, GaussianProblem

__all__ = [
    "UCB1",
    "ArmStats",
    "BernoulliProblem",
    "Decision",
    "EpsilonGreedy",
    "FixedArm",
    "GaussianProblem",
    "History",
    "IndexRecipe",
    "Net",
    "Options",
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
    "indices",
    "load",
    "memories",
    "objectives",
    "simulate",
    "theory",
]
