"""Every policy and every baseline over the same passes of a trace, side by side."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import banditsplit as bs
from banditsplit import _checks, indices
from banditsplit._typing import Float, Int
from banditsplit.simulation import History, Progress, mean_interval
from banditsplit_envs.environments.joint_replay import JointReplayVector
from banditsplit_envs.environments.replay import ReplayVector
from banditsplit_envs.environments.rows import sample_order
from banditsplit_envs.environments.split_replay import SplitReplayVector
from banditsplit_envs.evaluation import baselines
from banditsplit_envs.evaluation.adaee import AdaEEReplayVector, adaee
from banditsplit_envs.evaluation.uee_ucb import DisagreementReplayVector, uee_ucb
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.joint_rule import JointArm, JointRule, joint_arms
from banditsplit_envs.splitting.outcome import Outcome, SplitRule
from banditsplit_envs.traces.trace import Trace

Row = dict[str, Any]
# From confidences, `[samples, exits]`, and which samples they are, to what comes of them.
Play = Callable[[Float, Int], Outcome]

BASELINES = (
    "final exit",
    "random exit",
    "always offload",
    "threshold at every exit",
    "entropy at every exit",
    "patience at every exit",
    "AdaEE",
    "UEE-UCB",
)
HINDSIGHT = "best fixed arm"
SEQUENTIAL, JOINT = "sequential Thompson-S", "joint Thompson-S"
AGREEING, CERTIFIED = "agreeing CS-TS", "certified"
THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.72, 0.74, 0.76, 0.78, 0.8, 0.82, 0.85, 0.9, 0.95, 0.98)
SUMS = ("reward", "cost", "audit_cost", "correct", "offloaded")
COLUMNS = {
    "accuracy": 10,
    "cost": 8,
    "cut": 8,
    "offload": 9,
    "pseudo-regret": 22,
    "shortfall": 11,
}


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The table, and the curves behind it.

    Attributes:
        rows: One dict for each policy and baseline: ``policy``, ``kind`` (``"policy"``,
            ``"baseline"`` or ``"hindsight"``), ``accuracy``, ``cost`` (a sample, audits
            included, in the cost model's unit), ``cost_cut`` (fraction of the final exit's
            cost), ``offload_rate``, ``pseudo_regret`` (against the best of its own arms; nan
            where its play is not made of arms, or by another reward), ``shortfall`` (net value
            a sample below the best fixed split under SplitEE's cost), each a mean over passes
            and, but for ``cost_cut``, with its 95 % interval under the key ``..._ci``;
            ``evaluates`` (the exits it is charged for: the one at the ``"split"``, ``"all"`` up
            to it, or those that were ``"asked"``), ``side_kind`` (how its side observations
            were obtained) and ``audit_cost``.
        history: The policies' curves.
        rule: Threshold and cost model of SplitEE.
        tradeoff: Reward units given up for one unit of cost.
    """

    rows: list[Row]
    history: History
    rule: SplitRule
    tradeoff: float

    def row(self, policy: str) -> Row:
        """Return the row of ``policy``.

        Raises:
            KeyError: There is none.
        """
        for row in self.rows:
            if row["policy"] == policy:
                return row
        raise KeyError(policy)

    def __str__(self) -> str:
        unit = self.rule.cost.unit
        lines = [_line("" if unit == "lambda" else f"cost in {unit}", COLUMNS)]
        for row in self.rows:
            low, high = row["pseudo_regret_ci"]
            regret = f"{row['pseudo_regret']:.0f} [{low:.0f}, {high:.0f}]"
            cells = (
                f"{row['accuracy']:.4f}",
                _short(row["cost"]),
                f"{row['cost_cut']:z.1%}",
                f"{row['offload_rate']:.1%}",
                "-" if np.isnan(row["pseudo_regret"]) else regret,
                f"{row['shortfall']:z.4f}",
            )
            side = f"  {row['side_kind']}" if row["side_kind"] else ""
            lines.append(_line(row["policy"], cells) + side)
        return "\n".join(lines)


def _short(cost: float) -> str:
    """Return a cost as a cell shows it: with two places where they suffice."""
    return f"{cost:.2f}" if cost == 0 or 0.1 <= cost < 1000 else f"{cost:.3g}"  # noqa: PLR2004


def _line(name: str, cells: Iterable[str]) -> str:
    widths = COLUMNS.values()
    return f"{name:28}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))


