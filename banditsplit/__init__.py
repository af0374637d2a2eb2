"""Cost-aware bandits: decisions that have a reward and a price."""

from banditsplit import feedback, indices, memories, objectives, recipes, theory
from banditsplit._stats import ArmStats
from banditsplit.algorithms import (
    CSETC,
    CSTS,
    CSUCB,
    UCB1,
    UCBBV,
    BudgetedThompsonSampling,
    EpsilonGreedy,
    FixedArm,
    PrimalDualBwK,
    SplitEE,
    SplitEES,
    ThompsonSampling,
    UniformRandom,
)
from banditsplit.compose import Options, RunOptions, compose, with_budget
from banditsplit.feedback import Decision
from banditsplit.objectives import Net, Ratio, Reward, Subsidy
from banditsplit.policy import Policy, load
from banditsplit.recipes import (
    BudgetRecipe,
    IndexRecipe,
    KnapsackRecipe,
    RatioRecipe,
    Recipe,
    SubsidyRecipe,
)
from banditsplit.simulation import History, Track, simulate
from banditsplit.theory import BernoulliProblem, CostlyProblem, GaussianProblem

__all__ = [
    "CSETC",
    "CSTS",
    "CSUCB",
    "UCB1",
    "UCBBV",
    "ArmStats",
    "BernoulliProblem",
    "BudgetRecipe",
    "BudgetedThompsonSampling",
    "CostlyProblem",
    "Decision",
    "EpsilonGreedy",
    "FixedArm",
    "GaussianProblem",
    "History",
    "IndexRecipe",
    "KnapsackRecipe",
    "Net",
    "Options",
    "Policy",
    "PrimalDualBwK",
    "Ratio",
    "RatioRecipe",
    "Recipe",
    "Reward",
    "RunOptions",
    "SplitEE",
    "SplitEES",
    "Subsidy",
    "SubsidyRecipe",
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
    "with_budget",
]
