"""Pictures of comparisons and recommendations: what is paid, and what it buys."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from banditsplit.simulation import History
from banditsplit_envs.evaluation.comparison import Comparison
from banditsplit_envs.evaluation.recommendation import Recommendation

# Baselines are grey, so that shape must tell them apart; policies have colours.
SHAPES = {
    "final exit": "D",
    "random exit": "X",
    "always offload": "^",
    "threshold at every exit": "v",
    "entropy at every exit": "<",
    "patience at every exit": ">",
    "AdaEE": "P",
    "UEE-UCB": "s",
    "best fixed arm": "*",
}


def regret_figure(comparisons: Mapping[str, Comparison]) -> Any:
    """Return a matplotlib figure of pseudo-regret over rounds, a panel for each comparison.

    The straight lines of play that does not learn leave the picture where they must: the y
    axis ends a little above the policies.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There is no comparison.
    """
    figure, axes = _panels(len(comparisons), height=4.2)
    for ax, (name, comparison) in zip(axes, comparisons.items(), strict=True):
        history = _with_regret(comparison.history)
        history.plot(ax)
        horizon = history.rounds[-1]
        for row, style in (("random exit", ":"), ("final exit", "--")):
            total = comparison.row(row)["pseudo_regret"]
            ax.plot([0, horizon], [0, total], style, color="0.4", lw=1.2, label=row)
        highest = max(track.pseudo_regret.mean(0)[-1] for track in history.values())
        ax.set(title=name, xlim=(0, horizon), ylim=(0, 1.15 * highest or 1.0))
    return _with_one_legend(figure, axes)


def _with_regret(history: History) -> History:
    """Return the curves of those policies that have a regret."""
    tracks = {n: t for n, t in history.items() if not np.isnan(t.pseudo_regret).any()}
    return History(tracks, history.rounds, history.objective)


def accuracy_cost_figure(sweeps: Mapping[str, Mapping[float, Comparison]]) -> Any:
    """Return a matplotlib figure of accuracy against cost, a panel for each sweep.

    A sweep maps offload costs to comparisons. Every row is a line over them,
    with a large marker at the largest.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There is no sweep, or one without a comparison.
    """
    figure, axes = _panels(len(sweeps), height=4.8)
    for ax, (name, sweep) in zip(axes, sweeps.items(), strict=True):
        if not (offload_costs := sorted(sweep)):
            raise ValueError(f"`sweeps` must hold a comparison for {name!r}, got none.")
        for number, row in enumerate(sweep[offload_costs[-1]].rows):
            policy, side = row["policy"], row["side_kind"]
            points = [sweep[offload].row(policy) for offload in offload_costs]
            cost, accuracy = ([p[key] for p in points] for key in ("cost", "accuracy"))
            style: dict[str, Any] = {
                "color": f"C{number}" if row["kind"] == "policy" else "0.45",
                "marker": SHAPES.get(policy, "o"),
            }
            ax.plot(cost, accuracy, ms=4, lw=1, **style)
            label = f"{policy} ({side})" if side else policy
            ax.plot(cost[-1:], accuracy[-1:], ms=9, ls="", label=label, **style)
        unit = sweep[offload_costs[0]].rule.cost.unit
        ends = f"{offload_costs[0]:g} to {offload_costs[-1]:g}"
        ax.set(
            title=f"{name}, offload cost {ends} {unit}",
            xlabel=f"cost [{unit} per sample]",
            ylabel="accuracy",
        )
    return _with_one_legend(figure, axes)


def recommendation_figure(recommendations: Mapping[str, Recommendation]) -> Any:
    """Return a matplotlib figure of disagreement against cost, a panel for each recommendation.

    Every arm is a dot, on the samples that tested; those far above the level leave the
    picture. The arms that were tested are joined in their order, full where certified.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There is no recommendation.
    """
    figure, axes = _panels(len(recommendations), height=4.2, name="recommendations")
    for ax, (name, one) in zip(axes, recommendations.items(), strict=True):
        arms, cost, percent = (
            one.candidates,
            one.candidate_cost,
            100 * one.candidate_disagreement,
        )
        ax.plot(cost[1:-1], percent[1:-1], ".", ms=4, color="0.8", label="any arm")
        every = [n for n, arm in enumerate(arms.joint, 1) if len(arm.stops) == arms.exits > 1]
        for row, x, y, size in (
            ("threshold at every exit", cost[every], percent[every], 5),
            ("always offload", [arms.safe_cost], [0.0], 9),
            ("final exit", [one.final_cost], [0.0], 9),
        ):
            ax.plot(x, y, SHAPES[row], ms=size, color="0.45", label=row)
        line = [(tested.cost, 100 * tested.disagreement) for tested in one.tested]
        ax.plot([x for x, _ in line], [y for _, y in line], lw=1, color="C0")
        for label, certified, face in (("tested", False, "white"), ("certified", True, "C0")):
            some = [tested for tested in one.tested if tested.certified == certified]
            x, y = [t.cost for t in some], [100 * t.disagreement for t in some]
            ax.plot(x, y, "o", ms=5, color="C0", mfc=face, label=label)
        if one.tradeoff is None:
            level = 100 * one.max_disagreement
            ax.axhline(level, ls="--", lw=1, color="C3", label="level")
        played = 100 * one.disagreement
        ax.plot(one.cost_ci, [played, played], lw=2, color="C3")
        ax.plot([one.cost], [played], "*", ms=15, mec="white", color="C3", label="recommended")
        highest = max(400 * one.max_disagreement, 1.5 * played)
        ax.set(
            title=f"{name}: {one.deploy}",
            xlabel=f"cost [{one.rule.cost.unit} per sample]",
            ylabel="disagreement with the whole network [%]",
            xlim=(0, 1.05 * max(one.final_cost, arms.safe_cost) or 1.0),
            ylim=(-0.04 * highest, highest),
        )
    return _with_one_legend(figure, axes)


def _panels(count: int, *, height: float, name: str = "comparisons") -> tuple[Any, Any]:
    """Return a figure that no window manager knows of, and its axes, `[count]`."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - replay runs without it
    except ImportError as error:
        msg = "figures need matplotlib: pip install 'banditsplit[examples]'"
        raise ImportError(msg) from error
    if not count:
        raise ValueError(f"`{name}` must hold at least one, got none.")
    figure = Figure(figsize=(4.7 * count + 2.2, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, count))


def _with_one_legend(figure: Any, axes: Any) -> Any:
    """Return ``figure`` with the legend of all panels beside them."""
    for ax in axes:
        if ax.get_legend() is not None:
            ax.get_legend().remove()
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    style = {"loc": "outside right center", "frameon": False, "fontsize": 9}
    figure.legend(handles.values(), handles.keys(), **style)
    return figure
