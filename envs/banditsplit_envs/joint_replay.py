"""Sequential exits replayed from a trace: an arm asks some exits and has a threshold."""

from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.joint_rule import JointRule
from banditsplit_envs.replay import Info, ReplayRow, ReplayVector
from banditsplit_envs.trace import Trace

CLOUD_REPORTS = ("final", "all")


@final
class JointReplayVector(ReplayVector):
    """Passes over a trace, side by side: ``banditsplit/JointReplay-v0`` in vector form.

    Arm: a `JointRule`'s. What counts is agreement with the whole network: a reward of 1 if the
    answer is the final exit's, else 0. By it the accuracy lost is at most the share of answers
    that differ, and it needs no labels. What a device cannot know stays hidden:

    - an *audit* shows every arm's agreement, and is 1 itself;
    - a pull of the safe arm offloads every sample from the first layer. With
      ``cloud_reports="all"`` the cloud says what each of its exits said, which again shows
      every arm's agreement. With ``"final"`` it shows the arms that ask the first exit alone.
      Either way, what it shows does not depend on the sample.
    - any other pull shows nothing: whether it offloads depends on the sample, and what its
      outcome selects is no sample of the rest. Its reward is the confidence of its answer, a
      stand-in that `banditsplit.Constrained` does not look at.

    ``info`` holds ``cost`` (lambda), ``offloaded``, ``audited`` (whether it was one),
    ``audit_cost`` (0: an audit is a pull and pays as one), ``prediction``, ``correct`` (with
    labels), ``agrees`` (for the report: no device knows it), ``side_observations``,
    ``expected_reward`` (mean agreement) and ``expected_cost``.

    Args:
        trace: What every exit says of every sample.
        rule: The arms, for as many exits.
        cloud_reports: ``"final"`` or ``"all"``.
        num_envs: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        order: `[num_envs, rounds]`, the samples of every pass, in place of random ones.

    Raises:
        TypeError: ``trace`` or ``rule`` is something else.
        ValueError: An argument is outside its range, or ``rule`` is for another network.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        rule: JointRule,
        cloud_reports: str = "final",
        num_envs: int = 1,
        rounds: int | None = None,
        order: Any = None,
    ) -> None:
        _checks.instance("trace", trace, Trace)
        _checks.instance("rule", rule, JointRule)
        _checks.member("cloud_reports", cloud_reports, CLOUD_REPORTS)
        if rule.exits != trace.exits:
            wanted = f"`rule` must be for the trace's {trace.exits} exits"
            raise ValueError(f"{wanted}, got one for {rule.exits}.")
        super().__init__(trace, arms=rule.arms, num_envs=num_envs, rounds=rounds, order=order)
        self.rule = rule
        agreement, paid = rule.expected(trace)
        self._expected = {"expected_reward": agreement, "expected_cost": paid}
        self._shown = rule.shows(cloud_reports)

    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info."""
        trace = self.trace
        confidence = trace.confidence[sample]
        prediction = trace.prediction[sample].astype(np.int64)
        label = None if trace.label is None else trace.label[sample]
        verdict = self.rule.verdicts(confidence)
        reward, info = self.rule.report(
            verdict, confidence, prediction, arm, shown=self._shown, label=label
        )
        info["agrees"] = info["prediction"] == prediction[:, -1]
        info |= {name: value.copy() for name, value in self._expected.items()}
        return reward, info


@final
class JointReplay(ReplayRow):
    """A pass over a trace: ``banditsplit/JointReplay-v0``.

    The arguments, errors and ``info`` are `JointReplayVector`'s, of which this is one row.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        rule: JointRule,
        cloud_reports: str = "final",
        rounds: int | None = None,
    ) -> None:
        self.rule = rule
        self._wrap(
            JointReplayVector(trace, rule=rule, cloud_reports=cloud_reports, rounds=rounds)
        )
