"""Simulation: policies play a problem or an environment, and a history is kept."""

from banditsplit.simulation._history import History, Track, mean_interval
from banditsplit.simulation._simulate import Progress, simulate

__all__ = [
    "History",
    "Progress",
    "Track",
    "mean_interval",
    "simulate",
]
