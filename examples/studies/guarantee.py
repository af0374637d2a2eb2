"""Lose at most two answers in a hundred, and pay as little as that allows.

    python examples/studies/guarantee.py TRACE.npz ... --calibration SOURCE.npz

On a trace of the source domain the arms worth testing are chosen, which exits to ask and how
sure one must be, and in which order. On the traces of the target domain, drawn with
replacement, `Constrained` then plays an arm only when its disagreement with the final exit is
certified to be at most ``--level``; beside it SplitEE, SplitEE-S and play that never learns.
Writes ``guarantee.json`` into ``--out``. Without traces it makes two up, as a check, and with
``--quick`` it is over in seconds; `examples/split_digits.py` writes those of digits.
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
SUMS = ("cost", "correct", "agrees")


def shows_all(rule: JointRule, options: argparse.Namespace) -> bool:
    """Return whether offloading from the first layer shows every arm's answer."""
    first_exit_alone = all(arm.stops == (0,) for arm in rule.joint)
    return options.cloud_reports == "all" or first_exit_alone


def certified(trace: Trace, rule: JointRule, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the certified policy pays, answers, and gets wrong, after so many rounds."""
    rounds = max(options.rounds)
    env = JointReplayVector(
        trace,
        rule=rule,
        cloud_reports=options.cloud_reports,
        num_envs=options.replays,
        rounds=rounds,
    )
    env.reset(seed=options.seed)
    policy = bs.Constrained(
        rule.arms,
        level=options.level,
        safe=rule.safe,
        # Where offloading shows all arms, it is the cheaper audit.
        revealing=rule.safe if shows_all(rule, options) else rule.revealing,
        delta=DELTA,
        order=rule.order,
        audit_rate=options.audit_rate,
        burn_in=options.burn_in,
        until_certified=options.until_certified,
        safe_reveals=True,
        runs=options.replays,
        seed=options.seed,
    )
    sums = np.zeros((len(SUMS), options.replays))
    played = np.zeros((options.replays, rule.arms), np.bool_)
    rows, unknown = np.arange(options.replays), np.zeros(options.replays)
    results: dict[str, Any] = {}
    for t in tqdm(range(1, rounds + 1), desc="certified", leave=False):
        arm = policy.select()
        _, reward, _, _, info = env.step(arm)
        policy.update(arm, reward, info["cost"], info["side_observations"])
        played[rows, arm] = True
        sums += [info.get(name, unknown) for name in SUMS]
        if t in options.rounds:
            result = report(policy.certificate, played, info, rule, options)
            share = dict(zip(SUMS, sums.mean(1) / t, strict=True))
            result["cost"] = share["cost"]
            result["accuracy"] = share["correct"] if trace.label is not None else None
            result["disagreement"] = 1 - share["agrees"]
            results[f"{t} rounds"] = result
    return results


def report(
    known: Any, played: Any, info: dict[str, Any], rule: JointRule, options: argparse.Namespace
) -> dict[str, Any]:
    """Return how often an arm is certified or was played that loses more than is allowed."""
    disagreement, paid = 1 - info["expected_reward"], info["expected_cost"]
    bad = disagreement > options.level
    wrong = int(((played | known.certified) & bad).any(-1).sum())
    feasible = np.where(bad, np.inf, paid)
    feasible[rule.revealing] = np.inf
    best = int(feasible.argmin())
    test = stats.binomtest(wrong, options.replays, DELTA, alternative="greater")
    deployed = float(paid[known.deployed].mean())
    return {
        "audits": float(np.mean(known.audits)),
        "settled": float(known.settled.mean()),
        "replays": options.replays,
        "replays_with_a_bad_arm": wrong,
        "p_value_of_more_than_delta": float(test.pvalue),
        "cost_of_the_arm_in_play": deployed,
        "above_the_cheapest_feasible": deployed - float(paid[best]),
        "cheapest_feasible": {
            "arm": rule.arm(best),
            "cost": float(paid[best]),
            "disagreement": float(disagreement[best]),
        },
    }


def study(
    trace: Trace, calibration: Trace, options: argparse.Namespace, offload: float
) -> dict[str, Any]:
    """Return the certified policy's row, and the rows of the others."""
    cost = SplitCost(offload=offload)
    arms = joint_arms(1 if options.first_exit else trace.exits, THRESHOLDS)
    rule = JointRule.frontier(
        calibration,
        arms,
        level=options.level,
        most=options.most,
        cost=cost,
    )
    result = certified(trace, rule, options)
    comparison = compare(
        trace,
        cost=cost,
        threshold=options.threshold,
        tradeoff=0.1,
        passes=min(20, options.replays),
        rounds=min(options.rounds),
        seed=options.seed,
    )
    rows = {
        row["policy"]: {key: row[key] for key in ("cost", "accuracy", "offload_rate")}
        for row in comparison.rows
    }
    return {"certified": result, "tested_in_order": list(rule.joint), "others": rows}


def small_trace(seed: int) -> Trace:
    """Return a trace that looks like one: later exits are surer and more often right."""
    rng = np.random.default_rng(seed)
    label = rng.integers(10, size=2000)
    hard = rng.random((2000, 1))
    right = hard < np.linspace(0.9, 0.99, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.8, 0.2, 6), 0.1, 1.0)
    return Trace(confidence, np.where(right, label[:, None], (label[:, None] + 1) % 10), label)


def show(name: str, offload: float, result: dict[str, Any]) -> None:
    """Print what came of a trace."""
    print(f"\n{name}, offload cost {offload:g} lambda")
    for rounds, row in result["certified"].items():
        print(
            f"  certified, {rounds:15} cost {row['cost']:6.2f}  accuracy {row['accuracy']:.4f}"
            f"  bad in {row['replays_with_a_bad_arm']} of {row['replays']}"
            f"  audits {row['audits']:.0f}, {row['above_the_cheapest_feasible']:.2f} above"
            f" the cheapest feasible {row['cheapest_feasible']['cost']:.2f}"
        )
    for policy, row in result["others"].items():
        print(f"  {policy:26} cost {row['cost']:6.2f}  accuracy {row['accuracy']:.4f}")


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--calibration", type=Path, help="of the source domain")
    parser.add_argument("--most", type=int, default=8, help="arms to test")
    parser.add_argument("--level", type=float, default=0.02)
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--offload", type=float, nargs="+", default=[5.0])
    parser.add_argument("--cloud-reports", choices=("final", "all"), default="final")
    parser.add_argument("--first-exit", action="store_true", help="test arms that ask it alone")
    parser.add_argument("--audit-rate", type=float, default=0.005)
    parser.add_argument("--burn-in", type=float, default=0.0)
    parser.add_argument("--until-certified", type=float, default=1.0, help="rate of audits")
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10_000], help="to report at")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few short replays, as a check")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.quick:
        options.replays, options.rounds = 10, [200, 500]
    return options


def main() -> None:
    """Study every trace, and write the tables."""
    options = parse()
    traces = {path.stem: Trace.load(path) for path in options.traces}
    traces = traces or {"made up": small_trace(1)}
    known = Trace.load(options.calibration) if options.calibration else small_trace(0)
    results: dict[str, Any] = {}
    paths = ("traces", "out", "calibration")
    given = {key: value for key, value in vars(options).items() if key not in paths}
    options.out.mkdir(parents=True, exist_ok=True)
    for name, trace in traces.items():
        for offload in options.offload:
            result = study(trace, known, options, offload)
            results[f"{name}, offload {offload:g}"] = result
            show(name, offload, result)
            text = json.dumps({"options": given, "results": results}, indent=1)
            (options.out / "guarantee.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
