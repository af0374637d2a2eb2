"""Training is joint, repeatable, resumes bit for bit, and leaves nothing half done."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from banditsplit_envs.networks.attaching import attach_exits
from banditsplit_envs.networks.exit_cnn import exit_cnn
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.training import train


def stripes(samples: int = 60) -> tuple[Tensor, Tensor]:
    """Horizontal stripes are class 0, vertical ones class 1."""
    labels = torch.arange(samples) % 2
    horizontal = torch.zeros(1, 6, 6)
    horizontal[:, ::2] = 1.0
    images = torch.stack([horizontal.mT if label else horizontal for label in labels])
    return images, labels


def small(**changes: int) -> ExitNetwork:
    return exit_cnn(**({"classes": 2, "width": 4, "blocks": 3} | changes))


def test_every_exit_learns() -> None:
    network, (images, labels) = small(), stripes()
    report = train(network, images, labels, epochs=20, batch=20, learning_rate=0.05)
    loss = report.loss

    assert report.best_epoch == 19
    assert report.validation_loss.shape == (0,)
    assert report.validation_accuracy.shape == (0, 3)
    assert loss.shape == (20,)
    assert loss[-1] < 0.2 < loss[0]
    answers = network(images).argmax(-1)
    assert torch.equal(answers, labels.expand(3, -1))
    assert not network.training


def test_the_same_seed_gives_the_same_weights_and_leaves_torch_alone() -> None:
    torch_state, (images, labels) = torch.get_rng_state(), stripes(20)
    one, again, other = small(), small(), small()
    losses = [
        train(network, images, labels, epochs=2, batch=7, seed=seed).loss
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
    heads = zip(one.classifiers, other.classifiers, strict=True)
    return [(a, b) for a, b in heads if isinstance(a, nn.Linear) and isinstance(b, nn.Linear)]


def test_training_again_forgets_the_temperatures() -> None:
    network = small()
    network.temperature.fill_(3.0)
    train(network, *stripes(4), epochs=1)

    assert torch.equal(network.temperature, torch.ones(3))


def test_progress_wraps_the_steps() -> None:
    seen: list[int] = []

    def watched(steps: Iterable[int]) -> Iterator[int]:
        for step in steps:
            seen.append(step)
            yield step

    train(small(), *stripes(4), epochs=3, batch=2, progress=watched)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_one_image_is_enough() -> None:
    assert train(small(), *stripes(1), epochs=1, batch=100).loss.shape == (1,)


def state(network: ExitNetwork) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def unchanged(network: ExitNetwork, before: dict[str, Tensor]) -> bool:
    after = network.state_dict()
    return not network.training and all(torch.equal(after[k], before[k]) for k in before)


def interrupted(*, after: int) -> Callable[[Iterable[int]], Iterator[int]]:
    def some(steps: Iterable[int]) -> Iterator[int]:
        yield from list(steps)[:after]
        raise KeyboardInterrupt

    return some


def test_an_interrupted_training_changes_nothing() -> None:
    network = small()
    network.temperature.fill_(3.0)
    before = state(network)

    with pytest.raises(KeyboardInterrupt):
        train(network, *stripes(), progress=interrupted(after=1))
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
        ({"inputs": NAN}, ValueError, "`inputs` must be finite"),
        ({"inputs": NAN * 0 + torch.inf}, ValueError, "`inputs` must be finite"),
        ({"inputs": torch.zeros(4, 6, 6)}, ValueError, "`inputs` must have shape"),
        ({"inputs": torch.zeros(4, 3, 6, 6)}, ValueError, r"shape \[samples, 1, \*, \*\]"),
        ({"inputs": torch.zeros(0, 1, 6, 6)}, ValueError, "not empty"),
        ({"inputs": []}, ValueError, "`inputs` must be a tensor"),
        ({"inputs": torch.zeros(4, 1, 6, 6, dtype=torch.uint8)}, TypeError, "hold floats"),
        ({"inputs": [["a"]]}, TypeError, "`inputs` must be a rectangular array of numbers"),
        ({"inputs": [[0.0], [0.0, 1.0]]}, TypeError, "`inputs` must be a rectangular array"),
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
        ({"distill": 1.5}, ValueError, r"`distill` must lie in \[0, 1\]"),
        ({"patience": 2}, ValueError, "`patience` must come with a `validation` set"),
        ({"patience": 0, "validation": stripes(2)}, ValueError, "`patience` must be an int"),
        ({"validation": (NAN, [0, 1, 0, 1])}, ValueError, "`inputs` must be finite"),
        ({"validation": (stripes(2)[0], [0, 2])}, ValueError, r"`labels` must lie in 0 \.\. 1"),
        ({"checkpoint_every": 0}, ValueError, "`checkpoint_every` must be an integer"),
        ({"checkpoint": "x", "seed": None}, ValueError, "`seed` must be given with a `check"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    network = small()
    before = state(network)
    images, labels = stripes(4)
    arguments: dict[str, Any] = {"inputs": images, "labels": labels, "epochs": 1}
    with pytest.raises(error, match=message):
        train(network, **(arguments | change))
    assert unchanged(network, before)


# ----- Frozen, distilled, validated


def words(samples: int = 40) -> tuple[dict[str, Tensor], Tensor]:
    """Sentences of class 1 hold the token 5, those of class 0 the token 6; some are padded."""
    draws = torch.Generator().manual_seed(0)
    labels = torch.arange(samples) % 2
    ids = torch.randint(7, 20, (samples, 8), generator=draws)
    ids[:, 2] = 6 - labels
    mask = torch.ones_like(ids)
    mask[::3, 4:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask}, labels


def reader() -> ExitNetwork:
    """A small DistilBERT with dropout, and a head of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        how: Any = {"dim": 16, "hidden_dim": 32, "n_layers": 3, "n_heads": 2, "num_labels": 2}
        config = DistilBertConfig(vocab_size=20, **how)
        network = DistilBertForSequenceClassification(config)
    return attach_exits(network, "distilbert.transformer.layer")


