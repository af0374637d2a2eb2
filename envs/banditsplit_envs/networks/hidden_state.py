"""What a device hands to the cloud: the hidden state, and what travels with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from torch import Tensor

__all__ = ["HiddenState"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class HiddenState:
    """The output of a block, with all else that the blocks after it are called with.

    A part of it, ``state[rows]``, is the state of these samples.

    Attributes:
        hidden: `[batch, channels, height, width]`, `[batch, tokens, width]`, `[batch, width]`.
        args: What every block gets after ``hidden``, by position: an attention mask, say.
        kwargs: The same, by name.
        mask: Which tokens are no padding, `[batch, tokens]`, where a pooled exit must know.
        shared: Positions and names of what is not one a sample, and stays whole in a part.
    """

    hidden: Tensor
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    mask: Tensor | None = None
    shared: frozenset[int | str] = frozenset()

    def __len__(self) -> int:
        return len(self.hidden)

    def __getitem__(self, rows: Any) -> "HiddenState":
        def part(key: int | str, value: Any) -> Any:
            return value if key in self.shared else _rows(value, rows, len(self))

        return replace(
            self,
            hidden=self.hidden[rows],
            args=tuple(part(key, value) for key, value in enumerate(self.args)),
            kwargs={key: part(key, value) for key, value in self.kwargs.items()},
            mask=None if self.mask is None else self.mask[rows],
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors; an axis that only repeats itself counts once."""
        return sum(_bytes(tensor) for tensor in tensors(self))


def tensors(state: HiddenState) -> Iterator[Tensor]:
    """Return every tensor of ``state``."""
    yield state.hidden
    yield from leaves((*state.args, *state.kwargs.values(), state.mask))


def leaves(value: Any) -> Iterator[Tensor]:
    """Return the tensors in ``value``, a tensor or tuples of them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)


def _rows(value: Any, rows: Any, batch: int) -> Any:
    if isinstance(value, Tensor):
        return value[rows] if value.dim() and len(value) == batch else value
    if isinstance(value, tuple | list):
        return tuple(_rows(part, rows, batch) for part in value)
    return value


def _bytes(tensor: Tensor) -> int:
    size = tensor.element_size()
    for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
        size *= length if stride else 1
    return size
