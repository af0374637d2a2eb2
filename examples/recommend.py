"""What should be deployed, and what would it save? A recommendation from recorded traces.

    python examples/recommend.py [TRACE.npz ...] [--source SOURCE.npz] [--tradeoff 0.1]

For each trace it prints a short report, and writes ``NAME.json`` and one picture,
``recommend.png``, into ``--out``. Without a trace it trains a small network with exits on
scikit-learn's digits, and recommends for clean and for distorted scans; with ``--quick`` it
trains less and records fewer of them, in seconds.
"""

import argparse
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from banditsplit_envs import (
    SplitCost,
    Trace,
    calibrate,
    deployment_stream,
    digits_split,
    exit_cnn,
    recommend,
    record,
    train,
)
from banditsplit_envs.evaluation.figures import recommendation_figure


def digits_traces(seed: int, *, quick: bool) -> dict[str, Trace]:
    """Return what a small network says of 3,000 clean and 3,000 distorted scans."""
    torch.set_num_threads(1)
    split = digits_split(seed=seed)
    network = exit_cnn(blocks=6, seed=seed)
    epochs, samples = (8, 600) if quick else (30, 3000)
    bar = partial(tqdm, leave=False)
    train(network, *split.train, epochs=epochs, seed=seed, progress=partial(bar, desc="train"))
    calibrate(network, *split.calibration)
    streams = {
        name: deployment_stream(split, samples=samples, strength=strength, seed=seed)
        for name, strength in {"clean": 0.0, "distorted": 0.5}.items()
    }
    return {
        name: record(network, *stream, progress=partial(bar, desc=name))
        for name, stream in streams.items()
    }


def main() -> None:
    """Recommend for every trace."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--source", type=Path, help="a trace that chooses which arms to test")
    parser.add_argument("--offload", type=float, default=5.0, help="in lambda")
    parser.add_argument("--max-disagreement", type=float, default=0.02)
    parser.add_argument("--tradeoff", type=float, help="in its place: agreement for one lambda")
    parser.add_argument("--delta", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a small run, in seconds")
    parser.add_argument("--out", type=Path, default=Path("out/recommend"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    traces = {path.stem.removeprefix("trace-"): Trace.load(path) for path in options.traces}
    traces = traces or digits_traces(options.seed, quick=options.quick)
    source = Trace.load(options.source) if options.source else None
    recommendations = {
        name: recommend(
            trace,
            cost=SplitCost(offload=options.offload),
            max_disagreement=options.max_disagreement,
            tradeoff=options.tradeoff,
            delta=options.delta,
            source=source,
            seed=options.seed,
        )
        for name, trace in traces.items()
    }
    for name, one in recommendations.items():
        print(f"\n{name}\n\n{one}")
        one.save(options.out / f"{name}.json")
    recommendation_figure(recommendations).savefig(options.out / "recommend.png", dpi=120)
    print(f"\nWritten to {options.out}: {', '.join(recommendations)} as json, recommend.png")


if __name__ == "__main__":
    main()
