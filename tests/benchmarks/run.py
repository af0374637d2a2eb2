"""Speed against peers and against C: one command, every ratio taken within one run.

    python tests/benchmarks/run.py [--quick] [--out DIR]

It needs banditsplit alone. What else it finds it measures (river, MABWiser, SMPyBandits; gcc
for the C loop; matplotlib for the figure), and what it does not find it reports as absent.
Subjects of a comparison take turns, so that a noisy machine is noisy for all of them; a figure
is the median, and a ratio is the median of the ratios of neighbours, with its quartiles.
"""

import argparse
import importlib
import importlib.metadata
import inspect
import json
import logging
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeAlias

import numpy as np

import banditsplit
from banditsplit import UCB1, BernoulliProblem, Policy, algorithms, compose, indices, simulate

HERE = Path(__file__).resolve().parent
ARMS = 12
MEANS = np.linspace(0.1, 0.9, ARMS)
PROBLEM = BernoulliProblem(MEANS)
# What a named algorithm may ask for beside the number of arms.
ARGUMENTS = {
    "alpha": 4.0,
    "arm": 0,
    "discount": 0.99,
    "horizon": 10_000,
    "pulls_each": 100,
    "tradeoff": 0.1,
    "window": 200,
}
# Where one of several arguments must be given.
ONE_OF = {
    "EXP3S": {"horizon": 10_000, "changes": 2},
    "SuccessiveElimination": {"horizon": 10_000},
}
MATCHES = {"UCB1": "UCB", "ThompsonSampling": "Thompson", "EpsilonGreedy": "epsilon-greedy"}

Subject: TypeAlias = Callable[[], float]  # measures once: seconds per decision
Times: TypeAlias = dict[str, list[float]]
Table: TypeAlias = dict[str, Any]


def interleaved(subjects: Mapping[str, Subject], repeats: int) -> Times:
    """Let the subjects take turns, after one turn that does not count."""
    for subject in subjects.values():
        subject()
    times: Times = {name: [] for name in subjects}
    for _ in range(repeats):
        for name, subject in subjects.items():
            times[name].append(subject())
    return times


