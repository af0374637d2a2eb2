"""What a split costs, by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banditsplit_envs import SplitCost

AMOUNTS = st.floats(0, 100)


def test_by_default_the_units_are_those_of_the_published_runs() -> None:
    """lambda_1 = .8, lambda_2 = .2, o = 5: one layer with its exit costs 1 lambda."""
    cost = SplitCost()

    assert (cost.layer, cost.exit, cost.offload) == (0.8, 0.2, 5.0)
    assert cost.evaluates == "split"


def test_splitee_pays_for_every_layer_and_one_exit() -> None:
    """gamma_i = lambda_1 i + lambda_2."""
    gamma = SplitCost(layer=2.0, exit=0.5, evaluates="split").head(4)

    np.testing.assert_array_equal(gamma, [2.5, 4.5, 6.5, 8.5])


def test_splitee_s_pays_for_every_layer_with_its_exit() -> None:
    """gamma_i = (lambda_1 + lambda_2) i."""
    gamma = SplitCost(layer=2.0, exit=0.5, evaluates="all").head(4)

    np.testing.assert_array_equal(gamma, [2.5, 5.0, 7.5, 10.0])


def test_twelve_layers_cost_what_the_paper_says() -> None:
    """12 lambda with every exit; .8 * 12 + .2 = 9.8 with the last one only."""
    every, one = SplitCost(evaluates="all").head(12), SplitCost().head(12)

    np.testing.assert_allclose(every, range(1, 13))
    assert one[-1] == pytest.approx(9.8)


@given(
    layer=AMOUNTS,
    exit_=AMOUNTS,
    exits=st.integers(1, 20),
    evaluates=st.sampled_from(["split", "all"]),
)
def test_gamma_is_the_papers_formula(
    layer: float, exit_: float, exits: int, evaluates: str
) -> None:
    gamma = SplitCost(layer, exit_, evaluates=evaluates).head(exits)
    for i in range(1, exits + 1):
        paper = (layer + exit_) * i if evaluates == "all" else layer * i + exit_

        assert gamma[i - 1] == pytest.approx(paper)
    assert gamma.shape == (exits,)


def test_everything_may_be_free() -> None:
    np.testing.assert_array_equal(SplitCost(0, 0, 0).head(2), [0.0, 0.0])


@pytest.mark.parametrize("name", ["layer", "exit", "offload"])
@pytest.mark.parametrize(
    ("value", "error", "wanted"),
    [
        (-0.1, ValueError, "not be negative, got -0.1"),
        (float("nan"), ValueError, "a finite number, got nan"),
        (float("inf"), ValueError, "a finite number, got inf"),
        ("1", TypeError, "a finite number, got '1'"),
        (None, TypeError, "a finite number, got None"),
    ],
)
def test_a_cost_that_is_none_is_refused(
    name: str, value: Any, error: type[Exception], wanted: str
) -> None:
    with pytest.raises(error, match=f"`{name}` must.*{wanted}"):
        SplitCost(**{name: value})


@pytest.mark.parametrize("value", ["some", "", None, 1, ["split"]])
def test_exits_are_evaluated_at_the_split_or_all(value: Any) -> None:
    with pytest.raises(ValueError, match="`evaluates` must be one of split, all, got"):
        SplitCost(evaluates=value)


@pytest.mark.parametrize(
    ("exits", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_a_network_has_at_least_one_exit(exits: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`exits` must be an integer of at least 1"):
        SplitCost().head(exits)
