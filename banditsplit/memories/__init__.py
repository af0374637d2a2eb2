"""Memories: what is kept of the past."""

from banditsplit.memories._full import Full
from banditsplit.memories._memory import Memory

__all__ = [
    "Full",
    "Memory",
]
