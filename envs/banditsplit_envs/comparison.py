"""Every policy and every baseline over the same passes of a trace, side by side."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import banditsplit as bs
from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit.simulation import History, Progress, mean_interval
from banditsplit_envs import baselines
from banditsplit_envs.adaee import AdaEEReplayVector, adaee
from banditsplit_envs.cost import SplitCost
from banditsplit_envs.outcome import Outcome, SplitRule
from banditsplit_envs.rows import sample_order
from banditsplit_envs.split_replay import SplitReplayVector
from banditsplit_envs.trace import Trace
from banditsplit_envs.uee_ucb import DisagreementReplayVector, uee_ucb

Row = dict[str, Any]
# From confidences, `[samples, exits]`, and which samples they are, to what comes of them.
Play = Callable[[Float, Int], Outcome]

BASELINES = (
    "final exit",
    "random exit",
    "always offload",
    "threshold at every exit",
    "patience",
    "AdaEE",
    "UEE-UCB",
)
SEQUENTIAL = ("threshold at every exit", "patience")  # they ask every exit on the way
HINDSIGHT = "best fixed arm"
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
            ``"baseline"`` or ``"hindsight"``), ``accuracy``, ``cost`` (lambda a sample, audits
            included), ``cost_cut`` (fraction of the final exit's cost), ``offload_rate``,
            ``pseudo_regret`` (against the best of its own arms, by its own reward; nan where
            its play is not made of arms), ``shortfall`` (net value a sample below the best
            fixed split under SplitEE's cost), each a mean over passes and, but for
            ``cost_cut``, with its 95 % interval under the key ``..._ci``; ``evaluates`` (the
            exits it is charged for), ``side_kind`` (how its side observations were obtained)
            and ``audit_cost``.
        history: The policies' curves.
        rule: Threshold and cost model of SplitEE.
        tradeoff: Reward units given up for one lambda.
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
        lines = [_line("", COLUMNS)]
        for row in self.rows:
            low, high = row["pseudo_regret_ci"]
            regret = f"{row['pseudo_regret']:.0f} [{low:.0f}, {high:.0f}]"
            cells = (
                f"{row['accuracy']:.4f}",
                f"{row['cost']:.2f}",
                f"{row['cost_cut']:z.1%}",
                f"{row['offload_rate']:.1%}",
                "-" if np.isnan(row["pseudo_regret"]) else regret,
                f"{row['shortfall']:z.4f}",
            )
            side = f"  {row['side_kind']}" if row["side_kind"] else ""
            lines.append(_line(row["policy"], cells) + side)
        return "\n".join(lines)


def _line(name: str, cells: Iterable[str]) -> str:
    widths = COLUMNS.values()
    return f"{name:28}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))


def named_policies(arms: int, *, cost: SplitCost, tradeoff: float) -> dict[str, bs.Policy]:
    """Return the templates that `compare` plays by default.

    UCB1 and Thompson sampling are told the span that net rewards really have; SplitEE takes
    1 for it, as published.
    """
    span = 1 + tradeoff * cost.offload
    net = bs.Net(tradeoff)
    return {
        "SplitEE": bs.SplitEE(arms, tradeoff=tradeoff),
        "SplitEE-S": bs.SplitEES(arms, tradeoff=tradeoff),
        "UCB1": bs.UCB1(arms, span=span, objective=net),
        "Thompson": bs.ThompsonSampling(arms, std=span / 2, objective=net),
        "epsilon-greedy": bs.EpsilonGreedy(arms, objective=net),
    }


def compare(
    trace: Trace,
    *,
    cost: SplitCost,
    threshold: float,
    tradeoff: float,
    policies: Mapping[str, bs.Policy] | None = None,
    passes: int = 20,
    rounds: int | None = None,
    seed: int = 0,
    side: str = "surrogate",
    audit_rate: float = 0.0,
    progress: Progress | None = None,
) -> Comparison:
    """Play every policy and every baseline over the same passes of ``trace``.

    Each is charged for the exits it evaluates: all of them up to the split where it learns
    from side observations or asks every exit in turn, else the one at the split.

    Args:
        trace: With labels, for the accuracy; no policy sees them.
        cost: The cost model; its ``evaluates`` is set for each row.
        threshold: Confidence from which the device answers, in [0, 1].
        tradeoff: Reward units given up for one lambda (mu).
        policies: Templates to add to `named_policies`, or to put in the place of one.
        passes: How many passes.
        rounds: Draws with replacement in a pass; by default a pass is one shuffle.
        seed: Where all randomness comes from.
        side: What stands in for a final confidence that nobody computed; see `SplitRule`.
        audit_rate: Share of confident samples that are audited, for ``"doubly_robust"``.
        progress: Wraps an iterable, as `tqdm` does.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is outside its range, or ``trace`` has no labels.
    """
    if not isinstance(trace, Trace):
        raise TypeError(f"`trace` must be a Trace, got {trace!r}.")
    if not isinstance(cost, SplitCost):
        raise TypeError(f"`cost` must be a SplitCost, got {cost!r}.")
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
    rules = {rule.cost.evaluates: rule for rule in (plain, every_exit)}
    table = _Table(trace, trace.label, plain, bs.Net(tradeoff), order)
    templates = named_policies(trace.exits, cost=cost, tradeoff=tradeoff)
    templates |= _templates({} if policies is None else policies)
    if taken := {*BASELINES, HINDSIGHT} & {*templates}:
        raise ValueError(f"`policies` must not have a baseline's name, got {sorted(taken)}.")
    tracks: dict[str, bs.Track] = {}
    for evaluates, rule in rules.items():
        group = {
            name: policy
            for name, policy in templates.items()
            if policy.recipe.side_observations == (evaluates == "all")
        }
        if not group:
            continue
        history = bs.simulate(
            group,
            SplitReplayVector(
                trace,
                threshold=threshold,
                cost=rule.cost,
                side=rule.side,
                audit_rate=rule.audit_rate,
                num_envs=passes,
                order=order,
            ),
            horizon=order.shape[1],
            runs=passes,
            seed=streams[1],
            objective=bs.Net(tradeoff),
            record=("correct", "offloaded"),
            progress=progress,
        )
        tracks |= history.tracks
        for name, track in history.items():
            table.add_track(name, evaluates, track)
    table.add_baselines(np.random.default_rng(streams[2]))
    table.add_learned_baselines(streams[2])
    history = History(
        {name: tracks[name] for name in templates}, history.rounds, history.objective
    )
    names = [*templates, *BASELINES, HINDSIGHT]
    rows = sorted(table.rows, key=lambda row: names.index(row["policy"]))
    return Comparison(rows, history, plain, tradeoff)


def _templates(policies: Any) -> dict[str, bs.Policy]:
    wanted = "`policies` must map names to policies"
    if not isinstance(policies, Mapping):
        raise TypeError(f"{wanted}, got {policies!r}.")
    for name, policy in policies.items():
        if not isinstance(policy, bs.Policy):
            raise TypeError(f"{wanted}, got {policy!r} for {name!r}.")
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

    def add_track(self, name: str, evaluates: str, track: bs.Track) -> None:
        """Add the row of a policy that was simulated."""
        last = {
            "reward": track.reward[:, -1],
            "cost": track.cost[:, -1],
            "audit_cost": track.audit_cost[:, -1],
            "correct": track.recorded["correct"][:, -1],
            "offloaded": track.recorded["offloaded"][:, -1],
        }
        identity: Row = {"policy": name, "kind": "policy", "evaluates": evaluates}
        identity["side_kind"] = track.side_kind
        self._add(identity, last, track.pseudo_regret[:, -1])

    def add_baselines(self, rng: np.random.Generator) -> None:
        """Add the rows of everything that does not learn."""
        rule, (passes, rounds) = self.rule, self.order.shape
        gap = self.value.max() - self.value
        none = np.full(passes, np.nan)
        patience = max(1, self.trace.exits // 2)  # 6 of 12, as published
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
            "patience": (
                lambda c, sample: baselines.patient_exit(
                    rule, c, self.trace.prediction[sample], patience=patience
                ),
                none,
            ),
        }
        for name, (play, regret) in plays.items():
            evaluates = "all" if name in SEQUENTIAL else "split"
            identity = {"policy": name, "kind": "baseline", "evaluates": evaluates}
            self._add(identity, self._sums(play), regret)
        identity = {"policy": HINDSIGHT, "kind": "hindsight", "evaluates": "split"}
        self._add(identity, self.benchmark, np.zeros(passes))

    def add_learned_baselines(self, seed: np.random.SeedSequence) -> None:
        """Add the rows of other papers' learners, which have arms and rewards of their own.

        Their pseudo-regret is that of their own problem.
        """
        trace, tradeoff = self.trace, self.objective.tradeoff
        passes, rounds = self.order.shape
        how: dict[str, Any] = {"cost": self.rule.cost, "num_envs": passes, "order": self.order}
        thresholds = AdaEEReplayVector(trace, **how)
        exits = DisagreementReplayVector(trace, **how)
        learned: dict[str, tuple[bs.Policy, Any, str]] = {
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
                record=("confidence", "correct", "offloaded"),
            )[name]
            # What they learn from is no confidence; what everyone is judged by is.
            sums = {part: values[:, 0] for part, values in track.recorded.items()}
            sums["reward"], sums["cost"] = sums.pop("confidence"), track.cost[:, 0]
            sums["audit_cost"] = track.audit_cost[:, 0]
            identity: Row = {"policy": name, "kind": "baseline", "evaluates": evaluates}
            self._add(
                identity | {"side_kind": track.side_kind}, sums, track.pseudo_regret[:, 0]
            )

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
