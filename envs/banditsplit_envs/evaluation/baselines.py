"""What every result is measured against: play that needs no learning.

Each takes a rule and the confidences of some samples, `[samples, exits]`, and returns their
`Outcome` by that rule. They may read whole rows, for they run on recorded traces. The learners
of other papers stand in `adaee` and `uee_ucb`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import entr

from banditsplit import _checks
from banditsplit._typing import Bool, Float, Int
from banditsplit_envs.splitting.outcome import Outcome, SplitRule
from banditsplit_envs.traces.trace import Classes, Entropy


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
    return _first_ready(rule, confidence, rule.confident(confidence))


def first_certain_exit(
    rule: SplitRule, confidence: Float, entropy: Entropy, *, most: float
) -> Outcome:
    """Ask every exit in turn, answer at the first of low entropy, never offload.

    DeeBERT (Xin et al. 2020, arXiv:2004.12993), which tunes the entropy on labelled samples.
    For two classes and ``most=flattest_entropy(threshold, 2)`` it is `first_confident_exit`.

    Args:
        rule: Whose cost model is charged; its threshold is not looked at.
        confidence: `[samples, exits]`.
        entropy: Of every exit's class probabilities, `[samples, exits]`, in nats.
        most: The entropy up to which an exit answers, in nats.

    Raises:
        TypeError: ``most`` is no number.
        ValueError: ``most`` is negative, or ``entropy`` not shaped like ``confidence``.
    """
    _like_confidence("entropy", entropy, confidence)
    return _first_ready(rule, confidence, entropy <= _checks.nonnegative("most", most))


def flattest_entropy(threshold: float, classes: int) -> float:
    """Return the largest entropy of an answer of confidence ``threshold``, in nats.

    That of a law which spreads the rest evenly over the other classes. Whoever is as confident
    as ``threshold`` has at most this entropy; for two classes the reverse holds, too.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: ``threshold`` lies outside [0, 1], or there are fewer than 2 classes.
    """
    others = _checks.integer("classes", classes, least=2) - 1
    # No confidence is below that of the flattest law of all.
    sure = max(_checks.fraction("threshold", threshold), 1 / classes)
    return float(entr(sure) + others * entr((1 - sure) / others))


def patient_exit(
    rule: SplitRule, confidence: Float, prediction: Classes, *, patience: int
) -> Outcome:
    """Ask every exit in turn, answer when the class has stood long enough, never offload.

    PABEE (Zhou et al. 2020, arXiv:2006.04152, Sec. 3): a counter of exits in a row that agree
    with the one before; at ``patience`` that exit answers, so ``patience + 1`` exits agree.

    Args:
        rule: Whose cost model is charged; its threshold is not looked at.
        confidence: `[samples, exits]`.
        prediction: The class that every exit names, `[samples, exits]`.
        patience: Agreements in a row that are asked for, at least 1; the paper takes 6 of 12.

    Raises:
        TypeError: ``patience`` is no integer.
        ValueError: ``patience`` is below 1, or ``prediction`` not shaped like ``confidence``.
    """
    _like_confidence("prediction", prediction, confidence)
    patience = _checks.integer("patience", patience, least=1)
    count = np.zeros(len(confidence), np.int64)
    patient = np.zeros(confidence.shape, np.bool_)
    for layer in range(1, confidence.shape[1]):
        agrees = prediction[:, layer] == prediction[:, layer - 1]
        count = np.where(agrees, count + 1, 0)
        patient[:, layer] = count >= patience
    return _first_ready(rule, confidence, patient)


def _first_ready(rule: SplitRule, confidence: Float, ready: Bool) -> Outcome:
    """Return the outcome of answering at the first exit that is ``ready``, or at the last."""
    ready = ready.copy()
    ready[:, -1] = True  # the last exit answers whatever is left
    # All exits on the way are paid for; above a threshold of 0 every exit may answer.
    every_exit = replace(rule, threshold=0.0, cost=replace(rule.cost, evaluates="all"))
    return fixed_arm(every_exit, confidence, ready.argmax(1))


def _like_confidence(name: str, array: Any, confidence: Float) -> None:
    if np.shape(array) != confidence.shape:
        wanted = f"`{name}` must have shape {confidence.shape} like `confidence`"
        raise ValueError(f"{wanted}, got {np.shape(array)}.")