def quartiles(numbers: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return [float(f"{x:.4g}") for x in np.percentile(numbers, [25, 50, 75])]


def ratio(times: Times, numerator: str, denominator: str) -> list[float]:
    """Quartiles of the ratios of neighbours."""
    pairs = zip(times[numerator], times[denominator], strict=True)
    return quartiles([a / b for a, b in pairs])


def named_policies() -> tuple[dict[str, Policy], dict[str, str]]:
    """Every named algorithm that plays this problem; and why the others are left out."""
    policies, left_out = {}, {}
    for name in algorithms.__all__:
        make = getattr(algorithms, name)
        signature = inspect.signature(make).parameters.values()
        needed = [
            p.name
            for p in signature
            if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "arms"
        ]
        if missing := set(needed) - set(ARGUMENTS):
            left_out[name] = f"needs {', '.join(sorted(missing))}"
            continue
        given = {n: ARGUMENTS[n] for n in needed} | ONE_OF.get(name, {})
        policy = make(ARMS, **given, seed=0)
        if policy.recipe.context_shape is not None or policy.recipe.resources is not None:
            left_out[name] = "needs a world with contexts or several resources"
            continue
        if policy.recipe.side_observations:
            left_out[name] = "needs a world with side observations"
            continue
        policies[name] = policy
    return policies, left_out


def module(name: str) -> Any:
    """A peer, or None; what it prints while it is imported is not ours to show."""
    logging.disable(logging.CRITICAL)
    try:
        with Path(os.devnull).open("w") as nowhere:
            shown, sys.stdout = sys.stdout, nowhere
            try:
                return importlib.import_module(name)
            finally:
                sys.stdout = shown
    except Exception as error:  # noqa: BLE001 - a peer may be broken in any way
        ABSENT[name.partition(".")[0]] = f"{type(error).__name__}: {error}".split(" (/")[0]
        return None


ABSENT: dict[str, str] = {}


# One decision: choose, then learn. Every subject meets the same rewards.


def one_by_one(rounds: int, select: Callable[[], Any], update: Callable[..., Any]) -> Subject:
    """Time ``rounds`` decisions of a learner that goes on learning from turn to turn."""
    draws = random.Random(0)  # noqa: S311 - rewards, not secrets
    laws = MEANS.tolist()
    rewards = [[int(draws.random() < law) for law in laws] for _ in range(rounds)]

    def measure() -> float:
        start = time.perf_counter()
        for row in rewards:
            arm = select()
            update(arm, row[arm])
        return (time.perf_counter() - start) / rounds

    return measure


def latency_subjects(policies: Mapping[str, Policy], rounds: int) -> dict[str, Subject]:
    """Ours, river's, MABWiser's and SMPyBandits' learners."""
    subjects = {}
    for name, policy in policies.items():
        learner = policy.fresh(seed=0)
        if not learner.finished:
            subjects[name] = one_by_one(rounds, learner.select, learner.update)
    arms = list(range(ARMS))
    for name, peer in river_policies().items():
        subjects[f"river {name}"] = one_by_one(rounds, _pull(peer, arms), peer.update)
    slow = max(50, rounds // 20)
    for name, peer in mabwiser_policies().items():
        peer.fit(arms, [0] * ARMS)
        subjects[f"MABWiser {name}"] = one_by_one(slow, peer.predict, _fit(peer))
    if (theirs := module("SMPyBandits.Policies")) is not None:
        makes = (theirs.UCB, theirs.Thompson, theirs.EpsilonGreedy)
        for name, make in zip(MATCHES.values(), makes, strict=True):
            peer = make(ARMS)
            peer.startGame()
            subjects[f"SMPyBandits {name}"] = one_by_one(rounds, peer.choice, peer.getReward)
    return subjects


def river_policies() -> dict[str, Any]:
    """UCB with the constant of UCB1, Thompson with the uniform prior, epsilon-greedy .1."""
    bandit, proba = module("river.bandit"), module("river.proba")
    if bandit is None or proba is None:
        return {}
    prior = proba.Beta(1, 1)
    return {
        "UCB": bandit.UCB(delta=2, seed=0),
        "Thompson": bandit.ThompsonSampling(reward_obj=prior, seed=0),
        "epsilon-greedy": bandit.EpsilonGreedy(epsilon=0.1, seed=0),
    }


def mabwiser_policies() -> dict[str, Any]:
    """The same three of MABWiser, which have seen nothing."""
    mab = module("mabwiser.mab")
    if mab is None:
        return {}
    learning = mab.LearningPolicy
    kinds = (learning.UCB1(), learning.ThompsonSampling(), learning.EpsilonGreedy(0.1))
    makes = zip(MATCHES.values(), kinds, strict=True)
    return {name: mab.MAB(list(range(ARMS)), kind, seed=0) for name, kind in makes}


def _pull(peer: Any, arms: list[int]) -> Callable[[], Any]:
    return lambda: peer.pull(arms)


def _fit(peer: Any) -> Callable[..., Any]:
    return lambda arm, reward: peer.partial_fit([arm], [reward])


# Simulation: the tool of each package, as it is.


class Arms:
    """The problem as river's `evaluate` wants it, without Gymnasium's wrappers around it."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    render_mode = spec = None

    def __init__(self, horizon: int) -> None:
        self.horizon, self.laws = horizon, MEANS.tolist()
        self.action_space = SimpleNamespace(n=ARMS, seed=lambda _: None)

    def reset(
        self, *, seed: int | None = None, options: Any = None
    ) -> tuple[int, dict[str, Any]]:
        del options
        self.draws, self.left = random.Random(seed), self.horizon  # noqa: S311
        return 0, {}

    def step(self, arm: int) -> tuple[int, int, bool, bool, dict[str, Any]]:
        self.left -= 1
        return 0, int(self.draws.random() < self.laws[arm]), False, self.left == 0, {}


def gymnasium_env(horizon: int) -> Any:
    """The same as Gymnasium makes it by default, with its wrappers."""
    if (gym := module("gymnasium")) is None:
        return None
    spaces = {"observation_space": gym.spaces.Discrete(1)}

    def start(self: Any, horizon: int) -> None:
        Arms.__init__(self, horizon)
        self.action_space = gym.spaces.Discrete(ARMS)

    def step(self: Any, arm: Any) -> Any:
        return Arms.step(self, int(arm))

    kind = type("GymArms", (Arms, gym.Env), {"__init__": start, "step": step, **spaces})
    gym.register("Arms-v0", kind, kwargs={"horizon": horizon}, max_episode_steps=horizon)
    return gym.make("Arms-v0")


def timed(decisions: int, play: Callable[[], Any]) -> Subject:
    """Seconds per decision of one call."""

    def measure() -> float:
        start = time.perf_counter()
        play()
        return (time.perf_counter() - start) / decisions

    return measure


def ours(policy: Policy, runs: int, horizon: int, problem: Any = PROBLEM) -> Subject:
    """Our own `simulate`."""
    return timed(
        runs * horizon,
        lambda: simulate({"it": policy}, problem, horizon=horizon, runs=runs, seed=0),
    )


def textbook(folder: Path, rounds: int) -> dict[str, Subject]:
    """The C loop, compiled on the spot; it times itself."""
    if (gcc := shutil.which("gcc")) is None:
        ABSENT["gcc"] = "not found"
        return {}
    program = folder / "textbook"
    command = [gcc, "-O3", "-o", str(program), str(HERE / "textbook.c"), "-lm"]
    subprocess.run(command, check=True)  # noqa: S603 - our own source

    def subject(name: str, runs: int) -> Subject:
        words = [str(program), name, str(runs), str(rounds), "1", *map(str, MEANS)]

        def measure() -> float:
            out = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603
            return float(out.stdout.split()[0]) / (runs * rounds)

        return measure

    return {"C UCB1": subject("ucb1", 200), "C Thompson": subject("thompson", 50)}


def peers_simulation(horizon: int) -> dict[str, Subject]:
    """`river.bandit.evaluate` and MABWiser's `Simulator`."""
    subjects: dict[str, Subject] = {}
    bandit = module("river.bandit")
    env = gymnasium_env(horizon)
    for name, peer in river_policies().items():

        def evaluate(peer: Any = peer, env: Any = None) -> None:
            env = Arms(horizon) if env is None else env
            for _ in bandit.evaluate([peer], env, n_episodes=1, seed=0):
                pass

        subjects[f"river {name}"] = timed(horizon, evaluate)
        if env is not None:
            made = partial(evaluate, env=env)
            subjects[f"river {name} (gym.make)"] = timed(horizon, made)
    simulator = module("mabwiser.simulator")
    rng = np.random.default_rng(0)
    rows = max(100, horizon // 20)
    decisions = rng.integers(ARMS, size=2 * rows)
    rewards = (rng.random(2 * rows) < MEANS[decisions]) * 1
    for name in mabwiser_policies():

        def replay(name: str = name) -> None:
            simulator.Simulator(
                [(name, mabwiser_policies()[name])],
                decisions,
                rewards,
                test_size=0.5,
                batch_size=1,
                is_quick=True,
            ).run()

        subjects[f"MABWiser {name}"] = timed(rows, replay)
    # SMPyBandits' evaluator needs a release that imports; see `ABSENT`.
    return subjects


# Growth and memory.


def growth(*, quick: bool) -> Table:
    """Seconds per decision of UCB1 as one thing grows and the others stay."""
    arms = [10, 100, 1000] if quick else [10, 30, 100, 300, 1000, 3000, 10_000]
    runs = [1, 10, 100, 1000] if quick else [1, 10, 100, 1000, 10_000]
    horizons = [100, 1000] if quick else [100, 1000, 10_000, 100_000]
    cells = 3e6 if quick else 3e7  # decisions times arms that a point may take
    repeats = 3
    by_arms = {
        str(k): ours(
            UCB1(k),
            100,
            max(3, int(cells / k / 100)),
            BernoulliProblem(np.linspace(0.1, 0.9, k)),
        )
        for k in arms
    }
    # Long enough that the start, where arms are untried, weighs little.
    by_runs = {str(n): ours(UCB1(ARMS), n, 300 if n > 1000 else 1000) for n in runs}
    by_horizon = {str(h): ours(UCB1(ARMS), 10, h) for h in horizons}
    by_side = {
        str(share): side_observing(share, 100 if quick else 1000) for share in (0, 0.5, 1)
    }
    groups = {"arms": by_arms, "runs": by_runs, "horizon": by_horizon, "revealed": by_side}
    return {
        name: {point: quartiles(t)[1] for point, t in interleaved(subjects, repeats).items()}
        for name, subjects in groups.items()
    }


def side_observing(share: float, rounds: int) -> Subject:
    """UCB in 250 runs that are shown a share of the other arms in every round."""
    runs = 250
    rng = np.random.default_rng(0)
    revealed = rng.random((runs, ARMS)) < share
    reward = (rng.random((runs, ARMS)) < MEANS) * 1.0
    cost = np.zeros((runs, ARMS))
    policy = compose(ARMS, indices.UCB(), side_observations=True, runs=runs, seed=0)
    row = np.arange(runs)

    def play() -> None:
        for _ in range(rounds):
            arm = policy.select()
            others = revealed.copy()
            others[row, arm] = False
            side = {"revealed": others, "reward": reward, "cost": cost, "kind": "observed"}
            policy.update(arm, reward[row, arm], 0.0, side if share else None)

    return timed(rounds * runs, play)


def memory(*, quick: bool) -> Table:
    """Peak bytes of a simulation for every cell of `[runs, arms]`; and of the process."""
    sizes = [(1000, 12), (100, 1000)] if quick else [(1000, 12), (10_000, 12), (100, 10_000)]
    peaks = {}
    for runs, arms in sizes:
        problem = BernoulliProblem(np.linspace(0.1, 0.9, arms))
        policy = UCB1(arms)
        tracemalloc.start()
        simulate({"it": policy}, problem, horizon=20, runs=runs, seed=0, checkpoints=1)
        peaks[f"{runs} x {arms}"] = tracemalloc.get_traced_memory()[1] / (runs * arms)
        tracemalloc.stop()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "bytes per cell": {name: round(peak, 1) for name, peak in peaks.items()},
        "process MiB": round(most * unit / 2**20),
    }


# The report.


def machine() -> Table:
    """What the figures depend on, and nothing that says whose it is."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    packages = {"banditsplit": banditsplit.__name__}
    for name in ("numpy", "scipy", "river", "mabwiser", "SMPyBandits"):
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "absent"
    del packages["banditsplit"]
    return {
        "cores": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        **packages,
    }


def targets(latency: Times, simulation: Times) -> list[Table]:
    """The ratios that the project set itself, each with its quartiles."""
    wanted = [
        ("one decision, UCB1 / river's", latency, "UCB1", "river UCB", 0.6),
        (
            "one decision, Thompson / river's",
            latency,
            "ThompsonSampling",
            "river Thompson",
            0.8,
        ),
        (
            "one decision, epsilon-greedy / river's",
            latency,
            "EpsilonGreedy",
            "river epsilon-greedy",
            1.2,
        ),
        ("simulation, C loop's time / ours, UCB1", simulation, "C UCB1", "UCB1", 0.35),
        (
            "simulation, C loop's time / ours, Thompson",
            simulation,
            "C Thompson",
            "ThompsonSampling",
            0.4,
        ),
    ]
    for name, theirs in MATCHES.items():
        for how in ("", " (gym.make)"):
            speed_up = f"simulation, river.evaluate's time{how} / ours, {theirs}"
            wanted.append((speed_up, simulation, f"river {theirs}{how}", name, 100))
    rows = []
    for what, times, numerator, denominator, limit in wanted:
        if numerator in times and denominator in times:
            low, middle, high = ratio(times, numerator, denominator)
            met = middle <= limit if what.startswith("one") else middle >= limit
            sign = "<=" if what.startswith("one") else ">="
            rows.append(
                {
                    "what": what,
                    "quartiles": [low, middle, high],
                    "target": f"{sign} {limit}",
                    "met": met,
                }
            )
    return rows


def figure(result: Table, path: Path) -> None:
    """Four panels: one decision, simulation, growth with arms, growth with runs."""
    matplotlib, figures = module("matplotlib"), module("matplotlib.figure")
    if figures is None:
        return
    matplotlib.rcdefaults()  # a peer changes them when it is imported
    bars = 0.19 * len(result["latency_us"])  # inches: room for every name
    drawing = figures.Figure(figsize=(11, 3.2 + bars), layout="constrained")
    one, many, arms, runs = drawing.subplots(2, 2, height_ratios=(bars, 3.2)).flat
    groups = (
        (one, "latency_us", "one select + update, microseconds"),
        (many, "decisions_per_s", "simulated decisions per second"),
    )
    for axes, key, label in groups:
        names = list(result[key])
        middles = [result[key][name][1] for name in names]
        order = np.argsort(middles)
        kinds = ("river", "MABWiser", "SMPyBandits", "C ")
        colours = ["C7" if n.startswith(kinds) else "C0" for n in names]
        axes.barh(
            [names[i] for i in order],
            [middles[i] for i in order],
            color=[colours[i] for i in order],
        )
        axes.set(xscale="log", xlabel=label, xlim=(min(middles) / 2, None))
        axes.margins(y=0.01)
        axes.tick_params(axis="y", labelsize=7)
    for axes, key in ((arms, "arms"), (runs, "runs")):
        points = result["growth_s"][key]
        axes.plot([int(x) for x in points], [1e6 * y for y in points.values()], marker="o")
        axes.set(xscale="log", yscale="log", xlabel=key, ylabel="UCB1: us per decision")
    drawing.savefig(path, dpi=110)


def report(result: Table) -> str:
    """The tables, as text."""
    lines = ["one select + update, microseconds (quartiles)"]
    lines += [
        f"  {n:34}{a:10.2f}{b:10.2f}{c:10.2f}" for n, (a, b, c) in result["latency_us"].items()
    ]
    lines.append("simulated decisions per second (quartiles)")
    lines += [
        f"  {n:34}{a:14,.0f}{b:14,.0f}{c:14,.0f}"
        for n, (a, b, c) in result["decisions_per_s"].items()
    ]
    lines.append("ratios (quartiles)")
    for row in result["ratios"]:
        a, b, c = row["quartiles"]
        verdict = "met" if row["met"] else "NOT met"
        lines.append(f"  {row['what']:66}{a:9.3g}{b:9.3g}{c:9.3g}  {row['target']:8}{verdict}")
    for name, points in result["growth_s"].items():
        lines.append(f"UCB1, microseconds per decision, by {name}")
        lines.append("  " + "  ".join(f"{p}: {1e6 * s:.3g}" for p, s in points.items()))
    lines.append(f"memory: {result['memory']}")
    lines.append(f"absent: {result['absent'] or '-'}; left out: {result['left_out'] or '-'}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed against peers and against C.")
    parser.add_argument("--quick", action="store_true", help="a minute, rougher figures")
    parser.add_argument("--out", type=Path, help="where results.json and speed.png go")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers'
    quick = options.quick
    policies, left_out = named_policies()
    horizon = 300 if quick else 2000
    with tempfile.TemporaryDirectory() as folder:
        latency = interleaved(
            latency_subjects(policies, 500 if quick else 1000), 5 if quick else 25
        )
        simulation = interleaved(
            {
                **{name: ours(policy, 1000, horizon) for name, policy in policies.items()},
                **textbook(Path(folder), 10_000),
                **peers_simulation(2000),
            },
            3 if quick else 7,
        )
    result = {
        "command": "python tests/benchmarks/run.py" + (" --quick" if quick else ""),
        "machine": machine(),
        "arms": ARMS,
        "runs": 1000,
        "latency_us": {n: quartiles([1e6 * x for x in t]) for n, t in latency.items()},
        "decisions_per_s": {n: quartiles([1 / x for x in t]) for n, t in simulation.items()},
        "ratios": targets(latency, simulation),
        "growth_s": growth(quick=quick),
        "memory": memory(quick=quick),
        "left_out": left_out,
    }
    result["absent"] = ABSENT
    print(report(result))  # noqa: T201 - what the command is for
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
        figure(result, options.out / "speed.png")


if __name__ == "__main__":
    main()
