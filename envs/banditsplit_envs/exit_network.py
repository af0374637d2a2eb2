"""A convolutional network with an exit on each block, cut between any two blocks.

The rules of the split: block ``split`` is the last one on the device. Its hidden state is all
that its exit and the cloud see, so ``tail(head(x, i), i)`` runs exactly the operations of the
whole network. The exits see only channel means (global average pooling): a shallow exit knows
which strokes there are, not where they are, and has to grow better with depth.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._files import write_atomically
from banditsplit._typing import Seed

__all__ = ["ExitNetwork"]

FORMAT: Final = "banditsplit.exit_network"
VERSION: Final = "1"


@final
class ExitNetwork(nn.Module):
    """``blocks`` residual blocks of ``width`` channels, each with an exit of its own.

    The same ``seed`` gives the same weights, and torch's global generator is left alone. A new
    network is in eval mode; ``temperature``, `[exits]`, is 1 until it is calibrated.
    """

    temperature: Tensor

    def __init__(
        self,
        *,
        classes: int = 10,
        channels: int = 1,
        width: int = 10,
        blocks: int = 12,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        self.classes = _checks.integer("classes", classes, least=2)
        self.channels = _checks.integer("channels", channels, least=1)
        self.width = _checks.integer("width", width, least=1)
        self._exits = _checks.integer("blocks", blocks, least=1)
        with torch.random.fork_rng(devices=[]):
            drawn = int(_checks.generator(seed).integers(2**63))
            torch.default_generator.manual_seed(drawn)
            self.blocks = nn.ModuleList(
                _Block(self.width if depth else self.channels, self.width, residual=depth > 0)
                for depth in range(self._exits)
            )
            self.heads = nn.ModuleList(
                nn.Linear(self.width, self.classes) for _ in range(self._exits)
            )
        self.register_buffer("temperature", torch.ones(self._exits))
        self.eval()

    @property
    def exits(self) -> int:
        """How many exits there are: one for each block."""
        return self._exits

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of every exit, `[exits, batch, classes]`."""
        hidden, logits = self._input(x), []
        for block, head in zip(self.blocks, self.heads, strict=True):
            hidden = block(hidden)
            logits.append(head(_pooled(hidden)))
        return torch.stack(logits)

    def states(self, x: Tensor, split: int) -> Iterator[Tensor]:
        """Run blocks 0 to ``split`` one by one and hand out the hidden state after each."""
        last, hidden = self._split(split), self._input(x)
        for block in self.blocks[: last + 1]:
            hidden = block(hidden)
            yield hidden

    def head(self, x: Tensor, split: int) -> Tensor:
        """Run the device part, blocks 0 to ``split``: `[batch, width, height, width]`."""
        for state in self.states(x, split):
            hidden = state
        return hidden

    def exit(self, hidden: Tensor, split: int) -> Tensor:
        """Return the logits of exit ``split``, `[batch, classes]`, from its hidden state."""
        logits: Tensor = self.heads[self._split(split)](_pooled(self._hidden(hidden)))
        return logits

    def tail(self, hidden: Tensor, split: int) -> Tensor:
        """Run the cloud part, the blocks after ``split``: final logits, `[batch, classes]`."""
        first, hidden = self._split(split) + 1, self._hidden(hidden)
        for block in self.blocks[first:]:
            hidden = block(hidden)
        return self.exit(hidden, self._exits - 1)

    def probabilities(self, logits: Tensor, split: int | None = None) -> Tensor:
        """Return calibrated probabilities, in float64, of the same shape as ``logits``.

        Args:
            logits: of exit ``split``, `[batch, classes]`; without it of all exits,
                `[exits, batch, classes]`.
            split: the exit that gave the logits.
        """
        leading = (self._exits,) if split is None else ()
        if logits.shape != (*leading, *logits.shape[-2:-1], self.classes):
            wanted = [*map(str, leading), "batch", str(self.classes)]
            raise ValueError(
                f"`logits` must be a tensor [{', '.join(wanted)}], got {_what(logits)}."
            )
        if split is None:
            temperature = self.temperature[:, None, None]
        else:
            temperature = self.temperature[self._split(split)]
        # In float32 a confident softmax is exactly 1, and such samples could not be ordered.
        return torch.softmax(logits.double() / temperature.double(), dim=-1)

    def as_images(self, images: ArrayLike | Tensor) -> Tensor:
        """Return a float32 tensor `[samples, channels, height, width]`, finite, not empty."""
        tensor = _tensor("images", images)
        if not tensor.is_floating_point():
            raise TypeError(f"`images` must hold floats, got {tensor.dtype}.")
        tensor = self._input(tensor.float(), name="images")
        if not torch.isfinite(tensor).all():
            raise ValueError("`images` must be finite, got nan or inf.")
        return tensor

    def as_labels(self, labels: ArrayLike | Tensor, *, samples: int) -> Tensor:
        """Return an int64 tensor `[samples]` of class numbers `0 .. classes - 1`."""
        tensor = _tensor("labels", labels)
        if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
            raise TypeError(f"`labels` must hold integers, got {tensor.dtype}.")
        if tensor.shape != (samples,):
            raise ValueError(f"`labels` must have shape ({samples},), got {_what(tensor)}.")
        classes = tensor.long()
        if ((classes < 0) | (classes >= self.classes)).any():
            span = f"{int(classes.min())} .. {int(classes.max())}"
            raise ValueError(f"`labels` must lie in 0 .. {self.classes - 1}, got {span}.")
        return classes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, temperatures and configuration to ``path``, whole or not at all."""
        config = {
            "classes": self.classes,
            "channels": self.channels,
            "width": self.width,
            "blocks": self._exits,
        }
        metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(config)}
        tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
        content = safetensors.torch.save(tensors, metadata)
        write_atomically(path, lambda file: file.write(content))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote; a file that is anything else raises a ValueError."""
        Path(path).open("rb").close()  # a missing file says so itself
        try:
            with safetensors.safe_open(os.fspath(path), framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except safetensors.SafetensorError as error:
            raise _foreign(path, "something unreadable") from error
        marker, version = metadata.get("format"), metadata.get("version")
        if marker != FORMAT or version != VERSION:
            raise _foreign(path, f"format {marker!r}, version {version!r}")
        try:
            network = cls(**json.loads(metadata["config"]))
            network.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise _foreign(path, f"other contents ({error})") from error
        if not all(value.isfinite().all() for value in tensors.values()):
            raise _foreign(path, "weights that are not finite")
        if not (network.temperature > 0).all():
            raise _foreign(path, "temperatures that are not positive")
        return network

    def _split(self, split: int) -> int:
        if (index := _checks.integer("split", split, least=0)) >= self._exits:
            raise ValueError(f"`split` must lie in 0 .. {self._exits - 1}, got {split!r}.")
        return index

    def _input(self, x: Tensor, *, name: str = "x") -> Tensor:
        return _four("channels", self.channels, x, name=name)

    def _hidden(self, hidden: Tensor) -> Tensor:
        return _four("width", self.width, hidden, name="hidden")


@final
class _Block(nn.Module):
    """Convolution, batch norm, relu; a shortcut around them unless it is the first block."""

    def __init__(self, inputs: int, width: int, *, residual: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self._residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Return `[batch, width, height, width]`."""
        out = torch.relu(self.norm(self.convolution(x)))
        return x + out if self._residual else out


def _pooled(hidden: Tensor) -> Tensor:
    """Return the mean of every channel, `[batch, width]`."""
    return hidden.mean(dim=(2, 3))


def _four(axis: str, size: int, tensor: object, *, name: str) -> Tensor:
    """Return ``tensor`` if it is `[batch, size, height, width]`, floats, and not empty."""
    if (
        not isinstance(tensor, Tensor)
        or not tensor.is_floating_point()
        or tensor.dim() != 4  # noqa: PLR2004 - the axes
        or tensor.shape[1] != size
        or 0 in tensor.shape
    ):
        wanted = f"a float tensor [batch, {axis}={size}, height, width], none of them 0"
        raise ValueError(f"`{name}` must be {wanted}, got {_what(tensor)}.")
    return tensor


def _tensor(name: str, values: ArrayLike | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values
    try:
        return torch.as_tensor(np.array(values))  # a copy: a read-only array stays untouched
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{name}` must be a rectangular array of numbers: {error}") from None


def _what(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    return type(value).__name__


def _foreign(path: str | os.PathLike[str], found: str) -> ValueError:
    wanted = f"an exit network of version {VERSION} written by `ExitNetwork.save`"
    return ValueError(f"`path` must be {wanted}, got {found} in {os.fspath(path)!r}.")
