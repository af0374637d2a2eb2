"""A guarantee over 100 arms: what it costs, and how often it fails.

    python examples/studies/certified.py --out examples/studies/results

Each arm has a known cost and an unknown share of wrong answers. `Constrained` may play an arm
only when its share is certified to be at most 2 %. Arm 0 never errs and is dear; arm 1 shows
what every arm would have answered. Twenty arms lie just above the level, where mistakes happen
if they happen. Writes ``certified.json`` and ``certified.png``. Ten minutes on one core;
``--quick`` is a first look of seconds.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from tqdm import tqdm

from banditsplit import Constrained
from banditsplit.theory import BernoulliProblem, GraphProblem

ARMS, LEVEL, DELTA, BLOCK = 100, 0.02, 0.05, 250
SAFE, REVEALING = 0, 1


def world(seed: int) -> tuple[GraphProblem, Any]:
    """Return the arms, and their mean losses `[arms]`.

    The best feasible arm loses .01, half of the level. Cheaper ones lose .04 and more. Of the
    dearer ones twenty lose a trifle too much, and forty little.
    """
    rng = np.random.default_rng(seed)
    loss = np.concatenate(
        [
            [0.0, 0.0, 0.01],
            np.full(20, 0.0205),
            rng.uniform(0.04, 0.3, 37),
            rng.uniform(0.0, 0.01, 40),
        ]
    )
    ranges = [(6, 6, 1), (12, 12, 1), (2, 2, 1), (2, 6, 20), (1, 6, 37), (2.5, 5.5, 40)]
    cost = np.concatenate([rng.uniform(low, high, arms) for low, high, arms in ranges])
    graph = np.zeros((ARMS, ARMS), np.bool_)
    graph[REVEALING] = True
    return GraphProblem(BernoulliProblem(1 - loss, cost), graph), loss


def play(runs: int, rounds: int, checkpoints: Any, seed: int) -> dict[str, Any]:
    """Play one block of runs, and return what was seen at each checkpoint."""
    arms, loss = world(0)
    policy_seed, world_seed = np.random.SeedSequence(seed).spawn(2)
    costs = arms.problem.expected_cost
    policy = Constrained(
        ARMS,
        level=LEVEL,
        safe=SAFE,
        revealing=REVEALING,
        delta=DELTA,
        costs=tuple(costs),
        burn_in=1000.0,
        runs=runs,
        seed=policy_seed,
    )
    rng = np.random.default_rng(world_seed)
    situation = arms.situation(1, runs, rng)
    bad = loss > LEVEL
    played_bad, stopped_early = np.zeros(runs, np.bool_), np.zeros(runs, np.bool_)
    paid, audits = np.zeros(runs), np.zeros(runs, np.int64)
    seen: dict[str, list[Any]] = {"deployed": [], "audits": [], "settled": [], "paid": []}
    for t in range(1, rounds + 1):
        chance = policy.probabilities()[:, REVEALING]
        arm = policy.select()
        reward, cost, side = arms.respond(situation, arm, rng)
        policy.update(arm, reward, cost, side)
        played_bad |= bad[arm]
        audit = arm == REVEALING
        audits += audit
        paid += np.where(audit, 0.0, cost)
        if t in checkpoints:
            known = policy.certificate
            stopped_early |= (chance == 0) & ~known.settled
            played_bad |= (known.certified & bad).any(-1)
            seen["deployed"].append(costs[known.deployed])
            seen["audits"].append(audits.copy())
            seen["settled"].append(known.settled)
            seen["paid"].append(paid / np.maximum(t - audits, 1))
    arrays = {name: np.array(values) for name, values in seen.items()}
    return {"violated": played_bad, "stopped_early": stopped_early, **arrays}


def main() -> None:
    """Play all blocks, and write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="20 runs of 100 rounds")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.quick:
        options.runs, options.rounds = 20, 100

    checkpoints = np.unique(np.geomspace(100, options.rounds, 40).astype(int))
    sizes = [min(BLOCK, options.runs - i) for i in range(0, options.runs, BLOCK)]
    blocks = [
        play(size, options.rounds, set(checkpoints.tolist()), options.seed + number)
        for number, size in enumerate(tqdm(sizes))
    ]
    whole = {
        name: np.concatenate([block[name] for block in blocks], axis=-1) for name in blocks[0]
    }
    violations = int(whole["violated"].sum())
    arms, loss = world(0)
    costs = arms.problem.expected_cost
    best = costs[loss <= LEVEL].min()
    binomial = stats.binomtest(violations, options.runs, DELTA, alternative="greater")
    result = {
        "runs": options.runs,
        "rounds": options.rounds,
        "seed": options.seed,
        "level": LEVEL,
        "delta": DELTA,
        "violations": violations,
        "p_value_of_more_than_delta": float(binomial.pvalue),
        "audits_stopped_before_settled": int(whole["stopped_early"].sum()),
        "cost_of_best_feasible_arm": float(best),
        "cost_of_safe_arm": float(costs[SAFE]),
        "rounds_shown": checkpoints.tolist(),
        **{
            f"mean_{name}": np.round(whole[name].mean(-1), 4).tolist()
            for name in ("deployed", "paid", "audits", "settled")
        },
        "at_the_best_arm": np.round((whole["deployed"] <= best + 1e-9).mean(-1), 4).tolist(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "certified.json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, options.out / "certified.png")
    print(json.dumps({k: v for k, v in result.items() if not isinstance(v, list)}, indent=1))
    print("deployed cost at the end:", result["mean_deployed"][-1], "of", best)


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what is played, what that costs, and how many audits it took."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    rounds = result["rounds_shown"]
    left.axhline(result["cost_of_safe_arm"], color="0.6", linestyle=":", label="safe arm")
    left.axhline(
        result["cost_of_best_feasible_arm"], color="0.3", linestyle="--", label="best feasible"
    )
    left.plot(rounds, result["mean_paid"], label="paid so far, audits excluded")
    left.plot(rounds, result["mean_deployed"], label="arm deployed now")
    left.set(xscale="log", xlabel="round", ylabel="cost", ylim=(0, None))
    left.legend(frameon=False, fontsize=8)
    right.plot(rounds, result["mean_audits"], color="C2")
    right.set(xscale="log", xlabel="round", ylabel="audits so far")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
