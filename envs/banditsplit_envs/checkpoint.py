"""A training on disk: tensors and plain numbers, written whole or not at all.

A safetensors file. Its metadata say which training it is, so that no other one goes on with it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import safetensors.torch
from torch import Tensor

from banditsplit._files import write_atomically
from banditsplit_envs.exit_network import foreign, read_tensors

FORMAT: Final = "banditsplit.training"
VERSION: Final = "1"
KIND: Final = "a checkpoint of `train`"


def write_checkpoint(
    path: str | os.PathLike[str],
    training: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    numbers: Mapping[str, Any],
) -> None:
    """Write ``tensors`` and ``numbers`` (what JSON knows) of ``training``, its settings."""
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "training": json.dumps(training, sort_keys=True),
        "numbers": json.dumps(numbers),
    }
    # Copies: safetensors refuses tensors that share their memory, as tied weights do.
    apart = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    content = safetensors.torch.save(apart, metadata)
    write_atomically(path, lambda file: file.write(content))


def read_checkpoint(
    path: str | os.PathLike[str], training: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the tensors and numbers of ``training``, or None where there is no file yet.

    Raises:
        ValueError: The file holds something else, or another training.
    """
    if not Path(path).exists():
        return None
    tensors, metadata = read_tensors(path, FORMAT, VERSION, KIND)
    try:
        found, numbers = json.loads(metadata["training"]), json.loads(metadata["numbers"])
    except (KeyError, ValueError) as error:
        raise foreign(path, f"other contents ({error})", KIND) from error
    wanted = json.loads(json.dumps(training, sort_keys=True))
    if found != wanted:
        other = sorted(
            key for key in {*found, *wanted} if found.get(key) != wanted.get(key)
        )
        raise foreign(path, f"one with other {', '.join(other)}", f"{KIND} with these arguments")
    return tensors, numbers
