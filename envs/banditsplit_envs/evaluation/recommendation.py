"""What is recommended from a trace, as a result: the report, the JSON and the policy."""

import json
import math
import os
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import banditsplit as bs
from banditsplit._files import write_atomically
from banditsplit._typing import Float
from banditsplit_envs.splitting.joint_rule import JointArm, JointRule

__all__ = ["Recommendation", "Tested"]

FORMAT = "banditsplit.recommendation"
VERSION = 1


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
            layers, the one arm that was measured.
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
