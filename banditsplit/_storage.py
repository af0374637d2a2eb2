"""A policy as a file: JSON with a schema version and a checksum.

Floats are written with as many digits as bring back the same bits.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from banditsplit import _checks, indices, memories, objectives, recipes
from banditsplit._files import write_atomically
from banditsplit._pending import MOST, Pending, Waiting
from banditsplit.feedback import Decision
from banditsplit.recipes import Recipe
from banditsplit.theory import _confidence, _divergences

FORMAT, SCHEMA = "banditsplit.policy", 2

# What a recipe may be made of without the reader naming it: our public dataclasses. Only
# these are ever built.
PARTS: dict[str, type] = {
    name: part
    for module in (indices, memories, objectives, recipes, _divergences, _confidence)
    for name in module.__all__
    if isinstance(part := getattr(module, name), type) and dataclasses.is_dataclass(part)
}
# Whatever comes of bytes that are no policy: JSON's own errors are ValueErrors.
_UNREADABLE = (KeyError, OverflowError, RecursionError, TypeError, ValueError)
GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """Everything that a policy is."""

    recipe: Recipe
    runs: int | None
    state: Any
    rng: np.random.Generator
    latest: tuple[Any, Any]  # probabilities and context of the latest choice
    pending: Pending


def encode(saved: Saved) -> bytes:
    """Return a policy as the bytes of its file."""
    pending = saved.pending
    policy = {
        "recipe": _encode(saved.recipe),
        "runs": saved.runs,
        "state": _encode(saved.state),
        "generator": _encode(saved.rng.bit_generator.state),
        "latest": [_encode(known) for known in saved.latest],
        "pending": {
            "most": pending.most,
            "made": pending.made,
            "waiting": [
                [
                    _encode(part)
                    for part in (one.id, one.arm, one.probability, one.context, left)
                ]
                for one, left in pending.waiting.values()
            ],
        },
    }
    document = {
        "format": FORMAT,
        "schema": SCHEMA,
        "sha256": _checksum(policy),
        "policy": policy,
    }
    return json.dumps(document, allow_nan=False, indent=1).encode()


def write(path: str | os.PathLike[str], raw: bytes) -> None:
    """Write the bytes of a policy to ``path``, all or none."""
    write_atomically(path, lambda file: file.write(raw))


def load(path: str | os.PathLike[str], parts: tuple[type, ...]) -> Saved:
    """Return the policy that stands in ``path``."""
    raw = Path(path).read_bytes()
    try:
        document = json.loads(raw)
        found, schema = document["format"], document["schema"]
        policy, checksum = document["policy"], document["sha256"]
    except _UNREADABLE as error:
        raise _refusal(path, f"a {FORMAT} file", f"{type(error).__name__}: {error}") from None
    if found != FORMAT:
        raise _refusal(path, f"a {FORMAT} file", found)
    if schema not in range(1, SCHEMA + 1):
        raise _refusal(path, f"of schema {SCHEMA} or an older one", schema)
    if checksum != _checksum(policy):
        raise _refusal(path, "undamaged", "another checksum")
    known = PARTS | {part.__name__: part for part in parts}
    try:
        if schema == 1:  # decisions were counted, and nobody asked whether they waited
            policy["pending"] = {"most": MOST, "made": policy["made"], "waiting": []}
        recipe: Recipe = _decode(policy["recipe"], known)
        runs = policy["runs"]
        return Saved(
            recipe,
            runs,
            _like("state", recipe.empty(runs), policy["state"]),
            _generator(policy["generator"]),
            _latest(recipe, runs, policy["latest"]),
            _pending(recipe, runs, policy["pending"]),
        )
    except (AttributeError, *_UNREADABLE) as error:
        raise _refusal(path, "a policy that can be built", error) from error


def _refusal(path: Any, wanted: str, came: Any) -> ValueError:
    return ValueError(f"`path` must be {wanted}, got {came} in {os.fspath(path)!r}.")


def _checksum(policy: Any) -> str:
    canonical = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode(value: Any) -> Any:
    """Return ``value`` as JSON knows it: parts by name, arrays with dtype and shape."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        encoded = {name: _encode(getattr(value, name)) for name in fields}
        return {"part": type(value).__name__, **encoded}
    if isinstance(value, np.ndarray):
        data = value.reshape(-1).tolist()
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    return value


