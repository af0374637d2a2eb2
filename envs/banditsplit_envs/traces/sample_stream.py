"""Samples in batches, checked before a network sees them, and summed on the way."""

import hashlib
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

from torch import Tensor

from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.inputs import Batch
from banditsplit_envs.networks.training import memory


@final
class SampleStream:
    """Checked batches, drawn one by one; iterating gives the number of each's first sample."""

    def __init__(
        self, batches: Iterator[tuple[Batch, Tensor | None]], count: int | None
    ) -> None:
        self._batches, self._count = batches, count
        self._sums: dict[str, Any] = {}
        self._kinds: dict[str, str] = {}
        self.inputs = Batch({})
        self.labels: Tensor | None = None
        self.start = self.samples = 0

    @classmethod
    def of(cls, network: ExitNetwork, inputs: Any, labels: Any, size: int) -> "SampleStream":
        """Return the batches of size ``size`` of ``inputs``, or those that it consists of."""
        whole = isinstance(inputs, Tensor | Mapping | Batch | list | tuple)
        if not whole and not hasattr(inputs, "__array__") and isinstance(inputs, Iterable):
            if labels is not None:
                raise ValueError("`labels` must come with their batches, got them apart.")
            count = operator.length_hint(inputs, -1)
            return cls(_drawn(network, inputs), None if count < 0 else count)
        data = network.as_inputs(inputs)
        truth = None if labels is None else network.as_labels(labels, samples=len(data))
        return cls(_cut(data, truth, size), -(-len(data) // size))

    def __len__(self) -> int:
        """Return how many batches are left."""
        if self._count is None:
            raise TypeError("nobody knows how many batches there are")
        return max(self._count, 0)  # a `DataLoader` may have promised too few

    def __iter__(self) -> Iterator[int]:
        while self.draw():
            yield self.start
        if not self.samples:
            raise ValueError("`inputs` must hold at least one batch, got none.")

    def draw(self) -> bool:
        """Draw the next batch, if there is one."""
        drawn = next(self._batches, None)
        if drawn is None:
            return False
        self.inputs, self.labels = drawn
        self.start, self.samples = self.samples, self.samples + len(self.inputs)
        if self._count is not None:
            self._count -= 1
        tensors = {f"inputs {name}": value for name, value in self.inputs.tensors.items()}
        if self.labels is not None:
            tensors["labels"] = self.labels
        for name, value in tensors.items():
            total = self._sums.setdefault(name, hashlib.sha256())
            # Samples of one shape have one sum, whatever batches they come in.
            kind = f"{value.dtype} {tuple(value.shape[1:])}"
            if self._kinds.get(name) != kind:
                self._kinds[name] = kind
                total.update(kind.encode())
            total.update(memory(value))
        return True

    def digest(self) -> str:
        """Return a number that stands for all samples drawn so far."""
        sums = {name: total.hexdigest() for name, total in sorted(self._sums.items())}
        return hashlib.sha256(repr(sums).encode()).hexdigest()


def _cut(
    data: Batch, labels: Tensor | None, size: int
) -> Iterator[tuple[Batch, Tensor | None]]:
    """Return batches of ``size`` samples."""
    for start in range(0, len(data), size):
        rows = slice(start, start + size)
        yield data[rows], None if labels is None else labels[rows]


def _drawn(
    network: ExitNetwork, batches: Iterable[Any]
) -> Iterator[tuple[Batch, Tensor | None]]:
    """Return the batches that somebody else made, each checked as it is drawn."""
    labelled: bool | None = None
    for number, item in enumerate(batches):
        name = f"batch {number}"
        inputs, *labels = item if isinstance(item, tuple | list) and item else (item,)
        if len(labels) > 1:
            wanted = "must be inputs, or inputs and labels"
            raise ValueError(f"`{name}` {wanted}, got {len(item)} things.")
        if labelled is None:
            labelled = bool(labels)
        if labelled != bool(labels):
            wanted, got = ("", "out") if labelled else ("out", "")
            raise ValueError(f"`{name}` must come with{wanted} labels, got it with{got}.")
        data = network.as_inputs(inputs, name=name)
        truth = None
        if labels:
            truth = network.as_labels(*labels, samples=len(data), name=f"labels of {name}")
        yield data, truth
