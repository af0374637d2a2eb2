"""Confidence sequences: bounds of a mean that hold at all times at once."""

from banditsplit.theory._confidence._audited_total import AuditedTotal
from banditsplit.theory._confidence._beta_mixture import BetaMixture
from banditsplit.theory._confidence._betting import Betting
from banditsplit.theory._confidence._empirical_bernstein import EmpiricalBernstein
from banditsplit.theory._confidence._hoeffding import Hoeffding
from banditsplit.theory._confidence._importance_weighted import ImportanceWeighted
from banditsplit.theory._confidence._sequence import ConfidenceSequence, Side

__all__ = [
    "AuditedTotal",
    "BetaMixture",
    "Betting",
    "ConfidenceSequence",
    "EmpiricalBernstein",
    "Hoeffding",
    "ImportanceWeighted",
    "Side",
]
