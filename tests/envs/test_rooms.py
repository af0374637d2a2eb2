"""The package's rooms: every import runs down, as CONTRIBUTING says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import banditsplit_envs

HOUSE = Path(banditsplit_envs.__file__).parent
FLOORS = {
    "data": 0,
    "networks": 0,
    "traces": 1,
    "splitting": 2,
    "environments": 3,
    "evaluation": 4,
}


def imported(source: str) -> Iterator[str]:
    """The rooms that a file's imports name; the whole package, which needs all, is ``""``."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        for name in names:
            package, _, rest = name.partition(".")
            if package == HOUSE.name:
                yield rest.partition(".")[0]


def climbs(room: str, source: str) -> list[str]:
    """Return the rooms that a file of ``room`` must not know, but imports."""
    below = {name for name, floor in FLOORS.items() if floor < FLOORS[room]} | {room}
    return sorted({*imported(source)} - below)


def test_every_file_has_a_room() -> None:
    rooms = {path.parent.name for path in HOUSE.glob("*/*.py")}
    assert rooms == {*FLOORS}
    assert [path.name for path in HOUSE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", FLOORS)
def test_imports_run_down(room: str) -> None:
    for path in sorted((HOUSE / room).glob("*.py")):
        assert climbs(room, path.read_text()) == [], path.name


def test_an_import_that_runs_up_is_caught() -> None:
    assert climbs("traces", "from banditsplit_envs.splitting.cost import SplitCost") == [
        "splitting"
    ]
    assert climbs("data", "import banditsplit_envs.networks.chain as chain") == ["networks"]
    assert climbs("evaluation", "from banditsplit_envs import compare") == [""]
    assert climbs("networks", "import numpy\nfrom banditsplit_envs.networks import chain") == []
