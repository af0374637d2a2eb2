"""Memory that a large trace takes: recorded in parts, loaded, and worked on as a whole.

    python tests/benchmarks/trace_size.py > tests/benchmarks/results/trace_size.json

A real network with 24 exits, of very narrow blocks, so that what is measured is the recording.
Each phase runs in a process of its own; the peak of the resident set is its own, and what the
imports alone take is said beside it. Seconds are of processor time. What is worked out of a
whole trace: the means of arms, which every replay begins with; a table of agreement; each
baseline over one pass; `compare` over few rounds, for a round takes the same memory whatever
the trace; and `recommend`, with one threshold a stop.
"""

import argparse
import itertools
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from banditsplit_envs import (
    AgreementTable,
    ExitNetwork,
    JointRule,
    SplitCost,
    Trace,
    attach_exits,
    compare,
    recommend,
    record,
)
from banditsplit_envs.evaluation import baselines
from banditsplit_envs.splitting.outcome import SplitRule

WIDTH = 4
BATCH = 1024


def narrow(exits: int) -> ExitNetwork:
    """Return a network of two classes with ``exits`` exits."""
    torch.manual_seed(0)
    blocks = nn.Sequential(
        *(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(exits))
    )
    example = torch.rand(2, WIDTH)
    names = [str(n) for n in range(exits)]
    return attach_exits(blocks, names, example, classes=2, keep_head=False)


def stream(samples: int) -> Iterator[Any]:
    """Return random batches with labels, made as they are drawn."""
    generator = torch.Generator().manual_seed(0)
    for start in range(0, samples, BATCH):
        size = min(BATCH, samples - start)
        inputs = torch.randn(size, WIDTH, generator=generator)
        yield inputs, (inputs.sum(1) > 0).long()


def megabytes() -> float:
    """Return the largest resident set of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def recorded(path: Path, samples: int, exits: int) -> dict[str, float]:
    """Record to ``path``; return the peaks of memory, in MB."""
    peaks: dict[str, float] = {}

    def watched(starts: Iterable[int]) -> Iterable[int]:
        for number, start in enumerate(starts):
            if number == 1:
                peaks["after the first batch"] = megabytes()
            yield start
        peaks["after the last batch"] = megabytes()

    network = narrow(exits)
    peaks["imports and network"] = megabytes()
    trace = record(network, stream(samples), path=path, progress=watched)
    peaks["joined and loaded"] = megabytes()
    if trace.samples != samples:
        raise AssertionError(f"{trace.samples} samples came back")
    return peaks


def loaded(path: Path, samples: int, exits: int) -> dict[str, float]:
    """Load ``path``; return the peaks of memory, in MB."""
    peaks = {"imports": megabytes()}
    trace = Trace.load(path)
    peaks["loaded"] = megabytes()
    if (trace.samples, trace.exits) != (samples, exits):
        raise AssertionError("another trace came back")
    return peaks


def worked(work: Callable[[Trace], object], path: Path) -> dict[str, float]:
    """Load ``path`` and ``work`` on it; return the peaks of memory, in MB."""
    peaks = {"imports": megabytes()}
    trace = Trace.load(path)
    peaks["loaded"] = megabytes()
    work(trace)
    peaks["worked"] = megabytes()
    return peaks


RULE = SplitRule(0.8, SplitCost())


def played(trace: Trace) -> None:
    """Play the baselines whose play looks at whole rows over one pass."""
    confidence, prediction = trace.confidence, trace.prediction
    if trace.entropy is None:
        raise AssertionError("the trace came without entropy")
    baselines.always_offload(RULE, confidence)
    baselines.first_confident_exit(RULE, confidence)
    baselines.first_certain_exit(RULE, confidence, trace.entropy, most=0.5)
    baselines.patient_exit(RULE, confidence, prediction, patience=trace.exits // 2)


def compared(trace: Trace) -> None:
    """Compare over 2 passes of 100 rounds."""
    compare(trace, cost=RULE.cost, threshold=0.8, tradeoff=0.1, passes=2, rounds=100)


WORK: dict[str, Callable[[Trace], object]] = {
    "SplitRule.expected": lambda trace: RULE.expected(trace.confidence),
    "JointRule.means": lambda trace: JointRule.sequential(trace.exits, (0.8,)).means(trace),
    "AgreementTable": AgreementTable,
    "baselines": played,
    "compare": compared,
    "recommend": lambda trace: recommend(trace, cost=RULE.cost, thresholds=(0.8,)),
}
PHASES = ("record", "load", *WORK)


def measured(phase: str, path: Path, samples: int, exits: int) -> dict[str, float]:
    """Return the peaks of one phase, in MB."""
    if phase == "record":
        return recorded(path, samples, exits)
    return loaded(path, samples, exits) if phase == "load" else worked(WORK[phase], path)


def main() -> None:
    """Measure each phase in a process of its own, in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--exits", type=int, default=24)
    parser.add_argument("--phase", choices=PHASES, help="only this one, here")
    parser.add_argument("--path", type=Path)
    options = parser.parse_args()
    if options.phase:
        torch.set_num_threads(1)
        peaks = measured(options.phase, options.path, options.samples, options.exits)
        seconds = round(time.process_time(), 1)
        sys.stdout.write(json.dumps({"peak_mb": peaks, "seconds": seconds}))
        return
    result: dict[str, Any] = {
        "samples": options.samples,
        "exits": options.exits,
        "batch": BATCH,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.npz"
        sizes = {"samples": options.samples, "exits": options.exits, "path": path}
        given = itertools.chain(*((f"--{name}", str(size)) for name, size in sizes.items()))
        command = [sys.executable, __file__, *given, "--phase"]
        for phase in PHASES:
            done = subprocess.run([*command, phase], check=True, stdout=subprocess.PIPE)  # noqa: S603
            result[phase] = json.loads(done.stdout)
        result["file_mb"] = round(path.stat().st_size / 1e6, 1)
    result["versions"] = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
