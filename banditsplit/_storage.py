"""A policy as a file: JSON with a schema version and a checksum.

Floats are written with as many digits as bring back the same bits.
"""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from banditsplit import indices, memories, objectives
from banditsplit._files import write_atomically
from banditsplit.recipe import IndexRecipe, Recipe

FORMAT, SCHEMA = "banditsplit.policy", 1

# What a recipe may be made of without the reader naming it. Only these are ever built.
PARTS: tuple[type, ...] = (
    IndexRecipe,
    indices.BetaThompson,
    indices.Constant,
    indices.Fixed,
    indices.GaussianThompson,
    indices.Greedy,
    indices.UCB,
    memories.Full,
    objectives.Net,
    objectives.Reward,
)
GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def save(
    path: str | os.PathLike[str],
    recipe: Recipe,
    runs: int | None,
    state: Any,
    rng: np.random.Generator,
) -> None:
    """Write everything that a policy is to ``path``."""
    policy = {
        "recipe": _encode(recipe),
        "runs": runs,
        "state": {f.name: _encode(getattr(state, f.name)) for f in dataclasses.fields(state)},
        "generator": _encode(rng.bit_generator.state),
    }
    document = {
        "format": FORMAT,
        "schema": SCHEMA,
        "sha256": _checksum(policy),
        "policy": policy,
    }
    text = json.dumps(document, allow_nan=False, indent=1)
    write_atomically(path, lambda file: file.write(text.encode()))


def load(
    path: str | os.PathLike[str], parts: tuple[type, ...]
) -> tuple[Recipe, int | None, Any, np.random.Generator]:
    """Return recipe, runs, state and generator from ``path``."""
    raw = Path(path).read_bytes()
    try:
        document = json.loads(raw)
        if document["format"] != FORMAT:
            raise _refusal(path, f"a {FORMAT} file", document["format"])
        if document["schema"] != SCHEMA:
            raise _refusal(path, f"of schema {SCHEMA}", document["schema"])
        policy = document["policy"]
        if document["sha256"] != _checksum(policy):
            raise _refusal(path, "undamaged", "another checksum")
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _refusal(path, f"a {FORMAT} file", f"{type(error).__name__}: {error}") from None
    known = {part.__name__: part for part in (*PARTS, *parts)}
    try:
        recipe: Recipe = _decode(policy["recipe"], known)
        runs = policy["runs"]
        state = _state_like(recipe.empty(runs), policy["state"])
        rng = _generator(policy["generator"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise _refusal(path, "a policy that can be built", error) from error
    return recipe, runs, state, rng


def _refusal(path: Any, wanted: str, came: Any) -> ValueError:
    return ValueError(f"`path` must be {wanted}, got {came} in {os.fspath(path)!r}.")


def _checksum(policy: Any) -> str:
    canonical = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode(value: Any) -> Any:
    """Return ``value`` as JSON knows it: parts by name, arrays with dtype and shape."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"part": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        data = value.reshape(-1).tolist()
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    return value


def _decode(value: Any, known: dict[str, type]) -> Any:
    """Return what `_encode` was given; a part checks its own fields as it is built."""
    if not isinstance(value, dict):
        return value
    if "data" in value:
        data = np.array(value["data"], np.dtype(value["dtype"]))
        return data.reshape(value["shape"])
    fields = {key: _decode(item, known) for key, item in value.items() if key != "part"}
    if "part" not in value:
        return fields
    if value["part"] not in known:
        raise ValueError(f"`parts` must hold the class {value['part']!r}, got {sorted(known)}.")
    return known[value["part"]](**fields)


def _state_like(empty: Any, saved: dict[str, Any]) -> Any:
    """Return ``empty`` filled with ``saved``, whose entries must be of the same kind."""
    names = [field.name for field in dataclasses.fields(empty)]
    if sorted(saved) != sorted(names):
        raise ValueError(f"`state` must hold {names}, got {sorted(saved)}.")
    for name in names:
        wanted, came = getattr(empty, name), _decode(saved[name], {})
        alike = type(came) is type(wanted)
        if alike and isinstance(wanted, np.ndarray):
            alike = came.dtype == wanted.dtype and came.shape == wanted.shape
        if not alike or not np.isfinite(came).all():
            raise ValueError(
                f"`state.{name}` must be finite and like {wanted!r}, got {came!r}."
            )
        setattr(empty, name, came)
    return empty


def _generator(state: Any) -> np.random.Generator:
    """Return a generator that goes on where the saved one stood."""
    state = _decode(state, {})
    if state["bit_generator"] not in GENERATORS:
        raise ValueError(f"`generator` must be one of {GENERATORS}, got {state!r}.")
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)
