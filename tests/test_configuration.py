"""Parts of policies, and problems, are data that nobody changes: frozen and without a dict."""

import dataclasses
import importlib
import inspect
import pkgutil
from typing import Any

import pytest

import banditsplit

PLACES = ("indices", "memories", "objectives", "theory")
CLASSES = sorted(
    {
        member
        for info in pkgutil.walk_packages(banditsplit.__path__, "banditsplit.")
        if info.name.split(".")[1] in PLACES
        for _, member in inspect.getmembers(importlib.import_module(info.name), inspect.isclass)
        if dataclasses.is_dataclass(member) and member.__module__ == info.name
    },
    key=lambda member: (member.__module__, member.__qualname__),
)


STATES = {
    "Audits",
    "CUSUMState",
    "GLRState",
    "Line",
    "RestartingState",
    "Sums",
    "Wealth",
    "WindowState",
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_part_has_slots_and_it_is_frozen_unless_it_is_state(kind: Any) -> None:
    assert "__slots__" in vars(kind)
    assert kind.__dataclass_params__.frozen is (kind.__name__ not in STATES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_what_holds_arrays_is_not_compared_for_whether_arrays_are_equal_is_no_truth_value(
    kind: Any,
) -> None:
    arrays = any(
        "ndarray" in str(part.type) for part in dataclasses.fields(kind) if part.compare
    )
    assert kind.__dataclass_params__.eq is not (arrays or kind.__name__ in STATES)


def test_a_planted_part_that_can_be_changed_is_not_taken_for_a_frozen_one() -> None:
    @dataclasses.dataclass
    class Loose:
        alpha: float = 1.0

    with pytest.raises(AssertionError):
        test_a_part_has_slots_and_it_is_frozen_unless_it_is_state(Loose)
