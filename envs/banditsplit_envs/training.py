"""Training of all exits at once: one backward pass through their weighted losses."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Self, TypeAlias, final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._typing import Float, Seed
from banditsplit_envs.checkpoint import read_checkpoint, write_checkpoint
from banditsplit_envs.exit_network import ExitNetwork
from banditsplit_envs.inputs import Batch, Inputs

__all__ = ["Progress", "TrainingReport", "train"]

Progress: TypeAlias = Callable[[Iterable[int]], Iterable[int]]  # tqdm fits

SOFTNESS = 2.0  # temperature at which an exit imitates the last one
JUDGED = 256  # samples a forward pass on the validation set


@dataclass(frozen=True, slots=True, eq=False)
class TrainingReport:
    """What a training came to.

    Attributes:
        loss: Mean of the loss over each epoch, `[epochs]`.
        validation_loss: The same on the validation set after each epoch; empty without one.
        validation_accuracy: Of every exit, `[epochs, exits]`; empty without a validation set.
        best_epoch: The epoch whose weights the network has, counted from 0.
    """

    loss: Float
    validation_loss: Float
    validation_accuracy: Float
    best_epoch: int


def train(
    network: ExitNetwork,
    inputs: Inputs,
    labels: ArrayLike | Tensor,
    *,
    epochs: int = 65,
    batch: int = 64,
    learning_rate: float = 6e-3,
    noise: float = 0.15,
    exit_weights: Sequence[float] | None = None,
    frozen: bool = False,
    distill: float = 0.0,
    validation: tuple[Inputs, ArrayLike | Tensor] | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    device: str | torch.device | None = None,
    seed: Seed = 0,
    progress: Progress | None = None,
) -> TrainingReport:
    """Train all exits of ``network`` together, in place.

    The same seed gives the same weights on the same machine, and so does a training that was
    killed and is called again with the same network and arguments and its ``checkpoint``. The
    temperatures go back to 1: calibrate afterwards. If anything fails, the network is what it
    was before.

    The defaults are those of `exit_cnn`. A pretrained transformer wants less: a learning
    rate of 2e-5 to 5e-5 and a few epochs.

    Args:
        network: is left in eval mode.
        inputs: `[samples, ...]`, what the network takes.
        labels: `[samples]`, class numbers.
        epochs: passes over the inputs, at most.
        batch: samples a step, at most.
        learning_rate: the peak of a one-cycle schedule (Smith & Topin 2019, arXiv:1708.07120).
        noise: standard deviation of the Gaussian noise added to inputs of floats, anew each
            epoch; token numbers and masks stay what they are.
        exit_weights: `[exits]`, how much each exit's loss counts. By default the square of its
            depth: the cloud's answer is everyone's fallback, and the blocks below are shaped
            for it rather than for the shallow exits.
        frozen: whether the network stays what it is, its own head included, and only the new
            exits learn.
        distill: how much of an exit's loss is to imitate the last exit rather than to know the
            labels, in [0, 1]: the divergence from the last exit's softmax, both at temperature
            2 (Hinton et al. 2015, arXiv:1503.02531; Zhang et al. 2019, arXiv:1905.08094).
        validation: inputs and labels to be judged by after each epoch, with the same loss; the
            network gets the weights of the best epoch.
        patience: how many epochs in a row may be no better before training stops.
        checkpoint: file to resume from, if it is there, and to write to after each epoch.
        checkpoint_every: steps after which it is written as well.
        device: where to train, by default on a GPU if there is one; the network goes back.
        seed: of the order, the noise and dropout; torch's global generator is left alone.
        progress: wraps the steps.

    Raises:
        TypeError, ValueError: An argument is outside its range or does not fit the network, the
            loss is not finite, or ``checkpoint`` is that of another training.
    """
    data = _Labelled.of(network, inputs, labels)
    held_out = None if validation is None else _Labelled.of(network, *validation)
    epochs = _checks.integer("epochs", epochs, least=1)
    parts = -(-len(data.labels) // _checks.integer("batch", batch, least=1))
    rate = _checks.positive("learning_rate", learning_rate)
    noise = _checks.nonnegative("noise", noise)
    weights = _weights(exit_weights, exits=network.exits)
    loss = _Loss(weights, _checks.fraction("distill", distill))
    if patience is not None:
        patience = _checks.integer("patience", patience, least=1)
        if held_out is None:
            raise ValueError("`patience` must come with a `validation` set, got None.")
    every = parts
    if checkpoint_every is not None:
        every = _checks.integer("checkpoint_every", checkpoint_every, least=1)
    if checkpoint is not None and seed is None:
        raise ValueError("`seed` must be given with a `checkpoint`, got None.")
    drawn = int(_checks.generator(seed).integers(2**63))
    learning = list((network.classifiers if frozen else network).parameters())
    if not any(weight.requires_grad for weight in learning):
        raise ValueError("`network` must have weights that may learn, got none.")
    training = None  # what a checkpoint must be of
    if checkpoint is not None:
        training = {
            "network": _digest(network.state_dict()),
            "inputs and labels": data.digest(),
            "validation": None if held_out is None else held_out.digest(),
            "epochs": epochs,
            "batch": parts,
            "learning_rate": rate,
            "noise": noise,
            "exit_weights": weights.tolist(),
            "frozen": bool(frozen),
            "distill": loss.distill,
            "patience": patience,
            "seed": drawn,
        }

    before = {name: value.clone() for name, value in network.state_dict().items()}
    with _prepared(network, device, seed=drawn, frozen=frozen):
        try:
            course = _Course(network, learning, rate, epochs * parts, drawn)
            if checkpoint is not None and training is not None:
                course.resume(checkpoint, training)
            log = course.log
            steps = range(log.step, log.step if log.ended else epochs * parts)
            for step in steps if progress is None else progress(steps):
                epoch, part = divmod(step, parts)
                if part == 0:
                    course.order = torch.randperm(len(data.labels), generator=course.draws)
                    log.loss.append(0.0)
                # Near-equal parts: no tiny last batch.
                chosen = course.order.tensor_split(parts)[part]
                network.train()
                network.network.train(not frozen)
                value = course.step(data.part(chosen, noise, course.draws), loss)
                if not math.isfinite(value):
                    wanted = "small enough for the loss to stay finite"
                    raise ValueError(f"`learning_rate` must be {wanted}, got {rate!r}.")
                log.loss[epoch] += value * len(chosen) / len(data.labels)
                log.step += 1
                if part == parts - 1:
                    network.eval()
                    course.finish(epoch, held_out, loss, patience)
                if checkpoint is not None and training is not None:
                    if part == parts - 1 or log.step % every == 0:
                        course.save(checkpoint, training)
                if log.ended:
                    break
            if course.best:
                network.load_state_dict(course.best)
        except BaseException:
            network.load_state_dict(before)
            raise
    return TrainingReport(
        np.array(log.loss),
        np.array(log.validation_loss),
        np.array(log.validation_accuracy).reshape(-1, network.exits),
        log.best_epoch,
    )


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """Inputs with their labels, `[samples]`."""

    inputs: Batch
    labels: Tensor

    @classmethod
    def of(
        cls, network: ExitNetwork, inputs: Inputs, labels: ArrayLike | Tensor
    ) -> "_Labelled":
        data = network.as_inputs(inputs)
        return cls(data, network.as_labels(labels, samples=len(data)))

    def part(self, rows: Any, noise: float = 0.0, draws: torch.Generator | None = None) -> Self:
        inputs = self.inputs[rows]
        if draws is not None:
            inputs = inputs.noisy(noise, draws)
        return type(self)(inputs, self.labels[rows])

    def digest(self) -> str:
        return _digest({**self.inputs.tensors, " labels": self.labels})


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Loss:
    """Cross-entropies and imitation of the last exit, weighted."""

    weights: Tensor  # [exits], they sum to 1
    distill: float

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of ``logits``, `[exits, batch, classes]`."""
        each = torch.stack([nn.functional.cross_entropy(exit_, labels) for exit_ in logits])
        if self.distill:
            soft = nn.functional.log_softmax(logits / SOFTNESS, dim=-1)
            teacher = soft[-1].detach()
            gaps = (teacher.exp() * (teacher - soft)).sum(-1).mean(-1)  # 0 for the last exit
            # SOFTNESS squared: the gradients of both parts stay of one size.
            mixed = (1 - self.distill) * each + self.distill * SOFTNESS**2 * gaps
            each = torch.cat([mixed[:-1], each[-1:]])
        return self.weights.to(each.device) @ each


