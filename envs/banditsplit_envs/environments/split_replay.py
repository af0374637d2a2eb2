"""Split computing replayed from a trace, at simulation speed."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from banditsplit._typing import Float, Int
from banditsplit_envs.environments.context import Context, MarkovBandwidth
from banditsplit_envs.environments.replay import Info, ReplayRow, ReplayVector
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.outcome import SplitRule
from banditsplit_envs.traces.trace import Trace


class SplitReplayVector(ReplayVector):
    """Passes over a trace, side by side: ``banditsplit/SplitReplay-v0`` in vector form.

    Each row answers one sample a round. Arm: the split layer. Reward: the confidence of the
    answer; cost in ``info["cost"]``, lambda. See `SplitRule` for the rule and for ``side``.
    ``info`` also holds ``offloaded``, ``audited``, ``audit_cost``, ``prediction``,
    ``correct`` (with labels), ``expected_reward`` and ``expected_cost``, and, where every
    exit is evaluated, ``side_observations``.

    Args:
        trace: What every exit says of every sample.
        threshold: Confidence from which the device answers, in [0, 1].
        cost: The cost model.
        side: What stands in for a final confidence that nobody computed.
        audit_rate: Share of confident samples that are audited.
        num_envs: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        order: `[num_envs, rounds]`, the samples of every pass, in place of random ones.
        context: ``"confidence"``, ``"bandwidth"``, or a sequence of them.
        bandwidth: Multiples of the one that ``cost`` is for: `[rounds]`, for each round of a
            pass and repeated where they end; or a `MarkovBandwidth`, drawn for each pass.

    Raises:
        TypeError: ``trace`` or ``cost`` is something else, or ``bandwidth`` holds no numbers.
        ValueError: An argument is outside its range, or ``context`` shows what nobody knows.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        threshold: float,
        cost: SplitCost,
        side: str = "surrogate",
        audit_rate: float = 0.0,
        num_envs: int = 1,
        rounds: int | None = None,
        order: Any = None,
        context: str | Sequence[str] = (),
        bandwidth: MarkovBandwidth | Sequence[float] | Float | None = None,
    ) -> None:
        if not isinstance(trace, Trace):
            raise TypeError(f"`trace` must be a Trace, got {trace!r}.")
        self.rule = SplitRule(threshold, cost, side, audit_rate)
        shown = Context.of(context, bandwidth, cost)
        how: Any = {"num_envs": num_envs, "rounds": rounds, "order": order, "context": shown}
        super().__init__(trace, arms=trace.exits, **how)
        self._mean = self.rule.expected(trace.confidence)
        self._mean_head = self.rule.expected(trace.confidence, np.inf)[1]

    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info."""
        rule, trace = self.rule, self.trace
        confidence = trace.confidence[sample]
        own = confidence[np.arange(len(arm)), arm]
        offloads = rule.offloads(own, arm, trace.exits)
        audited = rule.audits(offloads, arm, trace.exits, self.np_random)
        # From here on, only what this round computed.
        ran = rule.computed(arm, offloads | audited, trace.exits)
        seen = np.where(ran, confidence, np.nan)
        bandwidth = self._bandwidth_now
        reward, info = rule.report(
            seen,
            trace.prediction[sample].astype(np.int64),
            arm,
            audited,
            label=None if trace.label is None else trace.label[sample],
            final=confidence[:, -1] if rule.side == "as_published" else None,
            bandwidth=1.0 if bandwidth is None else bandwidth,
        )
        if bandwidth is not None:
            info["bandwidth"] = bandwidth.copy()
        if "confidence" not in self._context.parts:
            info["expected_reward"], info["expected_cost"] = self._means(bandwidth)
        return reward, info

    def _means(self, bandwidth: Float | None) -> tuple[Float, Float]:
        """Return each arm's mean reward and cost: copies, an info is its receiver's."""
        reward, cost = self._mean
        if bandwidth is None:
            return reward.copy(), cost.copy()
        # Only what uploads cost changes, and that in proportion.
        upload = (cost - self._mean_head) / bandwidth[:, None]
        return np.tile(reward, (len(bandwidth), 1)), self._mean_head + upload


@final
class SplitReplay(ReplayRow):
    """A pass over a trace: ``banditsplit/SplitReplay-v0``.

    The arguments, errors and ``info`` are `SplitReplayVector`'s, of which this is one row.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        threshold: float,
        cost: SplitCost,
        side: str = "surrogate",
        audit_rate: float = 0.0,
        rounds: int | None = None,
        context: str | Sequence[str] = (),
        bandwidth: MarkovBandwidth | Sequence[float] | Float | None = None,
    ) -> None:
        self._vector = SplitReplayVector(
            trace,
            threshold=threshold,
            cost=cost,
            side=side,
            audit_rate=audit_rate,
            rounds=rounds,
            context=context,
            bandwidth=bandwidth,
        )
        self._wrap(self._vector)

    @property
    def rule(self) -> SplitRule:
        """The rule by which samples are answered."""
        return self._vector.rule
