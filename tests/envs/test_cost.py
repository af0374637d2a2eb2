"""What a split costs, by hand."""

from dataclasses import replace
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


def test_who_looks_at_the_first_exit_before_choosing_pays_for_it() -> None:
    gamma = SplitCost(layer=2.0, exit=0.5, evaluates="first").head(4)

    np.testing.assert_array_equal(gamma, [2.5, 5.0, 7.0, 9.0])


# ----- An amount for each exit

EACH = SplitCost((1.0, 2.0, 4.0), (0.5, 0.25, 0.125), (8.0, 6.0, 0.0), overhead=(1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("evaluates", "gamma"),
    [
        ("split", [1.5, 3.25, 7.125]),
        ("first", [1.5, 3.75, 7.625]),
        ("all", [1.5, 3.75, 7.875]),
    ],
)
def test_amounts_that_differ_are_added_up_by_hand(evaluates: str, gamma: list[float]) -> None:
    """Layers 1, 3, 7; exits .5, .25, .125."""
    cost = replace(EACH, evaluates=evaluates)

    np.testing.assert_array_equal(cost.running(3), [1, 3, 7])
    np.testing.assert_array_equal(cost.head(3), gamma)


def test_an_upload_costs_by_where_it_starts_and_what_the_bandwidth_is() -> None:
    """Twice the bandwidth halves 8 and 6, and leaves 1 and 2 as they are."""
    np.testing.assert_array_equal(EACH.offloading(3), [9, 8, 3])
    np.testing.assert_array_equal(
        EACH.offloading(3, np.array([1.0, 2.0])), [[9, 8, 3], [5, 5, 3]]
    )
    np.testing.assert_array_equal(EACH.offloading(3, np.inf), [1, 2, 3])
    np.testing.assert_array_equal(SplitCost(overhead=1.0).offloading(2, 0.5), [11, 11])


@given(
    amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
    exits=st.integers(1, 12),
    evaluates=st.sampled_from(["split", "first", "all"]),
)
def test_the_same_amount_for_each_exit_is_one_amount(
    amounts: tuple[float, ...], exits: int, evaluates: str
) -> None:
    names = ("layer", "exit", "offload", "overhead")
    scalars: Any = dict(zip(names, amounts, strict=True))
    one = SplitCost(**scalars, evaluates=evaluates)
    each: Any = {name: np.full(exits, amount) for name, amount in scalars.items()}
    many = SplitCost(**each, evaluates=evaluates)

    np.testing.assert_allclose(many.head(exits), one.head(exits), rtol=1e-12)
    np.testing.assert_allclose(many.offloading(exits), one.offloading(exits), rtol=1e-12)


def test_a_cost_can_be_compared_hashed_and_changed() -> None:
    again = SplitCost([1, 2, 4], np.array([0.5, 0.25, 0.125]), (8, 6, 0), "split", [1, 2, 3])  # type: ignore[arg-type]

    assert again == EACH
    assert hash(again) == hash(EACH)
    assert replace(EACH, evaluates="all") != EACH


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no amounts": (lambda: SplitCost(()), ValueError, "`layer` must hold one number"),
    "two numbers of exits": (
        lambda: SplitCost((1.0, 2.0), 0.2, (1.0, 2.0, 3.0)),
        ValueError,
        "`layer`, `offload` must hold one number for each exit, got 2, 3",
    ),
    "one negative": (lambda: SplitCost((1.0, -1.0)), ValueError, "`layer` must not be neg"),
    "one nan": (lambda: SplitCost(exit=(np.nan,)), ValueError, "`exit` must be a finite"),
    "a table": (lambda: SplitCost(np.ones((2, 2))), TypeError, "`layer` must be a finite"),  # type: ignore[arg-type]
    "words": (lambda: SplitCost(("a",)), TypeError, "`layer` must be a finite"),  # type: ignore[arg-type]
    "no unit": (lambda: SplitCost(unit=None), TypeError, "`unit` must be of type str"),  # type: ignore[arg-type]
    "another network's head": (
        lambda: EACH.head(4),
        ValueError,
        "`cost` must be for 4 exits, got one for 3",
    ),
    "another network's uploads": (
        lambda: EACH.offloading(2),
        ValueError,
        "`cost` must be for 2 exits, got one for 3",
    ),
}


@pytest.mark.parametrize(("call", "error", "wanted"), BAD.values(), ids=BAD)
def test_amounts_that_do_not_fit_are_refused(
    call: Any, error: type[Exception], wanted: str
) -> None:
    with pytest.raises(error, match=f"^{wanted}"):
        call()


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
    with pytest.raises(ValueError, match="`evaluates` must be one of split, first, all, got"):
        SplitCost(evaluates=value)


@pytest.mark.parametrize(
    ("exits", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_a_network_has_at_least_one_exit(exits: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`exits` must be an integer of at least 1"):
        SplitCost().head(exits)
