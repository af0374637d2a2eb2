"""UEE-UCB: learn one exit for all samples from how exits differ, without labels."""

from dataclasses import replace
from typing import Any, final

import numpy as np

import banditsplit as bs
from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit.indices import UCB
from banditsplit_envs.environments.replay import Info, ReplayVector
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.outcome import SplitRule
from banditsplit_envs.traces.trace import Classes, Trace


def uee_ucb(arms: int, *, tradeoff: float) -> bs.Policy:
    """Return UEE-UCB's learner for a `DisagreementReplayVector` of so many exits.

    UCB with the width ``sqrt(ln t / N)``, which SplitEE has as well, on disagreement less cost;
    a pull also teaches all shallower exits.
    """
    return bs.compose(arms, UCB(alpha=2.0), objective=bs.Net(tradeoff), side_observations=True)


@final
class DisagreementReplayVector(ReplayVector):
    """Passes over a trace in which one exit answers whatever comes, and none offloads.

    UEE-UCB (Hari Narayan, Hanawal & Bhardwaj 2022, arXiv:2209.09480). Arm: an exit. It is
    wrong with some probability, and the best one has the smallest error and cost together.
    *Strong dominance* says that an exit is right wherever a shallower one is; then the errors
    of two exits differ by exactly how often their answers do. In our reading an exit is
    compared with the first one, so that the reward is 1 where its answer is another, else 0:
    the accuracy it gains on the first exit, if dominance holds, and too much if it does not.

    Cost in ``info["cost"]``, lambda: all layers and exits up to the arm, for their answers are
    compared. ``info`` also holds ``offloaded`` (never), ``prediction``, ``correct`` (with
    labels), ``confidence`` (of the answer), ``expected_reward``, ``expected_cost`` and
    ``side_observations``: how the shallower exits differed from the first.

    Args:
        trace: What every exit says of every sample.
        cost: The cost model; its ``evaluates`` is set.
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
        num_envs: int = 1,
        rounds: int | None = None,
        order: Any = None,
    ) -> None:
        _checks.instance("trace", trace, Trace)
        _checks.instance("cost", cost, SplitCost)
        # Above a threshold of 0 every exit answers.
        self.rule = SplitRule(0.0, replace(cost, evaluates="all"))
        super().__init__(trace, arms=trace.exits, num_envs=num_envs, rounds=rounds, order=order)
        self._expected = {
            "expected_reward": _differs(trace.prediction).mean(0),
            "expected_cost": self.rule.cost.head(trace.exits),
        }

    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info."""
        rule, trace, rows = self.rule, self.trace, np.arange(len(arm))
        nobody = np.zeros(len(arm), np.bool_)
        ran = rule.computed(arm, nobody, trace.exits)
        # From here on, only what this round computed.
        outcome = rule.settle(np.where(ran, trace.confidence[sample], np.nan), arm, nobody)
        differs = np.where(ran, _differs(trace.prediction[sample]), 0.0)
        before = ran & (np.arange(trace.exits) != arm[:, None])
        info = self._report(
            sample,
            outcome.exit,
            cost=outcome.cost,
            offloaded=outcome.offloaded,
            expected=self._expected,
        )
        info["side_observations"] = {
            "revealed": before,
            "reward": np.where(before, differs, 0.0),
            "cost": np.where(before, rule.cost.head(trace.exits), 0.0),
            "kind": "observed",
        }
        return differs[rows, arm], info


def _differs(prediction: Classes) -> Float:
    """Return 1 where an exit's answer is not the first one's, `[samples, exits]`."""
    differs: Float = (prediction != prediction[:, :1]).astype(np.float64)
    return differs
