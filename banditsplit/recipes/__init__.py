"""Recipes: the frozen half of a policy, how it decides and how it learns."""

from banditsplit.recipes._audits import Certificate
from banditsplit.recipes._budget import BudgetRecipe
from banditsplit.recipes._commit import CommitRecipe
from banditsplit.recipes._constrained import ConstrainedRecipe
from banditsplit.recipes._constrained_drift import ConstrainedDriftRecipe
from banditsplit.recipes._elimination import EliminationRecipe
from banditsplit.recipes._estimator import Estimator, ImportanceWeighting, ReducedVariance
from banditsplit.recipes._halving import HalvingRecipe
from banditsplit.recipes._identification import (
    Identification,
    IdentificationRecipe,
    IdentificationRule,
)
from banditsplit.recipes._index import IndexRecipe
from banditsplit.recipes._knapsack import KnapsackRecipe
from banditsplit.recipes._linear import LinearRecipe
from banditsplit.recipes._linear_rules import (
    InverseGap,
    LinearConfidence,
    LinearGreedy,
    LinearIndex,
    LinearLottery,
    LinearThompson,
    LinearUCB,
    Prediction,
)
from banditsplit.recipes._lucb import LUCBRule
from banditsplit.recipes._ratio import RatioRecipe
from banditsplit.recipes._recipe import Recipe
from banditsplit.recipes._sampling import SamplingRecipe
from banditsplit.recipes._subsidy import SubsidyRecipe
from banditsplit.recipes._top_two import TopTwoRule
from banditsplit.recipes._weighting import ExponentialWeighting, TsallisWeighting, Weighting

__all__ = [
    "BudgetRecipe",
    "Certificate",
    "CommitRecipe",
    "ConstrainedDriftRecipe",
    "ConstrainedRecipe",
    "EliminationRecipe",
    "Estimator",
    "ExponentialWeighting",
    "HalvingRecipe",
    "Identification",
    "IdentificationRecipe",
    "IdentificationRule",
    "ImportanceWeighting",
    "IndexRecipe",
    "InverseGap",
    "KnapsackRecipe",
    "LUCBRule",
    "LinearConfidence",
    "LinearGreedy",
    "LinearIndex",
    "LinearLottery",
    "LinearRecipe",
    "LinearThompson",
    "LinearUCB",
    "Prediction",
    "RatioRecipe",
    "Recipe",
    "ReducedVariance",
    "SamplingRecipe",
    "SubsidyRecipe",
    "TopTwoRule",
    "TsallisWeighting",
    "Weighting",
]
