"""The paper's table and figures, with every baseline it should have had.

    python examples/studies/paper_table.py TRACE.npz ... --calibration SOURCE.npz --out OUT

For each trace (a network's domain of deployment, with labels to judge by) it plays every
policy and baseline at offload costs of 1 to 5 lambda, 20 passes each, and writes
``DOMAIN.json``: the table, pseudo-regret over rounds, and what each fault of the published
experiments amounts to there. A domain that is there already is not played again. From all that
lies in ``--out`` it then draws ``paper_cost_accuracy.png`` and ``paper_regret.png``, the
authors' curves dotted where ``--reference`` has the domain. ``--quick`` plays a made-up trace,
in seconds.

The threshold is .7 for two classes, the authors' for IMDb, and .8 for more; a pass is 10,000
draws. Table and regret are those of the offload cost nearest to half of the network, at most.
With a calibration trace, of the source domain, `compare` has two policies more.
"""

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import entr
from tqdm import tqdm

import banditsplit as bs
from banditsplit.simulation import mean_interval
from banditsplit_envs import (
    SplitCost,
    SplitReplayVector,
    SplitRule,
    Trace,
    compare,
    expected_calibration_error,
)
from banditsplit_envs.evaluation.baselines import first_confident_exit, fixed_arm

TRADEOFF = 0.1  # confidence given up for one lambda, as published
LAYER, EXIT = 0.8, 0.2  # lambda, as in the published code
PUBLISHED = "SplitEE-S, as published"
OFF_BY_ONE = "threshold at every exit, as published"
AUTHORS = {"imdb": "IMDb"}  # the domains that the authors had as well
POINTS = 25  # of a regret curve in the results


def study(
    trace: Trace, calibration: Trace | None, options: argparse.Namespace, name: str
) -> dict[str, Any]:
    """Return everything that is to be said of one domain."""
    classes = 1 + int(max(trace.prediction.max(), trace.label.max()))  # type: ignore[union-attr]
    threshold = options.threshold or (0.7 if classes == 2 else 0.8)  # noqa: PLR2004
    # An upload that costs more than half of the network is hardly worth it.
    shown = max(o for o in options.offload if o <= max(trace.exits / 2, min(options.offload)))
    result: dict[str, Any] = {
        "samples": trace.samples,
        "exits": trace.exits,
        "classes": classes,
        "accuracy": trace.accuracy,
        "threshold": threshold,
        "tradeoff": TRADEOFF,
        "passes": options.passes,
        "rounds": options.rounds,
        "seed": options.seed,
        "shown": f"{shown:g}",
        "rows": {},
        "faults": {},
    }
    for offload in options.offload:
        cost = SplitCost(LAYER, EXIT, offload)
        comparison = compare(
            trace,
            cost=cost,
            threshold=threshold,
            tradeoff=TRADEOFF,
            calibration=calibration,
            passes=options.passes,
            rounds=options.rounds,
            seed=options.seed,
            progress=partial(tqdm, desc=f"{name}, offload {offload:g}", leave=False),
        )
        rows = {row["policy"]: row for row in comparison.rows}
        found = faults(trace, comparison.rule, classes)
        if offload == shown:
            published = play_as_published(trace, cost, threshold, options)
            rows[PUBLISHED] = published["row"]
            rows[OFF_BY_ONE] = off_by_one(trace, comparison.rule)
            found |= published["faults"]
            regrets = {name: track.pseudo_regret for name, track in comparison.history.items()}
            regrets[PUBLISHED] = published["regret"]
            result["regret"] = curves(comparison.history.rounds, regrets)
        result["rows"][f"{offload:g}"] = {
            policy: {key: row.get(key) for key in KEPT} for policy, row in rows.items()
        }
        result["faults"][f"{offload:g}"] = found
    return result


KEPT = (
    "kind",
    "side_kind",
    *(f"{key}{end}" for key in ("accuracy", "cost", "shortfall") for end in ("", "_ci")),
    *("pseudo_regret", "pseudo_regret_ci", "cost_cut", "offload_rate"),
)


