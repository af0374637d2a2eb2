"""What a network is called with: one tensor, or named tensors such as a tokenised batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

__all__ = ["Batch", "Inputs", "Layout"]

ALONE: Final = ""  # the name of the one tensor of a network that takes no names


@final
@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Tensors by name, all with the samples first, and at least one sample.

    A part of it, ``batch[rows]``, is a batch again. Where there is an ``attention_mask``, a
    part loses the trailing tokens that are padding in all of its samples.
    """

    tensors: dict[str, Tensor]

    @classmethod
    def of(cls, inputs: "Inputs", *, name: str = "inputs") -> "Batch":
        """Return ``inputs`` as tensors; arrays are copied, doubles become single floats.

        Raises:
            TypeError: Something is no rectangular array of numbers.
            ValueError: There is no tensor or no sample, or their numbers differ.
        """
        if isinstance(inputs, Batch):
            return inputs
        named = inputs if isinstance(inputs, Mapping) else {ALONE: inputs}
        tensors = {key: _single(_label(name, key), value) for key, value in named.items()}
        if not tensors:
            raise ValueError(f"`{name}` must hold at least one tensor, got none.")
        for key, tensor in tensors.items():
            if not tensor.dim() or 0 in tensor.shape:
                wanted = "a tensor [samples, ...], not empty"
                raise ValueError(f"`{_label(name, key)}` must be {wanted}, got {what(tensor)}.")
        if len({len(tensor) for tensor in tensors.values()}) > 1:
            found = {key: len(tensor) for key, tensor in tensors.items()}
            raise ValueError(f"`{name}` must hold as many samples each, got {found}.")
        return cls(tensors)

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, rows: Any) -> "Batch":
        part = Batch({key: tensor[rows] for key, tensor in self.tensors.items()})
        mask = part.tensors.get("attention_mask")
        if mask is None or mask.dim() != 2 or not mask.any():  # noqa: PLR2004 - [samples, tokens]
            return part
        tokens = int(mask.any(0).nonzero().max()) + 1
        return Batch(
            {
                key: tensor[:, :tokens] if tensor.shape == mask.shape else tensor
                for key, tensor in part.tensors.items()
            }
        )

    @property
    def value(self) -> Tensor | dict[str, Tensor]:
        """The one tensor, where it has no name, or all by their names."""
        return self.tensors.get(ALONE, self.tensors)

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on ``device``."""
        return Batch({key: tensor.to(device) for key, tensor in self.tensors.items()})

    def noisy(self, deviation: float, draws: torch.Generator) -> "Batch":
        """Return it with Gaussian noise on every tensor of floats."""
        return Batch(
            {
                key: tensor + deviation * torch.randn(tensor.shape, generator=draws)
                if tensor.is_floating_point()
                else tensor
                for key, tensor in self.tensors.items()
            }
        )

    def call(self, network: Callable[..., Any]) -> Any:
        """Call ``network`` with the tensors."""
        if ALONE in self.tensors:
            return network(self.tensors[ALONE])
        return network(**self.tensors)


# One array or tensor, `[samples, ...]`, or several by the names of the network's arguments.
Inputs: TypeAlias = ArrayLike | Tensor | Mapping[str, ArrayLike | Tensor] | Batch


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """What a network takes.

    Attributes:
        axes: By the names that must be there: whether the tensor holds floats, and its axes,
            0 where their length is free.
        names: All names that the network knows.
        limits: By name: how many numbers there are, of tensors of numbers ``0 .. limit - 1``.
        tokens: How many tokens a sample may have, where the network has a limit.
    """

    axes: Mapping[str, tuple[bool, tuple[int, ...]]]
    names: frozenset[str]
    limits: Mapping[str, int]
    tokens: int | None

    def check(self, batch: Batch, *, name: str = "inputs") -> None:
        """Refuse a batch of other names, kinds or shapes.

        Raises:
            TypeError: A tensor holds the wrong kind of numbers.
            ValueError: It has another shape or too many tokens, or the names are others.
        """
        if (ALONE in self.axes) != (ALONE in batch.tensors):
            named = f"tensors by name ({', '.join(sorted(self.axes))})"
            wanted, got = ("one tensor", named) if ALONE in self.axes else (named, "one tensor")
            got = (
                got if got == "one tensor" else f"tensors by name ({', '.join(batch.tensors)})"
            )
            raise ValueError(f"`{name}` must be {wanted}, got {got}.")
        if missing := sorted(self.axes.keys() - batch.tensors.keys()):
            raise ValueError(f"`{name}` must hold {', '.join(self.axes)}; missing: {missing}.")
        if unknown := sorted(batch.tensors.keys() - self.names - {ALONE}):
            raise ValueError(f"`{name}` must hold arguments of the network, got {unknown}.")
        for key, tensor in batch.tensors.items():
            if key in self.axes:
                _fits(_label(name, key), tensor, *self.axes[key])
        ids = batch.tensors.get("input_ids")
        if self.tokens is not None and ids is not None and ids.shape[1] > self.tokens:
            wanted, label = f"at most {self.tokens} tokens", _label(name, "input_ids")
            raise ValueError(f"`{label}` must have {wanted} a sample, got {ids.shape[1]}.")

    def check_values(self, batch: Batch, *, name: str = "inputs") -> None:
        """Refuse floats that are not finite, and numbers beyond their limits.

        Raises:
            ValueError: There are some.
        """
        for key, tensor in batch.tensors.items():
            label = _label(name, key)
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise ValueError(f"`{label}` must be finite, got nan or inf.")
            if (limit := self.limits.get(key)) is not None:
                low, high = int(tensor.min()), int(tensor.max())
                if low < 0 or high >= limit:
                    span = f"0 .. {limit - 1}, got {low} .. {high}"
                    raise ValueError(f"`{label}` must lie in {span}.")


def axes_of(tensor: Tensor) -> tuple[bool, tuple[int, ...]]:
    """Return what `Layout.axes` says of tensors like this one.

    Maps may be of any size if their channels are these, sequences of any length.
    """
    floats, free = tensor.is_floating_point(), (0,) * (tensor.dim() - 1)
    if floats and tensor.dim() in (2, 4):  # [samples, features] and [samples, channels, ...]
        free = (tensor.shape[1], *free[1:])
    return floats, (0, *free)


def what(value: Any) -> str:
    """Return how an error describes ``value``."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    return type(value).__name__


