"""See SplitEE learn where to split a real 12-exit network, and what that saves.

It trains a small convolutional network on half of scikit-learn's digits (or loads the one it
trained before), records what every exit says of a clean and of a distorted stream of unseen
scans, and lets every policy and baseline answer both streams without labels. It prints the
tables and writes to the output folder: ``results.json``, ``regret.png`` and
``accuracy_cost.png``.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from banditsplit_envs import (
    Comparison,
    DigitsSplit,
    ExitNetwork,
    SplitCost,
    Trace,
    calibrate,
    compare,
    deployment_stream,
    digits_split,
    exit_cnn,
    record,
    train,
)
from banditsplit_envs.evaluation.figures import accuracy_cost_figure, regret_figure

THRESHOLD = 0.8  # confidence from which the device answers
TRADEOFF = 0.1  # confidence given up for one lambda, the cost of one layer with its exit
OFFLOAD_COSTS = (1.0, 2.0, 3.0, 4.0, 5.0)  # lambda
STREAMS = {"clean": 0.0, "distorted": 0.5}  # strength of noise, blur or loss of contrast


def main() -> None:
    """Run the whole story."""
    options = parse()
    torch.set_num_threads(1)  # as fast as two on so small a network, and far less often stuck
    started = time.perf_counter()
    split = digits_split(seed=options.seed)
    network = trained_network(split, options)
    traces = recorded(network, split, options)
    passes = 4 if options.quick else 20
    offload_costs = OFFLOAD_COSTS[::2] if options.quick else OFFLOAD_COSTS
    sweeps = {
        name: {
            offload: compare(
                trace,
                cost=SplitCost(layer=0.8, exit=0.2, offload=offload),
                threshold=THRESHOLD,
                tradeoff=TRADEOFF,
                passes=passes,
                seed=options.seed,
                progress=bar(f"{name} stream, offload cost {offload:g}"),
            )
            for offload in offload_costs
        }
        for name, trace in traces.items()
    }
    for name, sweep in sweeps.items():
        show(name, traces[name], sweep[5.0], passes)
    draw(sweeps, options.out)
    write_results(sweeps, options)
    print(f"\nWritten to {options.out}: results.json, regret.png, accuracy_cost.png")
    print(f"Done in {time.perf_counter() - started:.0f} s.")


def parse() -> argparse.Namespace:
    """Return the options; refuse an output folder that cannot be written before any work."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a smaller run, for a first look")
    parser.add_argument("--seed", type=int, default=0, help="where all randomness comes from")
    parser.add_argument("--out", type=Path, default=Path("out/split_digits"), help="folder")
    options = parser.parse_args()
    if options.seed < 0:
        parser.error(f"`--seed` must be an integer of at least 0, got {options.seed}.")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        probe = options.out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        parser.error(f"`--out` must be a folder that can be written, got {error}.")
    return options


def bar(description: str) -> Any:
    """Return a progress bar that wraps an iterable."""
    return partial(tqdm, desc=f"{description:40}", leave=False, file=sys.stderr)


def trained_network(split: DigitsSplit, options: argparse.Namespace) -> ExitNetwork:
    """Return the calibrated network of this seed: the cached one, or a new one."""
    cache = (
        options.out / f"network-{options.seed}{'-quick' if options.quick else ''}.safetensors"
    )
    network = exit_cnn(seed=options.seed)
    if cache.exists():
        print(f"Network: loaded from {cache}")
        return network.load(cache)
    epochs = 25 if options.quick else 65
    train(network, *split.train, epochs=epochs, seed=options.seed, progress=bar("training"))
    report = calibrate(network, *split.calibration)
    network.save(cache)
    before, after = report.ece_before.mean(), report.ece_after.mean()
    print(f"Network: {network.exits} exits, trained on {len(split.train.labels)} scans.")
    print(f"Calibration error, mean over exits: {before:.3f} before, {after:.3f} after.")
    return network


def recorded(
    network: ExitNetwork, split: DigitsSplit, options: argparse.Namespace
) -> dict[str, Trace]:
    """Return what every exit says of every sample of each stream."""
    samples = 2_000 if options.quick else 10_000
    traces = {}
    for name, strength in STREAMS.items():
        images, labels = deployment_stream(
            split, samples=samples, strength=strength, seed=options.seed
        )
        traces[name] = record(network, images, labels, progress=bar(f"recording, {name}"))
    for name, trace in {"calibration": record(network, *split.calibration), **traces}.items():
        trace.save(options.out / f"trace-{name}.npz")
    return traces


def show(name: str, trace: Trace, comparison: Comparison, passes: int) -> None:
    """Print the table of one stream."""
    print(
        f"\n{name} stream: {trace.samples} samples, {passes} passes, offload cost 5 lambda, "
        f"threshold {THRESHOLD}, tradeoff {TRADEOFF} (cost in lambda per sample)\n"
    )
    print(comparison)
    learner, final = comparison.row("SplitEE"), comparison.row("final exit")
    faster = comparison.row("SplitEE-S")["pseudo_regret"] / learner["pseudo_regret"]
    lost = 100 * (final["accuracy"] - learner["accuracy"])
    print(
        f"\nSplitEE pays {learner['cost_cut']:.0%} less than the final exit and loses "
        f"{lost:.2f} points of accuracy; SplitEE-S has {faster:.2f} of its pseudo-regret."
    )


def draw(sweeps: dict[str, dict[float, Comparison]], out: Path) -> None:
    """Write the two figures, a panel for each stream."""
    regret = regret_figure({f"{name} stream": sweep[5.0] for name, sweep in sweeps.items()})
    regret.savefig(out / "regret.png", dpi=150)
    tradeoff = accuracy_cost_figure({f"{name} stream": s for name, s in sweeps.items()})
    tradeoff.savefig(out / "accuracy_cost.png", dpi=150)


def write_results(
    sweeps: dict[str, dict[float, Comparison]], options: argparse.Namespace
) -> None:
    """Write every row of every comparison as JSON."""
    results = {
        "seed": options.seed,
        "quick": options.quick,
        "threshold": THRESHOLD,
        "tradeoff": TRADEOFF,
        "streams": {
            name: {f"{offload:g}": plain(sweep[offload].rows) for offload in sweep}
            for name, sweep in sweeps.items()
        },
    }
    text = json.dumps(results, indent=1, allow_nan=False)
    (options.out / "results.json").write_text(text + "\n")


def plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it: null for what is not a number."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    main()