def play_as_published(
    trace: Trace, cost: SplitCost, threshold: float, options: argparse.Namespace
) -> dict[str, Any]:
    """Return SplitEE-S's row, curve and faults where it learns from what nobody saw."""
    env = SplitReplayVector(
        trace,
        threshold=threshold,
        cost=replace(cost, evaluates="all"),
        side="as_published",
        num_envs=options.passes,
        rounds=options.rounds,
    )
    env.reset(seed=options.seed)
    objective, runs = bs.Net(TRADEOFF), options.passes
    policy = bs.SplitEES(trace.exits, tradeoff=TRADEOFF, runs=runs, seed=options.seed)
    head = env.rule.cost.head(trace.exits)
    value = objective.value(*env.rule.expected(trace.confidence))
    sums = {part: np.zeros(runs) for part in ("reward", "cost", "correct", "offloaded")}
    regret, side_updates, unseen = np.zeros((runs, options.rounds)), 0, 0
    for t in range(options.rounds):
        arm = policy.select()
        _, reward, _, _, info = env.step(arm)
        side = info["side_observations"]
        policy.update(arm, reward, info["cost"], side)
        for part, gained in {**info, "reward": reward}.items():
            if part in sums:
                sums[part] += gained
        regret[:, t] = value.max() - value[arm]
        # A shallower exit that would have offloaded, in a round in which the cloud did not run.
        silent = ~info["offloaded"] & (arm < trace.exits - 1)
        side_updates += int(side["revealed"].sum())
        unseen += int((side["revealed"] & (side["cost"] > head) & silent[:, None]).sum())
    cumulative, best = policy.stats.mean * policy.stats.pulls, int(value.argmax())
    net = objective.value(sums["reward"], sums["cost"]) / options.rounds
    split = SplitRule(threshold, cost)
    benchmark = objective.value(*split.expected(trace.confidence)).max()
    means = {
        "accuracy": sums["correct"] / options.rounds,
        "cost": sums["cost"] / options.rounds,
        "offload_rate": sums["offloaded"] / options.rounds,
        "pseudo_regret": regret.sum(1),
        "shortfall": benchmark - net,
    }
    row: dict[str, Any] = {"kind": "policy", "side_kind": "as_published"}
    for key, values in means.items():
        row[key], row[f"{key}_ci"] = float(values.mean()), mean_interval(values)
    row["cost_cut"] = 1 - row["cost"] / cost.head(trace.exits)[-1]
    return {
        "row": row,
        "regret": regret.cumsum(1),
        "faults": {
            "side_updates_that_nobody_saw": unseen / max(side_updates, 1),
            "passes_whose_largest_sum_is_not_the_best_arm": np.mean(
                cumulative.argmax(1) != best
            ),
        },
    }


def off_by_one(trace: Trace, rule: SplitRule) -> dict[str, Any]:
    """Return the row of the published threshold at every exit: it answers one exit too deep."""
    corrected = first_confident_exit(rule, trace.confidence)
    exit_ = np.minimum(corrected.exit + 1, trace.exits - 1)
    outcome = fixed_arm(
        SplitRule(0.0, replace(rule.cost, evaluates="all")), trace.confidence, exit_
    )
    answer = trace.prediction[np.arange(trace.samples), outcome.exit]
    paid = float(outcome.cost.mean())
    return {
        "kind": "baseline",
        "accuracy": float(np.mean(answer == trace.label)),
        "cost": paid,
        "cost_cut": 1 - paid / rule.cost.head(trace.exits)[-1],
        "offload_rate": 0.0,
    }


