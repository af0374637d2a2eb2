"""Lose at most two answers in a hundred, and pay as little as that allows.

    python examples/studies/guarantee.py TRACE.npz ... --calibration SOURCE.npz

On a trace of the source domain the arms worth testing are chosen, which exits to ask and how
sure one must be, and in which order. On the traces of the target domain, drawn with
replacement, `Constrained` then plays an arm only when its disagreement with the final exit is
certified to be at most ``--level``; beside it SplitEE, SplitEE-S and play that never learns.
Writes ``guarantee.json`` into ``--out``. Without traces it makes two up, as a check;
`examples/split_digits.py` writes those of digits.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from tqdm import tqdm

import banditsplit as bs
from banditsplit_envs import JointReplayVector, JointRule, SplitCost, Trace, compare, joint_arms

THRESHOLDS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
DELTA = 0.05


def certified(trace: Trace, rule: JointRule, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the certified policy pays, answers, and gets wrong."""
    env = JointReplayVector(
        trace,
        rule=rule,
        cloud_reports=options.cloud_reports,
        num_envs=options.replays,
        rounds=options.rounds,
    )
    env.reset(seed=options.seed)
    policy = bs.Constrained(
        rule.arms,
        level=options.level,
        safe=rule.safe,
        # Where the cloud reports all its exits, offloading is the cheaper audit.
        revealing=rule.safe if options.cloud_reports == "all" else rule.revealing,
        delta=DELTA,
        order=rule.order,
        audit_rate=options.audit_rate,
        burn_in=options.burn_in,
        safe_reveals=True,
        runs=options.replays,
        seed=options.seed,
    )
    sums = dict.fromkeys(("cost", "correct", "agrees"), np.zeros(options.replays))
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
        "audits": float(np.mean(known.audits)),
        "deployed_cost_at_the_end": float(paid[known.deployed].mean()),
        "settled": float(known.settled.mean()),
        "replays_with_a_bad_arm": wrong,
        "p_value_of_more_than_delta": float(binomial.pvalue),
        "cheapest_feasible": {
            "arm": rule.arm(cheapest),
            "cost": float(paid[cheapest]),
            "disagreement": float(1 - agreement[cheapest]),
        },
    }


def study(
    trace: Trace, calibration: Trace, options: argparse.Namespace, offload: float
) -> dict[str, Any]:
    """Return the certified policy's row, and the rows of the others."""
    cost = SplitCost(offload=offload)
    comparison = compare(
        trace,
        cost=cost,
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
    rule = JointRule.frontier(
        calibration,
        joint_arms(trace.exits, THRESHOLDS),
        level=options.level,
        most=options.most,
        cost=cost,
    )
    result = certified(trace, rule, options)
    return {"certified": result, "tested_in_order": list(rule.joint), "others": rows}


def small_trace(seed: int) -> Trace:
    """Return a trace that looks like one: later exits are surer and more often right."""
    rng = np.random.default_rng(seed)
    label = rng.integers(10, size=2000)
    hard = rng.random((2000, 1))
    right = hard < np.linspace(0.9, 0.99, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.8, 0.2, 6), 0.1, 1.0)
    return Trace(confidence, np.where(right, label[:, None], (label[:, None] + 1) % 10), label)


def main() -> None:
    """Study every trace, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--calibration", type=Path, help="of the source domain")
    parser.add_argument("--most", type=int, default=8, help="arms to test")
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
    traces = traces or {"made up": small_trace(1)}
    known = Trace.load(options.calibration) if options.calibration else small_trace(0)
    for trace in traces.values():
        known.check_same_network(trace)  # its arms are those of no other one
    results: dict[str, Any] = {}
    for name, trace in traces.items():
        for offload in options.offload:
            result = study(trace, known, options, offload)
            results[f"{name}, offload {offload:g}"] = result
            print(f"\n{name}, offload cost {offload:g} lambda")
            print(json.dumps(result["certified"], indent=1))
            for policy, row in result["others"].items():
                print(f"  {policy:24} cost {row['cost']:6.2f}  accuracy {row['accuracy']:.4f}")
    paths = ("traces", "out", "calibration")
    given = {key: value for key, value in vars(options).items() if key not in paths}
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"options": given, "results": results}, indent=1)
    (options.out / "guarantee.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
