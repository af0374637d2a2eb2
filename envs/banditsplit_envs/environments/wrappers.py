"""Wrappers for agents that know no costs."""

from typing import Any

import gymnasium as gym

from banditsplit.objectives import Net

Info = dict[str, Any]


class NetReward(gym.Wrapper[Any, Any, Any, Any]):
    """Pays ``reward - tradeoff * info["cost"]``, for agents that see one number.

    Args:
        env: An environment that reports ``info["cost"]``.
        tradeoff: Reward units given up for one unit of cost, not negative.
    """

    def __init__(self, env: gym.Env[Any, Any], tradeoff: float) -> None:
        super().__init__(env)
        self.objective = Net(tradeoff)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, Info]:
        """Step, and subtract what it cost."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        net = float(self.objective.value(reward, info.get("cost", 0.0)))
        return observation, net, terminated, truncated, info
