"""Which exits to ask, how sure to be and which policy to deploy, from a recorded trace.

The best of many arms looks better than it is on the samples that it was chosen by. So the
trace is cut in two at random: one part decides which arms are worth testing and in which
order, the other one tests them.
"""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from scipy.special import betaincinv

import banditsplit as bs
from banditsplit import _checks
from banditsplit._files import write_atomically
from banditsplit._typing import Float
from banditsplit.theory import Bernoulli
from banditsplit_envs.cost import SplitCost
from banditsplit_envs.joint_rule import JointArm, JointRule, joint_arms
from banditsplit_envs.trace import Trace

__all__ = ["Recommendation", "Tested", "recommend"]

FORMAT = "banditsplit.recommendation"
VERSION = 1
THRESHOLDS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)

_CHOOSING = 0.3  # share of the trace that chooses; the test needs more than the choice
_MOST = 16  # arms that are tested
_LEAST = 10  # samples of a trace that says anything
_LIKELY = 0.75  # of the level: who measured at most that, more samples would certify


class Tested(NamedTuple):
    """An arm that was tested, and what the samples that test said of it.

    Attributes:
        arm: Which exits it asks, and its threshold.
        cost: Mean cost, in the cost model's unit.
        disagreement: Share of answers that differ from the final exit's.
        upper: Upper bound of the true share, for this arm alone, with confidence
            ``1 - delta`` (Clopper & Pearson 1934).
        certified: Whether this bound and those of all arms before it keep the level.
    """

    arm: JointArm
    cost: float
    disagreement: float
    upper: float
    certified: bool


