"""Joint training: one backward pass through the weighted losses of all exits."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._typing import Float, Seed
from banditsplit_envs.exit_network import ExitNetwork

__all__ = ["Progress", "train"]

Progress: TypeAlias = Callable[[Iterable[int]], Iterable[int]]  # tqdm fits


def train(
    network: ExitNetwork,
    images: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    *,
    epochs: int = 65,
    batch: int = 64,
    learning_rate: float = 6e-3,
    noise: float = 0.15,
    exit_weights: Sequence[float] | None = None,
    seed: Seed = 0,
    progress: Progress | None = None,
) -> Float:
    """Train all exits of ``network`` together, in place, and return its loss, `[epochs]`.

    The same seed gives the same weights on the same machine. The temperatures go back to 1:
    calibrate afterwards. If anything fails, the network is what it was before.

    Args:
        network: is left in eval mode.
        images: `[samples, channels, height, width]`, finite.
        labels: `[samples]`, class numbers.
        epochs: passes over the images.
        batch: images a step, at most.
        learning_rate: the peak of a one-cycle schedule (Smith & Topin 2019, arXiv:1708.07120).
        noise: standard deviation of the Gaussian noise added to every image, anew each epoch.
        exit_weights: `[exits]`, how much each exit's cross-entropy counts. By default the
            square of its depth: the cloud's answer is everyone's fallback, and the blocks
            below are shaped for it rather than for the shallow exits.
        seed: of the order and the noise.
        progress: wraps the epochs.
    """
    inputs = network.as_images(images)
    targets = network.as_labels(labels, samples=len(inputs))
    epochs = _checks.integer("epochs", epochs, least=1)
    parts = -(-len(inputs) // _checks.integer("batch", batch, least=1))
    rate = _checks.positive("learning_rate", learning_rate)
    noise = _checks.nonnegative("noise", noise)
    weights = _weights(exit_weights, exits=network.exits)
    draws = torch.Generator().manual_seed(int(_checks.generator(seed).integers(2**63)))

    before = {name: value.clone() for name, value in network.state_dict().items()}
    losses = np.zeros(epochs)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=epochs * parts
    )
    try:
        network.train()
        network.temperature.fill_(1.0)
        for epoch in range(epochs) if progress is None else progress(range(epochs)):
            order = torch.randperm(len(inputs), generator=draws)
            for chosen in order.tensor_split(parts):  # near-equal parts: no tiny last batch
                x, y = inputs[chosen], targets[chosen]
                logits = network(x + noise * torch.randn(x.shape, generator=draws))
                each = torch.stack([nn.functional.cross_entropy(exit_, y) for exit_ in logits])
                loss = weights @ each
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
                losses[epoch] += loss.item() * len(chosen) / len(inputs)
            _finite(losses[epoch], learning_rate)
    except BaseException:
        network.load_state_dict(before)
        raise
    finally:
        network.eval()
    return losses


def _finite(loss: float, learning_rate: float) -> None:
    if not math.isfinite(loss):
        wanted = "small enough for the loss to stay finite"
        raise ValueError(f"`learning_rate` must be {wanted}, got {learning_rate!r}.")


def _weights(weights: Sequence[float] | None, *, exits: int) -> Tensor:
    """Return weights that sum to 1, `[exits]`."""
    if weights is None:
        weights = [float(depth**2) for depth in range(1, exits + 1)]
    values = [_checks.nonnegative("exit_weights", weight) for weight in weights]
    if len(values) != exits or sum(values) == 0:
        wanted = f"{exits} numbers, one for each exit, not all 0"
        raise ValueError(f"`exit_weights` must be {wanted}, got {list(weights)!r}.")
    tensor = torch.tensor(values)
    return tensor / tensor.sum()
