"""A profile counts what a hand counts; what it measures is only held to make sense."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

from banditsplit_envs import ExitNetwork, attach_exits, exit_cnn, profile

LAYERS, WIDTH, INNER, TOKENS, CLASSES = 3, 8, 24, 5, 2


def bert() -> nn.Module:
    how: Any = {
        "vocab_size": 30,
        "max_position_embeddings": 12,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": INNER,
        "num_labels": CLASSES,
    }
    return BertForSequenceClassification(BertConfig(**how))


class Encoder(nn.Module):
    """Torch's own encoder layers, which fuse themselves where no gradient is wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, 2, INNER, batch_first=True) for _ in range(LAYERS)
        )
        self.fc = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.fc(x[:, 0])


def sentences(batch: int) -> dict[str, Tensor]:
    mask = torch.ones(batch, TOKENS, dtype=torch.int64)
    mask[1:, 3:] = 0
    return {"input_ids": torch.full((batch, TOKENS), 3), "attention_mask": mask}


def layer_flops() -> int:
    """Four projections, two layers of the feed-forward part, scores and their weighted sum."""
    linear = 2 * TOKENS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER)
    attention = 2 * 2 * TOKENS * TOKENS * WIDTH
    return linear + attention


TRANSFORMERS: list[tuple[Callable[[], ExitNetwork], Callable[[int], Any]]] = [
    (lambda: attach_exits(bert(), "bert.encoder.layer"), sentences),
    (
        lambda: attach_exits(Encoder(), "layers", torch.rand(2, TOKENS, WIDTH)),
        lambda batch: torch.rand(batch, TOKENS, WIDTH),
    ),
]


@pytest.mark.parametrize(("make", "inputs"), TRANSFORMERS, ids=["BERT", "torch"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("frozen", [False, True])
def test_attention_is_counted(
    make: Callable[[], ExitNetwork], inputs: Callable[[int], Any], batch: int, *, frozen: bool
) -> None:
    network = make().requires_grad_(not frozen)
    found = profile(network, inputs(batch), repeats=1, warmup=0)
    layers = layer_flops() * np.arange(1, LAYERS + 1)

    np.testing.assert_array_equal(found.flops, layers)
    np.testing.assert_array_equal(found.exit_flops[:-1], 2 * WIDTH * CLASSES)
    pooler = 2 * WIDTH * WIDTH * (found.exit_flops[-1] > 2 * WIDTH * CLASSES)
    assert found.exit_flops[-1] == pooler + 2 * WIDTH * CLASSES
    np.testing.assert_array_equal(found.tail_flops, layers[-1] - layers + found.exit_flops[-1])
    assert all(weight.requires_grad != frozen for weight in network.parameters())


def test_convolutions_are_counted() -> None:
    network = exit_cnn(channels=2, width=3, blocks=3, classes=4)
    found = profile(network, torch.rand(5, 2, 6, 7), repeats=1, warmup=0)
    first, other = 2 * 9 * 2 * 3 * 42, 2 * 9 * 3 * 3 * 42

    np.testing.assert_array_equal(found.flops, [first, first + other, first + 2 * other])
    np.testing.assert_array_equal(found.exit_flops, [2 * 3 * 4] * 3)
    np.testing.assert_array_equal(found.state_bytes, [3 * 6 * 7 * 4] * 3)
    np.testing.assert_array_equal(found.exit_parameters, [3 * 4 + 4] * 3)
    block = 9 * 3 * 3 + 2 * 3
    np.testing.assert_array_equal(
        found.parameters, 9 * 2 * 3 + 2 * 3 + block * np.array([0, 1, 2])
    )


def test_weights_belong_to_the_part_that_uses_them() -> None:
    """Embeddings to the head, pooler and classifier to the last exit; together, all of them."""
    network = bert()
    found = profile(attach_exits(network, "bert.encoder.layer"), sentences(2), repeats=1)
    sizes = {
        name: sum(weight.numel() for weight in network.get_submodule(name).parameters())
        for name in ("bert.embeddings", "bert.encoder.layer.0", "bert.pooler", "classifier")
    }
    wanted = sizes["bert.embeddings"] + sizes["bert.encoder.layer.0"] * np.array([1, 2, 3])
    np.testing.assert_array_equal(found.parameters, wanted)
    assert found.exit_parameters[-1] == sizes["bert.pooler"] + sizes["classifier"]
    assert found.exit_parameters[0] == 2 * WIDTH + WIDTH * CLASSES + CLASSES
    everything = sum(weight.numel() for weight in network.parameters())
    assert found.parameters[-1] + found.exit_parameters[-1] == everything


def test_a_state_weighs_its_floats_and_its_mask() -> None:
    network = attach_exits(bert(), "bert.encoder.layer")
    found = profile(network, sentences(4), repeats=1, warmup=0)
    np.testing.assert_array_equal(found.state_bytes, [TOKENS * WIDTH * 4 + TOKENS**2] * LAYERS)


def test_latencies_make_sense_and_come_as_rows() -> None:
    network = exit_cnn(blocks=3)
    found = profile(network, torch.rand(2, 1, 8, 8), repeats=7)
    for part in ("head", "exit", "tail"):
        median, late = getattr(found, f"{part}_p50"), getattr(found, f"{part}_p95")
        assert (median > 0).all()
        assert (late >= median).all()
    assert (np.diff(found.head_p50) > 0).all()
    assert found.batch == 2

    rows = found.rows()
    assert [row["split"] for row in rows] == ["0", "1", "2"]
    assert rows[1]["head_p95"] == found.head_p95[1]
    assert all(type(value) in (str, int, float) for row in rows for value in row.values())


def test_a_profile_leaves_the_network_alone() -> None:
    network, fresh = exit_cnn(blocks=2), exit_cnn(blocks=2)
    profile(network, torch.rand(2, 1, 8, 8), repeats=1)
    for name, value in network.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name])
    assert all(weight.grad is None for weight in network.parameters())
    assert not network.training


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"inputs": torch.rand(0, 1, 8, 8)},
            ValueError,
            "`inputs` must be a tensor .*, not em",
        ),
        ({"inputs": torch.rand(2, 3, 8, 8)}, ValueError, "`inputs` must have shape"),
        ({"repeats": 0}, ValueError, "`repeats` must be an integer of at least 1"),
        ({"warmup": -1}, ValueError, "`warmup` must be an integer of at least 0"),
        ({"network": exit_cnn(blocks=1).train()}, ValueError, "must be in eval mode"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    how: dict[str, Any] = {"network": exit_cnn(blocks=1), "inputs": torch.rand(2, 1, 8, 8)}
    with pytest.raises(error, match=message):
        profile(**(how | change))