def test_a_transformer_learns_at_every_exit() -> None:
    network, (inputs, labels) = reader(), words()
    train(network, inputs, labels, epochs=30, batch=10, learning_rate=5e-3)
    own, fresh = (net.state_dict()["network.classifier.weight"] for net in (network, reader()))
    assert not torch.allclose(own, fresh, rtol=0.1)  # the head that was there learns, too
    assert torch.equal(network(inputs).argmax(-1), labels.expand(3, -1))


def test_a_frozen_network_stays_what_it_is_and_its_exits_learn() -> None:
    network, (inputs, labels) = reader(), words()
    before, fresh = state(network), reader()
    report = train(network, inputs, labels, epochs=8, batch=10, learning_rate=0.05, frozen=True)

    assert report.loss[-1] < report.loss[0]
    for name, value in network.state_dict().items():
        own = name.startswith("network.") or name == "temperature"
        assert torch.equal(value, before[name]) == own
    assert torch.equal(network(inputs)[-1], fresh(inputs)[-1])
    assert all(weight.requires_grad for weight in network.parameters())


def test_frozen_batch_norms_keep_their_statistics() -> None:
    network, fresh = small(), small()
    train(network, *stripes(), epochs=2, frozen=True)
    for name, value in fresh.network.state_dict().items():
        assert torch.equal(network.network.state_dict()[name], value)
    assert not torch.equal(network.classifiers[0].weight, fresh.classifiers[0].weight)  # type: ignore[arg-type]


def test_exits_that_imitate_learn_the_last_exit_and_not_the_labels() -> None:
    """The head of a frozen network knows nothing of the labels, which are coins."""
    inputs, _ = words()
    labels = torch.randint(2, (40,), generator=torch.Generator().manual_seed(2))
    gaps = []
    for distill in (0.0, 1.0):
        network = reader()
        with torch.no_grad():
            for weight in network.network.get_submodule("classifier").parameters():
                weight.mul_(40)  # sure of itself
        train(network, inputs, labels, epochs=20, batch=10, distill=distill, frozen=True)
        said = network.probabilities(network(inputs))[..., 1]
        gaps.append((said[:-1] - said[-1]).abs().mean().item())
    assert gaps[1] < 0.5 * gaps[0]


