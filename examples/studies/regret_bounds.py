"""What is proved of each policy, what it does, and what no policy could beat in the long run.

    python examples/studies/regret_bounds.py --out examples/studies/results

Every policy that has a finite-time bound plays a problem that its theorem covers. Drawn are
`Policy.regret_bound`, the mean pseudo-regret with its 95 % band, and where there is one the
asymptotic lower bound, which may lie above what is reached by then: it is about the limit.
Writes ``regret_bounds.json`` and ``regret_bounds.png``. A minute or two on one core;
``--quick`` is a first look of seconds.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

import banditsplit as bs
from banditsplit import theory
from banditsplit.simulation import mean_interval

FOUR = bs.BernoulliProblem(np.array([0.8, 0.5, 0.4, 0.3]))
TWO = bs.BernoulliProblem(np.array([0.9, 0.1]))
NORMAL = bs.GaussianProblem(np.array([1.0, 0.5, 0.0]), 0.5)
RING = np.roll(np.eye(4, dtype=np.bool_), 1, 0) | np.roll(np.eye(4, dtype=np.bool_), -1, 0)
GRAPH = bs.GraphProblem(FOUR, RING)
NET = bs.BernoulliProblem(np.array([0.9, 0.8, 0.5, 0.4]), np.array([1.0, 4.0, 1.0, 1.0]))
LINEAR = bs.LinearProblem(np.array([0.6, 0.8, 0.0]), arms=5, std=0.1, contexts="sphere")


def switching(horizon: int) -> bs.PiecewiseProblem:
    """Return a world whose best arm changes once, in the middle."""
    first = bs.BernoulliProblem(np.array([0.9, 0.1, 0.2]))
    second = bs.BernoulliProblem(np.array([0.1, 0.9, 0.2]))
    return bs.PiecewiseProblem([first, second], [horizon // 2 + 1])


@dataclass(frozen=True)
class Panel:
    """A policy, what it plays, and what it is judged by."""

    policy: bs.Policy
    world: Any
    lower: Callable[..., float] | None = theory.lai_robbins_lower_bound
    objective: Any = None
    told: dict[str, Any] | None = None


def panels(horizon: int) -> dict[str, Panel]:
    """Return every policy with a bound."""
    drift = switching(horizon)
    return {
        "UCB, alpha 2.5": Panel(bs.UCB(4, alpha=2.5), FOUR),
        "UCB1": Panel(bs.UCB1(4), FOUR),
        "UCB-V": Panel(bs.UCBV(4), FOUR),
        "KL-UCB, c = 3": Panel(bs.KLUCB(4, c=3.0), FOUR),
        "asymptotically optimal UCB": Panel(
            bs.AsymptoticallyOptimalUCB(3, std=0.5), NORMAL, _normal_lower
        ),
        "MOSS": Panel(bs.MOSS(4, horizon=horizon), FOUR),
        "explore then commit": Panel(bs.ExploreThenCommit(4, pulls_each=100), FOUR),
        "epsilon-greedy, decaying": Panel(bs.EpsilonGreedy(2, epsilon=8.0, decay=True), TWO),
        "successive elimination": Panel(bs.SuccessiveElimination(4, delta=0.05), FOUR),
        "Thompson, two arms": Panel(bs.ThompsonSampling(2), TWO),
        "EXP3": Panel(bs.EXP3(4), FOUR),
        "EXP3, gains": Panel(bs.EXP3(4, horizon=horizon), FOUR),
        "EXP3-IX": Panel(bs.EXP3IX(4), FOUR),
        "EXP3-SET, ring": Panel(bs.EXP3SET(4, graph=RING), GRAPH, None),
        "Tsallis-INF": Panel(bs.TsallisINF(4), FOUR),
        "Tsallis-INF, reduced variance": Panel(bs.TsallisINF(4, reduced_variance=True), FOUR),
        "UCB-N, ring": Panel(
            bs.UCB1(4, side_observations=True), GRAPH, theory.graves_lai_lower_bound
        ),
        "SW-UCB (dynamic)": Panel(bs.SWUCB(3, window=2000, xi=0.6), drift, None),
        "D-UCB (dynamic)": Panel(bs.DUCB(3, discount=0.9995, xi=0.6), drift, None),
        "OFUL (each run)": Panel(bs.OFUL(5, features=3, noise=0.1, shared=True), LINEAR, None),
        "LinUCB (each run)": Panel(
            bs.LinUCB(5, features=3, alpha=1.6, shared=True), LINEAR, None
        ),
        "SplitEE, beta 1.5, net": Panel(
            bs.SplitEE(4, tradeoff=0.1, beta=1.5),
            NET,
            theory.lai_robbins_lower_bound,
            bs.Net(0.1),
        ),
    }


def _normal_lower(problem: Any, horizon: int, **given: Any) -> float:
    return theory.lai_robbins_lower_bound(
        problem, horizon, family=theory.Gaussian(0.5), **given
    )


def play(panel: Panel, horizon: int, runs: int, seed: int) -> dict[str, Any]:
    """Return the curves of one panel."""
    history = bs.simulate(
        {"it": panel.policy},
        panel.world,
        horizon=horizon,
        runs=runs,
        seed=seed,
        checkpoints=200,
        objective=panel.objective,
    )
    shown = np.unique(np.geomspace(3, len(history.rounds), 40).astype(int)) - 1
    rounds = history.rounds[shown].tolist()
    regret = history["it"].pseudo_regret[:, shown]
    low, high = mean_interval(regret)
    bound = [_or_nothing(panel.policy.regret_bound, panel.world, n) for n in rounds]
    given = {} if panel.objective is None else {"objective": panel.objective}
    lower = panel.lower and [panel.lower(panel.world, n, **given) for n in rounds]
    curves = {"mean": regret.mean(0), "low": low, "high": high, "bound": bound, "lower": lower}
    return {"rounds": rounds} | {
        name: None if curve is None else [_short(y) for y in curve]
        for name, curve in curves.items()
    }


def _or_nothing(bound: Any, world: Any, horizon: int) -> float | None:
    """Return the bound; None for rounds that its theorem does not speak of."""
    try:
        return float(bound(world, horizon))
    except ValueError:
        return None


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw a panel for each policy."""
    columns = 4
    rows = -(-len(results) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(11, 2.3 * rows), layout="constrained", sharex=True
    )
    for axes, (name, curves) in zip(grid.flat, results.items(), strict=False):
        rounds = curves["rounds"]
        nan = [np.nan if y is None else y for y in curves["bound"]]
        axes.plot(rounds, nan, color="C3", label="bound")
        axes.plot(rounds, curves["mean"], color="C0", label="mean pseudo-regret")
        axes.fill_between(rounds, curves["low"], curves["high"], color="C0", alpha=0.25, lw=0)
        if curves["lower"]:
            axes.plot(rounds, curves["lower"], "k--", lw=1, label="lower bound (asymptotic)")
        axes.set(xscale="log", yscale="log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
    for axes in grid.flat[len(results) :]:
        axes.axis("off")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    grid.flat[-1].legend(handles, labels, frameon=False, loc="center", fontsize=9)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Play every panel, and write the numbers and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10 runs of 1,000 rounds")
    parser.add_argument("--horizon", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.quick:
        options.horizon, options.runs = 1000, 10
    results = {}
    for name, panel in panels(options.horizon).items():
        results[name] = play(panel, options.horizon, options.runs, options.seed)
        last = results[name]
        print(f"{name:32} {last['mean'][-1]:10} of {last['bound'][-1]}")
        if last["mean"][-1] > last["bound"][-1]:
            raise SystemExit(f"{name}: the mean is above the bound")
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"runs": options.runs, "seed": options.seed, "panels": results})
    (options.out / "regret_bounds.json").write_text(text + "\n")
    draw(results, options.out / "regret_bounds.png")


if __name__ == "__main__":
    main()
