"""Sequential exits on a live network: blocks run one by one until an exit is sure enough."""

from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.environments.joint_replay import CLOUD_REPORTS
from banditsplit_envs.environments.live import Info, Live, Pass, Splittable
from banditsplit_envs.splitting.joint_rule import JointRule


@final
class JointLayer(Live):
    """One sample a round through a real network: ``banditsplit/JointLayer-v0``.

    Arm: a `JointRule`'s. The device runs block after block, evaluates the exits that the arm
    asks and stops at the first sure one; behind its last stop the tail runs in the cloud. The
    audit goes on until every arm has its answer, and then gets the network's. Rewards, costs
    and ``info`` are those of `JointReplayVector`, without the expected values and ``agrees``,
    which nobody knows here.

    Args:
        network: In eval mode.
        images: `[samples, ...]`, what the network takes: a tensor, or tensors by name.
        rule: The arms, for as many exits.
        labels: `[samples]`, integers, for ``info["correct"]``.
        cloud_reports: ``"final"``, or ``"all"``: where a sample is offloaded from the first
            layer by the safe arm, the cloud evaluates the exits that any arm asks as well.
        rounds: Draws with replacement in an episode; by default an episode is one shuffle.

    Raises:
        TypeError: ``rule`` is something else, ``labels`` are no integers, or ``images`` no
            numbers of the kind that the network takes.
        ValueError: An argument is outside its range, ``rule`` is for another network, there
            are no images, labels do not fit, or the network is in training mode.
    """

    def __init__(
        self,
        network: Splittable,
        images: Any,
        *,
        rule: JointRule,
        labels: Any = None,
        cloud_reports: str = "final",
        rounds: int | None = None,
    ) -> None:
        _checks.instance("rule", rule, JointRule)
        _checks.member("cloud_reports", cloud_reports, CLOUD_REPORTS)
        if rule.exits != network.exits:
            wanted = f"`rule` must be for the network's {network.exits} exits"
            raise ValueError(f"{wanted}, got one for {rule.exits}.")
        super().__init__(network, images, arms=rule.arms, labels=labels, rounds=rounds)
        self.rule, self.cloud_reports = rule, cloud_reports
        self._shown = rule.shows(cloud_reports)

    def _answer(self, begun: Pass, arm: Int, label: Int | None) -> tuple[Float, Info]:
        """Run as far as the arm must, and let the cloud do the rest where it offloads."""
        rule, number, last = self.rule, int(arm[0]), self.rule.exits - 1
        asks = rule.asks(number)
        while rule.goes_on(number, begun.seen[0], begun.depth):
            begun.run(begun.depth + 1)
            if asks[begun.depth]:
                begun.ask()
        if number == rule.safe and self.cloud_reports == "all":
            for exit_ in (*rule.asks(rule.revealing).nonzero()[0], last):
                begun.run(exit_)
                begun.ask()
        verdict = rule.verdicts(begun.seen)
        if np.isnan(begun.seen[0, last]) and verdict.offloaded[0, number]:
            begun.offload()
        elif number == rule.revealing:
            begun.run(last)
            begun.ask()
        return rule.report(
            verdict, begun.seen, begun.prediction, arm, shown=self._shown, label=label
        )
