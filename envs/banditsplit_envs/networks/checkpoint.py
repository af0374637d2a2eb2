"""A training on disk: tensors and plain numbers, written whole or not at all.

A safetensors file. Its metadata say which training it is, so that no other one goes on with it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import safetensors.torch
from torch import Tensor

from banditsplit._files import write_atomically
from banditsplit_envs.networks.exit_network import apart, foreign, read_tensors

FORMAT: Final = "banditsplit.training"
VERSION: Final = "1"
KIND: Final = "a checkpoint of `train`"


@final
@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a training is kept.

    Attributes:
        path: The file.
        training: What JSON knows of the training: of no other one is the file read.
        every: Steps after which it is written, besides the end of each epoch.
    """

    path: str | os.PathLike[str]
    training: Mapping[str, Any]
    every: int | None

    def write(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Write ``tensors``, and ``numbers``, which JSON must know."""
        metadata = {
            "format": FORMAT,
            "version": VERSION,
            "training": json.dumps(self.training),
            "numbers": json.dumps(numbers),
        }
        content = safetensors.torch.save(apart(tensors), metadata)
        write_atomically(self.path, lambda file: file.write(content))

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return what was written, or None where there is no file yet.

        Raises:
            ValueError: The file holds something else, or another training.
        """
        if not Path(self.path).exists():
            return None
        tensors, metadata = read_tensors(self.path, FORMAT, VERSION, KIND)
        try:
            found, numbers = json.loads(metadata["training"]), json.loads(metadata["numbers"])
        except (KeyError, ValueError) as error:
            raise foreign(self.path, f"other contents ({error})", KIND) from error
        wanted = json.loads(json.dumps(self.training))
        if other := sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k)):
            kind = f"{KIND} with these arguments"
            raise foreign(self.path, f"one with other {', '.join(other)}", kind)
        return tensors, numbers
