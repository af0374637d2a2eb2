"""A small convolutional network with an exit on each block, for digits and for tests.

Its exits see only channel means (global average pooling): a shallow exit knows which strokes
there are, not where they are, and has to grow better with depth.
"""

from typing import final

import torch
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._typing import Seed
from banditsplit_envs.networks.attaching import attach_exits
from banditsplit_envs.networks.exit_network import ExitNetwork

__all__ = ["exit_cnn"]


def exit_cnn(
    *,
    classes: int = 10,
    channels: int = 1,
    width: int = 10,
    blocks: int = 12,
    stride: int = 1,
    seed: Seed = 0,
) -> ExitNetwork:
    """Return a network of ``blocks`` residual blocks of ``width`` channels, with exits on all.

    It takes images `[samples, channels, height, width]` of any size; of larger ones the first
    block may look at every ``stride``-th pixel alone. The same ``seed`` gives the same
    weights, and torch's global generator is left alone.
    """
    classes = _checks.integer("classes", classes, least=2)
    channels = _checks.integer("channels", channels, least=1)
    width = _checks.integer("width", width, least=1)
    blocks = _checks.integer("blocks", blocks, least=1)
    stride = _checks.integer("stride", stride, least=1)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(_checks.generator(seed).integers(2**63)))
        network = nn.Sequential(
            _Block(channels, width, stride=stride),
            *(_Block(width, width, residual=True) for _ in range(blocks - 1)),
        )
        exits = iter([nn.Linear(width, classes) for _ in range(blocks)])
    example = torch.zeros(1, channels, 8, 8)
    return attach_exits(
        network, "", example, classes=classes, exit=lambda _width, _classes: next(exits)
    )


@final
class _Block(nn.Module):
    """Convolution, batch norm, relu; a shortcut around them unless it is the first block."""

    def __init__(
        self, inputs: int, width: int, *, stride: int = 1, residual: bool = False
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self._residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Return `[batch, width, height, width]`."""
        out = torch.relu(self.norm(self.convolution(x)))
        return x + out if self._residual else out
