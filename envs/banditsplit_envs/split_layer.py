"""Split computing on a live network: every round really runs the layers it pays for."""

from collections.abc import Iterator
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch

from banditsplit import _checks
from banditsplit_envs.cost import SplitCost
from banditsplit_envs.exit_network import ExitNetwork
from banditsplit_envs.inputs import Batch
from banditsplit_envs.outcome import SplitRule
from banditsplit_envs.rows import first_row, sample_order

Info = dict[str, Any]


class Splittable(Protocol):
    """What a network must do to be played live; `ExitNetwork` does.

    Its hidden states are its own affair: they go from one method to the other.
    """

    @property
    def exits(self) -> int:
        """How many exits there are."""
        ...

    def states(self, x: Any, split: int) -> Iterator[Any]:
        """Run blocks up to ``split`` and hand out the hidden state after each."""
        ...

    def exit(self, state: Any, split: int, /) -> torch.Tensor:
        """Return the logits of an exit, `[batch, classes]`."""
        ...

    def tail(self, state: Any, split: int, /) -> torch.Tensor:
        """Run the blocks after ``split``; return the final logits, `[batch, classes]`."""
        ...

    def probabilities(self, logits: torch.Tensor, split: int) -> torch.Tensor:
        """Return calibrated probabilities, `[batch, classes]`."""
        ...


class SplitLayer(gym.Env[np.int64, np.int64]):
    """One sample a round through a real network: ``banditsplit/SplitLayer-v0``.

    The head runs on the device up to the split layer, which is the arm; the tail runs only
    where the rule offloads. Rewards, costs and ``info`` are those of `SplitReplayVector`,
    without expected values, which nobody knows here.

    Args:
        network: In eval mode.
        images: `[samples, ...]`, what the network takes: a tensor, or tensors by name.
        labels: `[samples]`, integers, for ``info["correct"]``.
        threshold: Confidence from which the device answers, in [0, 1].
        cost: The cost model.
        side: ``"surrogate"``, ``"doubly_robust"`` or ``"observed"``; see `SplitRule`.
        audit_rate: Share of confident samples that are audited.
        rounds: Draws with replacement in an episode; by default an episode is one shuffle.

    Raises:
        TypeError: ``cost`` is something else, ``labels`` are no integers, or ``images`` no
            numbers of the kind that the network takes.
        ValueError: An argument is outside its range, there are no images, labels do not fit,
            the network is in training mode, or ``side`` is ``"as_published"``, which needs
            what a device cannot know.
    """

    def __init__(
        self,
        network: Splittable,
        images: Any,
        *,
        threshold: float,
        cost: SplitCost,
        labels: Any = None,
        side: str = "surrogate",
        audit_rate: float = 0.0,
        rounds: int | None = None,
    ) -> None:
        if side == "as_published":
            msg = (
                "`side` must be something a device can know, got 'as_published': use a replay."
            )
            raise ValueError(msg)
        self.rule = SplitRule(threshold, cost, side, audit_rate)
        if getattr(network, "training", False):
            raise ValueError("`network` must be in eval mode, got one in training mode.")
        self.network = network
        self._images = Batch.of(images, name="images")
        if isinstance(network, ExitNetwork):
            network.as_inputs(self._images, name="images")
        self._labels = None if labels is None else np.array(labels)
        if self._labels is not None and self._labels.shape != (len(self._images),):
            wanted = (len(self._images),)
            raise ValueError(f"`labels` must have shape {wanted}, got {self._labels.shape}.")
        if self._labels is not None and self._labels.dtype.kind not in "iu":
            raise TypeError(f"`labels` must hold integers, got dtype {self._labels.dtype}.")
        self.rounds = None if rounds is None else _checks.integer("rounds", rounds, least=1)
        self.action_space = gym.spaces.Discrete(network.exits)
        self.observation_space = gym.spaces.Discrete(1)  # a bandit shows no state
        self._stream: list[int] = []

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[np.int64, Info]:
        """Begin a new pass over the images; ``seed`` restarts the random numbers."""
        super().reset(seed=seed, options=options)
        order = sample_order(len(self._images), 1, self.rounds, self.np_random)
        self._stream = order[0, ::-1].tolist()
        return np.int64(0), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, Info]:
        """Run the head of the next image, and the tail if it must; truncate at the last one.

        Raises:
            TypeError, ValueError: `action` is no arm.
            RuntimeError: The episode is over, or never began.
        """
        exits, rule = self.network.exits, self.rule
        arm = np.array([_checks.below("action", action, exits)])
        if not self._stream:
            raise RuntimeError("`reset` must be called before `step`.")
        sample = self._stream.pop()
        seen, prediction = np.full((1, exits), np.nan), np.zeros((1, exits), np.int64)

        def evaluate(logits: torch.Tensor, exit_: int) -> None:
            best = self.network.probabilities(logits, exit_).max(-1)
            seen[0, exit_], prediction[0, exit_] = best.values.item(), best.indices.item()

        x = self._images[[sample]].value
        with torch.inference_mode():
            for depth, hidden in enumerate(self.network.states(x, arm[0])):
                if rule.cost.evaluates == "all" or depth == arm[0]:
                    evaluate(self.network.exit(hidden, depth), depth)
            offloads = rule.offloads(seen[:, arm[0]], arm, exits)
            audited = rule.audits(offloads, arm, exits, self.np_random)
            if offloads[0] or audited[0]:
                evaluate(self.network.tail(hidden, arm[0]), exits - 1)
        label = None if self._labels is None else self._labels[[sample]]
        reward, info = rule.report(seen, prediction, arm, audited, label=label)
        return np.int64(0), float(reward[0]), False, not self._stream, first_row(info)
