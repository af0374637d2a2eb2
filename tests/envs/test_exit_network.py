"""Head then tail is the whole network; weights are data and come back as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from banditsplit_envs.networks.exit_cnn import exit_cnn
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.hidden_state import HiddenState


def images(batch: int, *, size: int = 8, channels: int = 1) -> Tensor:
    draws = torch.Generator().manual_seed(batch)
    return torch.rand(batch, channels, size, size, generator=draws)


def settled(network: ExitNetwork, *, channels: int = 1) -> ExitNetwork:
    """Give the batch norms statistics of their own: at 0 and 1 they would hide mistakes."""
    network.train()
    for _ in range(3):
        network(images(32, channels=channels))
    return network.eval()


@pytest.fixture(scope="module")
def network() -> ExitNetwork:
    return settled(exit_cnn())


@pytest.mark.parametrize("batch", [1, 2, 7, 64])
@pytest.mark.parametrize("split", range(12))
def test_head_then_tail_is_the_whole_network_to_the_last_bit(
    network: ExitNetwork, split: int, batch: int
) -> None:
    x = images(batch)
    with torch.inference_mode():
        whole = network(x)
        hidden = network.head(x, split)

        assert torch.equal(network.tail(hidden, split), whole[-1])
        assert torch.equal(network.exit(hidden, split), whole[split])


def test_the_states_are_those_of_every_head_on_the_way(network: ExitNetwork) -> None:
    x = images(2)
    with torch.inference_mode():
        states = list(network.states(x, 4))

        assert len(states) == 5
        for depth, state in enumerate(states):
            assert torch.equal(state.hidden, network.head(x, depth).hidden)


def test_the_tail_sees_only_the_hidden_state_it_is_given(network: ExitNetwork) -> None:
    with torch.inference_mode():
        one, other = network.head(images(2), 3), network.head(images(3)[:2], 3)
        assert not torch.equal(network.tail(one, 3), network.tail(other, 3))


def test_shapes_are_what_the_docstrings_say() -> None:
    network = exit_cnn(classes=3, channels=2, width=5, blocks=4)
    x = images(6, channels=2)

    assert (network.exits, network.classes) == (4, 3)
    assert network(x).shape == (4, 6, 3)
    assert network.head(x, 1).hidden.shape == (6, 5, 8, 8)
    assert network.exit(network.head(x, 1), 1).shape == (6, 3)
    assert network.tail(network.head(x, 1), 1).shape == (6, 3)


def test_a_stride_makes_the_first_block_look_at_fewer_pixels() -> None:
    network = exit_cnn(width=5, blocks=2, stride=2)
    x = torch.rand(3, 1, 28, 28)

    assert network.head(x, 0).hidden.shape == (3, 5, 14, 14)
    assert network.head(x, 1).hidden.shape == (3, 5, 14, 14)
    seen = torch.zeros(28, 28)
    seen[::2, ::2] = 1  # the middle of every patch
    plain = exit_cnn(width=5, blocks=2)
    torch.testing.assert_close(
        network.head(x, 0).hidden,
        plain.head(x, 0).hidden[..., seen.bool()].reshape(3, 5, 14, 14),
    )


def test_a_seed_gives_its_weights_and_leaves_torch_alone() -> None:
    torch_state = torch.get_rng_state()
    one, again, other = exit_cnn(seed=4), exit_cnn(seed=4), exit_cnn(seed=5)

    assert torch.equal(torch.get_rng_state(), torch_state)
    for name, value in one.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    assert not torch.equal(one(images(2)), other(images(2)))


def test_a_new_network_is_in_eval_mode_with_temperature_1() -> None:
    network = exit_cnn()
    assert not network.training
    assert torch.equal(network.temperature, torch.ones(12))


def test_temperatures_divide_the_logits_of_their_own_exit() -> None:
    network = exit_cnn(classes=2, blocks=2)
    network.temperature.copy_(torch.tensor([1.0, 2.0]))
    logits = torch.tensor([[[0.0, 2.0]], [[0.0, 2.0]]])
    sigmoid = {1: 1 / (1 + np.exp(-1)), 2: 1 / (1 + np.exp(-2))}

    both = network.probabilities(logits)
    np.testing.assert_allclose(both[:, 0, 1], [sigmoid[2], sigmoid[1]])
    for split in range(2):
        assert torch.equal(network.probabilities(logits[split], split), both[split])


def test_a_confident_float32_softmax_stays_below_1() -> None:
    network = exit_cnn(classes=2, blocks=1)
    logits = torch.tensor([[0.0, 20.0]])
    assert torch.softmax(logits, -1).max() == 1.0  # what the double precision is for
    assert network.probabilities(logits, 0).max() < 1.0


@pytest.mark.parametrize("method", ["head", "tail", "exit", "probabilities"])
def test_a_split_that_does_not_exist_is_refused(network: ExitNetwork, method: str) -> None:
    argument = {
        "head": images(2),
        "tail": HiddenState(torch.zeros(2, 10, 8, 8)),
        "exit": HiddenState(torch.zeros(2, 10, 8, 8)),
        "probabilities": torch.zeros(2, 10),
    }[method]
    call = getattr(network, method)
    with pytest.raises(ValueError, match=r"`split` must lie in 0 \.\. 11, got 12"):
        call(argument, 12)
    with pytest.raises(ValueError, match="`split` must be an integer of at least 0, got -1"):
        call(argument, -1)
    with pytest.raises(TypeError, match=r"`split` must be an integer of at least 0, got 1\.0"):
        call(argument, 1.0)


@pytest.mark.parametrize(
    ("x", "error", "wanted"),
    [
        (torch.zeros(1, 8, 8), ValueError, r"have shape \[samples, 1, \*, \*\], got float32"),
        (torch.zeros(0, 1, 8, 8), ValueError, "not empty"),
        (torch.zeros(2, 3, 8, 8), ValueError, "have shape"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.int64), TypeError, "hold floats, got torch.int64"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.complex64), TypeError, "array of numbers"),
        (None, TypeError, "array of numbers"),
        ({"x": torch.zeros(2, 1, 8, 8)}, ValueError, "be one tensor, got tensors by name"),
    ],
    ids=["three axes", "empty", "channels", "integers", "complex", "none", "by name"],
)
def test_a_wrong_input_is_refused(
    network: ExitNetwork, x: Any, error: type[Exception], wanted: str
) -> None:
    for run in (network, lambda x: network.head(x, 0)):
        with pytest.raises(error, match=f"`x` must .*{wanted}"):
            run(x)


def test_logits_that_are_not_finite_are_refused(network: ExitNetwork) -> None:
    logits = torch.zeros(2, 10)
    for value in (torch.nan, torch.inf, -torch.inf):
        logits[1, 3] = value
        with pytest.raises(
            ValueError, match="`logits` must be finite, got nan or inf at exit 4"
        ):
            network.probabilities(logits, 4)


@pytest.mark.parametrize(
    ("shape", "split"), [((2, 10), None), ((11, 2, 10), None), ((12, 2, 10), 0), ((2, 9), 0)]
)
def test_logits_of_another_shape_are_refused(
    network: ExitNetwork, shape: tuple[int, ...], split: int | None
) -> None:
    with pytest.raises(ValueError, match="`logits` must be a tensor"):
        network.probabilities(torch.zeros(shape), split)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", 1),
        ("channels", 0),
        ("width", 0),
        ("blocks", 0),
        ("blocks", -3),
        ("stride", 0),
    ],
)
def test_a_network_without_anything_in_it_is_refused(name: str, value: int) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least"):
        exit_cnn(**arguments)


def test_a_seed_that_is_none_of_the_kinds_is_refused() -> None:
    seed: Any = "today"
    with pytest.raises(TypeError, match="`seed` must be"):
        exit_cnn(seed=seed)


def test_saved_and_loaded_it_is_the_same_network(tmp_path: Path) -> None:
    how: dict[str, Any] = {"classes": 3, "channels": 2, "width": 4, "blocks": 3}
    network = settled(exit_cnn(**how, seed=9), channels=2)
    network.temperature.copy_(torch.tensor([0.5, 1.0, 3.0]))
    network.save(path := tmp_path / "weights")
    read = exit_cnn(**how)
    assert read.load(path) is read
    x = images(5, channels=2)

    assert torch.equal(read.probabilities(read(x)), network.probabilities(network(x)))
    assert not read.training
    assert list(tmp_path.iterdir()) == [path]


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    exit_cnn(width=2, blocks=1).save(path)
    content = path.read_bytes()
    for length in {*range(0, len(content), 97), len(content) - 1}:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"`path` must hold an exit network, .*net\.safe"):
            exit_cnn(width=2, blocks=1).load(path)


def altered(tensors: dict[str, Tensor], **metadata: str) -> bytes:
    fields = {"format": "banditsplit.exit_network", "version": "2", "splits": '["0"]'}
    return safetensors.torch.save(tensors, fields | metadata)


def weights(**changes: Tensor) -> dict[str, Tensor]:
    return exit_cnn(width=2, blocks=1).state_dict() | changes


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"{}", "something unreadable"),
        (safetensors.torch.save(weights()), "format None, version None"),
        (altered(weights(), format="other"), "format 'other'"),
        (altered(weights(), version="3"), "version '3'"),
        (altered({}), "another network's"),
        (altered(exit_cnn(width=3, blocks=1).state_dict()), "another network's"),
        (altered(exit_cnn(width=2, blocks=2).state_dict()), "another network's"),
        (altered(weights(), splits='["1"]'), r"another network's, split at \[.1.\]"),
        (altered(weights(surprise=torch.ones(1))), "another network's, in 'surprise'"),
        (altered(weights(temperature=torch.tensor([torch.nan]))), "not finite"),
        (altered(weights(temperature=torch.zeros(1))), "not positive"),
    ],
    ids=range(11),  # the order of what such a file says of itself is not always the same
)
def test_a_foreign_or_mismatching_file_is_refused_and_changes_nothing(
    content: bytes, found: str, tmp_path: Path
) -> None:
    path, network = tmp_path / "net.safetensors", exit_cnn(width=2, blocks=1, seed=7)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"(?s)`path` must hold an exit network, .*{found}"):
        network.load(path)
    fresh = exit_cnn(width=2, blocks=1, seed=7).state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(value, fresh[name])


def test_a_missing_file_says_that_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exit_cnn(blocks=1).load(tmp_path / "nothing")


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.safetensors"
    exit_cnn(width=2, blocks=1).save(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        exit_cnn(width=3, blocks=1).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
