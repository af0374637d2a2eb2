"""Record what every exit of a network says of every sample.

With a ``path`` the samples are recorded in parts, each a trace of its own, in a folder beside
it; a recording that was killed goes on behind the last one.
"""

import importlib.metadata
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from banditsplit import _checks
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.inputs import Inputs
from banditsplit_envs.networks.training import Progress, digest
from banditsplit_envs.traces.sample_stream import SampleStream
from banditsplit_envs.traces.trace import Metadata, Trace, joined, save_joined

__all__ = ["record"]

# What a part's metadata say besides those of the whole recording.
OWN: Final = {"data_sha256", "start", "batches"}


def record(
    network: ExitNetwork,
    inputs: Inputs | Iterable[Any],
    labels: ArrayLike | Tensor | None = None,
    *,
    batch: int = 256,
    path: str | os.PathLike[str] | None = None,
    every: int = 100,
    metadata: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Return calibrated confidence, prediction and entropy of every exit for every sample.

    The size of a batch may move a confidence by rounding (about 1e-6), never more.

    With a ``path`` what is done is written in parts to the folder ``PATH.parts``, and memory
    holds one part; in the end they become one file, and the folder goes. An error, or Ctrl-C,
    loses nothing; a kill loses one part at most. Called again with the same arguments, it goes
    on behind the last part and ends with the same file, byte for byte, as a recording that was
    not killed. The batches before are drawn again, to see that the data are the same, but not
    run; so an iterable must begin anew and keep its order. A file that is finished is checked
    in the same way, and returned.

    Args:
        network: in eval mode.
        inputs: `[samples, ...]`, what the network takes, finite; or any other iterable (no list
            or tuple) of such batches or of pairs of them with their labels: a `DataLoader`, or
            a generator. It is drawn from as it goes.
        labels: `[samples]`, class numbers, where they are known and not in ``inputs``.
        batch: samples a forward pass, where ``inputs`` is no iterable of batches.
        path: where to write the trace.
        every: batches in a part.
        metadata: what else the trace shall say of itself, ``{"data": "IMDb"}``, say. It says of
            itself the splits, classes, weights and temperatures of the network, a sum of the
            data, and the versions of banditsplit, torch and numpy.
        progress: wraps the batches.

    Raises:
        TypeError, ValueError: An argument is outside its range, a batch does not fit the
            network, or the network gives logits that are not finite.
        ValueError: ``path`` holds another recording, or parts of one; they are as they were.
    """
    if network.training:
        raise ValueError("`network` must be in eval mode, got one in training mode.")
    size = _checks.integer("batch", batch, least=1)
    every = _checks.integer("every", every, least=1)
    origin = _origin(network, metadata)
    stream = SampleStream.of(network, inputs, labels, size)
    if path is not None:
        return _File(Path(path), origin).record(network, stream, every, progress)
    said = [part.trace for part in _said(network, stream, progress)]
    return joined(said, {**origin, "data_sha256": stream.digest()})


class _Part(NamedTuple):
    """What the exits said of a batch.

    Attributes:
        start: Number of its first sample.
        trace: What they said.
        data: The sum of all samples up to its end.
    """

    start: int
    trace: Trace
    data: str


@final
class _File:
    """A recording on disk: the file that is to be, and until then its parts."""

    def __init__(self, path: Path, origin: Metadata) -> None:
        self.path, self.origin = path, origin
        self.folder = path.with_name(f"{path.name}.parts")

    def __iter__(self) -> Iterator[Trace]:
        for file in sorted(self.folder.glob("*.npz")):
            yield Trace.load(file)

    def record(
        self, network: ExitNetwork, stream: SampleStream, every: int, progress: Progress | None
    ) -> Trace:
        """Record what is not recorded yet, and return all of it."""
        if self.path.exists():
            trace = self._finished(stream)
        else:
            self.folder.mkdir(exist_ok=True)  # what cannot be written fails before any work
            self._resume(stream)
            parts: list[_Part] = []
            try:
                for part in _said(network, stream, progress):
                    parts.append(part)
                    if len(parts) == every:
                        self._add(parts)
            finally:
                if parts:
                    self._add(parts)
                elif not any(self.folder.iterdir()):
                    self.folder.rmdir()
            save_joined(self.path, self, {**self.origin, "data_sha256": stream.digest()})
            trace = Trace.load(self.path)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        return trace

    def _add(self, parts: list[_Part]) -> None:
        """Write ``parts`` as one, and forget them."""
        own: dict[str, Any] = {
            "data_sha256": parts[-1].data,
            "start": parts[0].start,
            "batches": [part.trace.samples for part in parts],
        }
        file = self.folder / f"{parts[0].start:012}.npz"
        save_joined(file, [part.trace for part in parts], {**self.origin, **own})
        parts.clear()

    def _resume(self, stream: SampleStream) -> None:
        """Draw the batches that are recorded."""
        for part in self:
            self._check(part, OWN, self.folder)
            if part.metadata["start"] != stream.samples:
                raise _other("parts (one is missing)", self.folder)
            sizes: Any = part.metadata["batches"]
            for size in sizes:
                if not stream.draw() or len(stream.inputs) != size:
                    raise _other("batches", self.folder)
            if part.metadata["data_sha256"] != stream.digest():
                raise _other("data", self.folder)

    def _finished(self, stream: SampleStream) -> Trace:
        """Return the recording, which is finished, after a look at all batches."""
        trace = Trace.load(self.path)
        self._check(trace, {"data_sha256"}, self.path)
        while stream.draw():
            pass
        if trace.metadata["data_sha256"] != stream.digest():
            raise _other("data", self.path)
        return trace

    def _check(self, trace: Trace, own: set[str], where: Path) -> None:
        """Refuse a trace with other metadata, but for its ``own``."""
        found = trace.metadata
        names = {*found, *self.origin} - own
        other = {name for name in names if found.get(name) != self.origin.get(name)}
        if other or not own <= {*found}:
            raise _other(", ".join(sorted(other | (own - {*found}))), where)


def _other(what: str, where: Path) -> ValueError:
    wanted = "`path` must be free, or that of this recording"
    return ValueError(f"{wanted}, got one with other {what} in {os.fspath(where)!r}.")


def _origin(network: ExitNetwork, more: Mapping[str, Any] | None) -> Metadata:
    """Return where a recording comes from, but for its data."""
    weights = {n: value for n, value in network.state_dict().items() if n != "temperature"}
    own = {
        "splits": network.splits,
        "classes": network.classes,
        "weights_sha256": digest(weights),
        "temperature": network.temperature.tolist(),
        "banditsplit": _version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }
    given = Metadata({} if more is None else more)
    if taken := sorted({*given} & {*own, *OWN}):
        raise ValueError(f"`metadata` must leave out what is recorded anyway, got {taken}.")
    return Metadata({**own, **given})


def _version() -> str:
    try:
        return importlib.metadata.version("banditsplit")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _said(
    network: ExitNetwork, stream: SampleStream, progress: Progress | None
) -> Iterator[_Part]:
    """Return what the exits say of the batches that are left."""
    for start in stream if progress is None else progress(stream):
        with torch.inference_mode():
            logits = network(stream.inputs)
            finite = torch.isfinite(logits).all(-1).T
            if not finite.all():
                sample, exit_ = (~finite).nonzero()[0].tolist()
                where = f"of sample {start + sample} at exit {exit_}"
                raise ValueError(f"`network` must give finite logits, got others {where}.")
            probabilities = network.probabilities(logits)
            best = probabilities.max(-1)
            entropy = torch.special.entr(probabilities).sum(-1)
        trace = Trace(
            best.values.T.cpu().numpy(),
            best.indices.T.cpu().numpy(),
            None if stream.labels is None else stream.labels.cpu().numpy(),
            entropy=entropy.T.cpu().numpy(),
        )
        yield _Part(start, trace, stream.digest())
