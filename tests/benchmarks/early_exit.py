"""Early exits save real time: a BERT of MiniLM's size at batch 32, samples leaving one by one.

    python tests/benchmarks/early_exit.py > tests/benchmarks/results/early_exit.json

Needs the `transformers` extra; the weights are random, as time does not depend on them. Each
round runs everything once, one after the other, in an order of its own; the ratios are medians
over rounds of ratios within a round, so that a busy machine disturbs both sides alike.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification

from banditsplit_envs import ExitNetwork, attach_exits

LAYERS = 6
SHARES: dict[str, list[float]] = {
    "nobody leaves": [0, 0, 0, 0, 0],
    "half at every exit": [0.5] * 5,
    "a quarter at every exit": [0.25] * 5,
    "half at the third": [0, 0, 0.5, 0, 0],
    "nine in ten at the first": [0.9, 0, 0, 0, 0],
    "all at the first": [1, 0, 0, 0, 0],
    "all at the third": [0, 0, 1, 0, 0],
}


def minilm(batch: int, tokens: int) -> tuple[ExitNetwork, dict[str, torch.Tensor]]:
    """Return a network of MiniLM's size (6 layers, 384 wide) with exits, and one batch."""
    torch.manual_seed(0)
    how: Any = {
        "vocab_size": 1000,
        "hidden_size": 384,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "num_labels": 2,
    }
    network = attach_exits(
        BertForSequenceClassification(BertConfig(**how)), "bert.encoder.layer"
    )
    ids = torch.randint(1, 1000, (batch, tokens))
    return network, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def thresholds(network: ExitNetwork, inputs: Any, shares: list[float]) -> list[float]:
    """Return thresholds at which these shares of who is left leave at each exit."""
    with torch.inference_mode():
        confidence = network.probabilities(network(inputs)).amax(-1).numpy()
    left, found = np.arange(confidence.shape[1]), []
    for own, share in zip(confidence, shares, strict=False):
        order = left[np.argsort(-own[left], kind="stable")]
        leave = round(share * len(left))
        found.append(float(own[order[leave - 1]]) if leave else 1.0)
        left = order[leave:]
    return [*found, 1.0]


def measured(
    runs: dict[str, Callable[[], object]], rounds: int
) -> dict[str, list[list[float]]]:
    """Return the wall and processor seconds of each run in each round, `[rounds, 2]`."""
    found: dict[str, list[list[float]]] = {name: [] for name in runs}
    rng = np.random.default_rng(0)
    for turn in range(rounds + 1):
        for name in rng.permutation(list(runs)):
            wall, own = time.perf_counter(), time.process_time()
            runs[name]()
            seconds = [time.perf_counter() - wall, time.process_time() - own]
            if turn:  # the first round warms up
                found[name].append(seconds)
    return found


def main() -> None:
    """Measure, and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network, inputs = minilm(options.batch, options.tokens)

    def bare() -> None:
        with torch.inference_mode():
            network.network(**inputs)

    levels = {name: thresholds(network, inputs, shares) for name, shares in SHARES.items()}
    runs: dict[str, Callable[[], object]] = {"bare forward pass": bare}
    for name, level in levels.items():
        runs[name] = partial(network.answer, inputs, threshold=level)
    seconds = measured(runs, options.rounds)

    rows = {}
    for name, level in levels.items():
        exits = network.answer(inputs, threshold=level).exit
        skipped = 1 - float(np.mean(exits + 1)) / LAYERS
        # [rounds, 2]: wall and processor time against those of the same round's forward pass.
        ratios = np.array(seconds[name]) / np.array(seconds["bare forward pass"])
        low, wall, high = np.quantile(ratios[:, 0], [0.25, 0.5, 0.75])
        rows[name] = {
            "layers_not_run": round(skipped, 4),
            "time_over_bare": round(float(wall), 4),
            "time_over_bare_quartiles": [round(float(low), 4), round(float(high), 4)],
            "processor_time_over_bare": round(float(np.median(ratios[:, 1])), 4),
            "time_saved_over_layers_not_run": round(float(1 - wall) / skipped, 3)
            if skipped
            else None,
        }
    result = {
        "network": "BERT, 6 layers, 384 wide, 12 heads, random weights",
        "batch": options.batch,
        "tokens": options.tokens,
        "threads": options.threads,
        "rounds": options.rounds,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "machine": platform.machine(),
        "bare_milliseconds_a_sample": round(
            1e3 * statistics.median(s[0] for s in seconds["bare forward pass"]) / options.batch,
            2,
        ),
        "runs": rows,
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
