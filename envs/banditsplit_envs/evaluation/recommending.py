"""Which exits to ask, how sure to be and which policy to deploy, from a recorded trace.

The best of many arms looks better than it is on the samples that it was chosen by. So the
trace is cut in two at random: one part decides which arms are worth testing and in which
order, the other one tests them.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import betaincinv

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.theory import Bernoulli
from banditsplit_envs.evaluation.recommendation import Recommendation, Tested
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.joint_rule import JointArm, JointRule, joint_arms
from banditsplit_envs.traces.trace import Trace

__all__ = ["recommend"]

THRESHOLDS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)

_CHOOSING = 0.3  # share of the trace that chooses; the test needs more than the choice
_MOST = 16  # arms that are tested
_LEAST = 10  # samples of a trace that says anything
_LIKELY = 0.75  # of the level: who measured at most that, more samples would certify


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
