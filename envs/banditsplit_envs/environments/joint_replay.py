"""Sequential exits replayed from a trace: an arm asks some exits and has a threshold."""

from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.environments.replay import Info, ReplayRow, ReplayVector
from banditsplit_envs.splitting.agreement import AgreementTable
from banditsplit_envs.splitting.joint_rule import JointRule, Verdict
from banditsplit_envs.traces.trace import Trace

CLOUD_REPORTS = ("final", "all")
REWARDS = ("agreement", "confidence", "estimate")

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

    With ``reward="estimate"`` it is agreement again, for those who can do without a
    certificate. Where the cloud ran, agreement is known; where it did not, an `AgreementTable`
    stands in, which begins with the ``calibration`` trace and learns from the samples that
    reached the cloud. There is no audit to pull; a sample that would be answered on the device
    is offloaded all the same with probability ``audit_rate``. A pull shows the safe arm, which
    always agrees, and the arms that `JointRule.reveals` says; the ``kind`` is *surrogate*.

    ``info`` holds ``cost`` (lambda), ``offloaded``, ``audited`` (whether it was one),
    ``audit_cost`` (0 where an audit is a pull and pays as one), ``prediction`` and
    ``confidence`` (of the answer), ``correct`` (with labels), ``agrees`` (for the report: no
    device knows it), ``side_observations``, ``expected_reward`` and ``expected_cost``.

    Args:
        trace: What every exit says of every sample.
        rule: The arms, for as many exits.
        reward: ``"agreement"``, ``"confidence"`` or ``"estimate"``.
        cloud_reports: ``"final"`` or ``"all"``.
        calibration: Of the source domain; for ``"estimate"`` alone, which needs it.
        audit_rate: Share of the device's answers that are audited, for ``"estimate"``.
        num_envs: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        order: `[num_envs, rounds]`, the samples of every pass, in place of random ones.

    Raises:
        TypeError: ``trace`` or ``rule`` is something else.
        ValueError: An argument is outside its range, or ``rule`` or ``calibration`` is of
            another network.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        rule: JointRule,
        reward: str = "agreement",
        cloud_reports: str = "final",
        calibration: Trace | None = None,
        audit_rate: float = 0.01,
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
        if (calibration is None) == (reward == "estimate"):
            wanted = "a trace for the reward 'estimate', and None otherwise"
            raise ValueError(f"`calibration` must be {wanted}, got {calibration!r}.")
        if calibration is not None:
            trace.check_same_network(calibration, name="calibration")
        self.calibration = calibration
        self.audit_rate = _checks.fraction("audit_rate", audit_rate)
        self.audits = reward == "agreement"
        arms = rule.arms if self.audits else rule.revealing  # the audit is the last arm
        super().__init__(trace, arms=arms, num_envs=num_envs, rounds=rounds, order=order)
        self.rule = rule
        means = rule.means(trace)
        expected = means.confidence if reward == "confidence" else means.agreement
        self._expected = {
            "expected_reward": expected[:arms],
            "expected_cost": means.cost[:arms],
        }
        self._shown = self._reveals(cloud_reports)
        self._asked = np.stack([rule.asks(number) for number in range(rule.arms)])
        self._block: tuple[Int, int, Verdict] | None = None

    def _reveals(self, cloud_reports: str) -> Bool:
        """Return whose outcome a pull shows, `[arms, arms]`: row shows column."""
        rule, arms = self.rule, self.arms
        if self.audits:
            return rule.shows(cloud_reports)
        shown = rule.reveals[:arms, :arms]
        if cloud_reports == "all":
            shown[rule.safe] = True
        if self.calibration is not None:
            shown[:, rule.safe] = True  # it always agrees, for a cost that is known
        np.fill_diagonal(shown, val=False)
        return shown

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Info | None = None
    ) -> tuple[Int, Info]:
        """Begin a new pass in every row, knowing what the calibration trace says."""
        if self.calibration is not None:
            self._table = AgreementTable(self.calibration, runs=self.num_envs)
        return super().reset(seed=seed, options=options)

    def _verdicts(self) -> Verdict:
        """Return what every arm does with the samples of this round, `[num_envs, arms]`.

        Worked out for many rounds at a time: the arms do not depend on what is pulled.
        """
        order, now = self._order, self._round
        if order is None:
            raise RuntimeError("`reset` must be called before `step`.")
        if (
            self._block is None
            or self._block[0] is not order
            or not self._block[1] <= now < self._block[1] + _ROUNDS
        ):
            samples = order[:, now : now + _ROUNDS].T.reshape(-1)  # a round's rows together
            self._block = (order, now, self.rule.verdicts(self.trace.confidence[samples]))
        first = (now - self._block[1]) * self.num_envs
        rows = slice(first, first + self.num_envs)
        exit_, offloaded, cost = self._block[2]
        cells = rows, slice(self.arms)
        return Verdict(exit_[cells], offloaded[cells], cost[cells])

    def _answer(self, sample: Int, arm: Int) -> tuple[Float, Info]:
        """Return the rewards of a round and its info."""
        rule, trace, rows = self.rule, self.trace, np.arange(len(arm))
        confidence = trace.confidence[sample]
        prediction = trace.prediction[sample].astype(np.int64)
        label = None if trace.label is None else trace.label[sample]
        verdict = self._verdicts()
        reward, info = rule.report(
            verdict, confidence, prediction, arm, shown=self._shown, label=label
        )
        if self.calibration is not None:
            audited = self._audited(verdict, arm)
            told = self._estimated(verdict, confidence, prediction, arm, audited)
            reward = told[rows, arm]
            self._tell(info, told)
            self._audit(info, audited, verdict.exit[rows, arm], sample)
        elif not self.audits:
            # The final exit's confidence where it is known, else the answer's stands in.
            reward = info["confidence"]
            told = np.take_along_axis(confidence, verdict.exit, 1)
            self._tell(info, np.where(verdict.offloaded, reward[:, None], told))
        info["agrees"] = info["prediction"] == prediction[:, -1]
        info |= {name: value.copy() for name, value in self._expected.items()}
        return reward, info

    def _audited(self, verdict: Verdict, arm: Int) -> Bool:
        """Draw which of the samples that the device would answer are audited, `[num_envs]`."""
        rows = np.arange(len(arm))
        here = verdict.exit[rows, arm] < self.rule.exits - 1
        drawn: Bool = here & (self.np_random.random(len(arm)) < self.audit_rate)
        return drawn

    def _estimated(
        self, verdict: Verdict, confidence: Float, prediction: Int, arm: Int, audited: Bool
    ) -> Float:
        """Return every arm's agreement, known or estimated, `[num_envs, arms]`; then learn."""
        last = self.rule.exits - 1
        exit_ = verdict.exit[np.arange(len(arm)), arm]
        known = (audited | (exit_ == last))[:, None]
        agrees = self.rule.agreements(verdict, prediction)
        share = self._table(verdict.exit, np.take_along_axis(confidence, verdict.exit, 1))
        told = np.where(known | (verdict.exit == last), agrees, share)
        asked = self._asked[arm] & (np.arange(last + 1) <= exit_[:, None])
        self._table.observe(asked & known, confidence, prediction == prediction[:, -1:])
        return told

    def _audit(self, info: Info, audited: Bool, exit_: Int, sample: Int) -> None:
        """Let the final exit answer the samples that were audited, and charge for it."""
        info["audited"] = audited
        info["audit_cost"] = audited * self.rule.cost.offloading(self.rule.exits)[exit_]
        info["offloaded"] |= audited
        trace = self.trace
        for name in ("prediction", "confidence"):
            final = getattr(trace, name)[sample, -1]
            info[name] = np.where(audited, final, info[name])
        if trace.label is not None:
            info["correct"] = info["prediction"] == trace.label[sample]

    @staticmethod
    def _tell(info: Info, told: Float) -> None:
        """Let the round show ``told`` of the arms that it reveals."""
        side = info["side_observations"]
        side["reward"] = np.where(side["revealed"], told, 0.0)
        side["kind"] = "surrogate"


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
        calibration: Trace | None = None,
        audit_rate: float = 0.01,
        rounds: int | None = None,
    ) -> None:
        self.rule = rule
        self._wrap(
            JointReplayVector(
                trace,
                rule=rule,
                reward=reward,
                cloud_reports=cloud_reports,
                calibration=calibration,
                audit_rate=audit_rate,
                rounds=rounds,
            )
        )
