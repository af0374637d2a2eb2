"""A network with exits on its blocks, cut between any two of them.

The rules of the split: block ``split`` is the last one on the device. What crosses the cut is
the hidden state behind it and the other arguments that the blocks share, such as an attention
mask: all that the blocks after it are called with.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias, final

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._files import write_atomically
from banditsplit._typing import Float, Int
from banditsplit_envs.networks.chain import advance, enter
from banditsplit_envs.networks.hidden_state import HiddenState
from banditsplit_envs.networks.inputs import Batch, Inputs, Layout, as_tensor, what

__all__ = ["Answers", "ExitNetwork"]

FORMAT: Final = "banditsplit.exit_network"
VERSION: Final = "2"

Pool: TypeAlias = Callable[[HiddenState], Tensor]


class Answers(NamedTuple):
    """Who answered each sample of a batch, and what; all `[samples]`.

    Attributes:
        exit: The exit that answered.
        prediction: Its class.
        confidence: Its calibrated confidence.
    """

    exit: Int
    prediction: Int
    confidence: Float


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What `attach_exits` found out about a network.

    Attributes:
        names: The last block of each split.
        segments: The blocks of each split, as they are in the network.
        head: The network's own head, or None where the last exit is a new one.
        pool: What the exits see of a hidden state: `[batch, width]`.
        masked: Whether ``pool`` needs to know what is padding.
        shared: Arguments of the blocks that are not one a sample.
        features: Number of axes and width of the hidden state of each split.
        layout: What the network takes.
    """

    names: tuple[str, ...]
    segments: tuple[tuple[nn.Module, ...], ...]
    head: Callable[[Any, Tensor], Any] | None
    pool: Pool
    masked: bool
    shared: frozenset[int | str]
    features: tuple[tuple[int, int], ...]
    layout: Layout


