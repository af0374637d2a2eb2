"""Cost-aware bandits: decisions that have a reward and a price."""

from banditsplit import feedback, indices, memories, objectives, recipes, theory
from banditsplit._stats import ArmStats
from banditsplit.algorithms import (
    EXP3,
    EXP3IX,
    EXP3S,
    EXP3SET,
    UCB1,
    EpsilonGreedy,
    ExploreThenCommit,
    FixedArm,
    SplitEE,
    SplitEES,
    SuccessiveElimination,
    ThompsonSampling,
    TsallisINF,
    UniformRandom,
)
from banditsplit.compose import Options, RunOptions, SamplingOptions, compose
from banditsplit.feedback import Decision
from banditsplit.objectives import Net, Reward
from banditsplit.policy import Policy, load
from banditsplit.recipes import IndexRecipe, Recipe
from banditsplit.simulation import History, Track, simulate
from banditsplit.theory import BernoulliProblem, GaussianProblem, GraphProblem

__all__ = [
    "EXP3",
    "EXP3IX",
    "EXP3S",
    "EXP3SET",
    "UCB1",
    "ArmStats",
    "BernoulliProblem",
    "Decision",
    "EpsilonGreedy",
    "ExploreThenCommit",
    "FixedArm",
    "GaussianProblem",
    "GraphProblem",
    "History",
    "IndexRecipe",
    "Net",
    "Options",
    "Policy",
    "Recipe",
    "Reward",
    "RunOptions",
    "SamplingOptions",
    "SplitEE",
    "SplitEES",
    "SuccessiveElimination",
    "ThompsonSampling",
    "Track",
    "TsallisINF",
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
