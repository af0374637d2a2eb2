"""Arms with known laws as an environment."""

from typing import Any

import gymnasium as gym
import numpy as np

from banditsplit import _checks
from banditsplit.theory import BernoulliProblem, GaussianProblem, Problem

Info = dict[str, Any]


class ProblemEnv(gym.Env[np.int64, np.int64]):
    """One pull a round of a `banditsplit.theory.Problem`; it never ends by itself.

    ``info`` holds ``cost``, and ``expected_reward`` and ``expected_cost``, `[arms]`.

    Raises:
        TypeError: ``problem`` is none.
    """

    def __init__(self, problem: Problem) -> None:
        if not hasattr(problem, "draw"):
            raise TypeError(f"`problem` must be a Problem, got {problem!r}.")
        self.problem = problem
        self.action_space = gym.spaces.Discrete(problem.arms)
        self.observation_space = gym.spaces.Discrete(1)  # a bandit shows no state

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[np.int64, Info]:
        """Begin again; ``seed`` restarts the random numbers."""
        super().reset(seed=seed, options=options)
        return np.int64(0), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, Info]:
        """Pull an arm.

        Raises:
            TypeError, ValueError: `action` is no arm.
        """
        arm = _checks.below("action", action, self.problem.arms)
        reward, cost = self.problem.draw(arm, self.np_random)
        info = {
            "cost": float(cost),
            # Copies: an info belongs to whoever gets it.
            "expected_reward": self.problem.expected_reward.copy(),
            "expected_cost": self.problem.expected_cost.copy(),
        }
        return np.int64(0), float(reward), False, False, info


def bernoulli_bandit(means: Any, costs: Any = ()) -> ProblemEnv:
    """Return ``banditsplit/BernoulliBandit-v0``; see `BernoulliProblem`."""
    return ProblemEnv(BernoulliProblem(means, costs))


def gaussian_bandit(means: Any, std: Any = 1.0, costs: Any = ()) -> ProblemEnv:
    """Return ``banditsplit/GaussianBandit-v0``; see `GaussianProblem`."""
    return ProblemEnv(GaussianProblem(means, std, costs))
