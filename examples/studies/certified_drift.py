"""Lose at most two answers in a hundred while images get worse: with and without a law.

    python examples/studies/certified_drift.py TRACES --out OUT

TRACES is where `drift.py` recorded what every exit says of the same images under each
distortion. `Constrained` plays streams in which one distortion follows another: first as if
nothing changed, then with ``assume_stationary=False``; beside it Thompson-S on the same arms.
Counted is who ever, after any round, has lost more than ``LEVEL`` of the rounds so far. Writes
``certified_drift.json`` and ``certified_drift.png``. ``--quick`` makes traces up, and is over
in seconds.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from tqdm import tqdm

import banditsplit as bs
from banditsplit.indices import Exploring, NIGThompson
from banditsplit.memories import CUSUM, Restarting
from banditsplit_envs import (
    DriftingReplayVector,
    JointReplayVector,
    JointRule,
    SplitCost,
    Trace,
    joint_arms,
)
from banditsplit_envs.evaluation.recommending import THRESHOLDS

LEVEL, DELTA = 0.02, 0.05
OFFLOAD = 5.0  # lambda
MOST = 8  # arms to play
TRADEOFF = 0.1  # Thompson-S's: confidence given up for one lambda
RATES = (0.02, 0.05, 0.1, 0.2)  # of audits, tried on the tuning streams
SHOWN = 50  # rounds at which curves are kept
CONDITIONS = ("clean", "occlusion", "contrast")
WEATHER = ("clean", "occlusion", "clean", "contrast", "clean")
TUNED_ON = ("contrast", "clean", "occlusion", "clean", "contrast")  # and on other images


class Course(NamedTuple):
    """How a stream goes: one condition after the other, all for the same time.

    Attributes:
        conditions: What images are like.
        slow: Whether each comes about little by little, over all of its time.
    """

    conditions: Sequence[str]
    slow: bool = False


COURSES = {
    "sudden": Course(WEATHER),
    "slow": Course(WEATHER, slow=True),
    # Made to break a certificate: time enough to be sure, and then the worst.
    "good, then bad": Course(("clean",) * 4 + ("occlusion",)),
}


@dataclass(frozen=True)
class World:
    """Streams of one course, side by side.

    Attributes:
        traces: By condition.
        rule: The arms.
        course: What follows what.
        rounds: Of a stream.
        runs: How many streams.
        seed: Of the samples: the same ones for every policy.
    """

    traces: Mapping[str, Trace]
    rule: JointRule
    course: Course
    rounds: int
    runs: int
    seed: int

    def env(self, **how: Any) -> DriftingReplayVector:
        """Return the streams, reset."""
        segment = self.rounds // len(self.course.conditions)
        replays = [
            JointReplayVector(
                self.traces[name], rule=self.rule, num_envs=self.runs, rounds=segment, **how
            )
            for name in self.course.conditions
        ]
        changes = [n * segment + 1 for n in range(1, len(replays))]
        ramp = segment * self.course.slow
        env = DriftingReplayVector(replays, changes, ramp=ramp)
        env.reset(seed=self.seed)
        return env


class Row(NamedTuple):
    """Who plays, what it is shown, and what it promises.

    Attributes:
        policy: Fresh.
        shown: Arguments of `JointReplayVector`.
        audit: The arm whose pulls are audits; None without any.
        bounds: Whether it states a bound of what was lost.
    """

    policy: bs.Policy
    shown: Mapping[str, Any]
    audit: int | None = None
    bounds: bool = False


def constrained(world: World, cloud_reports: str, **how: Any) -> Row:
    """Return `Constrained`; where the cloud reports all exits, an offload is an audit."""
    rule = world.rule
    audit = rule.safe if cloud_reports == "all" else rule.revealing
    policy = bs.Constrained(
        rule.arms,
        level=LEVEL,
        safe=rule.safe,
        revealing=audit,
        delta=DELTA,
        order=rule.order,
        burn_in=0.0,
        runs=world.runs,
        seed=world.seed,
        **how,
    )
    shown = {"cloud_reports": cloud_reports}
    return Row(policy, shown, audit, bounds=not how.get("assume_stationary", True))


def thompson(world: World, *, afresh: bool) -> Row:
    """Return Thompson-S, which starts afresh as drift.py chose it, or never."""
    index = Exploring(NIGThompson(), 0.005) if afresh else NIGThompson()
    memory = {"memory": Restarting(CUSUM(10, 0.05, 50))} if afresh else {}
    policy = bs.compose(
        world.rule.revealing,
        index,
        objective=bs.Net(TRADEOFF),
        side_observations=True,
        runs=world.runs,
        seed=world.seed,
        **memory,
    )
    return Row(policy, {"reward": "confidence"})


def rows(world: World, rates: Mapping[str, float]) -> dict[str, Row]:
    """Return all who play; ``rates`` are those of audits, by what the cloud reports."""
    found = {}
    for reports, rate in rates.items():
        found[f"assumes that nothing changes, {reports}"] = constrained(
            world, reports, audit_rate=0.005, until_certified=1.0
        )
        found[f"assume_stationary=False, {reports}"] = constrained(
            world, reports, audit_rate=rate, assume_stationary=False
        )
    found["Thompson-S"] = thompson(world, afresh=False)
    found["Thompson-S, CUSUM"] = thompson(world, afresh=True)
    return found


def play(world: World, row: Row, name: str) -> dict[str, Any]:
    """Return what a policy loses and pays; shares and means are of all streams."""
    env, policy = world.env(**row.shown), row.policy
    lost, cost, correct, audits = np.zeros((4, world.runs))
    above, beyond, bad = np.zeros((3, world.runs), np.bool_)
    marks = np.unique(np.linspace(0, world.rounds, SHOWN + 1).astype(int))[1:]
    curve = []
    for t in tqdm(range(1, world.rounds + 1), desc=name, leave=False):
        arm = policy.select()
        _, reward, _, _, info = env.step(arm)
        policy.update(arm, reward, info["cost"], info["side_observations"])
        lost += ~info["agrees"]
        cost += info["cost"]
        correct += info["correct"]
        audits += arm == row.audit
        above |= lost > LEVEL * t + 1e-9
        if row.audit is not None:
            bad |= 1 - info["expected_reward"][arm] > LEVEL
        if row.bounds:
            beyond |= lost > policy.certificate.running_upper * t + 1e-9
        if t in marks:
            curve.append((t, (lost / t).mean(), (lost / t).max()))
    test = stats.binomtest(int(above.sum()), world.runs, DELTA, alternative="greater")
    result: dict[str, Any] = {
        "cost": float(cost.mean() / world.rounds),
        "accuracy": float(correct.mean() / world.rounds),
        "share_lost": float(lost.mean() / world.rounds),
        "replays_ever_above_the_level": int(above.sum()),
        "p_value_of_more_than_delta": float(test.pvalue),
        "replays_above_it_at_the_end": int((lost > LEVEL * world.rounds).sum()),
    }
    if row.audit is not None:
        result["replays_with_an_arm_above_the_level"] = int(bad.sum())
        result["audits"] = float(audits.mean())
    if row.bounds:
        result["replays_ever_above_the_stated_bound"] = int(beyond.sum())
        result["stated_bound_at_the_end"] = float(policy.certificate.running_upper.mean())
    result["round_mean_and_largest_share"] = np.round(curve, 4).tolist()
    return result


def tuned(world: World, reports: str) -> dict[str, float]:
    """Return the mean cost of each rate of audits."""
    return {
        f"{rate}": play(
            world,
            constrained(world, reports, audit_rate=rate, assume_stationary=False),
            f"audits at {rate}",
        )["cost"]
        for rate in RATES
    }


def always_offload(world: World) -> dict[str, float]:
    """Return what is known of it without playing: it loses nothing."""
    accuracy = np.array([world.traces[name].accuracy[-1] for name in world.course.conditions])
    segment = world.rounds // len(accuracy)
    number, since = np.divmod(np.arange(world.rounds), segment)
    share = (since + 1) / segment if world.course.slow else 1.0
    mean = share * accuracy[number] + (1 - share) * accuracy[np.maximum(number - 1, 0)]
    return {"cost": world.rule.safe_cost, "accuracy": float(mean.mean()), "share_lost": 0.0}


def made_up(seed: int, harder: float) -> Trace:
    """Return a trace of six exits that do not notice how much harder images have become."""
    rng = np.random.default_rng(seed)
    label, hard = rng.integers(10, size=2000), rng.random((2000, 1))
    right = hard + harder * rng.random((2000, 1)) < np.linspace(0.9, 1.0, 6)
    confidence = np.clip(1.05 - hard * np.linspace(0.8, 0.2, 6), 0.1, 1.0)
    return Trace(confidence, np.where(right, label[:, None], (label[:, None] + 1) % 10), label)


def traces_of(folder: Path | None) -> dict[str, dict[str, Trace]]:
    """Return those for tuning and for the test, by condition."""
    if folder is None:
        harder = dict(zip(CONDITIONS, (0.0, 0.5, 0.2), strict=True))
        return {
            part: {name: made_up(seed, more) for name, more in harder.items()}
            for seed, part in enumerate(("tuning", "test"))
        }
    return {
        part: {name: Trace.load(folder / f"trace-{part}-{name}.npz") for name in CONDITIONS}
        for part in ("tuning", "test")
    }


def study(traces: Any, rule: JointRule, rounds: int, options: argparse.Namespace) -> Any:
    """Return the table of every course at this length, and the rates of audits tried."""
    few, other_seed = max(options.replays // 10, 2), options.seed + 1
    trial = World(traces["tuning"], rule, Course(TUNED_ON), rounds, few, other_seed)
    tried = {reports: tuned(trial, reports) for reports in ("all", "final")}
    rates = {name: float(min(each, key=lambda r: each[r])) for name, each in tried.items()}
    result: dict[str, Any] = {"cost_by_audit_rate": tried}
    for name, course in COURSES.items():
        world = World(traces["test"], rule, course, rounds, options.replays, options.seed)
        result[name] = {"always offload": always_offload(world)}
        for policy, row in rows(world, rates).items():
            result[name][policy] = play(world, row, f"{name}: {policy}")
            show(f"{rounds} rounds, {name}: {policy}", result[name][policy])
    return result


def show(name: str, row: dict[str, Any]) -> None:
    """Print what came of a policy."""
    print(
        f"{name:70} cost {row['cost']:5.2f}  accuracy {row['accuracy']:.4f}"
        f"  lost {row['share_lost']:.4f}, above {row['replays_ever_above_the_level']:3}"
        f"  audits {row.get('audits', 0):.0f}"
    )


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the share lost so far, the mean of all streams and that of the worst."""
    figure, axes = plt.subplots(
        1, len(COURSES), figsize=(9, 3.2), sharex=True, sharey=True, layout="constrained"
    )
    for ax, (name, course) in zip(axes, COURSES.items(), strict=True):
        for number, policy in enumerate(
            ("assumes that nothing changes, all", "assume_stationary=False, all", "Thompson-S")
        ):
            t, mean, largest = np.transpose(
                result[name][policy]["round_mean_and_largest_share"]
            )
            ax.plot(t, mean, color=f"C{number}", label=policy.removesuffix(", all"))
            ax.plot(t, largest, color=f"C{number}", lw=0.7, alpha=0.6)
        for n in range(1, len(course.conditions)):
            ax.axvline(n * t[-1] / len(course.conditions), color="0.9", lw=1, zorder=0)
        ax.axhline(LEVEL, color="0.3", ls="--", lw=1)
        ax.set(title=name, xlabel="round", ylim=(0, 4 * LEVEL))
    axes[0].set_ylabel("share lost so far")
    axes[-1].legend(frameon=False, fontsize=7, loc="upper left")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Play every course at every length, and write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traces", type=Path, nargs="?", help="folder that drift.py wrote")
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--rounds", type=int, nargs="+", default=[10_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few short replays, as a check")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.traces is None and not options.quick:
        parser.error("`traces` must be given, or `--quick`.")
    if options.quick:
        options.replays, options.rounds = 10, [300]
    traces = traces_of(options.traces)
    # Which arms, is settled on clean images before a deployed one is seen.
    source, cost = traces["tuning"]["clean"], SplitCost(offload=OFFLOAD)
    arms = joint_arms(source.exits, THRESHOLDS)
    rule = JointRule.frontier(source, arms, level=LEVEL, most=MOST, cost=cost)
    result: dict[str, Any] = {
        "level": LEVEL,
        "delta": DELTA,
        "replays": options.replays,
        "seed": options.seed,
        "arms": list(rule.joint),
        "disagreement": {
            name: np.round(1 - rule.expected(trace)[0], 4).tolist()
            for name, trace in traces["test"].items()
        },
        "mean_cost": {
            name: np.round(rule.expected(trace)[1], 4).tolist()
            for name, trace in traces["test"].items()
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for rounds in options.rounds:
        result[f"{rounds} rounds"] = study(traces, rule, rounds, options)
        text = json.dumps(result, indent=1)
        (options.out / "certified_drift.json").write_text(text + "\n")
    draw(result[f"{options.rounds[0]} rounds"], options.out / "certified_drift.png")


if __name__ == "__main__":
    main()
