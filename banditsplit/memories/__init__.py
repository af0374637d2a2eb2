"""Memories: what is kept of the past."""

from banditsplit.memories._full import Full
from banditsplit.memories._memory import Cell, Memory

__all__ = ["Cell", "Full", "Memory"]
