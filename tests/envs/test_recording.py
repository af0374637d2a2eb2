"""A recorded trace is what the network says, sample by sample, exit by exit."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch

from banditsplit_envs.exit_cnn import exit_cnn
from banditsplit_envs.exit_network import ExitNetwork
from banditsplit_envs.recording import record

IMAGES = torch.rand(11, 1, 5, 5, generator=torch.Generator().manual_seed(0)).numpy()
LABELS = np.arange(11) % 3


@pytest.fixture
def network() -> ExitNetwork:
    network = exit_cnn(classes=3, width=4, blocks=3, seed=2)
    network.temperature.copy_(torch.tensor([0.1, 0.2, 0.3]))
    return network


def test_it_is_the_calibrated_maximum_and_its_class(network: ExitNetwork) -> None:
    """Exit by exit with numpy; one batch, so the same logits to the last bit."""
    trace = record(network, IMAGES, LABELS)
    logits = network(torch.from_numpy(IMAGES)).detach().numpy().astype(np.float64)
    for exit_, temperature in enumerate([0.1, 0.2, 0.3]):
        power = np.exp(logits[exit_] / np.float32(temperature))
        softmax = power / power.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(trace.confidence[:, exit_], softmax.max(axis=1))
        np.testing.assert_array_equal(trace.prediction[:, exit_], softmax.argmax(axis=1))
    assert trace.label is not None
    np.testing.assert_array_equal(trace.label, LABELS)


@pytest.mark.parametrize("batch", [1, 3, 11, 500])
def test_the_batch_matters_by_rounding_only(network: ExitNetwork, batch: int) -> None:
    whole, parts = record(network, IMAGES), record(network, IMAGES, batch=batch)
    np.testing.assert_allclose(parts.confidence, whole.confidence, atol=1e-5)
    np.testing.assert_array_equal(parts.prediction, whole.prediction)


def test_a_device_and_a_cloud_say_what_the_trace_says(network: ExitNetwork) -> None:
    trace, x = record(network, IMAGES), torch.from_numpy(IMAGES)
    with torch.inference_mode():
        for split in range(network.exits):
            hidden = network.head(x, split)
            device = network.probabilities(network.exit(hidden, split), split)
            cloud = network.probabilities(network.tail(hidden, split), network.exits - 1)
            np.testing.assert_array_equal(device.amax(-1), trace.confidence[:, split])
            np.testing.assert_array_equal(cloud.amax(-1), trace.confidence[:, -1])


def test_labels_may_be_unknown(network: ExitNetwork) -> None:
    assert record(network, IMAGES).label is None


def test_recording_leaves_the_network_and_the_images_alone(network: ExitNetwork) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = IMAGES.copy()
    images.flags.writeable = False
    record(network, images)

    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_progress_wraps_the_batches(network: ExitNetwork) -> None:
    seen: list[int] = []

    def watched(starts: Iterable[int]) -> Iterable[int]:
        for start in starts:
            seen.append(start)
            yield start

    record(network, IMAGES, batch=4, progress=watched)
    assert seen == [0, 4, 8]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"inputs": IMAGES[:0]}, ValueError, "`inputs` must be a tensor .*, not empty"),
        ({"inputs": IMAGES * np.nan}, ValueError, "`inputs` must be finite"),
        ({"inputs": IMAGES[:, 0]}, ValueError, "`inputs` must have shape"),
        ({"labels": LABELS[:-1]}, ValueError, r"`labels` must have shape \(11,\)"),
        ({"labels": LABELS + 1}, ValueError, r"`labels` must lie in 0 \.\. 2"),
        ({"batch": 0}, ValueError, "`batch` must be an integer of at least 1"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    network: ExitNetwork, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        record(network, **({"inputs": IMAGES, "labels": LABELS} | change))


def test_a_network_in_training_mode_is_refused(network: ExitNetwork) -> None:
    network.train()
    with pytest.raises(ValueError, match="`network` must be in eval mode"):
        record(network, IMAGES)
