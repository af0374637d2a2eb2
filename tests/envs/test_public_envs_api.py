"""What the environments' package shows."""

import inspect
from importlib.resources import files

import gymnasium as gym
import pytest

import banditsplit_envs

NAMES = [
    "AgreementTable",
    "Answers",
    "Batch",
    "CalibrationReport",
    "Comparison",
    "DigitsSplit",
    "DistortionSchedule",
    "DistortionSegment",
    "DriftingReplayVector",
    "ExitNetwork",
    "HiddenState",
    "JointArm",
    "JointLayer",
    "JointReplay",
    "JointReplayVector",
    "JointRule",
    "LabelledImages",
    "LabelledTexts",
    "MarkovBandwidth",
    "Means",
    "NetReward",
    "Outcome",
    "ProblemEnv",
    "Profile",
    "Recommendation",
    "Side",
    "SplitCost",
    "SplitLayer",
    "SplitReplay",
    "SplitReplayVector",
    "SplitRule",
    "Splittable",
    "Tested",
    "Trace",
    "TrainingReport",
    "Verdict",
    "attach_exits",
    "calibrate",
    "compare",
    "deployment_stream",
    "digits_split",
    "distort",
    "exit_cnn",
    "expected_calibration_error",
    "joint_arms",
    "load_images",
    "load_texts",
    "measured_cost",
    "profile",
    "recommend",
    "record",
    "train",
]
IDS = ["BernoulliBandit-v0", "GaussianBandit-v0"]
IDS += ["JointLayer-v0", "JointReplay-v0", "SplitLayer-v0", "SplitReplay-v0"]


def test_the_public_names_are_exactly_these() -> None:
    assert banditsplit_envs.__all__ == NAMES
    assert all(hasattr(banditsplit_envs, name) for name in NAMES)


def test_public_names_are_sorted_with_classes_first() -> None:
    assert sorted(NAMES, key=lambda name: (name[0].islower(), name)) == NAMES


def test_nothing_public_is_left_out() -> None:
    """The modules that imports leave behind aside, and the one import of its own."""
    found = {
        name
        for name, thing in vars(banditsplit_envs).items()
        if not name.startswith("_") and not inspect.ismodule(thing)
    }

    assert found == set(NAMES)


def documented() -> list[tuple[str, object]]:
    """Every public object with its name, and the public members that a class defines."""
    found: list[tuple[str, object]] = []
    for name in NAMES:
        thing = getattr(banditsplit_envs, name)
        found.append((name, thing))
        if inspect.isclass(thing):
            found += [
                (f"{name}.{member}", value)
                for member, value in vars(thing).items()
                if not member.startswith("_")
                and (inspect.isfunction(value) or isinstance(value, property))
            ]
    return found


@pytest.mark.parametrize("thing", [pytest.param(t, id=name) for name, t in documented()])
def test_everything_public_says_what_it_is(thing: object) -> None:
    """In words of its own: a dataclass and a named tuple write themselves a signature."""
    text = inspect.getdoc(thing)

    assert text
    assert not text.startswith(f"{getattr(thing, '__name__', '?')}(")


@pytest.mark.parametrize("name", IDS)
def test_the_environments_are_registered(name: str) -> None:
    assert f"banditsplit/{name}" in gym.registry


def test_no_other_environment_is_registered() -> None:
    ours = sorted(name for name in gym.registry if name.startswith("banditsplit/"))

    assert ours == [f"banditsplit/{name}" for name in IDS]


def test_the_types_are_shipped() -> None:
    assert files("banditsplit_envs").joinpath("py.typed").is_file()
