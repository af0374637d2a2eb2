"""Choose each sample's split by the bandwidth now, and by what the first exit says of it.

    python examples/studies/context.py TRACE.npz ... --out examples/studies/results

The bandwidth wanders between half, twice and eight times the one that the offload cost is for.
Beside the best fixed split, in hindsight, and SplitEE, which see nothing of that, linear
policies see it, and the first exit's confidence, for which they pay: whatever they choose, exit
1 was evaluated. Net value is confidence less ``--tradeoff`` times cost, as everywhere. Writes
``context.json`` and ``context.png``. `examples/split_digits.py` writes traces of digits; beside
them stands a made-up network whose first exit is sure of a part of the samples. ``--quick``
takes seconds.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
from gymnasium.wrappers.vector import TransformObservation
from tqdm import tqdm

import banditsplit as bs
from banditsplit.simulation import mean_interval
from banditsplit_envs import MarkovBandwidth, SplitCost, SplitReplayVector, SplitRule, Trace

STAY = 0.98  # from round to round
# In units of the noise, which offloading has most of: about .3 to .5 on digits.
ALPHA, SCALE = 1.0, 0.3
BASELINE = "best fixed split"


def features(shown: Any, *, least: float) -> Any:
    """Return what linear policies see of (confidence, bandwidth) or (bandwidth,).

    Costs are linear in the time that a byte takes, 1 / bandwidth, and how often an arm
    offloads depends on the confidence. After the last round the bandwidth shown is 0; ``least``
    is the least there is.
    """
    slowness = 1 / np.maximum(shown[..., -1:], least)
    known = np.concatenate([np.ones_like(slowness), shown[..., :-1]], -1)
    basis = np.concatenate([np.ones_like(slowness), slowness], -1)
    return (known[..., None] * basis[..., None, :]).reshape(*shown.shape[:-1], -1)


def wandering(levels: Sequence[float]) -> MarkovBandwidth:
    """Return the chain: it stays, or moves to the next level up or down."""
    last = len(levels) - 1
    moves = np.eye(last + 1) * STAY
    for level in range(last + 1):
        neighbours = [n for n in (level - 1, level + 1) if 0 <= n <= last]
        moves[level, neighbours] += (1 - STAY) / len(neighbours)
    return MarkovBandwidth(tuple(levels), tuple(map(tuple, moves)))


def in_the_long_run(chain: MarkovBandwidth) -> Any:
    """Return how often the chain is at each level."""
    return np.linalg.matrix_power(np.array(chain.transition), 2**20)[0]


def study(trace: Trace, options: argparse.Namespace) -> dict[str, Any]:
    """Play everyone over the same passes of one trace."""
    chain, arms, net = wandering(options.levels), trace.exits, bs.Net(options.tradeoff)
    plain = SplitCost(offload=options.offload)
    first = SplitCost(offload=options.offload, evaluates="first")
    rule = SplitRule(options.threshold, plain)
    at_level = np.array(
        [net.value(*rule.expected(trace.confidence, level)) for level in options.levels]
    )  # [levels, arms]
    share = in_the_long_run(chain)
    best = int((share @ at_level).argmax())

    def linear(seen: int, build: Callable[..., bs.Policy], **how: float) -> bs.Policy:
        return build(arms, features=2 * seen, objective=net, **how)

    groups: dict[tuple[str, ...], dict[str, bs.Policy]] = {
        (): {
            BASELINE: bs.FixedArm(arms, arm=best),
            "SplitEE": bs.SplitEE(arms, tradeoff=options.tradeoff),
        },
        ("bandwidth",): {"LinUCB, bandwidth": linear(1, bs.LinUCB, alpha=ALPHA)},
        ("confidence", "bandwidth"): {
            "LinUCB, both": linear(2, bs.LinUCB, alpha=ALPHA),
            "LinTS, both": linear(2, bs.LinTS, scale=SCALE),
        },
    }
    tracks: dict[str, Any] = {}
    for shown, policies in groups.items():
        env: Any = SplitReplayVector(
            trace,
            threshold=options.threshold,
            cost=first if "confidence" in shown else plain,
            num_envs=options.passes,
            rounds=options.rounds,
            context=shown,
            bandwidth=chain,
        )
        if shown:
            sizes = (options.passes, 2 * len(shown))
            boxes = [gym.spaces.Box(-np.inf, np.inf, size) for size in (sizes, sizes[1:])]
            see = partial(features, least=min(options.levels))
            env = TransformObservation(env, see, *boxes)
        history = bs.simulate(
            policies,
            env,
            horizon=options.rounds,
            runs=options.passes,
            seed=options.seed,
            objective=net,
            checkpoints=50,
            record=("offloaded", "correct") if trace.label is not None else ("offloaded",),
            progress=lambda jobs: tqdm(jobs, leave=False),
        )
        tracks |= history.tracks
    rounds = history.rounds
    value = {
        name: net.value(track.reward, track.cost) / rounds for name, track in tracks.items()
    }
    rows = {}
    for name, track in tracks.items():
        gain = value[name] - value[BASELINE]  # over the same samples and bandwidths
        low, high = mean_interval(gain)
        rows[name] = {
            "value": short(value[name][:, -1].mean()),
            "gain": short(gain[:, -1].mean()),
            "gain_ci": [short(low[-1]), short(high[-1])],
            "cost": short(track.cost[:, -1].mean() / options.rounds),
            **{
                key: short(sums[:, -1].mean() / options.rounds)
                for key, sums in track.recorded.items()
            },
            "curve": [[short(number) for number in line] for line in (gain.mean(0), low, high)],
        }
    return {
        "rounds": rounds.tolist(),
        "best_fixed_split": best + 1,
        "best_split_at_each_bandwidth": (at_level.argmax(1) + 1).tolist(),
        "expected_value": {
            BASELINE: short(share @ at_level[:, best]),
            "best split at each bandwidth": short(share @ at_level.max(1)),
        },
        "rows": rows,
    }


def short(number: float) -> float:
    """Return a number as the file keeps it."""
    return float(f"{number:.4g}")


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the gain over the best fixed split, a panel for each trace."""
    figure, grid = plt.subplots(
        1, len(results), figsize=(4.4 * len(results) + 1, 3.6), layout="constrained",
        sharey=True, squeeze=False,
    )  # fmt: skip
    gained = [row["gain"] for result in results.values() for row in result["rows"].values()]
    for axes, (name, result) in zip(grid[0], results.items(), strict=True):
        for number, (policy, row) in enumerate(result["rows"].items()):
            mean, low, high = row["curve"]
            axes.plot(result["rounds"], mean, color=f"C{number}", label=policy)
            axes.fill_between(result["rounds"], low, high, color=f"C{number}", alpha=0.2, lw=0)
        known = result["expected_value"]
        most = known["best split at each bandwidth"] - known[BASELINE]
        axes.axhline(most, color="k", ls="--", lw=1, label="best split at each bandwidth")
        gained.append(most)
        # The first rounds are all noise.
        axes.set(title=name, xlabel="round", ylim=(-2 * max(gained), 1.4 * max(gained)))
    grid[0, 0].set_ylabel(f"mean net value above the {BASELINE}'s")
    grid[0, -1].legend(fontsize=8, frameon=False, loc="lower right")
    figure.savefig(path, dpi=110)