def _decode(value: Any, known: dict[str, type]) -> Any:
    """Return what `_encode` was given; a part checks its own fields as it is built."""
    if isinstance(value, list):
        return tuple(_decode(item, known) for item in value)
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


def _like(name: str, empty: Any, saved: Any) -> Any:
    """Return ``saved`` decoded, which must be of the same kind and shapes as ``empty``."""
    if dataclasses.is_dataclass(empty) and not isinstance(empty, type):
        names = [field.name for field in dataclasses.fields(empty)]
        if not isinstance(saved, dict) or sorted(saved) != sorted([*names, "part"]):
            raise ValueError(f"`{name}` must hold {names}, got {saved!r}.")
        values = {n: _like(f"{name}.{n}", getattr(empty, n), saved[n]) for n in names}
        return dataclasses.replace(empty, **values)
    if isinstance(empty, tuple):
        if not isinstance(saved, list) or len(saved) != len(empty):
            raise ValueError(f"`{name}` must hold {len(empty)} entries, got {saved!r}.")
        return tuple(_like(name, e, s) for e, s in zip(empty, saved, strict=True))
    came = _decode(saved, {})
    alike = type(came) is type(empty)
    if alike and isinstance(empty, np.ndarray):
        alike = came.dtype == empty.dtype and came.shape == empty.shape
    if not alike or (came is not None and not np.isfinite(came).all()):
        raise ValueError(f"`{name}` must be finite and like {empty!r}, got {came!r}.")
    return came


def _latest(recipe: Recipe, runs: int | None, saved: Any) -> tuple[Any, Any]:
    """Return probabilities and context of the latest choice, each None or of its shape."""
    lead = () if runs is None else (runs,)
    shapes = ((*lead, recipe.arms), (*lead, *(recipe.context_shape or ())))
    probability, context = (
        None if known is None else _like("latest", np.zeros(shape), known)
        for known, shape in zip(saved, shapes, strict=True)
    )
    if probability is not None and not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError(f"`probability` must lie in [0, 1], got {probability!r}.")
    return probability, context


def _pending(recipe: Recipe, runs: int | None, saved: Any) -> Pending:
    """Return the decisions that wait, in the order of their numbers."""
    most = _checks.integer("most", saved["most"], least=1)
    made = _checks.integer("made", saved["made"], least=0)
    waiting: dict[int, Waiting] = {}
    last = -1
    for number, arm, probability, context, left in saved["waiting"]:
        if not last < _checks.integer("id", number, least=0) < made:
            raise ValueError(
                f"`waiting` must hold ascending numbers below {made}, got {number!r}."
            )
        last = number
        arms = _like("arm", 0 if runs is None else np.zeros(runs, np.int64), arm)
        if not ((np.asarray(arms) >= 0) & (np.asarray(arms) < recipe.arms)).all():
            raise ValueError(f"`arm` must lie in 0 .. {recipe.arms - 1}, got {arm!r}.")
        decision = Decision(number, arms, *_latest(recipe, runs, (probability, context)))
        mark = None if left is None else _like("left", np.zeros(runs or 0, np.bool_), left)
        waiting[number] = Waiting(decision, mark)
    return Pending(most, made, waiting)


def _generator(state: Any) -> np.random.Generator:
    """Return a generator that goes on where the saved one stood."""
    state = _decode(state, {})
    if state["bit_generator"] not in GENERATORS:
        raise ValueError(f"`generator` must be one of {GENERATORS}, got {state!r}.")
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    return np.random.Generator(bits)
