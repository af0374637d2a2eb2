"""Where to split a network that was trained on one kind of text and deployed on another.

    python examples/studies/text.py TRACES --out OUT

TRACES is a folder with ``trace-NAME.npz`` of each domain, as `record_text.py` writes it. On
each deployed one every policy and baseline of `compare` answers 20 passes of 10,000 draws,
without labels, at offload costs of 1, 2, 3 and 5 lambda; the ``--calibration`` trace is the
source domain, on which thresholds are chosen. Writes ``text.json`` and ``text.png``. With
``--quick`` it makes traces up and plays a little, in seconds. The whole takes some ten minutes
on one core.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from banditsplit_envs import Comparison, JointRule, SplitCost, Trace, compare, joint_arms
from banditsplit_envs.evaluation.comparison import (
    AGREEING,
    CERTIFIED,
    JOINT,
    SEQUENTIAL,
    THRESHOLDS,
)

TRADEOFF = 0.1
OURS = ("Thompson-S", SEQUENTIAL, JOINT, AGREEING, CERTIFIED)
KEPT = ("accuracy", "cost", "cost_cut", "offload_rate", "pseudo_regret", "shortfall")


def frontier(trace: Trace, cost: SplitCost) -> list[tuple[float, float]]:
    """Return cost and accuracy of the arms that no other one beats, the cheapest first."""
    rule = JointRule(trace.exits, joint_arms(trace.exits, THRESHOLDS, stay=True), cost)
    _, _, accuracy, paid = rule.means(trace)
    points: list[tuple[float, float]] = []
    for number in np.lexsort((-accuracy[:-1], paid[:-1])):  # without the audit
        if not points or accuracy[number] > points[-1][1]:
            points.append((float(paid[number]), float(accuracy[number])))
    return points


def study(
    trace: Trace, calibration: Trace, offload: float, options: argparse.Namespace
) -> tuple[Comparison, dict[str, Any]]:
    """Return the comparison at an offload cost, and what is kept of it."""
    cost = SplitCost(offload=offload)
    comparison = compare(
        trace,
        cost=cost,
        threshold=options.threshold,
        tradeoff=TRADEOFF,
        calibration=calibration,
        loss=options.loss,
        level=options.level,
        passes=options.passes,
        rounds=options.rounds,
        seed=options.seed,
    )
    reward, paid = comparison.rule.expected(trace.confidence)
    result: dict[str, Any] = {
        "best_layer": int((reward - TRADEOFF * paid).argmax()) + 1,
        "hindsight": [list(point) for point in frontier(trace, cost)],
        "rows": {row["policy"]: rounded(row) for row in comparison.rows},
    }
    return comparison, result


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a row: means, and half the width of their 95 % intervals."""
    kept: dict[str, Any] = {"kind": "ours" if row["policy"] in OURS else row["kind"]}
    for key in KEPT:
        if math.isnan(value := row[key]):
            continue
        kept[key] = round(value, 4)
        if key in ("accuracy", "cost", "pseudo_regret"):
            low, high = row[f"{key}_ci"]
            kept[f"{key}_half"] = round((high - low) / 2, 4)
    return kept


def draw(results: dict[str, Any], offload: str, path: Path) -> None:
    """Draw accuracy against cost at an offload cost, a panel for each domain."""
    figure = Figure(figsize=(4.0 * len(results) + 2.4, 4.2), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(results)))
    for ax, (name, domain) in zip(axes, results.items(), strict=True):
        result = domain[offload]
        rows, best = result["rows"], result["hindsight"]
        ax.step(*zip(*best, strict=True), where="post", color="0.7", label="any arm, hindsight")
        least = rows["final exit"]["accuracy"] - 0.02
        ax.axhline(least, color="0.5", ls=":", lw=1, label="final exit less 2 points")
        for number, (policy, row) in enumerate(rows.items()):
            marker, size = ("*", 13) if row["kind"] == "ours" else ("o", 6)
            color = f"C{number % 10}"
            if row["kind"] != "policy" and row["kind"] != "ours":
                marker, color = "DX^vs<>PhdpH8"[number % 13], "0.4"
            style: dict[str, Any] = {"marker": marker, "ms": size, "color": color}
            ax.plot(row["cost"], row["accuracy"], ls="", label=policy, **style)
        worst = min(row["accuracy"] for row in rows.values())
        ax.set(title=name, xlabel="cost [lambda per sample]", ylim=(worst - 0.01, None))
    axes[0].set_ylabel("accuracy")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)


def made_up(seed: int) -> Trace:
    """Return a trace that looks like one: later exits are surer and more often right."""
    rng = np.random.default_rng(seed)
    label, hard = rng.integers(2, size=1000), rng.random((1000, 1))
    right = hard < np.linspace(0.75, 0.9, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.6, 0.4, 6), 0.5, 1.0)
    return Trace(confidence, np.where(right, label[:, None], 1 - label[:, None]), label)


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="?", help="a folder")
    parser.add_argument("--calibration", default="sst2", help="the name of the source domain")
    parser.add_argument("--domains", nargs="+", default=["books", "dvd", "imdb"])
    parser.add_argument("--offload", type=float, nargs="+", default=[1.0, 2.0, 3.0, 5.0])
    parser.add_argument("--drawn", type=float, default=3.0, help="the figure's offload cost")
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--loss", type=float, default=0.02, help="allowed on the source")
    parser.add_argument("--level", type=float, default=0.05, help="disagreement allowed")
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="play a little on made-up traces")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.quick:
        options.passes, options.rounds, options.offload = 2, 200, [options.drawn]
    elif options.traces is None:
        parser.error("`traces` must be given, or `--quick`.")
    return options


def main() -> None:
    """Play on every domain, and write the table and the figure."""
    options = parse()
    if options.quick:
        traces = {name: made_up(n) for n, name in enumerate(options.domains, 1)}
        calibration = made_up(0)
    else:
        folder = options.traces
        traces = {name: Trace.load(folder / f"trace-{name}.npz") for name in options.domains}
        calibration = Trace.load(folder / f"trace-{options.calibration}.npz")
    results: dict[str, Any] = {name: {} for name in traces}
    jobs = [(name, offload) for name in traces for offload in options.offload]
    for name, offload in tqdm(jobs):
        comparison, result = study(traces[name], calibration, offload, options)
        results[name][f"{offload:g}"] = result
        print(f"\n{name}, offload cost {offload:g}, best split: layer {result['best_layer']}")
        print(comparison)
    options.out.mkdir(parents=True, exist_ok=True)
    given = {key: value for key, value in vars(options).items() if key not in ("traces", "out")}
    text = json.dumps({"options": given, "results": results}, indent=1, allow_nan=False)
    (options.out / "text.json").write_text(text + "\n")
    draw(results, f"{options.drawn:g}", options.out / "text.png")


if __name__ == "__main__":
    main()