def small_trace() -> Trace:
    """Return a made-up trace: later exits are surer, and the first one is sure of some."""
    rng = np.random.default_rng(0)
    label = rng.integers(10, size=2000)
    hard = rng.random((2000, 1))
    right = hard < np.linspace(0.8, 0.99, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.9, 0.2, 6), 0.1, 1.0)
    return Trace(confidence, np.where(right, label[:, None], (label[:, None] + 1) % 10), label)


def main() -> None:
    """Study every trace, and write the numbers and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="*")
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--offload", type=float, default=5.0)
    parser.add_argument("--tradeoff", type=float, default=0.1)
    parser.add_argument("--levels", type=float, nargs="+", default=[0.5, 2.0, 8.0])
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="500 rounds, 5 passes")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.passes = 500, 5
    traces = {path.stem.removeprefix("trace-"): Trace.load(path) for path in options.traces}
    results = {}
    for name, trace in (traces | {"made up": small_trace()}).items():
        results[name] = study(trace, options)
        known = results[name]["expected_value"]
        print(f"\n{name}: in expectation {json.dumps(known)}")
        for policy, row in results[name]["rows"].items():
            low, high = row["gain_ci"]
            gain = f"{row['gain']:+.4f} [{low:+.4f}, {high:+.4f}]"
            print(f"  {policy:20} {row['value']:.4f}  gain {gain}")
    given = {key: value for key, value in vars(options).items() if key not in {"traces", "out"}}
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"options": given, "stay": STAY, "results": results})
    (options.out / "context.json").write_text(text + "\n")
    draw(results, options.out / "context.png")


if __name__ == "__main__":
    main()
