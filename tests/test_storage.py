"""A policy as a file: data, exact, atomic, and refused when anything is wrong with it."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banditsplit import UCB1, ArmStats, Policy, SplitEES, ThompsonSampling, compose, load
from banditsplit._typing import Float
from banditsplit.indices import Index

Document = dict[str, Any]


def learned(runs: int | None = None) -> Policy:
    """A policy with a past that no short decimal holds."""
    policy = SplitEES(3, tradeoff=0.1, runs=runs, seed=0)
    rng = np.random.default_rng(1)
    for _ in range(20):
        reward = rng.random(runs)
        policy.update(policy.select(), reward, 0.1)
    for _ in range(2):  # which wait
        policy.decide()
    return policy


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a saved policy."""
    path = tmp_path_factory.mktemp("saved") / "policy.json"
    learned().save(path)
    return path.read_bytes()


def future(policy: Policy) -> list[Any]:
    """Its next 200 decisions, and what it learned by then."""
    arms = []
    for _ in range(200):
        arm = policy.select()
        arms.append(np.asarray(arm).tolist())
        policy.update(arm, (np.asarray(arm) == 1) * 1.0, 0.1)
    return [arms, policy.stats.mean.tolist(), policy.stats.pulls.tolist()]


def forged(raw: bytes, path: Path, change: Callable[[Document], object]) -> Path:
    """Write the saved policy with a change and the right checksum for it."""
    document = json.loads(raw)
    change(document["policy"])
    canonical = json.dumps(document["policy"], sort_keys=True, separators=(",", ":"))
    document["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(document))
    return path


def test_a_file_is_json_with_a_schema_and_no_pickle(raw: bytes) -> None:
    document = json.loads(raw)

    assert sorted(document) == ["format", "policy", "schema", "sha256"]
    assert document["format"] == "banditsplit.policy"
    assert document["schema"] == 2
    assert document["policy"]["recipe"]["index"] == {"part": "UCB", "alpha": 2.0, "span": 1.0}


@pytest.mark.parametrize("name", ["policy", "policy.json", "a.tar.gz", ".hidden", "sp ace"])
def test_exactly_the_path_is_written_and_nothing_beside(name: str, tmp_path: Path) -> None:
    learned().save(str(tmp_path / name))

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert future(load(str(tmp_path / name))) == future(learned())


def test_saving_and_loading_again_gives_the_same_bytes(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(raw)
    load(tmp_path / "first").save(tmp_path / "second")

    assert (tmp_path / "second").read_bytes() == raw


@pytest.mark.parametrize("runs", [1, 3])
def test_many_runs_come_back_with_their_door(runs: int, tmp_path: Path) -> None:
    learned(runs).save(tmp_path / "policy.json")
    back = load(tmp_path / "policy.json")

    assert back.runs == runs
    assert back.round.tolist() == [[21]] * runs
    assert future(back) == future(learned(runs))


@pytest.mark.parametrize("bits", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_every_generator_of_numpy_goes_on_where_it_stood(bits: str, tmp_path: Path) -> None:
    rng = np.random.Generator(getattr(np.random, bits)(5))
    rng.integers(3, dtype=np.int32)  # leaves half a word behind
    policy = ThompsonSampling(4, seed=rng)
    policy.save(tmp_path / "policy.json")
    back = load(tmp_path / "policy.json")

    assert [back.select() for _ in range(700)] == [policy.select() for _ in range(700)]


@given(mean=st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_every_float_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, mean: list[float]
) -> None:
    policy = UCB1(len(mean), seed=0)
    for arm, value in enumerate(mean):
        policy.update(arm, value)
    path = tmp_path_factory.getbasetemp() / "floats.json"
    policy.save(path)

    assert load(path).stats.mean.tobytes() == policy.stats.mean.tobytes()


def fail(*_: object, **__: object) -> None:
    """The disk is full."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace", "rename"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    step: str, monkeypatch: pytest.MonkeyPatch, raw: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(raw)
    for name in [step] if step == "fsync" else ["replace", "rename"]:
        monkeypatch.setattr(os, name, fail)

    with pytest.raises(OSError, match="No space left"):
        UCB1(5).save(path)

    assert path.read_bytes() == raw
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_while_writing_leaves_the_old_file_and_no_litter(
    monkeypatch: pytest.MonkeyPatch, raw: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(raw)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        UCB1(5).save(path)

    assert path.read_bytes() == raw
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """Not there, a file, or the target itself is a folder: whoever runs the test."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    for path in ("missing/policy.json", "file/policy.json", "folder"):
        with pytest.raises(OSError, match=path.partition("/")[0]):
            learned().save(tmp_path / path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        load(tmp_path / "missing")


def test_a_file_truncated_anywhere_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(ValueError, match=r"^`path` must be .*, got .*policy\.json"):
            load(path)


@settings(max_examples=300)
@given(data=st.data(), byte=st.integers(0, 255))
def test_a_file_with_a_flipped_byte_is_refused_or_means_the_same(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, byte: int
) -> None:
    """The same: a blank for a blank, or an escape in a string of the same value."""
    place = data.draw(st.integers(0, len(raw) - 1))
    path = tmp_path_factory.getbasetemp() / "flipped.json"
    path.write_bytes(raw[:place] + bytes([byte]) + raw[place + 1 :])
    try:
        back = load(path)
    except ValueError as refusal:
        assert str(refusal).startswith("`path` must be ")  # noqa: PT017 - either is right
    else:
        back.save(path)
        assert path.read_bytes() == raw


@pytest.mark.parametrize(
    "foreign",
    [
        *("", "null", "true", "3", '"policy"', "[]", "{}", "[1, 2]", "not json", "\x80", "NaN"),
        '{"format": "banditsplit.trace", "schema": 1}',
        '{"format": "banditsplit.policy"}',
        '{"format": "banditsplit.policy", "schema": 1, "sha256": "", "policy": {}}',
        '{"format": "banditsplit.policy", "schema": 1, "sha256": 3, "policy": null}',
    ],
)
def test_a_foreign_file_is_refused(foreign: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_bytes(foreign.encode("latin-1"))

    with pytest.raises(ValueError, match=r"^`path` must be .*, got .*foreign\.json"):
        load(path)


def test_a_newer_schema_is_refused_by_its_number(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "newer.json"
    path.write_text(json.dumps(json.loads(raw) | {"schema": 3}))

    with pytest.raises(
        ValueError, match=r"^`path` must be of schema 2 or an older one, got 3 in "
    ):
        load(path)


def setting(*keys: str | int, to: object) -> Callable[[Document], None]:
    """A change of one entry."""

    def change(policy: Any) -> None:
        for key in keys[:-1]:
            policy = policy[key]
        policy[keys[-1]] = to

    return change


MEAN, PULLS = ("state", "mean"), ("state", "pulls")
FORGERIES: dict[str, Callable[[Document], object]] = {
    "a nan": setting(*MEAN, "data", 0, to=float("nan")),
    "an infinity": setting(*PULLS, "data", 2, to=float("inf")),
    "a word": setting(*MEAN, "data", 0, to="one"),
    "an arm too many": setting(*MEAN, to={"dtype": "<f8", "shape": [4], "data": [0.5] * 4}),
    "another shape": setting(*MEAN, "shape", to=[1, 3]),
    "a shape that does not fit": setting(*PULLS, "shape", to=[2]),
    "another dtype": setting(*MEAN, "dtype", to="<f4"),
    "objects": setting(*MEAN, "dtype", to="|O"),
    "no dtype": setting(*MEAN, "dtype", to="nonsense"),
    "a list for an array": setting(*MEAN, to=[0.5, 0.5, 0.5]),
    "an enormous integer": setting(
        "state", "mean", to={"dtype": "<i8", "shape": [1], "data": [2**70]}
    ),
    "a fractional round": setting("state", "t", to=1.5),
    "a boolean round": setting("state", "t", to=True),
    "a field missing": lambda policy: policy["state"].pop("pulls"),
    "a field too many": setting("state", "more", to=1),
    "no state": lambda policy: policy.pop("state"),
    "no recipe": lambda policy: policy.pop("recipe"),
    "no generator": lambda policy: policy.pop("generator"),
    "an unknown part": setting("recipe", "index", "part", to="Oracle"),
    "a part that is no class of ours": setting("recipe", "index", "part", to="os.system"),
    "a field that its part does not have": setting("recipe", "index", "gamma", to=1.0),
    "a field that its part refuses": setting("recipe", "index", "alpha", to=-1.0),
    "no arms": setting("recipe", "arms", to=0),
    "other arms": setting("recipe", "arms", to=4),
    "no index": setting("recipe", "index", to=None),
    "a list for a recipe": setting("recipe", to=[]),
    "other runs": setting("runs", to=3),
    "negative runs": setting("runs", to=-1),
    "words for runs": setting("runs", to="three"),
    "an unknown generator": setting("generator", "bit_generator", to="Generator"),
    "a negative generator": setting("generator", "state", "state", to=-1),
    "an enormous generator": setting("generator", "state", "state", to=2**200),
    "a generator without a state": lambda policy: policy["generator"].pop("state"),
    "nothing of what waits": lambda policy: policy.pop("pending"),
    "words for what waits": setting("pending", "waiting", to="none"),
    "no bound of what waits": setting("pending", "most", to=0),
    "a bound that is no integer": setting("pending", "most", to=2.5),
    "fewer than no decisions": setting("pending", "made", to=-1),
    "a number not given out yet": setting("pending", "waiting", 1, 0, to=2),
    "a number that waits twice": setting("pending", "waiting", 1, 0, to=0),
    "a number that is true": setting("pending", "waiting", 1, 0, to=True),
    "an arm that waits and is not there": setting("pending", "waiting", 0, 1, to=3),
    "half an arm that waits": setting("pending", "waiting", 0, 1, to=0.5),
    "too many probabilities": setting("pending", "waiting", 0, 2, to=[0.25] * 4),
    "a probability above 1": setting(
        *("pending", "waiting", 0, 2), to={"dtype": "<f8", "shape": [3], "data": [9, -9, 1]}
    ),
    "a probability of the latest choice above 1": setting(
        *("latest", 0), to={"dtype": "<f8", "shape": [3], "data": [9, -9, 1]}
    ),
    "runs that wait where there is one": setting(
        *("pending", "waiting", 0, 4), to={"dtype": "|b1", "shape": [3], "data": [True] * 3}
    ),
    "a decision without its parts": setting("pending", "waiting", 0, to=[0, 1]),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_state_is_refused_even_with_its_right_checksum(
    change: Callable[[Document], object], raw: bytes, tmp_path: Path
) -> None:
    path = forged(raw, tmp_path / "forged.json", change)

    with pytest.raises(ValueError, match=r"(?s)^`path` must be .*, got .*forged\.json"):
        load(path)


def test_a_forgery_without_a_change_is_accepted(raw: bytes, tmp_path: Path) -> None:
    """The control: it is the change that is refused."""
    assert future(load(forged(raw, tmp_path / "same.json", len))) == future(learned())


@dataclass(frozen=True, slots=True)
class LastFirst(Index):
    """An index of a user: later arms first."""

    strength: float = 1.0

    scores_untried: ClassVar[bool] = True

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """Scores that grow with the arm."""
        del rng
        return stats.mean + self.strength * np.arange(stats.mean.shape[-1])


def test_a_part_of_your_own_comes_back_when_it_is_named(tmp_path: Path) -> None:
    policy = compose(3, LastFirst(strength=2.0), seed=0)
    policy.update(0, 0.5)
    policy.save(tmp_path / "own.json")

    back = load(tmp_path / "own.json", parts=(LastFirst,))

    assert back.recipe == policy.recipe
    assert back.select() == 2
    with pytest.raises(ValueError, match=r"^`path` must .* `parts` must hold .*'LastFirst'"):
        load(tmp_path / "own.json")


def test_a_parameter_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    """JSON knows no infinity, and the file would be nobody's."""
    with pytest.raises(ValueError, match="JSON"):
        compose(3, LastFirst(strength=float("inf"))).save(tmp_path / "own.json")

    assert list(tmp_path.iterdir()) == []