def named_policies(arms: int, *, cost: SplitCost, tradeoff: float) -> dict[str, bs.Policy]:
    """Return the templates that `compare` plays by default.

    UCB1 and Thompson sampling are told the span that net rewards really have; SplitEE takes
    1 for it, as published. Thompson-S learns the variance and from SplitEE-S's side
    observations.
    """
    span = 1 + tradeoff * float(cost.offloading(arms).max())
    net = bs.Net(tradeoff)
    return {
        "SplitEE": bs.SplitEE(arms, tradeoff=tradeoff),
        "SplitEE-S": bs.SplitEES(arms, tradeoff=tradeoff),
        "UCB1": bs.UCB1(arms, span=span, objective=net),
        "Thompson": bs.ThompsonSampling(arms, std=span / 2, objective=net),
        "epsilon-greedy": bs.EpsilonGreedy(arms, objective=net),
        "Thompson-S": _thompson_s(arms, net),
    }


def _thompson_s(arms: int, net: bs.Net) -> bs.Policy:
    return bs.NIGThompsonSampling(arms, objective=net, side_observations=True)


def compare(
    trace: Trace,
    *,
    cost: SplitCost,
    threshold: float,
    tradeoff: float,
    policies: Mapping[str, bs.Policy] | None = None,
    calibration: Trace | None = None,
    loss: float = 0.01,
    level: float = 0.02,
    cloud_reports: str = "final",
    passes: int = 20,
    rounds: int | None = None,
    seed: int = 0,
    side: str = "surrogate",
    audit_rate: float = 0.0,
    progress: Progress | None = None,
) -> Comparison:
    """Play every policy and every baseline over the same passes of ``trace``.

    Each is charged for the exits it evaluates: the one at the split, all of them up to it
    where a policy learns from side observations, or those that it asked in turn.

    Beside the policies whose arms are split layers stand those that leave at the first
    confident exit that they ask (see `JointRule`). ``"sequential Thompson-S"`` asks every exit
    up to its split, with the one threshold. Given a ``calibration`` trace there are three more.
    ``"joint Thompson-S"`` learns which exits to ask, by the same net reward; how sure they must
    be is what loses at most ``loss`` on the calibration trace (`JointRule.calibrated`).
    ``"agreeing CS-TS"`` plays the cheapest split and threshold whose disagreement with the
    final exit is estimated to be at most ``level``: what the calibration trace says of
    agreement, corrected on the samples that reach the cloud (`JointReplayVector`,
    ``"estimate"``).
    ``"certified"`` plays the cheapest arm whose disagreement with the final exit is certified
    to be at most ``level`` (`JointRule.frontier`, `banditsplit.Constrained`).

    Of the baselines, ``"entropy at every exit"`` is there where ``trace`` has entropies; its
    limit is what `baselines.flattest_entropy` says of ``threshold``. ``"patience at every
    exit"`` asks for agreements in half of the network. ``"AdaEE"`` and ``"UEE-UCB"`` learn from
    rewards of their own, and are judged like everyone.

    Args:
        trace: With labels, for the accuracy; no policy sees them.
        cost: The cost model; its ``evaluates`` is set for each row.
        threshold: Confidence from which the device answers, in [0, 1].
        tradeoff: Reward units given up for one unit of cost (mu).
        policies: Templates to add to `named_policies`, or to put in the place of one.
        calibration: Of the source domain, with labels; not the deployed samples.
        loss: Accuracy that may be lost on ``calibration``, in [0, 1].
        level: Share of answers that may differ from the final exit's, in (0, 1).
        cloud_reports: What the certified policy is told; see `JointReplayVector`.
        passes: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        seed: Where all randomness comes from.
        side: What stands in for a final confidence that nobody computed; see `SplitRule`.
        audit_rate: Share of confident samples that are audited, for ``"doubly_robust"``.
        progress: Wraps an iterable, as `tqdm` does.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is outside its range, ``trace`` or ``calibration`` has no
            labels, or the latter is of another network.
    """
    _checks.instance("trace", trace, Trace)
    _checks.instance("cost", cost, SplitCost)
    if trace.label is None:
        raise ValueError("`trace` must have labels, got None: the accuracy needs them.")
    passes = _checks.integer("passes", passes, least=1)
    if rounds is not None:
        rounds = _checks.integer("rounds", rounds, least=1)
    seed = _checks.integer("seed", seed, least=0)
    streams = [np.random.SeedSequence(seed, spawn_key=(n,)) for n in range(3)]
    order = sample_order(trace.samples, passes, rounds, np.random.default_rng(streams[0]))
    plain = SplitRule(threshold, replace(cost, evaluates="split"))
    # Only who learns from side observations asks for audits, and pays for them.
    every_exit = SplitRule(threshold, replace(cost, evaluates="all"), side, audit_rate)
    net = bs.Net(tradeoff)
    table = _Table(trace, trace.label, plain, net, order)
    templates = named_policies(trace.exits, cost=cost, tradeoff=tradeoff)
    templates |= _templates({} if policies is None else policies)
    groups = [_split_group(trace, rule, order, templates) for rule in (plain, every_exit)]
    sequential = JointRule.sequential(trace.exits, (threshold,), cost=plain.cost)
    groups.append(_joint_group(SEQUENTIAL, trace, sequential, order, net))
    if calibration is not None:
        candidates = _candidates(calibration, trace)
        rule = JointRule.calibrated(calibration, candidates, loss=loss, cost=plain.cost)
        groups.append(_joint_group(JOINT, trace, rule, order, net))
        groups.append(_agreeing_group(trace, calibration, plain.cost, order, level))
        rule = JointRule.frontier(calibration, candidates, level=level, cost=plain.cost)
        groups.append(_certified_group(trace, rule, order, level, cloud_reports))
    tracks: dict[str, bs.Track] = {}
    for group in groups:
        if not group.policies:
            continue
        history = bs.simulate(
            group.policies,
            group.env,
            horizon=order.shape[1],
            runs=passes,
            seed=streams[1],
            objective=net,
            record=("correct", "offloaded", *group.record),
            progress=progress,
        )
        for name, track in history.items():
            tracks[name] = group.judged(track)
            table.add_track(name, group.evaluates, tracks[name])
    table.add_baselines(np.random.default_rng(streams[2]))
    table.add_learned_baselines(streams[2])
    joint = [name for name in (SEQUENTIAL, JOINT, AGREEING, CERTIFIED) if name in tracks]
    names = [*templates, *joint]
    history = History({name: tracks[name] for name in names}, history.rounds, history.objective)
    names += [*BASELINES, HINDSIGHT]
    rows = sorted(table.rows, key=lambda row: names.index(row["policy"]))
    return Comparison(rows, history, plain, tradeoff)