def test_the_loss_is_what_the_papers_say() -> None:
    """One step from known weights; by numpy."""
    images, labels = stripes(8)
    network = small()
    network.train()
    with torch.no_grad():
        z = network(images).double().numpy()
    network.eval()

    def log_softmax(x: Any) -> Any:
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    entropy = -log_softmax(z)[:, np.arange(8), labels.numpy()].mean(-1)
    soft = log_softmax(z / 2)
    divergence = (np.exp(soft[-1]) * (soft[-1] - soft)).sum(-1).mean(-1)
    each = 0.7 * entropy + 0.3 * 4 * divergence
    each[-1] = entropy[-1]
    for distill, wanted in ((0.0, entropy), (0.3, each)):
        report = train(
            small(),
            images,
            labels,
            epochs=1,
            noise=0.0,
            distill=distill,
            exit_weights=[1, 2, 3],
        )
        assert report.loss[0] == pytest.approx(wanted @ np.array([1, 2, 3]) / 6, rel=1e-5)


def test_the_weights_of_the_best_epoch_stay_and_training_stops_when_none_is_better() -> None:
    """Validation labels are the opposite of what is taught: the first epoch is the best."""
    images, labels = stripes(20)
    network = small()
    report = train(
        network,
        images,
        labels,
        epochs=30,
        learning_rate=0.05,
        validation=(images, 1 - labels),
        patience=3,
    )
    assert report.best_epoch == report.validation_loss.argmin()
    assert len(report.loss) == len(report.validation_loss) == report.best_epoch + 4
    assert report.validation_accuracy.shape == (len(report.loss), 3)

    with torch.inference_mode():
        logits = network(images)
    each = [nn.functional.cross_entropy(exit_, 1 - labels).item() for exit_ in logits]
    again = np.dot(each, [1, 4, 9]) / 14
    assert again == pytest.approx(report.validation_loss.min(), rel=1e-5)
    right = (logits.argmax(-1) == 1 - labels).double().mean(-1).numpy()
    np.testing.assert_allclose(right, report.validation_accuracy[report.best_epoch])


def test_nothing_to_learn_is_refused() -> None:
    network = small()
    network.requires_grad_(requires_grad=False)
    with pytest.raises(ValueError, match="`network` must have weights that may learn"):
        train(network, *stripes(4))


# ----- Resuming

HOW: dict[str, Any] = {"epochs": 4, "batch": 10, "learning_rate": 3e-3, "seed": 5}


def task() -> dict[str, Any]:
    """Dropout, noise, padding, validation: whatever a resumed training could get wrong."""
    inputs, labels = words(40)
    held_out = {name: value[30:] for name, value in inputs.items()}, labels[30:]
    inputs = {name: value[:30] for name, value in inputs.items()}
    return {"inputs": inputs, "labels": labels[:30], "validation": held_out} | HOW


