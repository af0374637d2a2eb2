"""Memories: what is kept of the past."""

from banditsplit.memories._detectors import CUSUM, GLR, Detector
from banditsplit.memories._discounted import Discounted
from banditsplit.memories._full import Full
from banditsplit.memories._memory import Memory
from banditsplit.memories._restarting import Restarting
from banditsplit.memories._tuning import tuned_discount, tuned_window
from banditsplit.memories._window import SlidingWindow

__all__ = [
    "CUSUM",
    "GLR",
    "Detector",
    "Discounted",
    "Full",
    "Memory",
    "Restarting",
    "SlidingWindow",
    "tuned_discount",
    "tuned_window",
]