@dataclass(frozen=True, slots=True)
class _Group:
    """Policies that choose between the same arms.

    Attributes:
        evaluates: The exits that they are charged for.
        env: Their arms, replayed.
        policies: Name to template.
        by_agreement: Whether their reward is agreement, and no confidence.
    """

    evaluates: str
    env: ReplayVector
    policies: dict[str, bs.Policy]
    by_agreement: bool = False

    @property
    def record(self) -> tuple[str, ...]:
        """What must be added up besides."""
        return ("confidence",) if self.by_agreement else ()

    def judged(self, track: bs.Track) -> bs.Track:
        """Return ``track`` with confidence as reward, as everyone is judged by."""
        if not self.by_agreement:
            return track
        # Its arms are no candidates for the best net value, and have no regret by it.
        nowhere = np.full_like(track.pseudo_regret, np.nan)
        return replace(track, reward=track.recorded["confidence"], pseudo_regret=nowhere)


def _split_group(
    trace: Trace, rule: SplitRule, order: Int, templates: Mapping[str, bs.Policy]
) -> _Group:
    env = SplitReplayVector(
        trace,
        threshold=rule.threshold,
        cost=rule.cost,
        side=rule.side,
        audit_rate=rule.audit_rate,
        num_envs=len(order),
        order=order,
    )
    sees_all = rule.cost.evaluates == "all"
    policies = {
        name: policy
        for name, policy in templates.items()
        if policy.recipe.side_observations == sees_all
    }
    return _Group(rule.cost.evaluates, env, policies)


def _joint_group(name: str, trace: Trace, rule: JointRule, order: Int, net: bs.Net) -> _Group:
    env = JointReplayVector(
        trace, rule=rule, reward="confidence", num_envs=len(order), order=order
    )
    return _Group("asked", env, {name: _thompson_s(env.arms, net)})


