"""Finite-time regret bounds, each with its theorem and its assumptions.

Each is a function of a problem and a horizon. Outside the assumptions of its theorem it
raises: a number that nobody proved is not returned.
"""

from banditsplit.theory._bounds._drift import (
    discounted_ucb_regret_bound,
    sliding_window_ucb_regret_bound,
)
from banditsplit.theory._bounds._epsilon_greedy import epsilon_greedy_regret_bound
from banditsplit.theory._bounds._exp3 import (
    exp3_ix_regret_bound,
    exp3_regret_bound,
    exp3_set_regret_bound,
)
from banditsplit.theory._bounds._explore_then_commit import explore_then_commit_regret_bound
from banditsplit.theory._bounds._kl_ucb import kl_ucb_regret_bound
from banditsplit.theory._bounds._linear import lin_ucb_regret_bound, oful_regret_bound
from banditsplit.theory._bounds._moss import moss_regret_bound
from banditsplit.theory._bounds._split_ee import split_ee_regret_bound
from banditsplit.theory._bounds._successive_elimination import (
    successive_elimination_regret_bound,
)
from banditsplit.theory._bounds._thompson import (
    thompson_bayesian_regret_bound,
    thompson_regret_bound,
)
from banditsplit.theory._bounds._tsallis_inf import tsallis_inf_regret_bound
from banditsplit.theory._bounds._ucb import (
    asymptotically_optimal_ucb_regret_bound,
    ucb1_regret_bound,
    ucb_regret_bound,
)
from banditsplit.theory._bounds._ucb_n import ucb_n_regret_bound
from banditsplit.theory._bounds._ucb_v import ucb_v_regret_bound

__all__ = [
    "asymptotically_optimal_ucb_regret_bound",
    "discounted_ucb_regret_bound",
    "epsilon_greedy_regret_bound",
    "exp3_ix_regret_bound",
    "exp3_regret_bound",
    "exp3_set_regret_bound",
    "explore_then_commit_regret_bound",
    "kl_ucb_regret_bound",
    "lin_ucb_regret_bound",
    "moss_regret_bound",
    "oful_regret_bound",
    "sliding_window_ucb_regret_bound",
    "split_ee_regret_bound",
    "successive_elimination_regret_bound",
    "thompson_bayesian_regret_bound",
    "thompson_regret_bound",
    "tsallis_inf_regret_bound",
    "ucb1_regret_bound",
    "ucb_n_regret_bound",
    "ucb_regret_bound",
    "ucb_v_regret_bound",
]
