"""How far side observations are from what they stand for, arm by arm.

    python examples/studies/side_bias.py TRACE.npz ... --offload 5 --out results

A sample that leaves at layer ``i`` tells of the layers before it, but not what the cloud would
have said of it. Each way of filling that in is worked out over a whole trace, exactly: all
samples, all deeper arms alike, and the audit's coin by its two sides. So what is left is bias
and no noise. Writes ``side_bias.json`` and ``side_bias.png`` into ``--out``. Without traces it
makes one up; `examples/split_digits.py` writes those of digits.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from banditsplit_envs import SplitCost, SplitRule, Trace

TRADEOFF = 0.1  # confidence given up for one lambda
SIDES = {
    "surrogate": "surrogate: the confidence at the split",
    "observed": "skipped where unseen",
    "as_published": "as published (no device can know it)",
    "doubly_robust": "doubly robust",
}


def side_means(trace: Trace, rule: SplitRule) -> dict[str, Any]:
    """Return bias and noise of the reward observed of each arm but the last, `[arms - 1]` each.

    ``bias`` is over pulls of all deeper arms alike, and ``bias_next`` over those of the next
    one alone. ``unseen`` is the share of observations that stand in for a final confidence
    that nobody computed.
    """
    exits, nobody = trace.exits, np.zeros(trace.samples, np.bool_)
    weight, first, second, unseen = np.zeros((4, exits, exits))  # of each [pulled, observed]
    for pulled in range(1, exits):
        arm = np.full(trace.samples, pulled)
        offloads = rule.offloads(trace.confidence[:, pulled], arm, exits)
        stays = ~offloads & (arm < exits - 1)
        coins = [(nobody, 1.0)]
        if rule.audit_rate:
            coins = [(nobody, 1 - rule.audit_rate), (stays, rule.audit_rate)]
        for audited, chance in coins:
            ran = rule.computed(arm, offloads | audited, exits)
            seen = np.where(ran, trace.confidence, np.nan)
            final = trace.confidence[:, -1] if rule.side == "as_published" else None
            side = rule.reveal(seen, arm, audited, final)
            needs = side.revealed & ~rule.confident(trace.confidence)
            weight[pulled] += chance * side.revealed.sum(0)
            first[pulled] += chance * side.reward.sum(0)  # 0 where not revealed
            second[pulled] += chance * np.square(side.reward).sum(0)
            unseen[pulled] += chance * (needs & np.isnan(seen[:, -1:])).sum(0)
    truth = rule.expected(trace.confidence)[0][:-1]
    known = weight.sum(0)[:-1]
    mean, square, share = (total.sum(0)[:-1] / known for total in (first, second, unseen))
    return {
        "bias": mean - truth,
        "bias_next": np.diag(first, -1) / np.diag(weight, -1) - truth,
        "noise": np.sqrt(np.maximum(square - mean**2, 0.0)),
        "unseen": share,
    }


def study(trace: Trace, offload: float, options: argparse.Namespace) -> dict[str, Any]:
    """Return what each way does to each arm, beside the gaps between the arms."""
    cost = SplitCost(offload=offload, evaluates="all")
    ways = {
        side: side_means(
            trace,
            SplitRule(
                options.threshold,
                cost,
                side,
                options.audit_rate if side == "doubly_robust" else 0.0,
            ),
        )
        for side in SIDES
    }
    reward, paid = SplitRule(options.threshold, cost).expected(trace.confidence)
    value = np.sort(reward - TRADEOFF * paid)
    return {
        "smallest_gap": value[-1] - value[-2],
        "true_reward": reward,
        **ways,
    }


def made_up() -> Trace:
    """Return a trace in which later exits are surer."""
    rng = np.random.default_rng(0)
    hard = rng.random((2000, 1))
    noise = 0.05 * rng.normal(size=(2000, 6))
    confidence = np.clip(1.1 - hard * np.linspace(1.0, 0.1, 6) + noise, 0.1, 1.0)
    return Trace(confidence, np.zeros((2000, 6), np.int64))


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the figure: a column for each trace, a row for which arms were pulled."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - not needed for the numbers

    figure = Figure(figsize=(1.6 + 2.9 * len(results), 5.6), layout="constrained")
    panels = figure.subplots(2, len(results), sharex="col", sharey=True, squeeze=False)
    rows = {"bias": "any deeper arm pulled", "bias_next": "the next arm pulled"}
    for column, (name, result) in zip(panels.T, results.items(), strict=True):
        gap = result["smallest_gap"]
        for axes, (row, pulled) in zip(column, rows.items(), strict=True):
            axes.axhspan(-gap, gap, color="0.92", label="smallest gap between arms")
            axes.axhline(0, color="0.5", linewidth=0.8)
            for marker, (side, label) in zip("osx.", SIDES.items(), strict=True):
                bias = result[side][row]
                axes.plot(range(1, len(bias) + 1), bias, marker + "-", label=label, ms=5, lw=1)
            axes.set_title(f"{name}, {pulled}", fontsize=9)
        column[-1].set_xlabel("layer of the arm observed")
    largest = max(
        np.abs(result[side][row]).max()
        for result in results.values()
        for side in SIDES
        for row in rows
    )
    for axes in panels[:, 0]:
        axes.set_ylabel("bias of its reward")
        axes.set_ylim(-1.2 * largest, 1.2 * largest)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(path, dpi=100)


def plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return np.round(value, 6).tolist()


def main() -> None:
    """Study every trace, and write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--offload", type=float, nargs="+", default=[5.0], help="one, or each")
    parser.add_argument("--audit-rate", type=float, default=0.05)
    parser.add_argument(
        "--quick", action="store_true", help="accepted: it takes seconds anyway"
    )
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    traces = {path.stem.removeprefix("trace-"): Trace.load(path) for path in options.traces}
    traces = traces or {"made up": made_up()}
    offload = options.offload * (len(traces) if len(options.offload) == 1 else 1)
    results = {
        name: study(trace, cost, options)
        for (name, trace), cost in zip(traces.items(), offload, strict=True)
    }
    for name, result in results.items():
        print(f"\n{name}: smallest gap {result['smallest_gap']:.4f}")
        print(f"  {'largest':40} bias    (next)   noise  unseen")
        for side, label in SIDES.items():
            found = result[side]
            bias, closest = (max(found[row], key=abs) for row in ("bias", "bias_next"))
            noise, unseen = found["noise"].max(), found["unseen"].max()
            print(f"  {label:40} {bias:+.4f}  {closest:+.4f}  {noise:.3f}  {unseen:.1%}")
    given = {"threshold": options.threshold, "offload": offload}
    given |= {"audit_rate": options.audit_rate, "tradeoff": TRADEOFF}
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"options": given, "results": plain(results)}, indent=1)
    (options.out / "side_bias.json").write_text(text + "\n")
    draw(results, options.out / "side_bias.png")


if __name__ == "__main__":
    main()
