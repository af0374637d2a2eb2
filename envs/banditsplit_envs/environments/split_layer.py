"""Split computing on a live network: every round really runs the layers it pays for."""

from collections.abc import Sequence
from typing import Any, final

from banditsplit._typing import Float, Int
from banditsplit_envs.environments.context import Context, MarkovBandwidth
from banditsplit_envs.environments.live import Info, Live, Pass, Splittable
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.outcome import SplitRule


@final
class SplitLayer(Live):
    """One sample a round through a real network: ``banditsplit/SplitLayer-v0``.

    The head runs on the device up to the split layer, which is the arm; the tail runs only
    where the rule offloads. Rewards, costs, ``info`` and what ``context`` shows are those of
    `SplitReplayVector`, without expected values, which nobody knows here. Where the first
    exit's confidence is shown, the first layer of the next sample has run by then.

    Args:
        network: In eval mode.
        images: `[samples, ...]`, what the network takes: a tensor, or tensors by name.
        labels: `[samples]`, integers, for ``info["correct"]``.
        threshold: Confidence from which the device answers, in [0, 1].
        cost: The cost model.
        side: ``"surrogate"``, ``"doubly_robust"`` or ``"observed"``; see `SplitRule`.
        audit_rate: Share of confident samples that are audited.
        rounds: Draws with replacement in an episode; by default an episode is one shuffle.
        context: ``"confidence"``, ``"bandwidth"``, or a sequence of them.
        bandwidth: As in `SplitReplayVector`.

    Raises:
        TypeError: ``cost`` is something else, ``labels`` are no integers, ``bandwidth`` holds
            no numbers, or ``images`` no numbers of the kind that the network takes.
        ValueError: An argument is outside its range, there are no images, labels do not fit,
            the network is in training mode, ``cost`` is for another one, or ``side`` is
            ``"as_published"``, which needs what a device cannot know.
    """

    def __init__(
        self,
        network: Splittable,
        images: Any,
        *,
        threshold: float,
        cost: SplitCost,
        labels: Any = None,
        side: str = "surrogate",
        audit_rate: float = 0.0,
        rounds: int | None = None,
        context: str | Sequence[str] = (),
        bandwidth: MarkovBandwidth | Sequence[float] | Float | None = None,
    ) -> None:
        if side == "as_published":
            msg = (
                "`side` must be something a device can know, got 'as_published': use a replay."
            )
            raise ValueError(msg)
        self.rule = SplitRule(threshold, cost, side, audit_rate)
        shown = Context.of(context, bandwidth, cost)
        how: Any = {"labels": labels, "rounds": rounds, "context": shown}
        super().__init__(network, images, arms=network.exits, **how)
        cost.offloading(network.exits)  # refuses another network's

    def _answer(self, begun: Pass, arm: Int, label: Int | None) -> tuple[Float, Info]:
        """Run the head, and the tail if it must."""
        exits, rule, bandwidth = self.network.exits, self.rule, self._bandwidth_now
        for depth in rule.cost.evaluated(exits)[arm[0]].nonzero()[0]:
            begun.run(depth)
            begun.ask()
        offloads = rule.offloads(begun.seen[:, arm[0]], arm, exits)
        audited = rule.audits(offloads, arm, exits, self.np_random)
        if offloads[0] or audited[0]:
            begun.offload()
        reward, info = rule.report(
            begun.seen,
            begun.prediction,
            arm,
            audited,
            label=label,
            bandwidth=1.0 if bandwidth is None else bandwidth,
        )
        if bandwidth is not None:
            info["bandwidth"] = bandwidth.copy()
        return reward, info
