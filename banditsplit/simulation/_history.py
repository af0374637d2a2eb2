"""What a simulation leaves behind: cumulative curves, their means and their intervals."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from banditsplit._typing import Float, Int
from banditsplit.objectives import Objective


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What one policy did, cumulative, `[runs, checkpoints]`.

    Attributes:
        pseudo_regret: Sum of gaps against the best arm under the objective, audits charged;
            nan where the environment does not tell its expected rewards.
        reward: Sum of rewards, in reward units.
        cost: Sum of costs, in cost units; audits are in ``audit_cost``.
        audit_cost: Sum of what audits cost, in cost units.
        pulls: `[runs, arms]`, how often each arm was pulled by the horizon.
        recorded: Sums of the info entries that were asked for.
        side_kind: How the side observations were obtained that it learned from, if any.
    """

    pseudo_regret: Float
    reward: Float
    cost: Float
    audit_cost: Float
    pulls: Int
    recorded: Mapping[str, Float] = field(default_factory=dict)
    side_kind: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class History(Mapping[str, Track]):
    """Every policy's `Track`, by name.

    Attributes:
        tracks: Name to track.
        rounds: `[checkpoints]`, the rounds at which the curves were read.
        objective: What all of them were judged by.
    """

    tracks: Mapping[str, Track]
    rounds: Int
    objective: Objective

    def __getitem__(self, name: str) -> Track:
        return self.tracks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tracks)

    def __len__(self) -> int:
        return len(self.tracks)

    def summary(self) -> list[dict[str, Any]]:
        """Return a row for each policy at the horizon, means over runs.

        Keys ending in ``_ci`` hold the 95 % interval of the mean (Student's t), nan for a
        single run.
        """
        rows = []
        for name, track in self.tracks.items():
            row: dict[str, Any] = {"policy": name, "rounds": int(self.rounds[-1])}
            for key in ("pseudo_regret", "reward", "cost"):
                final = getattr(track, key)[:, -1]
                row[key], row[f"{key}_ci"] = float(final.mean()), mean_interval(final)
            row["audit_cost"] = float(track.audit_cost[:, -1].mean())
            row["side_kind"] = track.side_kind
            rows.append(row)
        return rows

    def __str__(self) -> str:
        lines = [f"{'policy':24}{'pseudo-regret':>26}{'reward':>12}{'cost':>12}  side"]
        for row in self.summary():
            low, high = row["pseudo_regret_ci"]
            regret = f"{row['pseudo_regret']:.1f} [{low:.1f}, {high:.1f}]"
            numbers = f"{regret:>26}{row['reward']:>12.1f}{row['cost']:>12.1f}"
            lines.append(f"{row['policy']:24}{numbers}  {row['side_kind'] or '-'}")
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw mean pseudo-regret over rounds with its 95 % band; return the axes.

        Raises:
            ImportError: matplotlib is not installed.
        """
        if ax is None:
            ax = _new_axes()
        for name, track in self.tracks.items():
            label = name if track.side_kind is None else f"{name} ({track.side_kind})"
            low, high = mean_interval(track.pseudo_regret)
            (line,) = ax.plot(self.rounds, track.pseudo_regret.mean(0), label=label)
            ax.fill_between(self.rounds, low, high, color=line.get_color(), alpha=0.2, lw=0)
        ax.set(xlabel="round", ylabel="cumulative pseudo-regret")
        ax.legend(frameon=False)
        return ax


def mean_interval(values: Float, level: float = 0.95) -> tuple[Any, Any]:
    """Return the interval of the mean over the first axis by Student's t; nan for one run."""
    # Here, for it takes longer to import than all the rest of the package.
    from scipy.special import stdtrit  # noqa: PLC0415

    runs = len(values)
    mean = values.mean(0)
    if runs == 1:
        return mean * math.nan, mean * math.nan
    half = stdtrit(runs - 1, (1 + level) / 2) * values.std(0, ddof=1) / math.sqrt(runs)
    low, high = mean - half, mean + half
    return (float(low), float(high)) if values.ndim == 1 else (low, high)


def _new_axes() -> Any:
    """Return the axes of a new figure that no window manager knows of."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - the core runs without it
    except ImportError as error:
        msg = "plotting needs matplotlib: pip install 'banditsplit[examples]'"
        raise ImportError(msg) from error
    return Figure(figsize=(6.4, 4.0), layout="constrained").subplots()