def faults(trace: Trace, rule: SplitRule, classes: int) -> dict[str, Any]:
    """Return what the other faults amount to, from the trace alone."""
    net, confidence = bs.Net(TRADEOFF), trace.confidence
    value = net.value(*rule.expected(confidence))
    # The published learner is charged lambda for each layer, and nothing for its exit.
    charged = replace(rule, cost=replace(rule.cost, layer=LAYER + EXIT, exit=0.0))
    learned = int(net.value(*charged.expected(confidence)).argmax())
    span = 1 + TRADEOFF * float(np.max(rule.cost.offload)) - 1 / classes
    sure = confidence[:, 0] >= rule.threshold
    right = trace.prediction == trace.label[:, None]  # type: ignore[index]
    return {
        "best_arm": int(value.argmax()),
        "best_arm_of_the_cost_that_the_learner_is_charged": learned,
        "net_value_lost_by_it": float(value.max() - value[learned]),
        "span": span,
        "alpha_of_beta_1": 2 / span**2,
        "first_exit_sure": float(sure.mean()),
        "of_these_wrong": float(1 - right[sure, 0].mean()) if sure.any() else None,
        "of_these_expected_to_be": float(1 - confidence[sure, 0].mean())
        if sure.any()
        else None,
        "calibration_error": [
            expected_calibration_error(confidence[:, exit_], right[:, exit_])
            for exit_ in (0, trace.exits - 1)
        ],
        **side_biases(trace, replace(rule, cost=replace(rule.cost, evaluates="all"))),
    }