@final
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recommendation:
    """What to deploy, what is certain about it, and what it saves; `str` is a short report.

    Disagreement is the share of samples whose answer differs from the final exit's. No more
    accuracy than that can be lost. Intervals, ``..._ci``, each hold with probability at least
    ``1 - delta``, whichever of the tested arms was taken (empirical Bernstein, Maurer & Pontil
    2009, for costs; Clopper & Pearson for accuracy).

    Attributes:
        deploy: ``"fixed arm"``, ``"Constrained"``, ``"always offload"``, ``"final exit"`` or
            ``"index policy"``.
        why: Why that.
        arm: What is played, or for ``"Constrained"`` played first; None always offloads from
            the first layer.
        rule: The `JointRule` whose arms the policy plays; of an index policy, which plays
            layers, the layer to start from.
        max_disagreement: The level that was asked for.
        tradeoff: Agreement given up for one lambda, if that was asked for instead.
        delta: Probability that the certificate is wrong.
        samples: How many samples tested.
        disagreement: Measured on them.
        disagreement_bound: The true disagreement is at most that, with probability
            ``1 - delta``.
        cost: Mean cost, in the cost model's unit.
        cost_ci: Its interval.
        final_cost: What the final exit costs: every layer, one exit.
        accuracy_loss: The final exit's accuracy less this one's; None without labels.
        accuracy_loss_ci: Its interval.
        answered: `[exits]`, share of samples answered on the device by each exit.
        offloaded: Share of samples offloaded.
        tested: The arms that were tested, in order.
        likely: A cheaper arm that more samples would probably certify; None if none would.
        more_samples: About how many more, in the trace.
        candidates: All arms that were looked at.
        candidate_cost: `[candidates.arms]`, mean costs on the samples that test.
        candidate_disagreement: `[candidates.arms]`.
    """

    deploy: str
    why: str
    arm: JointArm | None
    rule: JointRule
    max_disagreement: float
    tradeoff: float | None
    delta: float
    samples: int
    disagreement: float
    disagreement_bound: float
    cost: float
    cost_ci: tuple[float, float]
    final_cost: float
    accuracy_loss: float | None
    accuracy_loss_ci: tuple[float, float] | None
    answered: tuple[float, ...]
    offloaded: float
    tested: tuple[Tested, ...]
    likely: Tested | None
    more_samples: int | None
    candidates: JointRule
    candidate_cost: Float
    candidate_disagreement: Float

    @property
    def split(self) -> int:
        """The exit, from 0, behind which samples are offloaded."""
        return 0 if self.arm is None else self.arm.stops[-1]

    @property
    def threshold(self) -> float | None:
        """Confidence from which an exit answers; None where every sample is offloaded."""
        return None if self.arm is None else self.arm.threshold

    @property
    def final_saving(self) -> float:
        """Fraction of the final exit's cost that is saved; nan if it costs nothing."""
        return _saving(self.cost, self.final_cost)

    @property
    def final_saving_ci(self) -> tuple[float, float]:
        """Its interval."""
        low, high = self.cost_ci
        return _saving(high, self.final_cost), _saving(low, self.final_cost)

    @property
    def offload_saving(self) -> float:
        """Fraction of what always offloading costs that is saved; nan if that is nothing."""
        return _saving(self.cost, self.rule.safe_cost)

    @property
    def offload_saving_ci(self) -> tuple[float, float]:
        """Its interval."""
        low, high = self.cost_ci
        return _saving(high, self.rule.safe_cost), _saving(low, self.rule.safe_cost)

    def policy(self, *, runs: int | None = None, seed: int | None = None) -> bs.Policy:
        """Return the policy to deploy, new.

        It plays the arms of ``rule``, as `JointReplayVector` does; an index policy plays the
        layers at ``threshold``, as `SplitReplayVector` does with confidences as rewards.
        """
        rule = self.rule
        if self.deploy == "index policy":
            objective = bs.Net(self.tradeoff or 0.0)
            return bs.NIGThompsonSampling(rule.exits, objective=objective, runs=runs, seed=seed)
        now = rule.safe if self.arm is None else 1 + rule.joint.index(self.arm)
        if self.deploy != "Constrained":
            return bs.FixedArm(rule.arms, now, runs=runs, seed=seed)
        return bs.Constrained(
            rule.arms,
            level=self.max_disagreement,
            safe=now,
            revealing=rule.revealing,
            delta=self.delta,
            order=[number for number in rule.order if number != now],
            safe_reveals=now == rule.safe,
            runs=runs,
            seed=seed,
        )

    def __str__(self) -> str:
        low, high = self.cost_ci
        unit = self.rule.cost.unit
        final = _interval(self.final_saving, self.final_saving_ci)
        offload = _interval(self.offload_saving, self.offload_saving_ci)
        lines = [
            ("deploy", f"{self.deploy}: {self.why}"),
            ("disagreement", self._disagreement()),
            ("accuracy", self._accuracy()),
            ("cost", f"{self.cost:.2f} {unit} a sample [{low:.2f}, {high:.2f}]"),
            ("saves", f"{final} of the final exit's {self.final_cost:.2f}"),
            ("", f"{offload} of always offloading's {self.rule.safe_cost:.2f}"),
            ("answers", self._answers()),
            ("arms tested", f"{len(self.tested)}, on {self.samples:,} samples"),
        ]
        if self.likely is not None:
            saved = f"would probably certify {self.likely.cost:.2f} {unit},"
            lines += [("later", f"about {self.more_samples:,} more samples {saved}")]
            lines += [("", f"by {_exits(self.likely.arm)}")]
        plays = "recommendation.rule"
        if self.deploy == "index policy":
            plays = f"the layers at threshold {self.threshold:g}"
        lines += [("code", f"recommendation.policy(seed=0), which plays {plays}")]
        lines += [("holds for", self._holds_for())]
        return "\n".join([self._headline(), "", *(f"{k:14}{v}" for k, v in lines)])

    def _headline(self) -> str:
        exits = self.rule.exits
        if self.arm is None:
            return f"Of {exits} layers, run the first and offload every sample."
        if self._agrees:
            return f"Run all {exits} layers on the device."
        rest = "run the rest" if self.split == exits - 1 else f"offload behind {self.split + 1}"
        return f"Of {exits} layers, ask {_exits(self.arm)}, else {rest}."

    @property
    def _agrees(self) -> bool:
        """Whether every answer is the whole network's."""
        return self.arm is None or self.arm.stops == (self.rule.exits - 1,)

    def _disagreement(self) -> str:
        if self._agrees:
            return "none: every answer is the whole network's"
        most = f"at most {_percent(self.disagreement_bound)} (confidence {1 - self.delta:.3g})"
        where = "at this layer" if self.deploy == "index policy" else "with the whole network"
        return f"{most} {where}, measured {_percent(self.disagreement)}"

    def _holds_for(self) -> str:
        if self.deploy == "Constrained":
            return "any domain of independent samples, for it certifies while it runs"
        if self._agrees:
            return "any domain"
        return "independent samples of the trace's domain; in another, let `Constrained` learn"

    def _accuracy(self) -> str:
        if self._agrees:
            return "none lost"
        if self.accuracy_loss is None or self.accuracy_loss_ci is None:
            return "not known without labels; no more is lost than answers differ"
        change, high, low = (-100 * x for x in (self.accuracy_loss, *self.accuracy_loss_ci))
        return f"{change:+z.2f} points [{low:+z.2f}, {high:+z.2f}] against the final exit"

    def _answers(self) -> str:
        device = [f"layer {n} {_percent(s)}" for n, s in enumerate(self.answered, 1) if s]
        return ", ".join([*device, f"offloaded {_percent(self.offloaded)}"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the candidates as JSON knows it; null for nan."""
        names = (
            *("deploy", "why", "max_disagreement", "tradeoff", "delta", "samples"),
            *("disagreement", "disagreement_bound", "cost", "cost_ci", "final_cost"),
            *("final_saving", "final_saving_ci", "offload_saving", "offload_saving_ci"),
            *("accuracy_loss", "accuracy_loss_ci", "answered", "offloaded", "more_samples"),
        )
        cost = self.rule.cost
        content = {
            "format": FORMAT,
            "version": VERSION,
            "exits": self.rule.exits,
            "cost_model": {
                name: getattr(cost, name)
                for name in ("layer", "exit", "offload", "overhead", "unit")
            },
            "arm": None if self.arm is None else self.arm._asdict(),
            "offload_cost": self.rule.safe_cost,
            "tested": [_row(one) for one in self.tested],
            "likely": None if self.likely is None else _row(self.likely),
        }
        plain: dict[str, Any] = _plain(content | {name: getattr(self, name) for name in names})
        return plain

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` as JSON, exactly ``path``, whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
        write_atomically(path, lambda file: file.write(text.encode()))


def recommend(
    trace: Trace,
    *,
    cost: SplitCost,
    max_disagreement: float = 0.02,
    tradeoff: float | None = None,
    delta: float = 0.05,
    thresholds: Iterable[float] = THRESHOLDS,
    source: Trace | None = None,
    expected_rounds: int | None = None,
    seed: int = 0,
) -> Recommendation:
    """Return what to deploy, given a trace of the domain where it will be deployed.

    That is the cheapest arm, exits to ask and a threshold, that is certified to give another
    answer than the final exit for at most ``max_disagreement`` of all samples. Labels are not
    needed. Where no arm is certified it says what is safe, and how many samples are missing.

    Theorem. Let the samples of ``trace`` be independent draws of one law. Then with
    probability at least ``1 - delta`` no arm with a larger disagreement under that law is
    certified. Proof. The arms and their order are fixed by samples that do not test. Given
    them, the first arm in the order that is too bad, if there is one, passes its exact
    binomial test with probability at most ``delta``; unless it passes, neither it nor an arm
    behind it is certified (fixed-sequence testing: Maurer, Hothorn & Lehmacher 1995;
    Angelopoulos, Bates, Candes, Jordan & Lei 2021, *Learn then test*). Nothing is said of
    another law, nor of the share that a finite stream will show.

    With ``tradeoff`` the samples that choose take one arm with one stop, the best by
    ``agreement - tradeoff * cost``; it is measured on the others.

    Args:
        trace: What every exit says of at least 10 samples; labels are for the report.
        cost: The cost model; every exit that is asked is paid for.
        max_disagreement: Share of answers that may differ from the final exit's, in (0, 1).
        tradeoff: In its place, agreement given up for one lambda, not negative.
        delta: Probability of certifying an arm that is too bad, in (0, 1).
        thresholds: Confidences to choose from, in [0, 1].
        source: Another trace to choose the arms and their order by, so that all of ``trace``
            tests: the calibration set, say. By default 30 % of ``trace`` choose, at random.
        expected_rounds: How many samples will be answered. Learning online is not recommended
            where they are fewer than it needs.
        seed: What cuts the trace.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is outside its range, ``source`` is ``trace`` or of another
            network, or there are too few samples.
    """
    _check_traces(trace, source)
    _checks.instance("cost", cost, SplitCost)
    cost.offloading(trace.exits)  # refuses a cost for another number of exits
    level = _checks.open_fraction("max_disagreement", max_disagreement)
    delta = _checks.open_fraction("delta", delta)
    if tradeoff is not None:
        tradeoff = _checks.nonnegative("tradeoff", tradeoff)
    if expected_rounds is not None:
        expected_rounds = _checks.integer("expected_rounds", expected_rounds, least=1)
    thresholds = _distinct(thresholds)
    seed = _checks.integer("seed", seed, least=0)
    choosing, testing = (source, trace) if source is not None else _parts(trace, seed)
    candidates = _candidates(trace.exits, thresholds, cost, single=tradeoff is not None)
    if tradeoff is None:
        order = _worth_testing(candidates, choosing, level)
    else:
        order = _best(candidates, choosing, tradeoff)
    agreement, paid = candidates.expected(testing)
    means = 1 - agreement, paid
    tested = _test(order, candidates, means, testing.samples, level=level, delta=delta)

    # Two arms have the whole network's answer: the cheaper one is what must be beaten.
    final = JointArm((trace.exits - 1,), thresholds[0])  # it answers, however sure it is
    last = np.arange(trace.exits) == trace.exits - 1
    final_cost = float(cost.running(trace.exits)[-1] + cost.asking(last))
    safe = _Safe("always offload", None, candidates.safe_cost)
    if final_cost <= safe.cost:
        safe = _Safe("final exit", final, final_cost)

    if tradeoff is None:
        plan = _certified(tested, safe, level, delta, expected_rounds)
    else:
        plan = _traded(tested, safe)
    arm = safe.arm if plan.played is None else plan.played.arm
    playable: tuple[JointArm, ...] = (final if arm is None else arm,)
    if plan.deploy == "Constrained":
        playable = order if arm is None else (arm, *order)
    more = None
    if plan.likely is not None:
        more = math.ceil(plan.looks * trace.samples / testing.samples) - trace.samples
    return Recommendation(
        deploy=plan.deploy,
        why=plan.why,
        arm=arm,
        rule=JointRule(trace.exits, playable, cost),
        max_disagreement=level,
        tradeoff=tradeoff,
        delta=delta,
        samples=testing.samples,
        disagreement=0.0 if plan.played is None else plan.played.disagreement,
        disagreement_bound=plan.bound,
        final_cost=final_cost,
        tested=tested,
        likely=plan.likely,
        more_samples=more,
        candidates=candidates,
        candidate_cost=paid,
        candidate_disagreement=means[0],
        **_measured(arm, testing, cost, delta / max(len(tested), 1)),
    )


class _Safe(NamedTuple):
    """The arm that never disagrees, and what it is called."""

    deploy: str
    arm: JointArm | None
    cost: float


class _Plan(NamedTuple):
    """A decision; the safe arm where none is ``played``.

    ``looks`` is how many samples must be looked at to certify the ``likely`` arm.
    """

    deploy: str
    why: str
    played: Tested | None = None
    bound: float = 0.0
    likely: Tested | None = None
    looks: int = 0


def _candidates(
    exits: int, thresholds: tuple[float, ...], cost: SplitCost, *, single: bool
) -> JointRule:
    """Return all arms to look at; a single stop each if so asked."""
    joint = joint_arms(exits, thresholds, stops=1 if single else 2)
    return JointRule(exits, tuple(a for a in joint if len(a.stops) == 1 or not single), cost)


def _worth_testing(rule: JointRule, choosing: Trace, level: float) -> tuple[JointArm, ...]:
    """Return arms in an order of testing, the surest first; none that is the final exit."""
    try:
        found = JointRule.frontier(
            choosing, rule.joint, level=level, most=_MOST, cost=rule.cost
        )
    except ValueError:  # every arm is far too bad, or too dear
        return ()
    return tuple(arm for arm in found.joint if arm.stops != (rule.exits - 1,))


def _best(rule: JointRule, choosing: Trace, tradeoff: float) -> tuple[JointArm, ...]:
    """Return the arm of the best net agreement; none where that is to offload everything."""
    agreement, paid = rule.expected(choosing)
    best = rule.arm(int((agreement - tradeoff * paid)[:-1].argmax()))
    return () if best is None else (best,)


def _test(
    order: tuple[JointArm, ...],
    rule: JointRule,
    means: tuple[Float, Float],
    samples: int,
    *,
    level: float,
    delta: float,
) -> tuple[Tested, ...]:
    """Return the arms in ``order``, tested; ``means`` are disagreement and cost, `[arms]`."""
    tested: list[Tested] = []
    certified = True
    for arm in order:
        number = 1 + rule.joint.index(arm)
        disagreement, paid = (float(mean[number]) for mean in means)
        _, upper = _clopper_pearson(round(disagreement * samples), samples, delta)
        certified = certified and upper <= level
        tested.append(Tested(arm, paid, disagreement, upper, certified))
    return tuple(tested)


def _certified(
    tested: tuple[Tested, ...],
    safe: _Safe,
    level: float,
    delta: float,
    expected_rounds: int | None,
) -> _Plan:
    """Decide for the cheapest certified arm, or what to do where there is none."""
    passed = [one for one in tested if one.certified and one.cost < safe.cost]
    best = min(passed, key=lambda one: one.cost, default=None)
    likely, looks = _likely(tested, level, delta)
    if likely is not None and likely.cost >= (safe.cost if best is None else best.cost):
        likely = None
    if best is not None:
        why = "the trace alone certifies this arm"
        return _Plan("fixed arm", why, best, level, likely, looks)
    if likely is None:
        return _Plan(safe.deploy, "no cheaper arm looks good enough")
    if expected_rounds is not None and expected_rounds < looks:
        why = f"certifying a cheaper arm takes about {looks:,} looks, more than rounds expected"
        return _Plan(safe.deploy, why, likely=likely, looks=looks)
    why = "the trace is too short to certify an arm, and audits can as it runs"
    return _Plan("Constrained", why, likely=likely, looks=looks)


def _traded(tested: tuple[Tested, ...], safe: _Safe) -> _Plan:
    """Decide for the arm that was chosen, if one was."""
    if not tested:
        return _Plan(safe.deploy, "no other arm is worth more")
    why = "a tradeoff asks for the best layer, which it goes on learning"
    return _Plan("index policy", why, tested[0], tested[0].upper)


def _likely(
    tested: tuple[Tested, ...], level: float, delta: float
) -> tuple[Tested | None, int]:
    """Return the last arm up to which all measured well below ``level``, and looks needed.

    At the measured rate ``q`` a binomial test passes from ``ln(1 / delta) / kl(q, level)``
    samples on, by Chernoff's inequality.
    """
    likely, looks = None, 0
    for one in tested:
        if one.disagreement > _LIKELY * level:
            break
        divergence = float(Bernoulli().kl(one.disagreement, level))
        likely, looks = one, max(looks, math.ceil(math.log(1 / delta) / divergence))
    return likely, looks


def _measured(arm: JointArm | None, testing: Trace, cost: SplitCost, delta: float) -> Any:
    """Return what ``arm`` did with the samples that test, and intervals at ``delta`` each."""
    exits, samples = testing.exits, testing.samples
    never_differs = arm is None or arm.stops == (exits - 1,)
    rule = JointRule(exits, (arm or JointArm((exits - 1,), 1.0),), cost)
    number = rule.safe if arm is None else 1
    verdict = rule.verdicts(testing.confidence)
    exit_, offloaded = verdict.exit[:, number], verdict.offloaded[:, number]
    paid = verdict.cost[:, number]
    # Surest and least sure samples: nothing costs less, and nothing more.
    ends = rule.verdicts(np.repeat([[1.0], [-1.0]], exits, axis=1)).cost[:, number]
    answered = np.bincount(exit_[~offloaded], minlength=exits) / samples
    measured = {
        "cost": float(paid.mean()),
        "cost_ci": _empirical_bernstein(paid, float(ends[0]), float(ends[1]), delta),
        "answered": tuple(float(share) for share in answered),
        "offloaded": float(offloaded.mean()),
        "accuracy_loss": None,
        "accuracy_loss_ci": None,
    }
    if testing.label is not None:
        answer = testing.prediction[np.arange(samples), exit_]
        right, final_right = answer == testing.label, testing.prediction[:, -1] == testing.label
        lost, gained = int((final_right & ~right).sum()), int((right & ~final_right).sum())
        worst = _clopper_pearson(lost, samples, delta / 4)
        best = _clopper_pearson(gained, samples, delta / 4)
        interval = (0.0, 0.0) if never_differs else (worst[0] - best[1], worst[1] - best[0])
        measured |= {"accuracy_loss": (lost - gained) / samples, "accuracy_loss_ci": interval}
    return measured


def _empirical_bernstein(
    values: Float, low: float, high: float, delta: float
) -> tuple[float, float]:
    """Return the interval of a mean of values in [low, high], Maurer & Pontil 2009, Thm. 4."""
    samples, log = len(values), math.log(4 / delta)  # 2 / delta for each of two sides
    half = math.sqrt(2 * float(values.var(ddof=1)) * log / samples)
    half += 7 * (high - low) * log / (3 * (samples - 1))
    mean = float(values.mean())
    return max(mean - half, low), min(mean + half, high)


def _clopper_pearson(count: int, samples: int, tail: float) -> tuple[float, float]:
    """Return bounds of a share, each of which fails with probability at most ``tail``."""
    others = samples - count
    low = float(betaincinv(count, others + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, others, 1 - tail)) if others else 1.0
    return low, high


def _check_traces(trace: Any, source: Any) -> None:
    """Refuse what is no trace, or too short, or does not fit."""
    _checks.instance("trace", trace, Trace)
    if trace.samples < _LEAST:
        wanted = f"`trace` must hold at least {_LEAST} samples"
        raise ValueError(f"{wanted}, got {trace.samples}.")
    if source is None:
        return
    _checks.instance("source", source, Trace)
    if source is trace:
        raise ValueError("`source` must be another trace: what chooses must not test.")
    trace.check_same_network(source, name="source")


def _distinct(thresholds: Any) -> tuple[float, ...]:
    """Return thresholds, checked."""
    if not isinstance(thresholds, Iterable) or isinstance(thresholds, str | bytes):
        raise TypeError(f"`thresholds` must be a sequence of numbers, got {thresholds!r}.")
    values = tuple(_checks.fraction("thresholds", value) for value in thresholds)
    if not values or len({*values}) < len(values):
        wanted = "`thresholds` must hold at least one number, and none twice"
        raise ValueError(f"{wanted}, got {values!r}.")
    return values


def _parts(trace: Trace, seed: int) -> tuple[Trace, Trace]:
    """Return the samples that choose, and those that test."""
    shuffled = np.random.default_rng(seed).permutation(trace.samples)
    choosing, testing = np.split(shuffled, [int(_CHOOSING * trace.samples)])
    label = None if trace.label is None else trace.label[testing]
    return (
        Trace(trace.confidence[choosing], trace.prediction[choosing]),
        Trace(trace.confidence[testing], trace.prediction[testing], label),
    )


def _saving(paid: float, against: float) -> float:
    return 1 - paid / against if against else math.nan


def _exits(arm: JointArm) -> str:
    """Return which layers' exits are asked, numbered from 1, and from which confidence on."""
    *layers, split = (stop + 1 for stop in arm.stops)
    if not layers:
        asked = f"the exit of layer {split}"
    elif layers == [*range(1, split)] and split > 2:  # noqa: PLR2004 - two are named
        asked = f"the exits of layers 1 to {split}"
    else:
        asked = f"the exits of layers {', '.join(map(str, layers))} and {split}"
    return f"{asked} at threshold {arm.threshold:g}"


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _interval(share: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{share:z.1%} [{low:z.1%}, {high:z.1%}]".replace("%", " %")


def _row(tested: Tested) -> dict[str, Any]:
    return tested._asdict() | {"arm": tested.arm._asdict()}


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it: lists for tuples, null for nan."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
