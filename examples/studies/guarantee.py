"""Lose at most two answers in a hundred, and pay as little as that allows.

    python examples/studies/guarantee.py TRACE.npz ... --out examples/studies/results

`Constrained` plays sequential exits with joint (layer, threshold) arms on traces, drawn
with replacement. It may play an arm only when its disagreement with the final exit is certified
to be at most ``--level``; beside it SplitEE, SplitEE-S and play that needs no learning.
Writes ``guarantee.json``, a table for each trace. Without a trace it makes a small one of
digits, as a check. About two minutes for each trace.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from tqdm import tqdm

import banditsplit as bs
from banditsplit_envs import JointReplayVector, SplitCost, Trace, compare

THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
DELTA = 0.05


def certified(trace: Trace, options: argparse.Namespace, offload: float) -> dict[str, Any]:
    """Return what the certified policy pays, answers, and gets wrong."""
    cost = SplitCost(offload=offload, evaluates="all")
    env = JointReplayVector(
        trace,
        thresholds=THRESHOLDS,
        cost=cost,
        cloud_reports=options.cloud_reports,
        num_envs=options.replays,
        rounds=options.rounds,
    )
    rule = env.rule
    env.reset(seed=options.seed)
    policy = bs.Constrained(
        rule.arms,
        level=options.level,
        safe=rule.safe,
        revealing=rule.revealing,
        delta=DELTA,
        audit_rate=options.audit_rate,
        burn_in=options.burn_in,
        safe_reveals=True,
        runs=options.replays,
        seed=options.seed,
    )
    sums = dict.fromkeys(("cost", "audits", "correct", "agrees"), np.zeros(options.replays))
    played = np.zeros((options.replays, rule.arms), np.bool_)
    rows = np.arange(options.replays)
    info: dict[str, Any] = {}
    for _ in tqdm(range(options.rounds), desc="certified", leave=False):
        arm = policy.select()
        _, reward, _, _, info = env.step(arm)
        policy.update(arm, reward, info["cost"], info["side_observations"])
        played[rows, arm] = True
        for name, value in (
            ("cost", info["cost"]),
            ("audits", info["audited"]),
            ("correct", info.get("correct", np.nan)),
            ("agrees", info["agrees"]),
        ):
            sums[name] = sums[name] + value
    known = policy.certificate
    agreement, paid = info["expected_reward"], info["expected_cost"]
    bad = 1 - agreement > options.level
    wrong = int(((played | known.certified) & bad).any(-1).sum())
    best = np.where(bad, np.inf, paid)
    best[rule.revealing] = np.inf
    cheapest = int(best.argmin())
    binomial = stats.binomtest(wrong, options.replays, DELTA, alternative="greater")
    return {
        "cost": float(sums["cost"].mean() / options.rounds),
        "accuracy": float(sums["correct"].mean() / options.rounds),
        "disagreement": float(1 - sums["agrees"].mean() / options.rounds),
        "audits": float(sums["audits"].mean()),
        "deployed_cost_at_the_end": float(paid[known.deployed].mean()),
        "settled": float(known.settled.mean()),
        "replays_with_a_bad_arm": wrong,
        "p_value_of_more_than_delta": float(binomial.pvalue),
        "cheapest_feasible": {
            "arm": rule.arm(cheapest)._asdict(),
            "cost": float(paid[cheapest]),
            "disagreement": float(1 - agreement[cheapest]),
        },
    }


def study(trace: Trace, options: argparse.Namespace, offload: float) -> dict[str, Any]:
    """Return the certified policy's row, and the rows of the others."""
    comparison = compare(
        trace,
        cost=SplitCost(offload=offload),
        threshold=options.threshold,
        tradeoff=0.1,
        passes=20,
        rounds=options.rounds,
        seed=options.seed,
    )
    rows = {
        row["policy"]: {key: row[key] for key in ("cost", "accuracy", "offload_rate")}
        for row in comparison.rows
    }
    return {"certified": certified(trace, options, offload), "others": rows}


def small_trace() -> Trace:
    """Return a trace that looks like one: later exits are surer and more often right."""
    rng = np.random.default_rng(0)
    label = rng.integers(10, size=2000)
    hard = rng.random((2000, 1))
    right = hard < np.linspace(0.9, 0.99, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.8, 0.2, 6), 0.1, 1.0)
    return Trace(confidence, np.where(right, label[:, None], (label[:, None] + 1) % 10), label)


def main() -> None:
    """Study every trace, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--level", type=float, default=0.02)
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--offload", type=float, nargs="+", default=[5.0])
    parser.add_argument("--cloud-reports", choices=("final", "all"), default="final")
    parser.add_argument("--audit-rate", type=float, default=0.01)
    parser.add_argument("--burn-in", type=float, default=200.0)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    traces = {path.stem: Trace.load(path) for path in options.traces}
    results: dict[str, Any] = {}
    for name, trace in (traces or {"made up": small_trace()}).items():
        for offload in options.offload:
            result = study(trace, options, offload)
            results[f"{name}, offload {offload:g}"] = result
            print(f"\n{name}, offload cost {offload:g} lambda")
            print(json.dumps(result["certified"], indent=1))
            for policy, row in result["others"].items():
                print(f"  {policy:24} cost {row['cost']:6.2f}  accuracy {row['accuracy']:.4f}")
    given = {key: value for key, value in vars(options).items() if key not in ("traces", "out")}
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"options": given, "results": results}, indent=1)
    (options.out / "guarantee.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
