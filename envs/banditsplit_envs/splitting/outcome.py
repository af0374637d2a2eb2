"""The rule of the paper, once: who answers a sample, what that costs, what it reveals.

Replay, live environments and baselines all ask here. They hand in the confidences that
were computed, and ``nan`` for every other one: what nobody computed cannot leak.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.splitting.cost import SplitCost

SIDE_KINDS = ("surrogate", "doubly_robust", "as_published", "observed")


class Outcome(NamedTuple):
    """What came of some samples, each `[samples]`.

    Attributes:
        exit: The exit that gave the answer.
        reward: What the arm earned: its confidence, or the final exit's if it offloaded.
        cost: What the arm cost, in the cost model's unit.
        offloaded: Whether the cloud ran, for the arm or for an audit.
        audit_cost: What an audit cost on top, in the same.
    """

    exit: Int
    reward: Float
    cost: Float
    offloaded: Bool
    audit_cost: Float


class Side(NamedTuple):
    """What a round reveals of arms that were not pulled, each `[samples, exits]`."""

    revealed: Bool
    reward: Float
    cost: Float


@dataclass(frozen=True, slots=True)
class SplitRule:
    """Answer at the split layer if its exit is confident enough, else offload.

    Bajpai et al. 2023 (arXiv:2309.09195), Sec. 3. The layers before the split are side
    observations where their exits were evaluated. Whether they would have had to offload
    is seen; what the cloud would have said is not, unless it ran. ``side`` says what stands
    in for it:

    - ``"surrogate"``: the confidence at the split. Biased, and honest about it.
    - ``"doubly_robust"``: the surrogate, corrected on the audited samples: a confident
      sample is offloaded all the same with probability ``audit_rate``. Unbiased.
    - ``"as_published"``: the final confidence that a device cannot know. For reproduction,
      on recorded traces only.
    - ``"observed"``: nothing; such arms stay hidden. What is left is selected by its own
      outcome, and so biased as well.

    Attributes:
        threshold: Confidence from which the device answers (the paper's alpha), in [0, 1].
        cost: The cost model.
        side: What stands in for a final confidence that nobody computed.
        audit_rate: Share of confident samples that are audited; positive for
            ``"doubly_robust"``, else 0.

    Raises:
        ValueError: An argument is outside its range, or ``audit_rate`` does not fit ``side``.
    """

    threshold: float
    cost: SplitCost
    side: str = "surrogate"
    audit_rate: float = 0.0

    def __post_init__(self) -> None:
        _checks.fraction("threshold", self.threshold)
        _checks.member("side", self.side, SIDE_KINDS)
        _checks.fraction("audit_rate", self.audit_rate)
        if not isinstance(self.cost, SplitCost):
            raise TypeError(f"`cost` must be a SplitCost, got {self.cost!r}.")
        if (self.audit_rate > 0) != (self.side == "doubly_robust"):
            wanted = "positive for 'doubly_robust' and 0 otherwise"
            raise ValueError(f"`audit_rate` must be {wanted}, got {self.audit_rate!r}.")

    def confident(self, confidence: Float) -> Bool:
        """Return whether an exit is confident enough to answer."""
        return confidence >= self.threshold

    def offloads(self, confidence: Float, arm: Int, exits: int) -> Bool:
        """Return whether ``arm`` offloads, given the confidence at its own exit."""
        return ~self.confident(confidence) & (arm < exits - 1)

    def audits(self, offloaded: Bool, arm: Int, exits: int, rng: np.random.Generator) -> Bool:
        """Draw which of the samples that stay on the device are audited."""
        if not self.audit_rate:
            return np.zeros_like(offloaded)
        drawn = rng.random(offloaded.shape) < self.audit_rate
        return drawn & ~offloaded & (arm < exits - 1)

    def computed(self, arm: Int, cloud: Bool, exits: int) -> Bool:
        """Return which exits were evaluated, `[samples, exits]`, where ``cloud`` ran too."""
        ran = self.cost.evaluated(exits)[arm]
        ran[:, -1] |= cloud
        return ran

    def settle(
        self, seen: Float, arm: Int, audited: Bool, bandwidth: Float | float = 1.0
    ) -> Outcome:
        """Return the outcome of pulling ``arm``, `[samples]`.

        Args:
            seen: Confidences, `[samples, exits]`, nan where an exit was not evaluated.
            arm: The pulled arms, `[samples]`.
            audited: Which samples were offloaded to be checked, `[samples]`.
            bandwidth: As in `SplitCost.offloading`, for all samples or `[samples]`.
        """
        samples, exits = seen.shape
        rows = np.arange(samples)
        own = seen[rows, arm]
        upload = np.broadcast_to(self.cost.offloading(exits, bandwidth), seen.shape)[rows, arm]
        offloads = self.offloads(own, arm, exits)
        away = offloads | audited
        return Outcome(
            exit=np.where(away, exits - 1, arm),
            reward=np.where(offloads, seen[:, -1], own),
            cost=self.cost.head(exits)[arm] + upload * offloads,
            offloaded=away,
            audit_cost=upload * audited,
        )

    def reveal(
        self,
        seen: Float,
        arm: Int,
        audited: Bool,
        final: Float | None = None,
        bandwidth: Float | float = 1.0,
    ) -> Side:
        """Return what the round says of the layers before the split.

        Args:
            seen: Confidences, `[samples, exits]`, nan where an exit was not evaluated.
            arm: The pulled arms, `[samples]`.
            audited: Which samples were offloaded to be checked, `[samples]`.
            final: For ``"as_published"`` only: final confidences, computed or not, `[samples]`.
            bandwidth: As in `settle`.

        Raises:
            ValueError: ``final`` is missing for ``"as_published"``.
        """
        samples, exits = seen.shape
        own = seen[np.arange(samples), arm]
        cloud = seen[:, -1]
        known = ~np.isnan(cloud)
        if self.side == "as_published":
            if final is None:
                raise ValueError("`final` must be given for 'as_published', got None.")
            cloud, known = final, np.ones_like(known)
        stand_in = np.where(known, cloud, own)
        if self.side == "doubly_robust":
            # On every confident round, audited or not: the correction has mean C_L - C_i.
            corrected = own + audited / self.audit_rate * (stand_in - own)
            stayed = ~self.offloads(own, arm, exits) & (arm < exits - 1)
            stand_in = np.where(stayed, corrected, stand_in)
        before = (np.arange(exits) < arm[:, None]) & ~np.isnan(seen)
        offloads = before & ~self.confident(seen)
        if self.side == "observed":
            before &= known[:, None] | ~offloads
        reward = np.where(offloads, stand_in[:, None], seen)
        cost = self.cost.head(exits) + self.cost.offloading(exits, bandwidth) * offloads
        return Side(before, np.where(before, reward, 0.0), np.where(before, cost, 0.0))

    def report(
        self,
        seen: Float,
        prediction: Int,
        arm: Int,
        audited: Bool,
        *,
        label: Int | None = None,
        final: Float | None = None,
        bandwidth: Float | float = 1.0,
    ) -> tuple[Float, dict[str, Any]]:
        """Return the rewards of a round, `[samples]`, and what an environment says of it.

        Args:
            seen: Confidences, `[samples, exits]`, nan where an exit was not evaluated.
            prediction: `[samples, exits]`, read at the exit that answers.
            arm: The pulled arms, `[samples]`.
            audited: Which samples were offloaded to be checked, `[samples]`.
            label: `[samples]`, where known: for ``correct``, which no policy is shown.
            final: As in `reveal`.
            bandwidth: As in `settle`.
        """
        outcome = self.settle(seen, arm, audited, bandwidth)
        answer = prediction[np.arange(len(arm)), outcome.exit]
        info: dict[str, Any] = {
            "cost": outcome.cost,
            "offloaded": outcome.offloaded,
            "audited": audited,
            "audit_cost": outcome.audit_cost,
            "prediction": answer,
        }
        if label is not None:
            info["correct"] = answer == label
        if self.cost.evaluates != "split":
            side = self.reveal(seen, arm, audited, final, bandwidth)
            info["side_observations"] = {**side._asdict(), "kind": self.side}
        return outcome.reward, info

    def expected(
        self, confidence: Float, bandwidth: Float | float = 1.0
    ) -> tuple[Float, Float]:
        """Return each arm's mean reward and cost over all samples, `[exits]` each."""
        samples, exits = confidence.shape
        nobody = np.zeros(samples, np.bool_)
        reward, cost = np.empty(exits), np.empty(exits)
        for arm in range(exits):  # all outcomes at once would outweigh a long trace
            outcome = self.settle(confidence, np.full(samples, arm), nobody, bandwidth)
            reward[arm], cost[arm] = outcome.reward.mean(), outcome.cost.mean()
        return reward, cost