def _agreeing_group(
    trace: Trace, calibration: Trace, cost: SplitCost, order: Int, level: float
) -> _Group:
    splits = tuple(
        JointArm((layer,), threshold)
        for layer in range(trace.exits)
        for threshold in THRESHOLDS
    )
    env = JointReplayVector(
        trace,
        rule=JointRule.frontier(calibration, splits, level=level, most=24, cost=cost),
        reward="estimate",
        calibration=calibration,
        num_envs=len(order),
        order=order,
    )
    policy = bs.compose(
        env.arms, indices.BetaThompson(), objective=bs.Subsidy(level), side_observations=True
    )
    return _Group("asked", env, {AGREEING: policy}, by_agreement=True)


def _certified_group(
    trace: Trace, rule: JointRule, order: Int, level: float, cloud_reports: str
) -> _Group:
    env = JointReplayVector(
        trace, rule=rule, cloud_reports=cloud_reports, num_envs=len(order), order=order
    )
    policy = bs.Constrained(
        rule.arms,
        level=level,
        safe=rule.safe,
        # Where the cloud reports all its exits, offloading is the cheaper audit.
        revealing=rule.safe if cloud_reports == "all" else rule.revealing,
        order=rule.order,
        safe_reveals=True,
        burn_in=200.0,
    )
    return _Group("asked", env, {CERTIFIED: policy}, by_agreement=True)


def _candidates(calibration: Trace, trace: Trace) -> tuple[JointArm, ...]:
    """Return the arms to choose from by a calibration trace, which is checked."""
    trace.check_same_network(calibration, name="calibration")
    if calibration.label is None:
        raise ValueError("`calibration` must have labels, got None: the loss needs them.")
    # None that answers at an inner exit in any case: they look best on the source domain, and
    # lose most where the last exits are worth more than there.
    return joint_arms(trace.exits, THRESHOLDS)


def _templates(policies: Any) -> dict[str, bs.Policy]:
    wanted = "`policies` must map names to policies"
    if not isinstance(policies, Mapping):
        raise TypeError(f"{wanted}, got {policies!r}.")
    for name, policy in policies.items():
        if not isinstance(policy, bs.Policy):
            raise TypeError(f"{wanted}, got {policy!r} for {name!r}.")
    if taken := {*BASELINES, HINDSIGHT, SEQUENTIAL, JOINT, AGREEING, CERTIFIED} & {*policies}:
        wanted = "`policies` must not have the name of a row that is there"
        raise ValueError(f"{wanted}, got {sorted(taken)}.")
    return dict(policies)