@final
class ExitNetwork(nn.Module):
    """A network with an exit on each split, as `attach_exits` makes it.

    The blocks stay where they are, in ``network``, which goes on working as before. A new one
    is in eval mode; ``temperature``, `[exits]`, is 1 until it is calibrated.

    Attributes:
        network: The network itself.
        classifiers: The exits; the last one is missing where ``network`` has a head of its own.
        classes: How many classes every exit tells apart.
    """

    temperature: Tensor

    def __init__(
        self, network: nn.Module, anatomy: Anatomy, classifiers: nn.ModuleList, *, classes: int
    ) -> None:
        super().__init__()
        self.network = network
        self.classifiers = classifiers
        self.classes = classes
        self._anatomy = anatomy  # no module of its own: its blocks are those of `network`
        self.register_buffer("temperature", torch.ones(len(anatomy.segments)))
        self.eval()

    @property
    def exits(self) -> int:
        """How many exits there are: one for each split."""
        return len(self._anatomy.segments)

    @property
    def splits(self) -> tuple[str, ...]:
        """The name of the last block of each split."""
        return self._anatomy.names

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.temperature.device

    def forward(self, x: Tensor | Mapping[str, Tensor] | Batch) -> Tensor:
        """Return the logits of every exit, `[exits, batch, classes]`."""
        states = enumerate(self.states(x, self.exits - 1))
        return torch.stack([self._logits(state, split) for split, state in states])

    def states(
        self, x: Tensor | Mapping[str, Tensor] | Batch, split: int
    ) -> Iterator[HiddenState]:
        """Run the blocks up to ``split`` one by one and hand out the state after each."""
        last, state = self._split(split), self._enter(x)
        for segment in self._anatomy.segments[: last + 1]:
            state = advance(segment, state)
            yield state

    def head(self, x: Tensor | Mapping[str, Tensor] | Batch, split: int) -> HiddenState:
        """Run the device part: all that comes before block ``split``, and that block."""
        for hidden in self.states(x, split):
            state = hidden
        return state

    def exit(self, state: HiddenState, split: int) -> Tensor:
        """Return the logits of exit ``split``, `[batch, classes]`, from its hidden state."""
        split = self._split(split)
        return self._logits(self._checked(state, split), split)

    def tail(self, state: HiddenState, split: int) -> Tensor:
        """Run the cloud part, the blocks after ``split``: final logits, `[batch, classes]`."""
        split = self._split(split)
        state = self._checked(state, split)
        for segment in self._anatomy.segments[split + 1 :]:
            state = advance(segment, state)
        return self._logits(state, self.exits - 1)

    def answer(self, inputs: Inputs, *, threshold: float | Sequence[float]) -> Answers:
        """Answer each sample at its first confident exit, at the last one at the latest.

        The samples that have their answer leave the batch, and only the others go on.

        Args:
            inputs: what the network takes.
            threshold: confidence from which an exit answers, in [0, 1]: one, or `[exits]`.
        """
        thresholds = self._thresholds(threshold)
        batch = self.as_inputs(inputs)
        rows = torch.arange(len(batch), device=self.device)
        exits = torch.full_like(rows, self.exits - 1)
        predictions = torch.empty_like(rows)
        confidences = torch.empty(len(batch), dtype=torch.float64, device=self.device)
        with torch.inference_mode():
            state = self._enter(batch)
            for split, segment in enumerate(self._anatomy.segments):
                state = advance(segment, state)
                best = self.probabilities(self._logits(state, split), split).max(-1)
                # Everyone's answer so far; who goes on writes another one over it.
                predictions[rows], confidences[rows] = best.indices, best.values
                stays = best.values < thresholds[split]
                left = int(stays.sum())
                if split == self.exits - 1 or not left:
                    exits[rows] = split
                    break
                if left < len(rows):
                    exits[rows[~stays]] = split
                    rows, state = rows[stays], state[stays]
        return Answers(*(part.cpu().numpy() for part in (exits, predictions, confidences)))

    def probabilities(self, logits: Tensor, split: int | None = None) -> Tensor:
        """Return calibrated probabilities, in float64, of the same shape as ``logits``.

        Args:
            logits: of exit ``split``, `[batch, classes]`; without it of all exits,
                `[exits, batch, classes]`.
            split: the exit that gave the logits.

        Raises:
            ValueError: The logits have another shape, or are not finite.
        """
        leading = (self.exits,) if split is None else ()
        if logits.shape != (*leading, *logits.shape[-2:-1], self.classes):
            wanted = [*map(str, leading), "batch", str(self.classes)]
            raise ValueError(
                f"`logits` must be a tensor [{', '.join(wanted)}], got {what(logits)}."
            )
        if not torch.isfinite(logits).all():
            where = "" if split is None else f" at exit {split}"
            raise ValueError(f"`logits` must be finite, got nan or inf{where}.")
        if split is None:
            temperature = self.temperature[:, None, None]
        else:
            temperature = self.temperature[self._split(split)]
        # In float32 a confident softmax is exactly 1, and such samples could not be ordered.
        return torch.softmax(logits.double() / temperature.double(), dim=-1)

    def as_inputs(self, inputs: Inputs, *, name: str = "inputs") -> Batch:
        """Return ``inputs``, which an error calls ``name``, as this network takes them.

        Raises:
            TypeError: Something is no array of numbers, or holds the wrong kind of them.
            ValueError: It is empty, not finite, has another shape or other names, or more
                tokens than the network allows.
        """
        batch = Batch.of(inputs, name=name)
        self._anatomy.layout.check(batch, name=name)
        self._anatomy.layout.check_values(batch, name=name)
        return batch

    def as_labels(
        self, labels: ArrayLike | Tensor, *, samples: int, name: str = "labels"
    ) -> Tensor:
        """Return ``labels``, which an error calls ``name``, as int64 `[samples]`.

        Raises:
            TypeError: They are no integers.
            ValueError: There are more or fewer, or they are not in `0 .. classes - 1`.
        """
        tensor = as_tensor(name, labels)
        if tensor.is_floating_point() or tensor.dtype == torch.bool:
            raise TypeError(f"`{name}` must hold integers, got {tensor.dtype}.")
        if tensor.shape != (samples,):
            raise ValueError(f"`{name}` must have shape ({samples},), got {what(tensor)}.")
        classes = tensor.long()
        if ((classes < 0) | (classes >= self.classes)).any():
            span = f"{int(classes.min())} .. {int(classes.max())}"
            raise ValueError(f"`{name}` must lie in 0 .. {self.classes - 1}, got {span}.")
        return classes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all weights and temperatures to ``path``, whole or not at all."""
        metadata = {"format": FORMAT, "version": VERSION, "splits": json.dumps(self.splits)}
        content = safetensors.torch.save(apart(self.state_dict()), metadata)
        write_atomically(path, lambda file: file.write(content))

    def load(self, path: str | os.PathLike[str]) -> Self:
        """Take over what `save` wrote of a network like this one, and return it.

        Raises:
            FileNotFoundError: There is no file.
            ValueError: It is anything else, or of another network; this one is unchanged.
        """
        tensors, metadata = read_tensors(path, FORMAT, VERSION, "an exit network")
        if metadata.get("splits") != json.dumps(self.splits):
            other_splits = f"another network's, split at {metadata.get('splits')}"
            raise foreign(path, other_splits, "an exit network")
        wanted = {name: value.shape for name, value in self.state_dict().items()}
        found = {name: value.shape for name, value in tensors.items()}
        if found != wanted:
            other = sorted(
                name for name in wanted | found if wanted.get(name) != found.get(name)
            )
            raise foreign(path, f"another network's, in {other[0]!r}", "an exit network")
        if not all(value.isfinite().all() for value in tensors.values()):
            raise foreign(path, "weights that are not finite", "an exit network")
        if not (tensors["temperature"] > 0).all():
            raise foreign(path, "temperatures that are not positive", "an exit network")
        self.load_state_dict(tensors)
        return self

    def _enter(self, x: Tensor | Mapping[str, Tensor] | Batch) -> HiddenState:
        anatomy, batch = self._anatomy, Batch.of(x, name="x")
        anatomy.layout.check(batch, name="x")
        batch = batch.to(self.device)
        state = enter(self.network, anatomy.segments[0][0], batch)
        mask = batch.tensors.get("attention_mask") if anatomy.masked else None
        if mask is not None and mask.shape != state.hidden.shape[:2]:
            mask = None  # not one of tokens
        return replace(state, mask=mask, shared=anatomy.shared)

    def _logits(self, state: HiddenState, split: int) -> Tensor:
        if (own := self._anatomy.head) is not None and split == self.exits - 1:
            logits: Tensor = own(self, state.hidden)
        else:
            logits = self.classifiers[split](self._anatomy.pool(state))
        return logits

    def _split(self, split: int) -> int:
        if (index := _checks.integer("split", split, least=0)) >= self.exits:
            raise ValueError(f"`split` must lie in 0 .. {self.exits - 1}, got {split!r}.")
        return index

    def _checked(self, state: Any, split: int) -> HiddenState:
        """Return ``state`` if it is one of this split."""
        axes, width = self._anatomy.features[split]
        if not isinstance(state, HiddenState):
            raise TypeError(f"`state` must be a HiddenState, got {what(state)}.")
        hidden = state.hidden
        if hidden.dim() != axes or hidden.shape[channel(axes)] != width or 0 in hidden.shape:
            where = f"of split {split}, with {axes} axes and width {width}, none of them 0"
            raise ValueError(f"`state` must be one {where}, got {what(hidden)}.")
        return state

    def _thresholds(self, threshold: float | Sequence[float]) -> list[float]:
        if np.ndim(threshold) == 0:
            return [_checks.fraction("threshold", threshold)] * self.exits
        values = [_checks.fraction("threshold", value) for value in np.asarray(threshold)]
        if len(values) != self.exits:
            wanted = f"one number or {self.exits}"
            raise ValueError(f"`threshold` must be {wanted}, got {len(values)}.")
        return values


def apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU: safetensors refuses what shares its memory, as tied weights."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def read_tensors(
    path: str | os.PathLike[str], marker: str, version: str, wanted: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata of a safetensors file of this kind.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: It is anything else.
    """
    Path(path).open("rb").close()  # a missing file says so itself
    try:
        with safetensors.safe_open(os.fspath(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except safetensors.SafetensorError as error:
        raise foreign(path, "something unreadable", wanted) from error
    found = metadata.get("format"), metadata.get("version")
    if found != (marker, version):
        raise foreign(path, f"format {found[0]!r}, version {found[1]!r}", wanted)
    return tensors, metadata


def foreign(path: str | os.PathLike[str], found: str, wanted: str) -> ValueError:
    """Return the error for a file that holds something else."""
    return ValueError(f"`path` must hold {wanted}, got {found} in {os.fspath(path)!r}.")


def channel(axes: int) -> int:
    """Return which of the axes of a hidden state holds its width."""
    return 1 if axes == 4 else axes - 1  # noqa: PLR2004 - [batch, channels, height, width]