def _label(name: str, key: str) -> str:
    return f"{name}[{key!r}]" if key else name


def _fits(label: str, tensor: Tensor, floats: bool, axes: tuple[int, ...]) -> None:  # noqa: FBT001 - unpacked
    if tensor.is_floating_point() != floats:
        kind = "floats" if floats else "integers"
        raise TypeError(f"`{label}` must hold {kind}, got {tensor.dtype}.")
    shape = tuple(tensor.shape)
    if len(axes) != len(shape) or any(
        n not in (0, m) for n, m in zip(axes, shape, strict=True)
    ):
        wanted = ", ".join(["samples", *(str(n) if n else "*" for n in axes[1:])])
        raise ValueError(f"`{label}` must have shape [{wanted}], got {what(tensor)}.")


def as_tensor(label: str, values: Any) -> Tensor:
    """Return ``values`` as a tensor of real numbers; arrays are copied.

    Raises:
        TypeError: They are something else.
    """
    wanted = f"`{label}` must be a rectangular array of numbers"
    if isinstance(values, Tensor):
        tensor = values
    else:
        try:
            tensor = torch.as_tensor(np.array(values))  # a copy: a read-only array stays so
        except (TypeError, ValueError) as error:
            raise TypeError(f"{wanted}: {error}") from None
    if tensor.is_complex():
        raise TypeError(f"{wanted}, got {tensor.dtype}.")
    return tensor


def _single(label: str, values: Any) -> Tensor:
    tensor = as_tensor(label, values)
    return tensor.float() if tensor.dtype == torch.float64 else tensor