class _Table:
    """Collects rows; every number in them is a mean over the same passes."""

    def __init__(
        self, trace: Trace, label: Int, rule: SplitRule, objective: bs.Net, order: Int
    ) -> None:
        self.rows: list[Row] = []
        self.trace, self.label = trace, label
        self.rule, self.objective, self.order = rule, objective, order
        expected = rule.expected(trace.confidence)
        self.value: Float = objective.value(*expected)  # [exits], of SplitEE's arms
        self.best = int(self.value.argmax())
        self.benchmark = self._sums(lambda c, _: baselines.fixed_arm(rule, c, self.best))
        self.final = self._sums(lambda c, _: baselines.final_exit(rule, c))

    def add_track(
        self, name: str, evaluates: str, track: bs.Track, kind: str = "policy"
    ) -> None:
        """Add the row of a policy that was simulated."""
        last = {
            "reward": track.reward[:, -1],
            "cost": track.cost[:, -1],
            "audit_cost": track.audit_cost[:, -1],
            "correct": track.recorded["correct"][:, -1],
            "offloaded": track.recorded["offloaded"][:, -1],
        }
        identity: Row = {"policy": name, "kind": kind, "evaluates": evaluates}
        identity["side_kind"] = track.side_kind
        self._add(identity, last, track.pseudo_regret[:, -1])

    def add_baselines(self, rng: np.random.Generator) -> None:
        """Add the rows of everything that does not learn."""
        rule, (passes, rounds) = self.rule, self.order.shape
        gap = self.value.max() - self.value
        none = np.full(passes, np.nan)
        trace = self.trace
        patience = max(1, trace.exits // 2)  # 6 of 12, as published
        plays: dict[str, tuple[Play, Float]] = {
            "final exit": (
                lambda c, _: baselines.final_exit(rule, c),
                np.full(passes, rounds * gap[-1]),
            ),
            "random exit": (
                lambda c, _: baselines.random_exit(rule, c, rng),
                # In expectation over its own draws.
                np.full(passes, rounds * gap.mean()),
            ),
            "always offload": (lambda c, _: baselines.always_offload(rule, c), none),
            "threshold at every exit": (
                lambda c, _: baselines.first_confident_exit(rule, c),
                none,
            ),
            "patience at every exit": (
                lambda c, sample: baselines.patient_exit(
                    rule, c, trace.prediction[sample], patience=patience
                ),
                none,
            ),
        }
        if (entropy := trace.entropy) is not None:
            classes = 1 + max(int(trace.prediction.max()), int(self.label.max()), 1)
            most = baselines.flattest_entropy(rule.threshold, classes)
            plays["entropy at every exit"] = (
                lambda c, sample: baselines.first_certain_exit(
                    rule, c, entropy[sample], most=most
                ),
                none,
            )
        for name, (play, regret) in plays.items():
            evaluates = "all" if name.endswith("at every exit") else "split"
            identity = {"policy": name, "kind": "baseline", "evaluates": evaluates}
            self._add(identity, self._sums(play), regret)
        identity = {"policy": HINDSIGHT, "kind": "hindsight", "evaluates": "split"}
        self._add(identity, self.benchmark, np.zeros(passes))

    def add_learned_baselines(self, seed: np.random.SeedSequence) -> None:
        """Add the rows of other papers' learners, whose rewards are no confidences."""
        trace, tradeoff = self.trace, self.objective.tradeoff
        passes, rounds = self.order.shape
        how: dict[str, Any] = {"cost": self.rule.cost, "num_envs": passes, "order": self.order}
        thresholds = AdaEEReplayVector(trace, **how)
        exits = DisagreementReplayVector(trace, **how)
        learned: dict[str, tuple[bs.Policy, ReplayVector, str]] = {
            "AdaEE": (adaee(thresholds.arms, tradeoff=tradeoff), thresholds, "split"),
            "UEE-UCB": (uee_ucb(exits.arms, tradeoff=tradeoff), exits, "all"),
        }
        for name, (policy, env, evaluates) in learned.items():
            track = bs.simulate(
                {name: policy},
                env,
                horizon=rounds,
                runs=passes,
                seed=seed,
                checkpoints=1,
                objective=self.objective,
                record=("correct", "offloaded", "confidence"),
            )[name]
            nowhere = np.full_like(track.pseudo_regret, np.nan)
            track = replace(track, reward=track.recorded["confidence"], pseudo_regret=nowhere)
            self.add_track(name, evaluates, track, kind="baseline")

    def _sums(self, play: Play) -> dict[str, Float]:
        """Return what ``play`` gets, summed over each pass, `[passes]`."""
        trace, sums = self.trace, []
        for sample in self.order:
            outcome = play(trace.confidence[sample], sample)
            correct = trace.prediction[sample, outcome.exit] == self.label[sample]
            parts = {**outcome._asdict(), "correct": correct}
            sums.append([float(parts[name].sum()) for name in SUMS])
        return dict(zip(SUMS, np.array(sums).T, strict=True))

    def _add(self, identity: Row, sums: Mapping[str, Float], regret: Float) -> None:
        """Add a row: who it is, and the means of its ``sums`` and ``regret``, `[passes]`."""
        rounds = self.order.shape[1]
        cost = (sums["cost"] + sums["audit_cost"]) / rounds
        net = self.objective.value(sums["reward"] / rounds, cost)
        best = self.objective.value(self.benchmark["reward"], self.benchmark["cost"]) / rounds
        means = {
            "accuracy": sums["correct"] / rounds,
            "cost": cost,
            "offload_rate": sums["offloaded"] / rounds,
            "pseudo_regret": regret,
            "shortfall": best - net,
        }
        row: Row = {"side_kind": None, **identity}
        for key, values in means.items():
            row[key], row[f"{key}_ci"] = float(values.mean()), mean_interval(values)
        final = float(self.final["cost"].mean() / rounds)
        row["cost_cut"] = 1 - row["cost"] / final if final else np.nan  # nothing to cut
        row["audit_cost"] = float(sums["audit_cost"].mean() / rounds)
        self.rows.append(row)
