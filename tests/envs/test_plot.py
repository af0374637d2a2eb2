"""A history as a picture."""

import sys

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from banditsplit import UCB1, BernoulliProblem, History, UniformRandom, simulate


@pytest.fixture(scope="module")
def history() -> History:
    policies = {"UCB1": UCB1(2), "uniform": UniformRandom(2)}
    problem = BernoulliProblem(np.array([0.25, 0.75]))
    return simulate(policies, problem, horizon=50, runs=3, seed=0, checkpoints=5)


def test_a_plot_has_a_named_line_and_a_band_for_each_policy(history: History) -> None:
    axes = history.plot()

    assert isinstance(axes, Axes)
    assert [line.get_label() for line in axes.get_lines()] == ["UCB1", "uniform"]
    assert len(axes.collections) == 2
    np.testing.assert_array_equal(axes.get_lines()[0].get_xdata(), history.rounds)
    np.testing.assert_array_equal(
        axes.get_lines()[0].get_ydata(), history["UCB1"].pseudo_regret.mean(0)
    )


def test_a_plot_is_drawn_where_it_is_told(history: History) -> None:
    axes = Figure().subplots()

    assert history.plot(axes) is axes


def test_a_plot_leaves_no_global_figure_behind(history: History) -> None:
    """Nothing is handed to a window manager, so nothing has to be closed."""
    loaded = "matplotlib.pyplot" in sys.modules
    history.plot()

    assert ("matplotlib.pyplot" in sys.modules) == loaded


def test_without_matplotlib_a_plot_says_what_to_install(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ImportError, match="pip install"):
        history.plot()
