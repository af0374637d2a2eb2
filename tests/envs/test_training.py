"""Training is joint, repeatable, and leaves nothing half done."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from banditsplit_envs.exit_network import ExitNetwork
from banditsplit_envs.training import train


def stripes(samples: int = 60) -> tuple[Tensor, Tensor]:
    """Horizontal stripes are class 0, vertical ones class 1."""
    labels = torch.arange(samples) % 2
    horizontal = torch.zeros(1, 6, 6)
    horizontal[:, ::2] = 1.0
    images = torch.stack([horizontal.mT if label else horizontal for label in labels])
    return images, labels


def small(**changes: int) -> ExitNetwork:
    return ExitNetwork(**({"classes": 2, "width": 4, "blocks": 3} | changes))


def test_every_exit_learns() -> None:
    network, (images, labels) = small(), stripes()
    loss = train(network, images, labels, epochs=20, batch=20, learning_rate=0.05)

    assert loss.shape == (20,)
    assert loss[-1] < 0.2 < loss[0]
    answers = network(images).argmax(-1)
    assert torch.equal(answers, labels.expand(3, -1))
    assert not network.training


def test_the_same_seed_gives_the_same_weights_and_leaves_torch_alone() -> None:
    torch_state, (images, labels) = torch.get_rng_state(), stripes(20)
    one, again, other = small(), small(), small()
    losses = [
        train(network, images, labels, epochs=2, batch=7, seed=seed)
        for network, seed in ((one, 3), (again, 3), (other, 4))
    ]

    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(losses[0], losses[1])
    for name, value in one.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert not np.array_equal(losses[0], losses[2])


def test_numpy_and_torch_images_are_the_same_images() -> None:
    images, labels = stripes(10)
    one, other = small(), small()
    train(one, images, labels, epochs=1)
    train(other, images.numpy(), labels.tolist(), epochs=1)

    assert torch.equal(one(images), other(images))


def test_an_exit_without_weight_is_not_trained() -> None:
    images, labels = stripes(10)
    network, fresh = small(), small()
    train(network, images, labels, epochs=4, learning_rate=0.01, exit_weights=[1, 0, 0])

    # What has no gradient only shrinks by AdamW's decay, by less than 0.04 % here.
    shrunk = [torch.allclose(a.weight, b.weight, rtol=4e-4) for a, b in pairs(network, fresh)]
    assert shrunk == [False, True, True]


def pairs(one: ExitNetwork, other: ExitNetwork) -> list[tuple[nn.Linear, nn.Linear]]:
    heads = zip(one.heads, other.heads, strict=True)
    return [(a, b) for a, b in heads if isinstance(a, nn.Linear) and isinstance(b, nn.Linear)]


def test_training_again_forgets_the_temperatures() -> None:
    network = small()
    network.temperature.fill_(3.0)
    train(network, *stripes(4), epochs=1)

    assert torch.equal(network.temperature, torch.ones(3))


def test_progress_wraps_the_epochs() -> None:
    seen: list[int] = []

    def watched(epochs: Any) -> Any:
        for epoch in epochs:
            seen.append(epoch)
            yield epoch

    train(small(), *stripes(4), epochs=3, progress=watched)
    assert seen == [0, 1, 2]


def test_one_image_is_enough() -> None:
    assert train(small(), *stripes(1), epochs=1, batch=100).shape == (1,)


def state(network: ExitNetwork) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def unchanged(network: ExitNetwork, before: dict[str, Tensor]) -> bool:
    after = network.state_dict()
    return not network.training and all(torch.equal(after[k], before[k]) for k in before)


def test_an_interrupted_training_changes_nothing() -> None:
    network = small()
    network.temperature.fill_(3.0)
    before = state(network)

    def interrupted(epochs: Any) -> Any:
        yield from list(epochs)[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(network, *stripes(), progress=interrupted)
    assert unchanged(network, before)


def test_a_diverging_training_is_refused_and_undone() -> None:
    network = small()
    before = state(network)
    with pytest.raises(ValueError, match="`learning_rate` must be small enough"):
        train(network, *stripes(), epochs=5, learning_rate=1e30)
    assert unchanged(network, before)


NAN = torch.full((4, 1, 6, 6), torch.nan)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": NAN}, ValueError, "`images` must be finite"),
        ({"images": NAN * 0 + torch.inf}, ValueError, "`images` must be finite"),
        ({"images": torch.zeros(4, 6, 6)}, ValueError, "`images` must be a float tensor"),
        ({"images": torch.zeros(4, 3, 6, 6)}, ValueError, "channels=1"),
        ({"images": torch.zeros(0, 1, 6, 6)}, ValueError, "none of them 0"),
        ({"images": []}, ValueError, "`images` must be a float tensor"),
        ({"images": torch.zeros(4, 1, 6, 6, dtype=torch.uint8)}, TypeError, "hold floats"),
        ({"images": [["a"]]}, TypeError, "`images` must be a rectangular array of numbers"),
        ({"images": [[0.0], [0.0, 1.0]]}, TypeError, "`images` must be a rectangular array"),
        ({"labels": torch.tensor([0, 1, 0])}, ValueError, r"`labels` must have shape \(4,\)"),
        (
            {"labels": torch.tensor([[0], [1], [0], [1]])},
            ValueError,
            "`labels` must have shape",
        ),
        ({"labels": [0, 1, 2, 0]}, ValueError, r"`labels` must lie in 0 \.\. 1, got 0 \.\. 2"),
        ({"labels": [0, 1, -1, 0]}, ValueError, r"`labels` must lie in 0 \.\. 1"),
        ({"labels": [0.0, 1.0, 0.0, 1.0]}, TypeError, "`labels` must hold integers"),
        ({"labels": [True, False, True, True]}, TypeError, "`labels` must hold integers"),
        ({"epochs": 0}, ValueError, "`epochs` must be an integer of at least 1"),
        ({"epochs": 1.5}, TypeError, "`epochs` must be an integer"),
        ({"batch": 0}, ValueError, "`batch` must be an integer of at least 1"),
        ({"learning_rate": 0.0}, ValueError, "`learning_rate` must be positive"),
        ({"learning_rate": float("nan")}, ValueError, "`learning_rate` must be a finite"),
        ({"noise": -0.1}, ValueError, "`noise` must not be negative"),
        ({"exit_weights": [1.0, 1.0]}, ValueError, "`exit_weights` must be 3 numbers"),
        ({"exit_weights": [0.0, 0.0, 0.0]}, ValueError, "`exit_weights` must be 3 numbers"),
        ({"exit_weights": [1.0, -1.0, 1.0]}, ValueError, "`exit_weights` must not be neg"),
        ({"exit_weights": [1.0, float("inf"), 1.0]}, ValueError, "`exit_weights` must be a"),
        ({"seed": "today"}, TypeError, "`seed` must be"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    network = small()
    before = state(network)
    images, labels = stripes(4)
    arguments: dict[str, Any] = {"images": images, "labels": labels, "epochs": 1}
    with pytest.raises(error, match=message):
        train(network, **(arguments | change))
    assert unchanged(network, before)
