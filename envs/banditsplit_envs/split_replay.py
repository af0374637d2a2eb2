"""Split computing replayed from a trace, at simulation speed."""

from typing import Any, final

import numpy as np

from banditsplit._typing import Float, Int
from banditsplit_envs.cost import SplitCost
from banditsplit_envs.outcome import SplitRule
from banditsplit_envs.replay import Info, ReplayRow, ReplayVector
from banditsplit_envs.trace import Trace


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

    Raises:
        TypeError: ``trace`` or ``cost`` is something else.
        ValueError: An argument is outside its range.
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
    ) -> None:
        if not isinstance(trace, Trace):
            raise TypeError(f"`trace` must be a Trace, got {trace!r}.")
        self.rule = SplitRule(threshold, cost, side, audit_rate)
        super().__init__(trace, arms=trace.exits, num_envs=num_envs, rounds=rounds, order=order)
        self._expected = dict(
            zip(
                ("expected_reward", "expected_cost"),
                self.rule.expected(trace.confidence),
                strict=True,
            )
        )

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
        reward, info = rule.report(
            seen,
            trace.prediction[sample].astype(np.int64),
            arm,
            audited,
            label=None if trace.label is None else trace.label[sample],
            final=confidence[:, -1] if rule.side == "as_published" else None,
        )
        # Copies: an info belongs to whoever gets it.
        info |= {name: expected.copy() for name, expected in self._expected.items()}
        return reward, info


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
    ) -> None:
        self._vector = SplitReplayVector(
            trace,
            threshold=threshold,
            cost=cost,
            side=side,
            audit_rate=audit_rate,
            rounds=rounds,
        )
        self._wrap(self._vector)

    @property
    def rule(self) -> SplitRule:
        """The rule by which samples are answered."""
        return self._vector.rule