def side_biases(trace: Trace, rule: SplitRule) -> dict[str, Any]:
    """Return how far mean side rewards are off, while one arm is played, for each stand-in.

    The arm is SplitEE-S's best one, or the middle one where that is shallower; the worst of the
    arms before it is shown.
    """
    net = bs.Net(TRADEOFF)
    value = net.value(*rule.expected(trace.confidence))
    played = max(int(value.argmax()), trace.exits // 2)
    arm, nobody = np.full(trace.samples, played), np.zeros(trace.samples, np.bool_)
    own = trace.confidence[:, played]
    cloud = rule.offloads(own, arm, trace.exits)
    seen = np.where(rule.computed(arm, cloud, trace.exits), trace.confidence, np.nan)
    worst = {}
    for stand_in, side in (("surrogate", "surrogate"), ("skipping", "observed")):
        told = replace(rule, side=side).reveal(seen, arm, nobody)
        mean = net.value(told.reward, told.cost)[:, :played].mean(
            0, where=told.revealed[:, :played]
        )
        bias = mean - value[:played]
        worst[f"bias_of_{stand_in}"] = float(bias[np.abs(bias).argmax()])
    best_two = np.sort(value)[-2:]
    return {"while_playing": played, **worst, "smallest_gap": float(np.diff(best_two)[0])}


def with_entropy(trace: Trace) -> Trace:
    """Return a trace of two classes with its entropies: they follow from the confidences."""
    if trace.entropy is not None or trace.prediction.max() > 1:
        return trace
    return replace(trace, entropy=entr(trace.confidence) + entr(1 - trace.confidence))


def curves(rounds: Any, regrets: Mapping[str, Any]) -> dict[str, Any]:
    """Return mean pseudo-regret and its 95 % interval at some rounds, for each policy."""
    points = np.unique(np.linspace(0, len(rounds) - 1, min(POINTS, len(rounds))).astype(int))
    shown = rounds[points]
    result: dict[str, Any] = {"rounds": shown}
    for name, regret in regrets.items():
        if np.isnan(regret).any():  # by another reward
            continue
        # Curves of a history are read at its rounds, the other one at every round.
        at = regret[:, points] if regret.shape[1] == len(rounds) else regret[:, shown - 1]
        low, high = mean_interval(at)
        result[name] = {"mean": at.mean(0), "low": low, "high": high}
    return result


def plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it, five digits of each number; null for nan."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(f"{value:.5g}")
    return int(value) if isinstance(value, np.integer) else value


# ----- What is shown

STYLES: dict[str, dict[str, Any]] = {
    "final exit": {"color": "0.3", "ls": "--"},
    "always offload": {"color": "0.55", "ls": "-."},
    "threshold at every exit": {"color": "0.55", "marker": "v"},
    "entropy at every exit": {"color": "0.65", "marker": "<"},
    "patience at every exit": {"color": "0.75", "marker": ">"},
    "AdaEE": {"color": "C4", "marker": "P"},
    "UEE-UCB": {"color": "C5", "marker": "s"},
    "SplitEE": {"color": "C0", "marker": "o"},
    "SplitEE-S": {"color": "C1", "marker": "o"},
    PUBLISHED: {"color": "C1", "ls": ":"},
}
OURS = ("C2", "C3", "C6", "C8", "C9")
NOT_DRAWN = ("UCB1", "Thompson", "epsilon-greedy", "random exit", "best fixed arm", OFF_BY_ONE)


def style(policy: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return how the line of a policy looks; those that are not the paper's are thick."""
    if policy in STYLES:
        return {"lw": 1.2, "ms": 4, **STYLES[policy]}
    ours = [name for name in named(result) if name not in STYLES]
    return {"lw": 2.2, "ms": 5, "marker": "D", "color": OURS[ours.index(policy) % len(OURS)]}


def named(result: dict[str, Any]) -> list[str]:
    """Return the policies and baselines that are drawn."""
    return [name for name in result["rows"][result["shown"]] if name not in NOT_DRAWN]


def draw_costs(results: dict[str, Any], reference: dict[str, Any], path: Path) -> None:
    """Draw cost and accuracy over the offload cost, a column for each domain."""
    figure, axes = plt.subplots(
        2, len(results), figsize=(2.5 * len(results) + 1.5, 6.0), sharex=True, squeeze=False
    )
    for column, (domain, result) in zip(axes.T, results.items(), strict=True):
        offloads = [float(offload) for offload in result["rows"]]
        for ax, key in zip(column, ("cost", "accuracy"), strict=True):
            for policy in named(result):
                if policy == PUBLISHED:
                    continue
                values = [rows[policy][key] for rows in result["rows"].values()]
                ax.plot(offloads, values, label=policy, **style(policy, result))
            for policy in ("SplitEE", "SplitEE-S"):
                theirs = reference.get(policy, {}).get(AUTHORS.get(domain, ""), None)
                if theirs:
                    values = theirs["acc" if key == "accuracy" else "cost_lambda_per_sample"]
                    color = STYLES[policy]["color"]
                    label = f"{policy}, the authors' network"
                    ax.plot(reference["o_in_lambda"], values, ":", color=color, label=label)
        shown = [
            rows[policy]["accuracy"]
            for rows in result["rows"].values()
            for policy in named(result)
            if policy not in ("UEE-UCB", PUBLISHED)
        ]
        # UEE-UCB may lie far below, and would leave no room for the others.
        column[1].set(ylim=(min(shown) - 0.01, max(shown) + 0.01))
        column[0].set_title(f"{domain}, {result['exits']} exits", fontsize=9)
        column[1].set(xlabel="offload cost [lambda]")
    axes[0, 0].set(ylabel="cost [lambda per sample]")
    axes[1, 0].set(ylabel="accuracy")
    finish(figure, axes, path)


def draw_regret(results: dict[str, Any], path: Path) -> None:
    """Draw pseudo-regret over rounds with its bands, a panel for each domain."""
    figure, axes = plt.subplots(
        1, len(results), figsize=(2.5 * len(results) + 1.5, 3.2), squeeze=False
    )
    for ax, (domain, result) in zip(axes[0], results.items(), strict=True):
        regret = result["regret"]
        rounds = regret["rounds"]
        for policy in named(result):
            if (curve := regret.get(policy)) is None:
                continue
            look = {
                key: value for key, value in style(policy, result).items() if key != "marker"
            }
            ax.plot(rounds, curve["mean"], label=policy, **look)
            ax.fill_between(rounds, curve["low"], curve["high"], color=look["color"], alpha=0.2)
        ax.set_title(f"{domain}, offload cost {result['shown']}", fontsize=9)
        ax.set(xlabel="round", ylim=(0, None))
    axes[0, 0].set(ylabel="pseudo-regret")
    finish(figure, axes, path)


def finish(figure: Any, axes: Any, path: Path) -> None:
    """Give all panels one legend below them, and write the figure."""
    handles = {
        label: handle
        for ax in axes.flat
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=min(5, max(2, axes.shape[1])),
        frameon=False,
        fontsize=9,
    )
    figure.set_layout_engine("constrained")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def table(result: dict[str, Any], offload: str) -> str:
    """Return one domain's table at one offload cost, in Markdown."""
    lines = ["| | accuracy | cost | cut | pseudo-regret |", "|---|---|---|---|---|"]
    for policy, row in result["rows"][offload].items():
        regret = "-" if row["pseudo_regret"] is None else f"{row['pseudo_regret']:.0f}"
        cells = [f"{row['accuracy']:.4f}", f"{row['cost']:.2f}", f"{row['cost_cut']:.0%}"]
        for number, (key, digits) in enumerate((("accuracy", 4), ("cost", 2))):
            if row[f"{key}_ci"] and row[f"{key}_ci"][0] is not None:
                half = (row[f"{key}_ci"][1] - row[f"{key}_ci"][0]) / 2
                cells[number] += f" ± {half:.{digits}f}"
        lines.append(f"| {policy} | " + " | ".join([*cells, regret]) + " |")
    return "\n".join(lines)


def summary(results: dict[str, Any]) -> str:
    """Return accuracy / cost of every row in every domain, in Markdown."""
    names = dict.fromkeys(
        policy for result in results.values() for policy in result["rows"][result["shown"]]
    )
    heads = [f"{domain}, o = {result['shown']}" for domain, result in results.items()]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(results) + 1) + "|"]
    for policy in names:
        cells = []
        for result in results.values():
            row = result["rows"][result["shown"]].get(policy)
            cells.append(f"{row['accuracy']:.4f} / {row['cost']:.2f}" if row else "-")
        lines.append(f"| {policy} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def made_up(seed: int, samples: int = 600, exits: int = 12) -> Trace:
    """Return a trace that looks like one: later exits are surer and more often right."""
    rng = np.random.default_rng(seed)
    hard = rng.random((samples, 1))
    logit = 6 * (np.linspace(0.25, 1, exits) - hard) + rng.normal(0, 0.6, (samples, exits))
    confidence = 0.5 + 0.5 / (1 + np.exp(-logit))
    label = rng.integers(2, size=samples)
    right = rng.random((samples, exits)) < confidence
    return Trace(confidence, np.where(right, label[:, None], 1 - label[:, None]), label)


def main() -> None:
    """Study every trace that has no result yet, and draw all results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--quick", action="store_true", help="a made-up trace, in seconds")
    parser.add_argument("--calibration", type=Path, help="a trace of the source domain")
    parser.add_argument("--reference", type=Path, help="the authors' curves")
    parser.add_argument(
        "--threshold", type=float, help="by default .7 for two classes, else .8"
    )
    parser.add_argument("--offload", type=float, nargs="+", default=[1.0, 2.0, 3.0, 4.0, 5.0])
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/paper_table"))
    options = parser.parse_args()
    if options.quick:
        options.passes, options.rounds, options.offload = 3, 200, [1.0, 5.0]
    elif not options.traces and not list(options.out.glob("*.json")):
        parser.error("TRACE.npz must be given, or --quick.")
    calibration = Trace.load(options.calibration) if options.calibration else None
    if options.quick:
        calibration = made_up(1)
    options.out.mkdir(parents=True, exist_ok=True)
    traces = {path.stem.removeprefix("trace-"): path for path in options.traces}
    if options.quick:
        traces["made-up"] = Path()
    for name, path in traces.items():
        kept = options.out / f"{name}.json"
        if kept.exists():
            continue
        trace = with_entropy(Trace.load(path) if path.name else made_up(0))
        if trace.label is None:
            parser.error(f"{path} must have labels: the accuracy needs them.")
        result = plain(study(trace, calibration, options, name))
        kept.write_text(json.dumps(result) + "\n")
    reference = json.loads(options.reference.read_text()) if options.reference else {}
    results = {
        path.stem: json.loads(path.read_text()) for path in sorted(options.out.glob("*.json"))
    }
    results = dict(sorted(results.items(), key=lambda item: item[1]["exits"]))
    for name, result in results.items():
        offload = result["shown"]
        print(f"\n{name}, offload cost {offload} lambda\n\n{table(result, offload)}")
    print(f"\nAccuracy / cost\n\n{summary(results)}")
    draw_costs(results, reference, options.out / "paper_cost_accuracy.png")
    draw_regret(results, options.out / "paper_regret.png")


if __name__ == "__main__":
    main()
