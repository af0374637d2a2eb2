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
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from tqdm import tqdm

import banditsplit as bs
from banditsplit_envs import JointRule, SplitCost, Trace, compare, joint_arms
from banditsplit_envs.evaluation.recommending import THRESHOLDS

DELTA = 0.05
LONGEST = 1000  # rounds that are played at a time


class World(NamedTuple):
    """What every arm does with every sample, `[samples, arms]`."""

    cost: Any
    agrees: Any
    correct: Any


def world_of(trace: Trace, rule: JointRule) -> World:
    """Return it as `JointReplayVector` would answer, all at once."""
    verdict = rule.verdicts(trace.confidence)
    answer = np.take_along_axis(trace.prediction, verdict.exit, 1)
    label = np.full(trace.samples, -1) if trace.label is None else trace.label
    agrees = rule.agreements(verdict, trace.prediction.astype(np.int64))
    return World(verdict.cost, agrees, answer == label[:, None])


def certified(trace: Trace, rule: JointRule, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the certified policy pays, answers, and gets wrong, after so many rounds.

    The policy learns from audits alone, and draws one with the same probability until it has
    learned. So play goes from audit to audit: how many rounds lie between is geometric.
    """
    # Where offloading shows all arms, it is the cheaper audit.
    first_exit_alone = all(arm.stops == (0,) for arm in rule.joint)
    shows_all = options.cloud_reports == "all" or first_exit_alone
    audit = rule.safe if shows_all else rule.revealing
    policy = bs.Constrained(
        rule.arms,
        level=options.level,
        safe=rule.safe,
        revealing=audit,
        delta=DELTA,
        order=rule.order,
        audit_rate=options.audit_rate,
        burn_in=0.0,
        until_certified=options.until_certified,
        runs=options.replays,
        seed=options.seed,
    )
    world, rng = world_of(trace, rule), np.random.default_rng(options.seed)
    run, pulls = np.arange(options.replays), np.full(options.replays, audit)
    sums = np.zeros((len(world), options.replays))
    played = np.zeros((options.replays, rule.arms), np.bool_)
    t = np.zeros(options.replays, np.int64)
    side = {"revealed": np.tile(np.arange(rule.arms) != audit, (options.replays, 1))}
    results: dict[str, Any] = {}
    for rounds in sorted(options.rounds):
        bar = tqdm(total=rounds * options.replays, desc=f"{rounds} rounds", leave=False)
        while (room := np.minimum(rounds - t, LONGEST)).any():
            arm, rate = policy.recommendation, policy.probabilities()[:, audit]
            wait = np.where(rate > 0, rng.geometric(np.maximum(rate, 1e-9)), rounds + 1)
            due = wait <= room
            between = np.minimum(wait - 1, room)
            who = np.repeat(run, between)
            sample, which = rng.integers(trace.samples, size=who.size), arm[who]
            shown = rng.integers(trace.samples, size=options.replays)
            for row, table in enumerate(world):
                sums[row] += np.bincount(who, table[sample, which], options.replays)
                sums[row] += due * table[shown, audit]
            played[run, arm] |= between > 0
            if due.any():
                cost, agrees = world.cost[shown], world.agrees[shown] * 1.0
                told = side | {"reward": agrees, "cost": cost, "kind": "observed"}
                policy.update(pulls, agrees[:, audit], cost[:, audit], told, due)
            t += between + due
            bar.update(int((between + due).sum()))
        bar.close()
        result = report(policy.certificate, played, world, rule, options)
        share = dict(zip(world._fields, sums.mean(1) / rounds, strict=True))
        result["cost"] = share["cost"]
        result["accuracy"] = None if trace.label is None else share["correct"]
        result["disagreement"] = 1 - share["agrees"]
        results[f"{rounds} rounds"] = result
    return results


def report(
    known: Any, played: Any, world: World, rule: JointRule, options: argparse.Namespace
) -> dict[str, Any]:
    """Return how often an arm is certified or was played that loses more than is allowed."""
    disagreement, paid = 1 - world.agrees.mean(0), world.cost.mean(0)
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
    for trace in traces.values():
        known.check_same_network(trace)  # its arms are those of no other one
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
