"""Cost-aware bandits: decisions that have a reward and a price."""

from banditsplit import feedback, indices, memories, objectives, recipes, theory
from banditsplit._stats import ArmStats
from banditsplit.algorithms import (
    OFUL,
    UCB1,
    EpsilonGreedy,
    FixedArm,
    LinGreedy,
    LinTS,
    LinUCB,
    SplitEE,
    SplitEES,
    SquareCB,
    ThompsonSampling,
    UniformRandom,
)
from banditsplit.compose import LinearOptions, Options, RunOptions, compose, compose_linear
from banditsplit.feedback import Decision
from banditsplit.objectives import Net, Reward
from banditsplit.policy import Policy, load
from banditsplit.recipes import IndexRecipe, LinearRecipe, Recipe
from banditsplit.simulation import History, Track, simulate
from banditsplit.theory import BernoulliProblem, GaussianProblem, LinearProblem

__all__ = [
    "OFUL",
    "UCB1",
    "ArmStats",
    "BernoulliProblem",
    "Decision",
    "EpsilonGreedy",
    "FixedArm",
    "GaussianProblem",
    "History",
    "IndexRecipe",
    "LinGreedy",
    "LinTS",
    "LinUCB",
    "LinearOptions",
    "LinearProblem",
    "LinearRecipe",
    "Net",
    "Options",
    "Policy",
    "Recipe",
    "Reward",
    "RunOptions",
    "SplitEE",
    "SplitEES",
    "SquareCB",
    "ThompsonSampling",
    "Track",
    "UniformRandom",
    "compose",
    "compose_linear",
    "feedback",
    "indices",
    "load",
    "memories",
    "objectives",
    "recipes",
    "simulate",
    "theory",
]
