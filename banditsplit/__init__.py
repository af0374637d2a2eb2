"""Cost-aware bandits: decisions that have a reward and a price."""

from banditsplit import feedback, indices, memories, objectives, recipes, theory
from banditsplit._stats import ArmStats
from banditsplit.algorithms import (
    IMED,
    KLUCB,
    MOSS,
    UCB,
    UCB1,
    UCBV,
    AnytimeMOSS,
    AsymptoticallyOptimalUCB,
    BayesUCB,
    BoltzmannGumbel,
    EpsilonGreedy,
    FixedArm,
    KLUCBPlusPlus,
    NIGThompsonSampling,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UCBTuned,
    UniformRandom,
)
from banditsplit.compose import Options, RunOptions, compose
from banditsplit.feedback import Decision
from banditsplit.objectives import Net, Reward
from banditsplit.policy import Policy, load
from banditsplit.recipes import IndexRecipe, Recipe
from banditsplit.simulation import History, Track, simulate
from banditsplit.theory import BernoulliProblem, GaussianProblem

__all__ = [
    "IMED",
    "KLUCB",
    "MOSS",
    "UCB",
    "UCB1",
    "UCBV",
    "AnytimeMOSS",
    "ArmStats",
    "AsymptoticallyOptimalUCB",
    "BayesUCB",
    "BernoulliProblem",
    "BoltzmannGumbel",
    "Decision",
    "EpsilonGreedy",
    "FixedArm",
    "GaussianProblem",
    "History",
    "IndexRecipe",
    "KLUCBPlusPlus",
    "NIGThompsonSampling",
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
    "UCBTuned",
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
