"""One temperature for each exit, so that its confidence means what it says.

Guo, Pleiss, Sun & Weinberger 2017, *On Calibration of Modern Neural Networks*,
arXiv:1706.04599, section 4.2: divide the logits by the temperature that minimises the negative
log-likelihood of held-out data. The answer itself never changes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._typing import Bool, Float
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.inputs import Inputs
from banditsplit_envs.networks.training import Progress

__all__ = ["CalibrationReport", "calibrate", "expected_calibration_error"]

# Where a held-out set is answered without an error, the likelihood asks for a temperature of 0
# and a confidence of 1 for everything; the lower end is as far as we go along.
TEMPERATURES = (0.01, 100.0)


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationReport:
    """What calibration did to each exit, on the data it was fitted to; all `[exits]`.

    ``ece_before`` is that of the temperatures that were in force before.
    """

    temperature: Float
    ece_before: Float
    ece_after: Float


def calibrate(
    network: ExitNetwork,
    inputs: Inputs,
    labels: ArrayLike | Tensor,
    *,
    batch: int = 256,
    progress: Progress | None = None,
) -> CalibrationReport:
    """Fit a temperature to each exit of ``network`` and store it there.

    Args:
        network: in eval mode.
        inputs: `[samples, ...]`, what the network takes; of the source domain, held out of
            training.
        labels: `[samples]`, class numbers.
        batch: samples a forward pass.
        progress: wraps the batches.

    Raises:
        TypeError, ValueError: The data do not fit the network, the network is in training mode
            or gives logits that are not finite; the temperatures are as they were.
    """
    if network.training:
        raise ValueError("`network` must be in eval mode, got one in training mode.")
    data = network.as_inputs(inputs)
    targets = network.as_labels(labels, samples=len(data))
    size = _checks.integer("batch", batch, least=1)
    starts = range(0, len(data), size)
    with torch.inference_mode():
        said = [
            network(data[start : start + size])
            for start in (starts if progress is None else progress(starts))
        ]
        logits = torch.cat(said, dim=1)
        before = _ece(network.probabilities(logits), targets)
        temperature = [_temperature(exit_.double().cpu(), targets) for exit_ in logits]
    network.temperature.copy_(torch.tensor(temperature))
    after = _ece(network.probabilities(logits), targets)
    return CalibrationReport(np.array(temperature), before, after)


def expected_calibration_error(confidence: Float, correct: Bool, *, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over ``bins`` equal bins.

    Guo et al. 2017, equation (3). Both arguments are `[samples]`, the result is in `[0, 1]`.
    """
    confidence, correct = np.asarray(confidence), np.asarray(correct)
    bins = _checks.integer("bins", bins, least=1)
    if confidence.ndim != 1 or confidence.size == 0 or confidence.dtype.kind != "f":
        what = f"{confidence.dtype} of shape {confidence.shape}"
        raise ValueError(f"`confidence` must be a float array [samples], got {what}.")
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise ValueError("`confidence` must lie in [0, 1], got a value outside or nan.")
    if correct.shape != confidence.shape or correct.dtype.kind != "b":
        what = f"{correct.dtype} of shape {correct.shape}"
        raise ValueError(f"`correct` must be a bool array {confidence.shape}, got {what}.")
    # A bin owns its upper edge, as in the paper: ((m - 1) / bins, m / bins].
    chosen = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(chosen, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / confidence.size)


def _temperature(logits: Tensor, targets: Tensor) -> float:
    """Return the temperature of least negative log-likelihood; `[samples, classes]`."""

    def loss(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        return float(nn.functional.cross_entropy(scaled, targets))

    # Convex in the inverse temperature, so there is one minimum over its logarithm, too.
    low, high = map(math.log, TEMPERATURES)
    return math.exp(float(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def _ece(probabilities: Tensor, targets: Tensor) -> Float:
    confidence, prediction = probabilities.cpu().max(dim=-1)
    correct = prediction == targets
    return np.array(
        [
            expected_calibration_error(c.numpy(), ok.numpy())
            for c, ok in zip(confidence, correct, strict=True)
        ]
    )
