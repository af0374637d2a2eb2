"""What every result is measured against: play that needs no learning.

Each takes a rule and the confidences of some samples, `[samples, exits]`, and returns their
`Outcome` by that rule. They may read whole rows, for they run on recorded traces.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from banditsplit._typing import Float, Int
from banditsplit_envs.outcome import Outcome, SplitRule


def fixed_arm(rule: SplitRule, confidence: Float, arm: Any) -> Outcome:
    """Return the outcome of splitting at ``arm``, one for all samples or `[samples]`."""
    samples = len(confidence)
    arms: Int = np.broadcast_to(np.asarray(arm, np.int64), (samples,))
    return rule.settle(confidence, arms, np.zeros(samples, np.bool_))


def final_exit(rule: SplitRule, confidence: Float) -> Outcome:
    """Run every layer on the device: what splitting saves against."""
    return fixed_arm(rule, confidence, confidence.shape[1] - 1)


def random_exit(rule: SplitRule, confidence: Float, rng: np.random.Generator) -> Outcome:
    """Split anywhere, each layer as likely."""
    samples, exits = confidence.shape
    return fixed_arm(rule, confidence, rng.integers(exits, size=samples))


def always_offload(rule: SplitRule, confidence: Float) -> Outcome:
    """Run the first layer and send every sample on: cheap where offloading is.

    It pays for the first exit, as arm 0 does, although it need not.
    """
    # Not a threshold of 1, which a rounded softmax may reach: an exit that is never sure.
    unsure = confidence.copy()
    unsure[:, :-1] = -np.inf
    return fixed_arm(rule, unsure, 0)


def first_confident_exit(rule: SplitRule, confidence: Float) -> Outcome:
    """Ask every exit in turn, answer at the first confident one, never offload.

    ElasticBERT's early exit (Liu et al. 2022, arXiv:2110.07038), with the answer and the
    cost of the exit that was confident; the published code takes the one after it.
    """
    confident = rule.confident(confidence)
    confident[:, -1] = True  # the last exit answers whatever is left
    every_exit = replace(rule, cost=replace(rule.cost, evaluates="all"))
    return fixed_arm(every_exit, confidence, confident.argmax(1))
