"""Playing a real network, one sample a round: what every live environment shares."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.environments.context import Context
from banditsplit_envs.environments.rows import first_row, sample_order
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.inputs import Batch

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
        """Run blocks up to ``split``, each when the hidden state after it is asked for."""
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


class Pass:
    """One sample on its way through a network: what was run, and what the exits said.

    Attributes:
        depth: The last block that ran; -1 before the first.
        seen: Confidences, `[1, exits]`, nan where an exit was not evaluated.
        prediction: Classes, `[1, exits]`, 0 where an exit was not evaluated.
    """

    def __init__(self, network: Splittable, x: Any) -> None:
        self.depth = -1
        self.seen = np.full((1, network.exits), np.nan)
        self.prediction = np.zeros((1, network.exits), np.int64)
        self._network = network
        self._states = network.states(x, network.exits - 1)
        self._state: Any = None

    def run(self, depth: int) -> None:
        """Run the blocks up to ``depth`` that have not run yet."""
        with torch.inference_mode():
            while self.depth < depth:
                self._state = next(self._states)
                self.depth += 1

    def ask(self) -> None:
        """Evaluate the exit behind the last block that ran, unless that was done."""
        if np.isnan(self.seen[0, self.depth]):
            with torch.inference_mode():
                self._judge(self._network.exit(self._state, self.depth), self.depth)

    def offload(self) -> None:
        """Let the cloud run the blocks that are left, and the last exit."""
        with torch.inference_mode():
            logits = self._network.tail(self._state, self.depth)
            self._judge(logits, self._network.exits - 1)

    def _judge(self, logits: torch.Tensor, exit_: int) -> None:
        best = self._network.probabilities(logits, exit_).max(-1)
        self.seen[0, exit_] = best.values.item()
        self.prediction[0, exit_] = best.indices.item()


class Live(gym.Env[Any, np.int64], ABC):
    """One sample a round through a real network.

    Args:
        network: In eval mode.
        images: `[samples, ...]`, what the network takes: a tensor, or tensors by name.
        arms: How many arms there are.
        labels: `[samples]`, integers, for ``info["correct"]``.
        rounds: Draws with replacement in an episode; by default an episode is one shuffle.
        context: What is shown before a choice; by default nothing.

    Raises:
        TypeError: ``labels`` are no integers, or ``images`` no numbers of the kind that the
            network takes.
        ValueError: There are no images, labels do not fit, ``rounds`` is below 1, or the
            network is in training mode.
    """

    def __init__(
        self,
        network: Splittable,
        images: Any,
        *,
        arms: int,
        labels: Any = None,
        rounds: int | None = None,
        context: Context | None = None,
    ) -> None:
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
        self.arms = arms
        self.rounds = None if rounds is None else _checks.integer("rounds", rounds, least=1)
        self._context = Context() if context is None else context
        self.action_space = gym.spaces.Discrete(arms)
        self.observation_space = self._context.space
        self._order: Int = np.empty(0, np.int64)
        self._bandwidth: Float | None = None
        self._round = 0
        self._pass: Pass | None = None

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[Any, Info]:
        """Begin a new pass over the images; ``seed`` restarts the random numbers."""
        super().reset(seed=seed, options=options)
        self._order = sample_order(len(self._images), 1, self.rounds, self.np_random)[0]
        self._bandwidth = self._context.draw(1, len(self._order), self.np_random)
        self._round, self._pass = 0, None
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, Info]:
        """Answer the next sample; truncate when none is left.

        Raises:
            TypeError, ValueError: `action` is no arm.
            RuntimeError: The episode is over, or never began.
        """
        arm = np.array([_checks.below("action", action, self.arms)])
        if self._finished:
            raise RuntimeError("`reset` must be called before `step`.")
        sample = self._order[[self._round]]
        label = None if self._labels is None else self._labels[sample]
        begun, self._pass = self._begun(), None
        reward, info = self._answer(begun, arm, label)
        self._round += 1
        observation = self._observation()
        return observation, float(reward[0]), False, self._finished, first_row(info)

    @property
    def _bandwidth_now(self) -> Float | None:
        """What it is in this round, `[1]`; None where it does not change."""
        return None if self._bandwidth is None else self._bandwidth[:, self._round]

    @property
    def _finished(self) -> bool:
        """Whether no sample is left, or none ever was."""
        return self._round == len(self._order)

    def _begun(self) -> Pass:
        """Return the pass of this round's sample, of which the context may have run a part."""
        if self._pass is None:
            x = self._images[[int(self._order[self._round])]].value
            self._pass = Pass(self.network, x)
        return self._pass

    def _observation(self) -> Any:
        """Return what is shown of the next sample; zeros where none is left."""
        if self._finished or not self._context.parts:
            zeros = np.zeros(self.observation_space.shape or (), self.observation_space.dtype)
            return zeros[()]
        first = np.full(1, np.nan)
        if "confidence" in self._context.parts:
            begun = self._begun()
            begun.run(0)
            begun.ask()
            first = begun.seen[:, 0]
        return self._context.observe(first, self._bandwidth_now)[0]

    @abstractmethod
    def _answer(self, begun: Pass, arm: Int, label: Int | None) -> tuple[Float, Info]:
        """Return the reward of a round and its info, both of one row."""
