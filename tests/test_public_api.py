"""What the package shows, and what importing it costs."""

import inspect
import subprocess
import sys
from importlib.resources import files

import pytest

import banditsplit

NAMES = [
    "CSETC",
    "CSTS",
    "CSUCB",
    "CUSUMUCB",
    "DUCB",
    "EXP3",
    "EXP3IX",
    "EXP3S",
    "EXP3SET",
    "GLRUCB",
    "IMED",
    "KLLUCB",
    "KLUCB",
    "LUCB",
    "MOSS",
    "OFUL",
    "SWUCB",
    "UCB",
    "UCB1",
    "UCBBV",
    "UCBV",
    "AnytimeMOSS",
    "ArmStats",
    "AsymptoticallyOptimalUCB",
    "BayesUCB",
    "BernoulliProblem",
    "BoltzmannGumbel",
    "BudgetRecipe",
    "BudgetedThompsonSampling",
    "Constrained",
    "CostlyProblem",
    "Decision",
    "DecisionLog",
    "DiscountedThompson",
    "DriftOptions",
    "EpsilonGreedy",
    "ExploreThenCommit",
    "FixedArm",
    "GaussianProblem",
    "GraphProblem",
    "History",
    "IndexRecipe",
    "KLUCBPlusPlus",
    "KnapsackRecipe",
    "LinGreedy",
    "LinTS",
    "LinUCB",
    "LinearOptions",
    "LinearProblem",
    "LinearRecipe",
    "NIGThompsonSampling",
    "Net",
    "Options",
    "PiecewiseProblem",
    "Policy",
    "PrimalDualBwK",
    "Ratio",
    "RatioRecipe",
    "Recipe",
    "Reward",
    "RunOptions",
    "SamplingOptions",
    "SplitEE",
    "SplitEES",
    "SquareCB",
    "Subsidy",
    "SubsidyRecipe",
    "SuccessiveElimination",
    "SuccessiveHalving",
    "ThompsonSampling",
    "TopTwoThompson",
    "Track",
    "TsallisINF",
    "UCBTuned",
    "UniformRandom",
    "compose",
    "compose_linear",
    "feedback",
    "indices",
    "load",
    "logs",
    "memories",
    "objectives",
    "read_log",
    "recipes",
    "simulate",
    "theory",
    "with_budget",
]
MODULES = ("feedback", "indices", "logs", "memories", "objectives", "recipes", "theory")
HEAVY = ["torch", "gymnasium", "matplotlib", "pandas", "hypothesis"]
HEAVY += ["scipy.stats", "scipy.special", "scipy.optimize"]


def kind(name: str) -> int:
    """Constants, then classes, then functions: how ruff sorts ``__all__``."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2


def test_the_public_names_are_exactly_these() -> None:
    assert banditsplit.__all__ == NAMES


@pytest.mark.parametrize("module", ["", *MODULES])
def test_public_names_are_sorted_and_exist(module: str) -> None:
    space = getattr(banditsplit, module) if module else banditsplit
    names = space.__all__

    assert names == sorted(names, key=lambda name: (kind(name), name))
    assert all(hasattr(space, name) for name in names)


def test_nothing_public_is_left_out() -> None:
    """Private names and the submodules that imports leave behind aside."""
    found = {name for name in vars(banditsplit) if not name.startswith("_")}
    found -= {"testing"}  # there once somebody has imported it; see tests/test_testing.py
    left_behind = {"algorithms", "policy", "simulation"}

    assert found == set(NAMES) | left_behind


def documented() -> list[tuple[str, object]]:
    """Every public object with its name, and the public members of classes."""
    found: list[tuple[str, object]] = []
    for space in (banditsplit, *(getattr(banditsplit, module) for module in MODULES)):
        for name in space.__all__:
            thing = getattr(space, name)
            found.append((f"{space.__name__}.{name}", thing))
            if inspect.isclass(thing) and thing.__module__.startswith("banditsplit"):
                found += [
                    (f"{space.__name__}.{name}.{member}", value)
                    for member, value in vars(thing).items()
                    if not member.startswith("_")
                    and f" {member}: " not in (inspect.getdoc(thing) or "")  # a field
                    and (inspect.isfunction(value) or isinstance(value, property))
                ]
    return found


@pytest.mark.parametrize("thing", [pytest.param(t, id=name) for name, t in documented()])
def test_everything_public_says_what_it_is(thing: object) -> None:
    if thing is not banditsplit.feedback.Cell:  # an alias of types
        assert inspect.getdoc(thing)


def test_the_types_are_shipped() -> None:
    assert files("banditsplit").joinpath("py.typed").is_file()


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, banditsplit; print([m for m in {HEAVY} if m in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code

    assert result.stdout.strip() == "[]"


def test_the_same_check_notices_a_heavy_import() -> None:
    """The control."""
    code = f"import sys, scipy.stats; print([m for m in {HEAVY} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code

    assert "scipy.stats" in result.stdout
