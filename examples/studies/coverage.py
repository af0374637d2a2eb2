"""Confidence sequences: how often they ever fail, and how wide they are.

    python examples/studies/coverage.py --out examples/studies/results --images docs/images

Coverage: in each world 2,000 runs of 10,000 rounds, looked at after every round; a run counts
as wrong if the true mean is excluded at any time. Width: the mean over 50 runs, beside the
Clopper-Pearson interval, which holds for one time only. Writes ``coverage.json`` and
``confidence_width.png``, and prints the tables. Some five minutes on one core; ``--quick`` is
a first look of seconds.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy import special, stats
from tqdm import tqdm

from banditsplit.theory import (
    BetaMixture,
    Betting,
    EmpiricalBernstein,
    Hoeffding,
    ImportanceWeighted,
)

DELTA, SEED, LEAST = 0.05, 0, 0.2
AT = 1000  # the number of values at which widths are compared
SIDES = ("lower", "upper")


@dataclass(frozen=True)
class Law:
    """What values are drawn from, and their mean."""

    mean: float
    draw: Callable[[np.random.Generator, int], Any]


WORLDS = {
    "Bernoulli(.5)": Law(0.5, lambda rng, runs: rng.binomial(1, 0.5, runs)),
    "Bernoulli(.02)": Law(0.02, lambda rng, runs: rng.binomial(1, 0.02, runs)),
    "Beta(.2, 1.8)": Law(0.1, lambda rng, runs: rng.beta(0.2, 1.8, runs)),
    "Beta(9, 1)": Law(0.9, lambda rng, runs: rng.beta(9, 1, runs)),
    "two points": Law(0.208, lambda rng, runs: 0.2 + 0.8 * rng.binomial(1, 0.01, runs)),
}
CLOPPER_PEARSON = "Clopper-Pearson"


def sequences(**bets: Any) -> dict[str, Any]:
    """Return every sequence, those that bet with a grid of their own."""
    return {
        "Hoeffding": Hoeffding(DELTA),
        "BetaMixture": BetaMixture(DELTA),
        "EmpiricalBernstein": EmpiricalBernstein(DELTA),
        "Betting": Betting(DELTA, **bets),
        "ImportanceWeighted": ImportanceWeighted(DELTA, least=LEAST, **bets),
    }


def feed(sequence: Any, state: Any, values: Any, context: Any, chance: Any) -> None:
    """Observe a round; one with weights sees it with a probability that the context decides."""
    cells = np.arange(values.size)
    if not isinstance(sequence, ImportanceWeighted):
        sequence.observe(state, cells, values)
        return
    p = LEAST + (1 - LEAST) * context**2
    seen = chance < p
    shown = np.where(seen, values, 0.0)
    sequence.observe(state, cells, shown, propensity=p, seen=seen, prediction=context)


def coverage(name: str, runs: int, rounds: int, seed: np.random.SeedSequence) -> list[Any]:
    """Return for each sequence in how many runs a bound was ever wrong."""
    law, rng = WORLDS[name], np.random.default_rng(seed)
    # Only the true mean is asked about, so that bets are made against it alone.
    tried = sequences(grid=(law.mean,))
    states = {key: sequence.empty((runs,)) for key, sequence in tried.items()}
    wrong = {key: np.zeros((2, runs), np.bool_) for key in [*tried, CLOPPER_PEARSON]}
    total = np.zeros(runs)
    for n in tqdm(range(1, rounds + 1), desc=name, mininterval=10):
        values = np.asarray(law.draw(rng, runs), np.float64)
        # What a device might know beforehand: half of the value, half of it noise.
        context, chance = (values + rng.random(runs)) / 2, rng.random(runs)
        for key, sequence in tried.items():
            feed(sequence, states[key], values, context, chance)
            for i, side in enumerate(SIDES):
                wrong[key][i] |= sequence.excludes(states[key], law.mean, side)
        total += values
        if name.startswith("Bernoulli"):  # the interval for one time, looked at all the time
            wrong[CLOPPER_PEARSON][0] |= special.bdtrc(total - 1, n, law.mean) < DELTA / 2
            wrong[CLOPPER_PEARSON][1] |= special.bdtr(total, n, law.mean) < DELTA / 2
    rows = []
    for key, sides in wrong.items():
        if key == CLOPPER_PEARSON and not name.startswith("Bernoulli"):
            continue
        either = int(sides.any(0).sum())
        test = stats.binomtest(either, runs, DELTA, alternative="greater")
        rows.append(
            {
                "world": name,
                "sequence": key,
                "wrong": either,
                "lower": int(sides[0].sum()),
                "upper": int(sides[1].sum()),
                "p_value": float(test.pvalue),
            }
        )
    return rows


def clopper_pearson(total: Any, n: int) -> Any:
    """Return the width of the interval for one time, for ``total`` ones among ``n``."""
    upper = np.where(total < n, special.betaincinv(total + 1, n - total, 1 - DELTA / 2), 1)
    lower = np.where(total > 0, special.betaincinv(total, n - total + 1, DELTA / 2), 0)
    return upper - lower


def widths(
    name: str, runs: int, checkpoints: list[int], seed: np.random.SeedSequence
) -> dict[str, list[float]]:
    """Return the mean width of each sequence after each number of values."""
    law, rng = WORLDS[name], np.random.default_rng(seed)
    tried = sequences()
    states = {key: sequence.empty((runs,)) for key, sequence in tried.items()}
    width: dict[str, list[float]] = {key: [] for key in [*tried, CLOPPER_PEARSON]}
    ones = np.zeros(runs)
    for n in tqdm(range(1, checkpoints[-1] + 1), desc=f"width, {name}", mininterval=10):
        values = np.asarray(law.draw(rng, runs), np.float64)
        context, chance = (values + rng.random(runs)) / 2, rng.random(runs)
        for key, sequence in tried.items():
            feed(sequence, states[key], values, context, chance)
        # Rounded at random to 0 or 1, with the same mean: what the binomial law asks for.
        ones += rng.random(runs) < values
        if n in checkpoints:
            for key, sequence in tried.items():
                lower, upper = sequence.bounds(states[key])
                width[key].append(float((upper - lower).mean()))
            width[CLOPPER_PEARSON].append(float(clopper_pearson(ones, n).mean()))
    return width


def figure(results: Any, path: Path) -> None:
    """Draw width against the number of values."""
    shown = list(WORLDS)[:4]
    figure, axes = plt.subplots(2, 2, figsize=(8, 6.4), sharex=True, layout="constrained")
    for axis, name in zip(axes.flat, shown, strict=True):
        for key, width in results["width"][name].items():
            fixed = key == CLOPPER_PEARSON
            style = {"color": "black", "ls": "--"} if fixed else {}
            label = "Clopper-Pearson, for one time only" if fixed else key
            axis.plot(results["checkpoints"], width, label=label, **style)
        axis.set(xscale="log", yscale="log", title=name)
        axis.grid(visible=True, which="major", alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("values")
    for axis in axes[:, 0]:
        axis.set_ylabel("mean width")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=130)


def tables(results: Any) -> str:
    """Return the tables of the documentation."""
    head = "| | " + " | ".join(WORLDS) + " |\n|---" + "|---:" * len(WORLDS) + "|\n"
    wrong = {(row["world"], row["sequence"]): row["wrong"] for row in results["coverage"]}
    at = results["checkpoints"].index(AT) if AT in results["checkpoints"] else -1
    shares, width = head, head
    for key in results["width"][next(iter(WORLDS))]:
        cells = [wrong.get((world, key)) for world in WORLDS]
        texts = ["" if n is None else f"{100 * n / results['runs']:.2f} %" for n in cells]
        shares += f"| {key} | " + " | ".join(texts) + " |\n"
        values = [f"{results['width'][world][key][at]:.4f}" for world in WORLDS]
        width += f"| {key} | " + " | ".join(values) + " |\n"
    return f"{shares}\n{width}"


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20 runs of 200 rounds")
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--images", type=Path, help="where the figure goes; as --out")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--width-runs", type=int, default=50)
    given = parser.parse_args()
    if given.quick:
        given.runs, given.rounds, given.width_runs = 20, 200, 2
    began = time.process_time()
    seeds = np.random.SeedSequence(SEED).spawn(2 * len(WORLDS))
    marks = np.geomspace(10, given.rounds, 25).round().astype(int).tolist()
    checkpoints = sorted({*marks, min(AT, given.rounds)})
    results: dict[str, Any] = {
        "command": "python examples/studies/coverage.py",
        "delta": DELTA,
        "runs": given.runs,
        "rounds": given.rounds,
        "width_runs": given.width_runs,
        "seed": SEED,
        "checkpoints": checkpoints,
        "coverage": [],
        "width": {},
    }
    for i, name in enumerate(WORLDS):
        results["coverage"] += coverage(name, given.runs, given.rounds, seeds[2 * i])
        results["width"][name] = widths(name, given.width_runs, checkpoints, seeds[2 * i + 1])
    results["cpu_seconds"] = round(time.process_time() - began)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "coverage.json").write_text(json.dumps(results, indent=1) + "\n")
    images = given.images or given.out
    images.mkdir(parents=True, exist_ok=True)
    figure(results, images / "confidence_width.png")
    print(tables(results))


if __name__ == "__main__":
    main()
