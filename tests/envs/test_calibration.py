"""A temperature undoes a planted miscalibration; the error is what the paper defines."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from banditsplit_envs.networks.calibration import calibrate, expected_calibration_error
from banditsplit_envs.networks.exit_cnn import exit_cnn
from banditsplit_envs.networks.exit_network import ExitNetwork


def planted(*, factor: float = 1.0) -> tuple[ExitNetwork, Tensor, Tensor]:
    """Return a network, images, and labels drawn from the network's own probabilities.

    So the network is calibrated by construction, until its logits are multiplied.
    """
    network = exit_cnn(classes=3, width=4, blocks=2, seed=1)
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(3000, 1, 4, 4, generator=draws)
    with torch.no_grad():
        scale(network, 8.0)  # logits that tell the images apart
        network.classifiers[0].load_state_dict(network.classifiers[1].state_dict())
        own = network.probabilities(network(images))[1]
        labels = torch.multinomial(own, 1, generator=draws)[:, 0]
        scale(network, factor)
    return network, images, labels


def scale(network: ExitNetwork, factor: float) -> None:
    for parameter in network.classifiers.parameters():
        parameter.mul_(factor)


def test_the_error_is_the_mean_gap_over_the_bins() -> None:
    """Two bins, by hand: |(1 + 0) - (.2 + .4)| and |(1 + 1) - (.6 + 1)| over 4."""
    confidence = np.array([0.2, 0.4, 0.6, 1.0])
    correct = np.array([True, False, True, True])

    assert expected_calibration_error(confidence, correct, bins=2) == pytest.approx(0.2)
    assert expected_calibration_error(confidence, correct, bins=1) == pytest.approx(0.2)
    assert expected_calibration_error(confidence, ~correct, bins=2) == pytest.approx(0.5)


def test_a_bin_owns_its_upper_edge() -> None:
    """0.5 lies in the lower of two bins, so its gap cancels that of 0.4 and not of 0.6."""
    confidence, correct = np.array([0.4, 0.5, 0.6]), np.array([False, True, True])
    wanted = (abs(1 - 0.9) + abs(1 - 0.6)) / 3
    assert expected_calibration_error(confidence, correct, bins=2) == pytest.approx(wanted)


def test_confidence_that_is_always_right_has_no_error() -> None:
    assert expected_calibration_error(np.ones(5), np.ones(5, dtype=bool)) == 0
    assert expected_calibration_error(np.zeros(5), np.zeros(5, dtype=bool)) == 0


def test_a_calibrated_network_keeps_a_temperature_near_1() -> None:
    network, images, labels = planted()
    assert calibrate(network, images, labels).temperature[1] == pytest.approx(1, abs=0.1)


def test_logits_five_times_too_large_are_found_out() -> None:
    """The last exit drew the labels: its temperature is 5 times what it was, and it heals."""
    right = calibrate(*planted()).temperature
    network, images, labels = planted(factor=5.0)
    report = calibrate(network, images, labels)

    np.testing.assert_allclose(report.temperature, 5 * right, rtol=1e-3)
    np.testing.assert_allclose(network.temperature.numpy(), report.temperature, rtol=1e-6)
    assert report.ece_before[1] > 0.15
    assert report.ece_after[1] < 0.03


def test_the_answers_stay_what_they_were() -> None:
    network, images, labels = planted(factor=5.0)
    before = network.probabilities(network(images)).argmax(-1)
    calibrate(network, images, labels)

    assert torch.equal(network.probabilities(network(images)).argmax(-1), before)


def test_calibrating_twice_changes_no_temperature() -> None:
    network, images, labels = planted(factor=5.0)
    first = calibrate(network, images, labels)
    second = calibrate(network, images, labels)

    np.testing.assert_array_equal(first.temperature, second.temperature)
    np.testing.assert_array_equal(second.ece_before, first.ece_after)


def test_a_set_without_an_error_stops_at_the_lower_end() -> None:
    network, images, _ = planted()
    answers = network(images)[1].argmax(-1)
    assert 0.01 <= calibrate(network, images, answers).temperature[1] < 0.02


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (np.zeros((0, 1, 4, 4)), [], ValueError, "`inputs` must be a tensor"),
        (np.full((2, 1, 4, 4), np.nan), [0, 1], ValueError, "`inputs` must be finite"),
        (np.zeros((2, 1, 4, 4)), [0], ValueError, "`labels` must have shape"),
        (np.zeros((2, 1, 4, 4)), [0, 3], ValueError, r"`labels` must lie in 0 \.\. 2"),
        (np.zeros((2, 1, 4, 4)), [0.0, 1.0], TypeError, "`labels` must hold integers"),
    ],
)
def test_data_that_says_nothing_is_refused(
    images: Any, labels: Any, error: type[Exception], message: str
) -> None:
    network, _, _ = planted()
    with pytest.raises(error, match=message):
        calibrate(network, images, labels)
    assert torch.equal(network.temperature, torch.ones(2))


def test_a_network_in_training_mode_is_refused() -> None:
    network, images, labels = planted()
    network.train()
    with pytest.raises(ValueError, match="`network` must be in eval mode"):
        calibrate(network, images, labels)


@pytest.mark.parametrize(
    ("confidence", "correct", "bins", "message"),
    [
        ([], [], 15, "`confidence` must be a float array"),
        ([[0.5]], [[True]], 15, "`confidence` must be a float array"),
        ([1, 0], [True, False], 15, "`confidence` must be a float array"),
        ([0.5, 1.5], [True, False], 15, r"`confidence` must lie in \[0, 1\]"),
        ([0.5, np.nan], [True, False], 15, r"`confidence` must lie in \[0, 1\]"),
        ([0.5, 0.5], [True], 15, "`correct` must be a bool array"),
        ([0.5, 0.5], [1, 0], 15, "`correct` must be a bool array"),
        ([0.5, 0.5], [True, False], 0, "`bins` must be an integer of at least 1"),
    ],
)
def test_an_error_of_nonsense_is_refused(
    confidence: Any, correct: Any, bins: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(np.array(confidence), np.array(correct), bins=bins)
