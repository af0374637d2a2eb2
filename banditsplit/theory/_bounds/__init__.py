"""Finite-time regret bounds, each with its theorem and its assumptions.

Each is a function of a problem and a horizon. Outside the assumptions of its theorem it
raises: a number that nobody proved is not returned.
"""

from banditsplit.theory._bounds._explore_then_commit import explore_then_commit_regret_bound
from banditsplit.theory._bounds._ucb import ucb1_regret_bound

__all__ = ["explore_then_commit_regret_bound", "ucb1_regret_bound"]
