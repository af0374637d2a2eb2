"""Recipes: the frozen half of a policy, how it decides and how it learns."""

from banditsplit.recipes._budget import BudgetRecipe
from banditsplit.recipes._index import IndexRecipe
from banditsplit.recipes._knapsack import KnapsackRecipe
from banditsplit.recipes._ratio import RatioRecipe
from banditsplit.recipes._recipe import Recipe
from banditsplit.recipes._subsidy import SubsidyRecipe

__all__ = [
    "BudgetRecipe",
    "IndexRecipe",
    "KnapsackRecipe",
    "RatioRecipe",
    "Recipe",
    "SubsidyRecipe",
]
