"""Simulation: policies play a problem or an environment, and a history is kept."""

from banditsplit.simulation._history import History, Track
from banditsplit.simulation._simulate import simulate

__all__ = ["History", "Track", "simulate"]
