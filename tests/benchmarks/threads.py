"""Eight threads share a policy; feedback comes late, in random order; the counts add up.

    python tests/benchmarks/threads.py

Prints the results as JSON.
"""

import argparse
import json
import sys
import threading
import time
from typing import Any

import numpy as np

from banditsplit import UCB1, Policy


def work(policy: Policy, rounds: int, seed: int, counts: list[Any]) -> None:
    """Decide ``rounds`` times; answer in random order, half of it at the very end."""
    rng = np.random.default_rng(seed)
    mine = np.zeros((policy.arms, 2))
    waiting = []
    for _ in range(rounds):
        waiting.append(policy.decide())
        if rng.random() < 0.5:
            at = rng.integers(len(waiting))
            waiting[at], waiting[-1] = waiting[-1], waiting[at]
            answer(policy, waiting.pop(), mine)
    for number in rng.permutation(len(waiting)):
        answer(policy, waiting[number], mine)
    counts.append(mine)


def answer(policy: Policy, decision: Any, mine: Any) -> None:
    """Answer a decision, and count it."""
    reward = float(decision.id % 2)
    policy.learn(decision, reward)
    mine[decision.arm] += 1, reward


def main() -> None:
    """Run all threads, and compare what they counted with what the policy did."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=100_000)
    options = parser.parse_args()
    policy, counts = UCB1(12, seed=0), list[Any]()
    policy.max_pending = options.threads * options.rounds
    began = time.perf_counter()
    threads = [
        threading.Thread(target=work, args=(policy, options.rounds, seed, counts))
        for seed in range(options.threads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began

    pulls, total = np.sum(counts, 0).T
    stats = policy.stats
    result = {
        "threads": options.threads,
        "decisions_each": options.rounds,
        "pulls_counted_by_threads": pulls.astype(int).tolist(),
        "pulls_counted_by_the_policy": stats.pulls.astype(int).tolist(),
        "largest_difference_of_a_sum": float(abs(stats.mean * stats.pulls - total).max()),
        "round": policy.round,
        "still_waiting": len(policy.pending),
        "seconds": round(seconds),
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    if not (np.array_equal(pulls, stats.pulls) and policy.round == pulls.sum() + 1):
        raise SystemExit("the counts do not add up")


if __name__ == "__main__":
    main()
