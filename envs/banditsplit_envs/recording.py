"""Record what every exit of a network says of every image."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from banditsplit import _checks
from banditsplit_envs.exit_network import ExitNetwork
from banditsplit_envs.trace import Trace
from banditsplit_envs.training import Progress

__all__ = ["record"]


def record(
    network: ExitNetwork,
    images: ArrayLike | Tensor,
    labels: ArrayLike | Tensor | None = None,
    *,
    batch: int = 256,
    progress: Progress | None = None,
) -> Trace:
    """Return the calibrated confidence and the prediction of every exit for every image.

    The size of the batch may move a confidence by rounding (about 1e-6), never more.

    Args:
        network: in eval mode.
        images: `[samples, channels, height, width]`, finite.
        labels: `[samples]`, class numbers, where they are known.
        batch: images a forward pass.
        progress: wraps the batches.
    """
    if network.training:
        raise ValueError("`network` must be in eval mode, got one in training mode.")
    inputs = network.as_inputs(images, name="images")
    label = None
    if labels is not None:
        label = network.as_labels(labels, samples=len(inputs)).numpy()
    size = _checks.integer("batch", batch, least=1)
    starts = range(0, len(inputs), size)
    confidence = np.empty((len(inputs), network.exits))
    prediction = np.empty((len(inputs), network.exits), dtype=np.int64)
    with torch.inference_mode():
        for start in starts if progress is None else progress(starts):
            rows = slice(start, start + size)
            best = network.probabilities(network(inputs[rows])).max(dim=-1)
            confidence[rows] = best.values.T.numpy()
            prediction[rows] = best.indices.T.numpy()
    return Trace(confidence, prediction, label)
