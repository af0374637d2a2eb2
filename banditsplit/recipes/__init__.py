"""Recipes: the frozen half of a policy, how it decides and how it learns."""

from banditsplit.recipes._index import IndexRecipe
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
from banditsplit.recipes._recipe import Recipe

__all__ = [
    "IndexRecipe",
    "InverseGap",
    "LinearConfidence",
    "LinearGreedy",
    "LinearIndex",
    "LinearLottery",
    "LinearRecipe",
    "LinearThompson",
    "LinearUCB",
    "Prediction",
    "Recipe",
]
