"""What each split of a network takes: weights, operations, bytes to send, milliseconds."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from banditsplit import _checks
from banditsplit._typing import Float, Int
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.hidden_state import HiddenState
from banditsplit_envs.networks.inputs import Batch, Inputs

__all__ = ["Profile", "profile"]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What each split takes, all `[exits]`; latencies are those of one batch.

    The *head* is all that runs on the device up to the split, the *exit* what answers there,
    the *tail* the blocks behind the split with the last exit.

    Attributes:
        split: Names of the last blocks on the device.
        batch: Samples in the batch that was measured.
        parameters: Weights of the head.
        exit_parameters: Weights of the exit.
        flops: Floating-point operations of the head for one sample, a multiplication and an
            addition counted as two: those of matrix products, convolutions and attention.
        exit_flops: The same of the exit.
        tail_flops: The same of the tail.
        state_bytes: Size of the hidden state of one sample, with all that travels with it.
        head_p50: Median milliseconds of the head.
        head_p95: 95 % quantile of them.
        exit_p50: Median milliseconds of the exit.
        exit_p95: 95 % quantile of them.
        tail_p50: Median milliseconds of the tail.
        tail_p95: 95 % quantile of them.
    """

    split: tuple[str, ...]
    batch: int
    parameters: Int
    exit_parameters: Int
    flops: Float
    exit_flops: Float
    tail_flops: Float
    state_bytes: Float
    head_p50: Float
    head_p95: Float
    exit_p50: Float
    exit_p95: Float
    tail_p50: Float
    tail_p95: Float

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary for each split, as data frames and JSON take them."""
        names = [column.name for column in fields(self) if column.name != "batch"]
        columns = [np.asarray(getattr(self, name)).tolist() for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def profile(
    network: ExitNetwork, inputs: Inputs, *, repeats: int = 50, warmup: int = 5
) -> Profile:
    """Measure what each split of ``network`` takes on the machine that this runs on.

    The latencies are those of whole passes, cut at every split: a head's is the time from the
    input to its hidden state, a tail's the time from there to the last exit's logits.

    Args:
        network: in eval mode.
        inputs: one batch, `[samples, ...]`; its size and the length of its samples count.
        repeats: how many passes are timed.
        warmup: how many passes go before them.

    Raises:
        TypeError, ValueError: The inputs do not fit the network, the network is in training
            mode, or an argument is outside its range.
    """
    if network.training:
        raise ValueError("`network` must be in eval mode, got one in training mode.")
    batch = network.as_inputs(inputs).to(network.device)
    repeats = _checks.integer("repeats", repeats, least=1)
    warmup = _checks.integer("warmup", warmup, least=0)
    samples = len(batch)
    with _all_learning(network) as floats, torch.enable_grad():
        weights, exit_weights = _weights(network, batch[:1], floats)
        states, flops, exit_flops = _flops(network, batch)
    times = [_pass(network, batch) for _ in range(warmup + repeats)][warmup:]
    head, exits = (np.array(part) * 1e3 for part in zip(*times, strict=True))
    tail = head[:, -1:] - head + exits[:, -1:]
    quantiles = {
        f"{name}_p{share}": np.percentile(values, share, axis=0)
        for name, values in (("head", head), ("exit", exits), ("tail", tail))
        for share in (50, 95)
    }
    return Profile(
        split=network.splits,
        batch=samples,
        parameters=weights,
        exit_parameters=exit_weights,
        flops=flops,
        exit_flops=exit_flops,
        tail_flops=flops[-1] - flops + exit_flops[-1],
        state_bytes=np.array([state.nbytes for state in states]) / samples,
        **quantiles,
    )


def _pass(network: ExitNetwork, batch: Batch) -> tuple[list[float], list[float]]:
    """Return the seconds from the start to each hidden state, and those of each exit."""
    heads, exits, states = [], [], []
    with torch.inference_mode():
        began = _now(network)
        for state in network.states(batch, network.exits - 1):
            heads.append(_now(network) - began)
            states.append(state)
        for split, state in enumerate(states):
            began = _now(network)
            network.exit(state, split)
            exits.append(_now(network) - began)
    return heads, exits


def _now(network: ExitNetwork) -> float:
    if network.device.type == "cuda":
        torch.cuda.synchronize(network.device)
    return time.perf_counter()


@contextmanager
def _all_learning(network: ExitNetwork) -> Iterator[list[nn.Parameter]]:
    """Let all weights have gradients for a while, and hand them out."""
    floats = [weight for weight in network.parameters() if weight.is_floating_point()]
    learned = [weight.requires_grad for weight in floats]
    try:
        for weight in floats:
            weight.requires_grad_()
        yield floats
    finally:
        for weight, was in zip(floats, learned, strict=True):
            weight.requires_grad_(was)


def _flops(network: ExitNetwork, batch: Batch) -> tuple[list[HiddenState], Float, Float]:
    """Return the states, and the operations for one sample: up to each, and in each exit."""
    states, heads, exits = [], [], []
    # The counter sees no fused kernel: attention is done by its formula. Torch's own encoder
    # layer fuses itself as well, but not where gradients are wanted.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        for state in network.states(batch, network.exits - 1):
            heads.append(counter.get_total_flops())
            states.append(state)
        done = counter.get_total_flops()
        for split, state in enumerate(states):
            network.exit(state, split)
            exits.append(counter.get_total_flops() - done)
            done += exits[-1]
    return states, np.array(heads) / len(batch), np.array(exits) / len(batch)


def _weights(network: ExitNetwork, batch: Batch, floats: list[nn.Parameter]) -> tuple[Int, Int]:
    """Return how many weights there are up to each split, and in each exit."""

    def used(output: Tensor) -> int:
        """Return the size of all weights that ``output`` depends on, whoever holds them."""
        gradients: Sequence[Tensor | None] = torch.autograd.grad(
            output.sum(), floats, retain_graph=True, allow_unused=True
        )
        pairs = zip(floats, gradients, strict=True)
        return sum(weight.numel() for weight, gradient in pairs if gradient is not None)

    heads, exits = [], []
    for split, state in enumerate(network.states(batch, network.exits - 1)):
        heads.append(used(state.hidden))
        alone = replace(state, hidden=state.hidden.detach())
        exits.append(used(network.exit(alone, split)))
    return np.array(heads), np.array(exits)
