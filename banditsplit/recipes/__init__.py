"""Recipes: the frozen half of a policy, how it decides and how it learns."""

from banditsplit.recipes._index import IndexRecipe
from banditsplit.recipes._recipe import Recipe

__all__ = ["IndexRecipe", "Recipe"]
