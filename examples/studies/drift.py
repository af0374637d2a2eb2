"""Images whose distortion changes: policies that forget against those that do not.

    python examples/studies/drift.py --data DATA --out OUT

Trains a 12-exit convolutional network on MNIST (DATA/mnist.npz), records what every exit says
of the same test images under each distortion, and plays 50 streams in which one distortion
follows another and the best split layer with it: at once, and then little by little, with
everything else left as it was. ``--quick`` does all of it in a small way on scikit-learn's
digits, and needs no ``--data``. Writes the network, its traces, ``drift.json``, ``drift.png``
and ``drift-slow.png``; a run that was killed goes on with what it finds in OUT.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise, product
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

import banditsplit as bs
from banditsplit.indices import Exploring, Index, NIGThompson, UCBTuned
from banditsplit.memories import (
    CUSUM,
    Discounted,
    Full,
    Memory,
    Restarting,
    SlidingWindow,
    tuned_discount,
    tuned_window,
)
from banditsplit.objectives import below_best
from banditsplit.simulation import mean_interval
from banditsplit_envs import (
    DriftingReplayVector,
    ExitNetwork,
    LabelledImages,
    SplitCost,
    SplitReplayVector,
    Trace,
    calibrate,
    digits_split,
    distort,
    exit_cnn,
    load_images,
    record,
    train,
)

Int: TypeAlias = NDArray[np.int64]

THRESHOLD = 0.9  # confidence from which the device answers
TRADEOFF = 0.1  # confidence given up for one lambda
OFFLOAD = 5.0  # lambda
OBJECTIVE = bs.Net(TRADEOFF)
SPAN = 1 + TRADEOFF * OFFLOAD  # of net rewards: no confidence, and none lost

KINDS = ("blur", "contrast", "noise", "occlusion")  # that the network is trained on
# Kind and strength; see `distort`. "clean" is what the network knows best.
CONDITIONS = {
    "clean": ("noise", 0.0),
    **{kind: (kind, 1.0) for kind in KINDS},
}
REPORTED = ("clean", "occlusion", "clean", "contrast", "clean")
TUNED_ON = ("contrast", "clean", "occlusion", "clean", "contrast")  # and on other images


class Played(NamedTuple):
    """What came of a stream.

    Attributes:
        tracks: By policy.
        arms: By policy, `[rounds, runs]`.
        rounds: Those that tracks are read at.
    """

    tracks: Mapping[str, bs.Track]
    arms: Mapping[str, Int]
    rounds: Int


class Part(NamedTuple):
    """Images that nobody else sees, by what they are for."""

    train: LabelledImages
    calibration: LabelledImages
    tuning: LabelledImages
    test: LabelledImages


@dataclass(frozen=True)
class Scale:
    """How much of everything.

    Attributes:
        width: Channels of the network.
        stride: Of its first block.
        epochs: Of the training.
        segment: Rounds of a segment of the reported streams.
        tuning_segment: Rounds of one of the tuning streams.
        runs: Reported streams.
        tuning_runs: Tuning streams.
        grid: How many settings of each memory are tried, at most.
        lengths: Other lengths of the segments, at which the chosen policies are played.
        slow: Lengths of segments, and over how many rounds of one its condition comes about.
    """

    width: int = 16
    stride: int = 2
    epochs: int = 3
    segment: int = 3000
    tuning_segment: int = 3000
    runs: int = 50
    tuning_runs: int = 10
    grid: int = 6
    lengths: tuple[int, ...] = (1000, 10000)
    slow: tuple[tuple[int, int], ...] = ((3000, 3000), (10000, 10000))


QUICK = Scale(
    width=10,
    stride=1,
    epochs=5,
    segment=120,
    tuning_segment=60,
    runs=4,
    tuning_runs=2,
    grid=1,
    lengths=(60,),
    slow=((120, 120), (60, 30)),
)

# ----- Network and traces


def parts(data: Path | None) -> Part:
    """Return MNIST in parts, or scikit-learn's digits."""
    if data is None:
        split = digits_split()
        images, labels = split.deployment
        half = len(labels) // 2
        tuning, test = (
            LabelledImages(images[rows], labels[rows]) for rows in (np.s_[:half], np.s_[half:])
        )
        return Part(split.train, split.calibration, tuning, test)
    images, labels = load_images("mnist", data, split="train")
    # The file may be sorted by digit.
    order = np.random.default_rng(0).permutation(len(labels))
    train_, calibration, tuning = (
        LabelledImages(images[rows], labels[rows])
        for rows in np.split(order, [len(order) * 5 // 6, len(order) * 11 // 12])
    )
    return Part(train_, calibration, tuning, load_images("mnist", data))


def mixed(images: Any, seed: int) -> Any:
    """Return images of which half are distorted, by any kind and strength."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(2 * len(KINDS), size=len(images))
    strength = rng.uniform(size=len(images))
    out = images.copy()
    for number, kind in enumerate(KINDS):
        rows = chosen == number
        out[rows] = distort(images[rows], kind=kind, strength=strength[rows], seed=rng)
    return out


def trained(part: Part, scale: Scale, out: Path) -> ExitNetwork:
    """Return the calibrated network: the one in ``out``, or a new one."""
    network = exit_cnn(width=scale.width, stride=scale.stride, seed=0)
    path = out / "network.safetensors"
    if path.exists():
        return network.load(path)
    train(
        network,
        mixed(part.train.images, seed=1),
        part.train.labels,
        epochs=scale.epochs,
        batch=128,
        noise=0.0,
        exit_weights=range(1, 13),
        checkpoint=out / "training.safetensors",
        checkpoint_every=100,
        progress=partial(tqdm, desc="training"),
    )
    calibrate(network, mixed(part.calibration.images, seed=2), part.calibration.labels)
    network.save(path)
    return network


def recorded(
    network: ExitNetwork,
    images: LabelledImages,
    name: str,
    out: Path,
    conditions: Iterable[str] = CONDITIONS,
) -> dict[str, Trace]:
    """Return what the exits say of the same images under each distortion."""
    traces = {}
    for condition in dict.fromkeys(conditions):
        kind, strength = CONDITIONS[condition]
        path = out / f"trace-{name}-{condition}.npz"
        if not path.exists():
            shown = distort(images.images, kind=kind, strength=strength, seed=3)
            trace = record(
                network, shown, images.labels, progress=partial(tqdm, desc=path.stem)
            )
            trace.save(path)
        traces[condition] = Trace.load(path)
    return traces


# ----- Streams


@dataclass(frozen=True)
class Drift:
    """Streams in which one trace follows another.

    Attributes:
        traces: By condition.
        conditions: One for each segment.
        segment: Rounds of a segment.
        runs: How many streams.
        ramp: Over how many rounds of a segment its condition comes about: each image is of
            it, not of the one before, with a probability that grows in equal steps.
    """

    traces: Mapping[str, Trace]
    conditions: Sequence[str]
    segment: int
    runs: int
    ramp: int = 0

    @property
    def horizon(self) -> int:
        """Rounds of a stream."""
        return self.segment * len(self.conditions)

    @property
    def changes(self) -> list[int]:
        """The rounds at which a segment begins, but for the first."""
        return [n * self.segment + 1 for n in range(1, len(self.conditions))]

    def replays(self, evaluates: str) -> list[SplitReplayVector]:
        """Return one for each segment: exits evaluated at the split only, or all up to it."""
        cost = SplitCost(offload=OFFLOAD, evaluates=evaluates)
        return [
            SplitReplayVector(
                self.traces[name], threshold=THRESHOLD, cost=cost, num_envs=self.runs
            )
            for name in self.conditions
        ]

    def values(self, evaluates: str) -> Any:
        """Return the expected net reward of each arm in each segment, `[segments, arms]`."""
        expected = [
            replay.rule.expected(replay.trace.confidence) for replay in self.replays(evaluates)
        ]
        return np.array([OBJECTIVE.value(*each) for each in expected])

    def by_round(self, evaluates: str) -> Any:
        """Return the expected net reward of each arm in each round, `[rounds, arms]`."""
        segment, since = np.divmod(np.arange(self.horizon), self.segment)
        share = np.minimum((since + 1) / max(self.ramp, 1), 1.0)[:, None]
        values = self.values(evaluates)
        return share * values[segment] + (1 - share) * values[np.maximum(segment - 1, 0)]

    @property
    def best_single_arm(self) -> dict[str, float]:
        """Return what it loses who always plays the arm that is best over the whole stream."""
        return {
            evaluates: float(below_best(self.by_round(evaluates)).sum(0).min())
            for evaluates in ("split", "all")
        }

    @property
    def seeing_all(self) -> float:
        """Return what the best arms lose in a stream if all exits up to them are evaluated."""
        best = [self.by_round(evaluates).max(-1) for evaluates in ("split", "all")]
        return float((best[0] - best[1]).sum())

    def play(self, policies: Mapping[str, bs.Policy], seed: int) -> Played:
        """Play them all."""
        tracks: dict[str, bs.Track] = {}
        arms: dict[str, Int] = {}
        for evaluates in ("split", "all"):
            group = {
                name: policy
                for name, policy in policies.items()
                if policy.recipe.side_observations == (evaluates == "all")
            }
            if not group:
                continue
            replays = self.replays(evaluates)
            env = Noted(DriftingReplayVector(replays, self.changes, ramp=self.ramp))
            history = bs.simulate(
                group,
                env,
                horizon=self.horizon,
                runs=self.runs,
                seed=seed,
                objective=OBJECTIVE,
                record=("correct",),
                progress=partial(tqdm, desc=f"{evaluates} exits"),
            )
            tracks |= history.tracks
            arms |= dict(zip(group, map(np.array, env.plays), strict=True))
            rounds = history.rounds
        return Played({n: tracks[n] for n in policies}, arms, rounds)


class Noted(gym.vector.VectorWrapper):
    """Remembers which arms were played, round by round, since each reset."""

    def __init__(self, env: DriftingReplayVector) -> None:
        super().__init__(env)
        self.plays: list[list[Int]] = []

    def reset(self, **options: Any) -> Any:
        """Begin a new list."""
        self.plays.append([])
        return super().reset(**options)

    def step(self, actions: Any) -> Any:
        """Note the arms."""
        self.plays[-1].append(np.array(actions))
        return super().step(actions)


# ----- Policies


def indices() -> dict[str, tuple[Index, bool]]:
    """Return the indices that are tried, and whether they see all exits up to their own.

    As in the paper, ``-S`` says that they do, and pay for it.
    """
    sharper: dict[str, Index] = {"Thompson": NIGThompson(), "UCB-Tuned": UCBTuned(SPAN)}
    return {
        name + "-S" * side: (index, side)
        for side in (False, True)
        for name, index in sharper.items()
    }


def memories(grid: int) -> dict[str, list[tuple[str, Memory, float]]]:
    """Return what is tried of each memory: its setting, itself, and the share of exploring."""
    found: dict[str, list[tuple[str, Memory, float]]] = {
        "full": [("", Full(), 0.0)],
        "discounted": [(f"{g}", Discounted(g), 0.0) for g in (0.999, 0.9995, 0.998, 0.995)],
        "window": [(f"{w}", SlidingWindow(w), 0.0) for w in (1000, 2000, 500, 4000)],
        "CUSUM": [
            (f"{h:g}, {e:g}", Restarting(CUSUM(h, 0.05, 50)), e)
            for e, h in product((0.005, 0.02), (10, 20, 5))
        ],
    }
    return {name: settings[:grid] for name, settings in found.items()}


def composed(index: Index, side: bool, memory: Memory, exploration: float) -> bs.Policy:  # noqa: FBT001 - as `indices` gives it
    """Return a policy of 12 arms."""
    return bs.compose(
        12,
        Exploring(index, exploration) if exploration else index,
        objective=OBJECTIVE,
        memory=memory,
        side_observations=side,
    )


def tuned(drift: Drift, grid: int) -> dict[str, dict[str, Any]]:
    """Return the best setting of every index and memory, by ``"index, memory"``.

    By mean dynamic pseudo-regret; ``tried`` holds that of all.
    """
    policies = {
        (name, memory, setting): composed(index, side, kept, exploration)
        for name, (index, side) in indices().items()
        for memory, settings in memories(grid).items()
        for setting, kept, exploration in settings
    }
    tracks = drift.play(
        {" | ".join(key): policy for key, policy in policies.items()}, seed=100
    ).tracks
    found: dict[str, dict[str, Any]] = {}
    for (name, memory, setting), policy in policies.items():
        best = found.setdefault(f"{name}, {memory}", {"tried": {}})
        regret = tracks[f"{name} | {memory} | {setting}"].pseudo_regret[:, -1].mean()
        if regret < min(best["tried"].values(), default=np.inf):
            best.update(setting=setting, policy=policy)
        best["tried"][setting] = float(regret)
    return found


def published(drift: Drift) -> dict[str, bs.Policy]:
    """Return the paper's policies, and those of others, told how often the best arm changes."""
    known = (drift.horizon, len(drift.changes))
    return {
        "SplitEE": bs.SplitEE(12, tradeoff=TRADEOFF),
        "SplitEE-S": bs.SplitEES(12, tradeoff=TRADEOFF),
        "D-UCB": bs.DUCB(
            12,
            discount=tuned_discount(*known, span=SPAN),
            span=SPAN,
            objective=OBJECTIVE,
        ),
        "SW-UCB": bs.SWUCB(
            12,
            window=tuned_window(*known, span=SPAN),
            span=SPAN,
            objective=OBJECTIVE,
        ),
    }


# ----- Results


def sees_all(name: str) -> bool:
    """Return whether a policy evaluates, and pays for, all exits up to its own."""
    return name.partition(", ")[0].endswith("-S")


def table(drift: Drift, tracks: Mapping[str, bs.Track]) -> list[dict[str, Any]]:
    """Return what is told of each policy; regrets are sums, the rest is a round's mean.

    ``behind_best_split`` holds those that evaluate all exits against the best arms of those
    that do not, too.
    """
    rows = []
    for name, track in tracks.items():
        regret = track.pseudo_regret[:, -1]
        index, _, memory = name.partition(", ")
        extra = drift.seeing_all if sees_all(name) else 0.0
        row = {
            "policy": name,
            "dynamic_pseudo_regret": float(regret.mean()),
            "dynamic_pseudo_regret_ci": mean_interval(regret),
            "of_splitee": ratio(track, tracks["SplitEE"]),
            "behind_best_split": float(regret.mean() + extra),
            "cost": float(track.cost[:, -1].mean() / drift.horizon),
            "accuracy": float(track.recorded["correct"][:, -1].mean() / drift.horizon),
        }
        if memory:
            row["of_full"] = ratio(track, tracks[f"{index}, full"])
        rows.append(row)
    return rows


def ratio(over: bs.Track, under: bs.Track, seed: int = 0) -> dict[str, Any]:
    """Return a ratio of mean regrets, with its bootstrap interval over streams (paired)."""
    pair = np.array([over.pseudo_regret[:, -1], under.pseudo_regret[:, -1]])
    rows = np.random.default_rng(seed).integers(pair.shape[1], size=(2000, pair.shape[1]))
    draws = pair[:, rows].mean(-1)
    low, high = np.quantile(draws[0] / draws[1], [0.025, 0.975])
    means = pair.mean(-1)
    return {"ratio": float(means[0] / means[1]), "ci": [float(low), float(high)]}


def main() -> None:
    """Train, record, tune, play, and write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with mnist.npz")
    parser.add_argument("--quick", action="store_true", help="small, on scikit-learn's digits")
    parser.add_argument("--seed", type=int, default=0, help="of the reported streams")
    parser.add_argument("--out", type=Path, default=Path("out/drift"))
    options = parser.parse_args()
    if options.data is None and not options.quick:
        parser.error("`--data` must be given, or `--quick`.")
    torch.set_num_threads(1)
    scale = QUICK if options.quick else Scale()
    options.out.mkdir(parents=True, exist_ok=True)
    part = parts(None if options.quick else options.data)
    network = trained(part, scale, options.out)
    tuning = recorded(network, part.tuning, "tuning", options.out)
    test = recorded(network, part.test, "test", options.out, REPORTED)

    trial = Drift(tuning, TUNED_ON, scale.tuning_segment, scale.tuning_runs)
    best = tuned(trial, scale.grid)
    drift = Drift(test, REPORTED, scale.segment, scale.runs)
    policies = published(drift) | {name: found.pop("policy") for name, found in best.items()}
    played = drift.play(policies, seed=options.seed)
    result = summary(drift, played, best)
    result["considered"] = segments(Drift(tuning, tuple(CONDITIONS), 1, 1))
    chosen = ["SplitEE", *chain.from_iterable(leaders(result, side) for side in (False, True))]
    draw(drift, played, chosen, options.out / "drift.png")
    few = {name: policies[name] for name in chosen}
    result["lengths"] = {}
    for length in scale.lengths:
        other = Drift(test, REPORTED, length, scale.runs)
        result["lengths"][length] = table(other, other.play(few, options.seed).tracks)
    result["slow"] = []
    for length, ramp in scale.slow:
        slow = Drift(test, REPORTED, length, scale.runs, ramp)
        whole = length == scale.segment
        played = slow.play(policies if whole else few, options.seed)
        result["slow"].append(
            {
                "segment": length,
                "ramp": ramp,
                "best_single_arm": slow.best_single_arm,
                "rows": table(slow, played.tracks),
            }
        )
        if whole and ramp == length:
            draw(slow, played, chosen, options.out / "drift-slow.png")
    (options.out / "drift.json").write_text(json.dumps(result, indent=1) + "\n")
    show(result)


def segments(drift: Drift) -> list[dict[str, Any]]:
    """Return what each segment does to exits and arms."""
    return [
        {
            "condition": name,
            "accuracy": np.round(drift.traces[name].accuracy, 4).tolist(),
            "split_gaps": np.round(split, 4).tolist(),
            "all_gaps": np.round(all_, 4).tolist(),
        }
        for name, split, all_ in zip(
            drift.conditions,
            below_best(drift.values("split")),
            below_best(drift.values("all")),
            strict=True,
        )
    ]


def summary(drift: Drift, played: Played, best: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is kept, as JSON knows it."""
    rows = table(drift, played.tracks)
    for row in rows:
        row.update(best.get(row["policy"], {}))
        curve = played.tracks[row["policy"]].pseudo_regret.mean(0)
        row["curve"] = np.round(curve, 2).tolist()
    return {
        "threshold": THRESHOLD,
        "tradeoff": TRADEOFF,
        "offload": OFFLOAD,
        "streams": drift.runs,
        "segment": drift.segment,
        "conditions": {name: CONDITIONS[name] for name in drift.conditions},
        "segments": segments(drift),
        "best_single_arm": drift.best_single_arm,
        "rounds": played.rounds.tolist(),
        "rows": rows,
    }


def show(result: dict[str, Any]) -> None:
    """Print the segments and the table."""
    for segment in result["segments"]:
        arms = [1 + int(np.argmin(segment[f"{e}_gaps"])) for e in ("split", "all")]
        accuracy = segment["accuracy"][-1]
        print(f"{segment['condition']:12}best layer {arms}, final accuracy {accuracy:.3f}")
    print("best single arm:", result["best_single_arm"])
    tables = {f"{n} rounds": rows for n, rows in result["lengths"].items()}
    for part in result["slow"]:
        tables[f"{part['segment']} rounds, a ramp of {part['ramp']}"] = part["rows"]
    for name, rows in {f"{result['segment']} rounds": result["rows"], **tables}.items():
        print(f"\nsegments of {name}")
        for each in rows:
            low, high = each["dynamic_pseudo_regret_ci"]
            full = each.get("of_full", {"ratio": np.nan})["ratio"]
            print(
                f"{each['policy']:24}{each['dynamic_pseudo_regret']:8.0f}"
                f" [{low:5.0f}, {high:5.0f}]{each['of_splitee']['ratio']:8.2f}{full:8.2f}"
                f"{each['behind_best_split']:8.0f}{each['cost']:8.2f}{each['accuracy']:8.4f}"
                f"  {each.get('setting', '')}"
            )


def leaders(result: dict[str, Any], side: bool) -> tuple[str, str]:  # noqa: FBT001 - which half
    """Return the policy that was best on the tuning streams, and its index with all memory.

    Among those that see all exits, or those that do not.
    """
    ours = {
        row["policy"]: min(row["tried"].values()) for row in result["rows"] if "tried" in row
    }
    best = min((name for name in ours if sees_all(name) == side), key=lambda name: ours[name])
    return f"{best.partition(', ')[0]}, full", best


def draw(drift: Drift, played: Played, chosen: Sequence[str], path: Path) -> None:
    """Draw dynamic pseudo-regret over the segments, and what some of the chosen play."""
    shown = {chosen[0]: "split", **dict.fromkeys(filter(sees_all, chosen), "all")}
    figure, axes = plt.subplots(
        1 + len(shown),
        1,
        figsize=(9, 9),
        sharex=True,
        layout="constrained",
        height_ratios=[3, *(1 for _ in shown)],
    )
    edges = [1, *drift.changes, drift.horizon + 1]
    for number, (start, end) in enumerate(pairwise(edges)):
        if number % 2:
            axes[0].axvspan(start, end, color="0.93", lw=0)
        axes[0].text(
            (start + end) / 2,
            1.01,
            "to " * (drift.ramp > 0 and number > 0) + drift.conditions[number],
            ha="center",
            va="bottom",
            transform=axes[0].get_xaxis_transform(),
        )
    for name in dict.fromkeys((chosen[0], "SplitEE-S", *chosen[1:])):
        curve = played.tracks[name].pseudo_regret.mean(0)
        axes[0].plot([0, *played.rounds], [0, *curve], label=name)
    axes[0].set(ylabel="dynamic pseudo-regret", ylim=(0, None), xlim=(0, drift.horizon))
    axes[0].legend(frameon=False, fontsize=8)
    for ax, (name, evaluates) in zip(axes[1:], shown.items(), strict=True):
        best = drift.by_round(evaluates).argmax(-1) + 1
        bins = np.array_split(played.arms[name], min(200, drift.horizon))
        share = np.array([np.bincount(b.ravel(), minlength=12) / b.size for b in bins])
        ax.imshow(
            share.T,
            origin="lower",
            aspect="auto",
            cmap="Blues",
            vmin=0,
            vmax=1,
            extent=(0, drift.horizon, 0.5, 12.5),
            interpolation="nearest",
        )
        ax.plot(best, color="C3", lw=1)
        ax.set(ylabel="layer", title=name, yticks=[1, 4, 8, 12])
        ax.title.set_fontsize(9)
    axes[-1].set_xlabel("round")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