@dataclass
class _Log:
    """How far a training is; plain numbers."""

    step: int = 0
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[list[float]] = field(default_factory=list)
    best_epoch: int = 0
    ended: bool = False


@final
class _Course:
    """All that changes while a network is trained: what a checkpoint must hold."""

    def __init__(
        self, network: ExitNetwork, learning: list[nn.Parameter], rate: float, steps: int, seed: int
    ) -> None:
        self.network = network
        self.optimizer = torch.optim.AdamW(
            [weight for weight in learning if weight.requires_grad], lr=rate, weight_decay=1e-2
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=rate, total_steps=steps
        )
        self.draws = torch.Generator().manual_seed(seed)
        self.order = torch.empty(0, dtype=torch.int64)
        self.best: dict[str, Tensor] = {}
        self.log = _Log()

    def step(self, data: _Labelled, loss: _Loss) -> float:
        """Learn from one batch and return its loss; from none that is not finite."""
        value = loss(self.network(data.inputs), data.labels.to(self.network.device))
        if torch.isfinite(value):
            self.optimizer.zero_grad()
            torch.autograd.backward(value)
            self.optimizer.step()
            self.schedule.step()
        return value.item()

    def finish(
        self, epoch: int, held_out: _Labelled | None, loss: _Loss, patience: int | None
    ) -> None:
        """Judge the weights after ``epoch``."""
        log = self.log
        if held_out is None:
            log.best_epoch = epoch
            return
        total, right = 0.0, torch.zeros(self.network.exits)
        with torch.inference_mode():
            for start in range(0, len(held_out.labels), JUDGED):
                data = held_out.part(slice(start, start + JUDGED))
                logits, labels = self.network(data.inputs).cpu(), data.labels
                total += loss(logits, labels).item() * len(labels)
                right += (logits.argmax(-1) == labels).sum(-1)
        log.validation_loss.append(total / len(held_out.labels))
        log.validation_accuracy.append((right / len(held_out.labels)).tolist())
        if log.validation_loss[epoch] <= min(log.validation_loss):
            log.best_epoch = epoch
            state = self.network.state_dict()
            self.best = {name: value.detach().clone() for name, value in state.items()}
        log.ended = patience is not None and epoch - log.best_epoch >= patience

    def save(self, path: str | os.PathLike[str], training: Mapping[str, Any]) -> None:
        """Write everything to ``path``."""
        optimizer = self.optimizer.state_dict()
        tensors = {
            "order": self.order,
            "draws": self.draws.get_state(),
            "torch": torch.get_rng_state(),
            **_named("network", self.network.state_dict()),
            **_named("best", self.best),
        }
        for number, state in optimizer["state"].items():
            tensors |= _named(f"optimizer.{number}", state)
        if self.network.device.type == "cuda":
            tensors["cuda"] = torch.cuda.get_rng_state(self.network.device)
        numbers = {
            "log": asdict(self.log),
            "groups": optimizer["param_groups"],
            "schedule": self.schedule.state_dict(),
        }
        write_checkpoint(path, training, tensors, numbers)

    def resume(self, path: str | os.PathLike[str], training: Mapping[str, Any]) -> None:
        """Take over what `save` wrote of the same training, if there is such a file."""
        if (saved := read_checkpoint(path, training)) is None:
            return
        tensors, numbers = saved
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("optimizer", tensors).items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value
        self.network.load_state_dict(_below("network", tensors))
        self.optimizer.load_state_dict({"state": state, "param_groups": numbers["groups"]})
        self.schedule.load_state_dict(numbers["schedule"])
        self.best, self.order = _below("best", tensors), tensors["order"]
        self.draws.set_state(tensors["draws"])
        torch.set_rng_state(tensors["torch"])
        if "cuda" in tensors and self.network.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["cuda"], self.network.device)
        self.log = _Log(**numbers["log"])


@contextmanager
def _prepared(
    network: ExitNetwork, device: str | torch.device | None, *, seed: int, frozen: bool
) -> Iterator[None]:
    """Put ``network`` where it is trained, and back; torch's own generators as well."""
    home = network.device
    there = torch.device(device or ("cuda" if torch.cuda.is_available() else home))
    learned = [(weight, weight.requires_grad) for weight in network.network.parameters()]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)  # of dropout, which takes no generator
        try:
            network.to(there)
            network.temperature.fill_(1.0)
            if frozen:
                network.network.requires_grad_(requires_grad=False)
            yield
        finally:
            for weight, learns in learned:
                weight.requires_grad_(learns)
            network.eval()
            network.to(home)


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what `_named` was given."""
    start = f"{prefix}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Return a number that stands for the names, shapes and values of ``tensors``."""
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


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
