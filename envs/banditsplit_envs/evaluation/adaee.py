"""AdaEE: learn how sure the first exit must be for its answer to stand."""

from collections.abc import Iterable
from typing import Any, final

import numpy as np

import banditsplit as bs
from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit.indices import UCB
from banditsplit_envs.environments.replay import Info, ReplayVector
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.joint_rule import JointArm, JointRule
from banditsplit_envs.traces.trace import Trace

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def adaee(arms: int, *, tradeoff: float) -> bs.Policy:
    """Return AdaEE's learner for an `AdaEEReplayVector` of so many thresholds.

    UCB with the width ``sqrt(ln t / N)``, which SplitEE has as well, on gain less cost.
    """
    return bs.compose(arms, UCB(alpha=2.0), objective=bs.Net(tradeoff))


@final
class AdaEEReplayVector(ReplayVector):
    """Passes over a trace in which a threshold is chosen for every sample.

    AdaEE (Pacheco, Shifrin, Couto, Menasche, Hanawal & Campista, ICC 2023). Arm: a threshold.
    The split is the first layer; what is not that sure there is offloaded. Reward: what the
    cloud's confidence gains on the first exit's, ``max(C_L - C_1, 0)``, seen where the sample
    was offloaded, and 0 where it was not. Cost in ``info["cost"]``, lambda: the first layer and
    its exit, and the upload. The published reward leaves out the former, which all arms share.

    ``info`` also holds ``offloaded``, ``prediction``, ``correct`` (with labels), ``confidence``
    (of the answer), ``expected_reward`` and ``expected_cost``.

    Args:
        trace: What every exit says of every sample.
        cost: The cost model.
        thresholds: The arms, each in [0, 1] and there once.
        num_envs: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        order: `[num_envs, rounds]`, the samples of every pass, in place of random ones.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is outside its range.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        cost: SplitCost,
        thresholds: Iterable[float] = THRESHOLDS,
        num_envs: int = 1,
        rounds: int | None = None,
        order: Any = None,
    ) -> None:
        _checks.instance("trace", trace, Trace)
        _checks.instance("cost", cost, SplitCost)
        given: Any = thresholds
        if not isinstance(given, Iterable) or isinstance(given, str | bytes):
            raise TypeError(f"`thresholds` must be a sequence of numbers, got {given!r}.")
        arms = tuple(JointArm((0,), threshold) for threshold in given)
        self.rule = JointRule(trace.exits, arms, cost)
        super().__init__(trace, arms=len(arms), num_envs=num_envs, rounds=rounds, order=order)
        every, confidence = self.rule.verdicts(trace.confidence), trace.confidence
        gain = self._gain(confidence, np.take_along_axis(confidence, every.exit, 1))
        own = list(self.rule.order)
        self._expected = {
            "expected_reward": gain.mean(0)[own],
            "expected_cost": every.cost.mean(0)[own],
        }

    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info."""
        trace, rows = self.trace, np.arange(len(arm))
        number = np.asarray(self.rule.order)[arm]
        # Reads the first exit alone; of the last one, only what an offload computed.
        verdict = self.rule.verdicts(trace.confidence[sample])
        info = self._report(
            sample,
            verdict.exit[rows, number],
            cost=verdict.cost[rows, number],
            offloaded=verdict.offloaded[rows, number],
            expected=self._expected,
        )
        return self._gain(trace.confidence[sample], info["confidence"][:, None])[:, 0], info

    @staticmethod
    def _gain(confidence: Float, answer: Float) -> Float:
        """Return what ``answer``, `[samples, arms]`, gains on the first exit."""
        return np.maximum(answer - confidence[:, :1], 0.0)