@pytest.mark.parametrize("after", [0, 1, 3, 5, 6, 11, 12])
def test_a_resumed_training_ends_with_the_same_weights(after: int, tmp_path: Path) -> None:
    whole, resumed, path = reader(), reader(), tmp_path / "run.safetensors"
    wanted = train(whole, **task())
    with pytest.raises(KeyboardInterrupt):
        train(
            reader(),
            **task(),
            checkpoint=path,
            checkpoint_every=2,
            progress=interrupted(after=after),
        )
    seen: list[int] = []

    def watched(steps: Iterable[int]) -> Iterable[int]:
        seen.extend(steps)
        return steps

    found = train(resumed, **task(), checkpoint=path, checkpoint_every=2, progress=watched)

    # Three steps an epoch: after 3 there is a checkpoint, and after every second.
    done = max([n for n in (2, 3, 4, 6, 8, 9, 10, 12) if n <= after], default=0)
    assert seen == list(range(done, 12))
    for name in ("loss", "validation_loss", "validation_accuracy"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.best_epoch == wanted.best_epoch
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_a_head_that_is_drawn_anew_does_not_keep_a_training_from_going_on(
    tmp_path: Path,
) -> None:
    """As a pretrained network gets it, unseeded: the checkpoint holds the one that learned."""
    whole, resumed, path = reader(), reader(), tmp_path / "run.safetensors"
    train(whole, **task())
    with pytest.raises(KeyboardInterrupt):
        train(reader(), **task(), checkpoint=path, progress=interrupted(after=6))
    with torch.no_grad():
        for weight in resumed.network.get_submodule("classifier").parameters():
            weight.normal_(generator=torch.Generator().manual_seed(9))
    train(resumed, **task(), checkpoint=path)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_without_dropout_restored_it_would_not(tmp_path: Path) -> None:
    """The negative control: a checkpoint with another state of torch's generator."""
    whole, resumed, path = reader(), reader(), tmp_path / "run.safetensors"
    how = task() | {"validation": None}
    train(whole, **how)
    with pytest.raises(KeyboardInterrupt):
        train(reader(), **how, checkpoint=path, progress=interrupted(after=6))
    tensors, metadata = parts(path)
    tensors["torch"] = torch.Generator().manual_seed(1).get_state()
    path.write_bytes(safetensors.torch.save(tensors, metadata))
    train(resumed, **how, checkpoint=path)
    weights = [network.state_dict()["classifiers.0.1.weight"] for network in (whole, resumed)]
    assert not torch.equal(*weights)


def test_a_process_that_is_killed_resumes(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    script = f"""
import os, signal, torch
from banditsplit_envs import exit_cnn, train

torch.set_num_threads(1)
images = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(0))

def killed(steps):
    for step in steps:
        if step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield step

network = exit_cnn(classes=2, width=4, blocks=3)
how = {{"epochs": 4, "batch": 10, "checkpoint": {str(path)!r}, "progress": killed}}
train(network, images, torch.arange(20) % 2, **how)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - our own
    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == [path]

    images = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    whole, resumed = small(), small()
    how: dict[str, Any] = {"epochs": 4, "batch": 10}
    train(whole, images, torch.arange(20) % 2, **how)
    train(resumed, images, torch.arange(20) % 2, **how, checkpoint=path)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, second, path = small(), small(), tmp_path / "run.safetensors"
    one = train(first, *stripes(20), epochs=2, checkpoint=path)
    seen: list[int] = []

    def watched(steps: Iterable[int]) -> Iterable[int]:
        seen.extend(steps)
        return steps

    other = train(second, *stripes(20), epochs=2, checkpoint=path, progress=watched)
    assert not seen
    np.testing.assert_array_equal(one.loss, other.loss)
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": 3}, "epochs"),
        ({"learning_rate": 0.1}, "learning_rate"),
        ({"distill": 0.5}, "distill"),
        ({"seed": 1}, "seed"),
        ({"labels": torch.arange(4) // 2}, "inputs and labels"),
        ({"inputs": torch.ones(4, 1, 6, 6)}, "inputs and labels"),
        ({"network": exit_cnn(classes=2, width=4, blocks=3, seed=3)}, "network"),
        ({"network": exit_cnn(classes=3, width=4, blocks=3)}, "network"),
        ({"validation": stripes(2), "patience": 1}, "patience, validation"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    change: dict[str, Any], named: str, tmp_path: Path
) -> None:
    path, (images, labels) = tmp_path / "run.safetensors", stripes(4)
    how: dict[str, Any] = {"inputs": images, "labels": labels, "epochs": 2, "checkpoint": path}
    train(small(), **how)
    content = path.read_bytes()
    network = change.get("network", small())
    before = state(network)
    with pytest.raises(
        ValueError, match=f"checkpoint of `train` .*, got one with other {named} "
    ):
        train(**({"network": network} | how | change))
    assert unchanged(network, before)
    assert path.read_bytes() == content


def test_half_a_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    train(small(), *stripes(4), epochs=1, checkpoint=path)
    content = path.read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(
            ValueError, match="must hold a checkpoint of `train`, got something un"
        ):
            train(small(), *stripes(4), epochs=1, checkpoint=path)


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, network = tmp_path / "run.safetensors", small()
    with pytest.raises(KeyboardInterrupt):
        train(small(), *stripes(4), epochs=3, checkpoint=path, progress=interrupted(after=1))
    content, before = path.read_bytes(), state(network)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            train(network, *stripes(4), epochs=3, checkpoint=path)
    assert unchanged(network, before)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    train(network, *stripes(4), epochs=3, checkpoint=path)


def parts(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safetensors.safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 - not a dict


def test_a_checkpoint_is_data(tmp_path: Path) -> None:
    """Tensors and JSON."""
    path = tmp_path / "run.safetensors"
    train(small(), *stripes(4), epochs=1, checkpoint=path)
    tensors, metadata = parts(path)
    assert json.loads(metadata["numbers"])["log"]["step"] == 1
    assert tensors["network.temperature"].tolist() == [1, 1, 1]
