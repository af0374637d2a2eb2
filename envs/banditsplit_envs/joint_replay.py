"""Sequential exits replayed from a trace: an arm asks some exits and has a threshold."""

from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.joint_rule import JointRule, Verdict
from banditsplit_envs.replay import Info, ReplayRow, ReplayVector
from banditsplit_envs.trace import Trace

CLOUD_REPORTS = ("final", "all")
REWARDS = ("agreement", "confidence")

_ROUNDS = 64  # whose verdicts are worked out at a time


@final
class JointReplayVector(ReplayVector):
    """Passes over a trace, side by side: ``banditsplit/JointReplay-v0`` in vector form.

    Arm: a `JointRule`'s. What a device cannot know stays hidden. With ``reward="agreement"``
    what counts is agreement with the whole network: a reward of 1 if the answer is the final
    exit's, else 0. By it the accuracy lost is at most the share of answers that differ, and it
    needs no labels.

    - an *audit* shows every arm's agreement, and is 1 itself;
    - a pull of the safe arm offloads every sample from the first layer. With
      ``cloud_reports="all"`` the cloud says what each of its exits said, which again shows
      every arm's agreement. With ``"final"`` it shows the arms that ask the first exit alone.
      Either way, what it shows does not depend on the sample.
    - any other pull shows nothing: whether it offloads depends on the sample, and what its
      outcome selects is no sample of the rest. Its reward is the confidence of its answer, a
      stand-in that `banditsplit.Constrained` does not look at.

    With ``reward="confidence"`` it is the confidence of the answer, as in `SplitReplayVector`,
    and there is no audit. A pull shows the arms that `JointRule.reveals` says. Where one of
    them would have offloaded and the cloud did not run, the confidence of the answer is the
    *surrogate* of the final exit's. It is biased, and its ``kind`` says so.

    ``info`` holds ``cost`` (lambda), ``offloaded``, ``audited`` (whether it was one),
    ``audit_cost`` (0: an audit is a pull and pays as one), ``prediction`` and ``confidence``
    (of the answer), ``correct`` (with labels), ``agrees`` (for the report: no device knows it), ``side_observations``,
    ``expected_reward`` and ``expected_cost``.

    Args:
        trace: What every exit says of every sample.
        rule: The arms, for as many exits.
        reward: ``"agreement"`` or ``"confidence"``.
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
        reward: str = "agreement",
        cloud_reports: str = "final",
        num_envs: int = 1,
        rounds: int | None = None,
        order: Any = None,
    ) -> None:
        _checks.instance("trace", trace, Trace)
        _checks.instance("rule", rule, JointRule)
        _checks.member("reward", reward, REWARDS)
        _checks.member("cloud_reports", cloud_reports, CLOUD_REPORTS)
        if rule.exits != trace.exits:
            wanted = f"`rule` must be for the trace's {trace.exits} exits"
            raise ValueError(f"{wanted}, got one for {rule.exits}.")
        self.audits = reward == "agreement"
        arms = rule.arms if self.audits else rule.revealing  # the audit is the last arm
        super().__init__(trace, arms=arms, num_envs=num_envs, rounds=rounds, order=order)
        self.rule = rule
        means = rule.means(trace)
        expected = means.agreement if self.audits else means.confidence
        self._expected = {
            "expected_reward": expected[:arms],
            "expected_cost": means.cost[:arms],
        }
        self._shown = self._reveals(cloud_reports)
        self._block: tuple[Int, int, Verdict] | None = None

    def _reveals(self, cloud_reports: str) -> Bool:
        """Return whose outcome a pull shows, `[arms, arms]`: row shows column."""
        rule, arms = self.rule, self.arms
        shown = rule.reveals[:arms, :arms]
        if self.audits:
            shown[1:] = False
            shown[rule.revealing] = True
        if cloud_reports == "all":
            shown[rule.safe] = True
        np.fill_diagonal(shown, val=False)
        return shown

    def _verdicts(self) -> Verdict:
        """Return what every arm does with the samples of this round, `[num_envs, arms]`.

        Worked out for many rounds at a time: the arms do not depend on what is pulled.
        """
        order, now = self._order, self._round - 1
        assert order is not None
        if (
            self._block is None
            or self._block[0] is not order
            or not self._block[1] <= now < self._block[1] + _ROUNDS
        ):
            samples = order[:, now : now + _ROUNDS].T.reshape(-1)  # a round's rows together
            self._block = (order, now, self.rule.verdicts(self.trace.confidence[samples]))
        first = (now - self._block[1]) * self.num_envs
        rows = slice(first, first + self.num_envs)
        return Verdict(*(part[rows, : self.arms] for part in self._block[2]))

    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info."""
        rule, trace, rows = self.rule, self.trace, np.arange(len(arm))
        confidence = trace.confidence[sample]
        prediction = trace.prediction[sample].astype(np.int64)
        verdict = self._verdicts()
        exit_ = verdict.exit[rows, arm]
        offloaded = verdict.offloaded[rows, arm]
        answer = prediction[rows, exit_]
        agrees = rule.agreements(verdict, prediction)
        own = confidence[rows, exit_]
        revealed = self._shown[arm]
        safe, audit = arm == rule.safe, arm == rule.revealing
        if self.audits:
            told: Float = agrees.astype(np.float64)
            reward, kind = np.where(safe | audit, 1.0, own), "observed"
        else:
            # The final exit's confidence where it is known, else the answer's stands in.
            told = np.take_along_axis(confidence, verdict.exit, 1)
            told = np.where(verdict.offloaded, own[:, None], told)
            reward, kind = own, "surrogate"
        info: Info = {
            "cost": verdict.cost[rows, arm],
            "offloaded": offloaded,
            "audited": audit,
            "audit_cost": np.zeros(len(arm)),
            "prediction": answer,
            "confidence": own,
            "agrees": agrees[rows, arm],
            "side_observations": {
                "revealed": revealed,
                "reward": np.where(revealed, told, 0.0),
                "cost": np.where(revealed, verdict.cost, 0.0),
                "kind": kind,
            },
        }
        if trace.label is not None:
            info["correct"] = answer == trace.label[sample]
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
        reward: str = "agreement",
        cloud_reports: str = "final",
        rounds: int | None = None,
    ) -> None:
        self.rule = rule
        how: Any = {"rule": rule, "reward": reward, "cloud_reports": cloud_reports}
        self._wrap(JointReplayVector(trace, **how, rounds=rounds))
