"""Where two configurations differ, in words."""

import dataclasses
from typing import Any

import numpy as np


def difference(name: str, wanted: Any, came: Any) -> str | None:
    """Return what the first field wanted and got in which two parts differ; None if none does.

    Parts are compared field by field, down to the one that is not alike.
    """
    if type(wanted) is type(came) and dataclasses.is_dataclass(wanted):
        for field in dataclasses.fields(wanted):
            if not field.compare:
                continue
            pair = (getattr(part, field.name) for part in (wanted, came))
            if (found := difference(f"{name}.{field.name}", *pair)) is not None:
                return found
        return None
    arrays = isinstance(wanted, np.ndarray) or isinstance(came, np.ndarray)
    if np.array_equal(wanted, came) if arrays else wanted == came:
        return None
    return f"`{name}` must be {wanted!r}, got {came!r}."
