"""Confidence sequences: bounds of a mean that hold at all times at once."""

from banditsplit.theory._confidence._beta_mixture import BetaMixture
from banditsplit.theory._confidence._sequence import ConfidenceSequence, Side

__all__ = ["BetaMixture", "ConfidenceSequence", "Side"]
