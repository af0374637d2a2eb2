"""Training of all exits at once: one backward pass through their weighted losses."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias, final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._typing import Float, Seed
from banditsplit_envs.networks.checkpoint import Checkpoint
from banditsplit_envs.networks.exit_network import ExitNetwork
from banditsplit_envs.networks.inputs import Batch, Inputs

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
    killed and is called again with the same network and arguments and its ``checkpoint``;
    heads that are drawn anew each time may differ, as the file holds all weights. The
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
    if patience is not None and held_out is None:
        raise ValueError("`patience` must come with a `validation` set, got None.")
    if checkpoint is not None and seed is None:
        raise ValueError("`seed` must be given with a `checkpoint`, got None.")
    plan = _Plan(
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        noise=noise,
        exit_weights=_weights(exit_weights, exits=network.exits),
        frozen=frozen,
        distill=distill,
        patience=patience,
        seed=int(_checks.generator(seed).integers(2**63)),
    )
    every = None
    if checkpoint_every is not None:
        every = _checks.integer("checkpoint_every", checkpoint_every, least=1)
    weights = (network.classifiers if frozen else network).parameters()
    learning = [weight for weight in weights if weight.requires_grad]
    if not learning:
        raise ValueError("`network` must have weights that may learn, got none.")
    file = None
    if checkpoint is not None:
        file = Checkpoint(
            checkpoint,
            asdict(plan)
            | {
                "network": _identity(network),
                "inputs and labels": data.digest(),
                "validation": None if held_out is None else held_out.digest(),
            },
            every,
        )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with _prepared(network, device, plan):
        try:
            course = _Course(network, learning, plan, data, held_out)
            course.run(file, progress)
        except BaseException:
            network.load_state_dict(before)
            raise
    log = course.log
    return TrainingReport(
        np.array(log.loss),
        np.array(log.validation_loss),
        np.array(log.validation_accuracy).reshape(-1, network.exits),
        log.best_epoch,
    )


@final
@dataclass(frozen=True, slots=True)
class _Plan:
    """How to train; see `train`. ``exit_weights`` sum to 1."""

    epochs: int
    batch: int
    learning_rate: float
    noise: float
    exit_weights: list[float]
    frozen: bool
    distill: float
    patience: int | None
    seed: int

    def __post_init__(self) -> None:
        _checks.integer("epochs", self.epochs, least=1)
        _checks.integer("batch", self.batch, least=1)
        _checks.positive("learning_rate", self.learning_rate)
        _checks.nonnegative("noise", self.noise)
        _checks.fraction("distill", self.distill)
        if self.patience is not None:
            _checks.integer("patience", self.patience, least=1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted loss of all exits' ``logits``, `[exits, batch, classes]`."""
        each = torch.stack([nn.functional.cross_entropy(exit_, labels) for exit_ in logits])
        if self.distill:
            soft = nn.functional.log_softmax(logits / SOFTNESS, dim=-1)
            teacher = soft[-1].detach()
            gaps = (teacher.exp() * (teacher - soft)).sum(-1).mean(-1)
            # SOFTNESS squared: the gradients of both parts stay of one size.
            mixed = (1 - self.distill) * each + self.distill * SOFTNESS**2 * gaps
            each = torch.cat([mixed[:-1], each[-1:]])
        return torch.tensor(self.exit_weights, device=each.device) @ each


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

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> "_Labelled":
        return _Labelled(self.inputs[rows], self.labels[rows])

    def digest(self) -> str:
        return digest({**self.inputs.tensors, " labels": self.labels})


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
    """A training under way, and all that a checkpoint must hold."""

    def __init__(
        self,
        network: ExitNetwork,
        learning: list[nn.Parameter],
        plan: _Plan,
        data: _Labelled,
        held_out: _Labelled | None,
    ) -> None:
        self.network, self.plan, self.data, self.held_out = network, plan, data, held_out
        self.parts = -(-len(data) // plan.batch)
        self.steps = plan.epochs * self.parts
        self.optimizer = torch.optim.AdamW(learning, lr=plan.learning_rate, weight_decay=1e-2)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=plan.learning_rate, total_steps=self.steps
        )
        self.draws = torch.Generator().manual_seed(plan.seed)
        self.order = torch.empty(0, dtype=torch.int64)
        self.best: dict[str, Tensor] = {}
        self.log = _Log()

    def run(self, file: Checkpoint | None, progress: Progress | None) -> None:
        """Go on until the end, from ``file`` if there is one, and leave the best weights."""
        if file is not None and (saved := file.read()) is not None:
            self._restore(*saved)
        steps = range(self.log.step, self.log.step if self.log.ended else self.steps)
        for _ in steps if progress is None else progress(steps):
            self._step()
            done = self.log.step
            if over := done % self.parts == 0:
                self._judge()
            if file is not None and (over or (file.every and done % file.every == 0)):
                file.write(*self._state())
            if self.log.ended:
                break
        if self.best:
            self.network.load_state_dict(self.best)

    def _step(self) -> None:
        """Learn from one batch."""
        network, plan, log, draws = self.network, self.plan, self.log, self.draws
        part = log.step % self.parts
        if part == 0:
            self.order = torch.randperm(len(self.data), generator=draws)
            log.loss.append(0.0)
        # Near-equal parts: no tiny last batch.
        chosen = self.data[self.order.tensor_split(self.parts)[part]]
        network.train()
        network.network.train(not plan.frozen)
        logits = network(chosen.inputs.noisy(plan.noise, draws))
        loss = plan.loss(logits, chosen.labels.to(network.device))
        value = loss.item()
        if not math.isfinite(value):
            wanted = "small enough for the loss to stay finite"
            raise ValueError(f"`learning_rate` must be {wanted}, got {plan.learning_rate!r}.")
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        log.loss[-1] += value * len(chosen) / len(self.data)
        log.step += 1

    def _judge(self) -> None:
        """Look at the weights after an epoch."""
        log, epoch = self.log, len(self.log.loss) - 1
        if self.held_out is None:
            log.best_epoch = epoch
            return
        total, right = 0.0, torch.zeros(self.network.exits)
        self.network.eval()
        with torch.inference_mode():
            for start in range(0, len(self.held_out), JUDGED):
                some = self.held_out[start : start + JUDGED]
                logits = self.network(some.inputs).cpu()
                total += self.plan.loss(logits, some.labels).item() * len(some)
                right += (logits.argmax(-1) == some.labels).sum(-1)
        log.validation_loss.append(total / len(self.held_out))
        log.validation_accuracy.append((right / len(self.held_out)).tolist())
        if epoch == 0 or log.validation_loss[-1] < log.validation_loss[log.best_epoch]:
            log.best_epoch = epoch
            state = self.network.state_dict()
            self.best = {name: value.detach().clone() for name, value in state.items()}
        patience = self.plan.patience
        log.ended = patience is not None and epoch - log.best_epoch >= patience

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
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
        return tensors, numbers

    def _restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
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
    network: ExitNetwork, device: str | torch.device | None, plan: _Plan
) -> Iterator[None]:
    """Put ``network`` where it is trained, and back; torch's own generators as well."""
    home = network.device
    there = torch.device(device or ("cuda" if torch.cuda.is_available() else home))
    learned = [(weight, weight.requires_grad) for weight in network.network.parameters()]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(plan.seed)  # of dropout, which takes no generator
        try:
            network.to(there)
            network.temperature.fill_(1.0)
            if plan.frozen:
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
    return {
        name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)
    }


def _identity(network: ExitNetwork) -> str:
    """Return a number for the weights of the blocks, and for the shapes of all others.

    A checkpoint holds every weight. A head that was drawn anew, as pretrained networks get
    theirs, must not keep it from being resumed; another pretrained network must.
    """
    blocks = tuple(f"network.{name}." for name in network.splits)
    return digest(
        {
            name: value if name.startswith(blocks) else torch.tensor(value.shape)
            for name, value in network.state_dict().items()
        }
    )


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return a number that stands for the names, shapes and values of ``tensors``."""
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(memory(value))
    return found.hexdigest()


def memory(tensor: Tensor) -> memoryview:
    """Return the bytes of ``tensor``."""
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _weights(weights: Sequence[float] | None, *, exits: int) -> list[float]:
    """Return weights that sum to 1, `[exits]`."""
    if weights is None:
        weights = [float(depth**2) for depth in range(1, exits + 1)]
    values = [_checks.nonnegative("exit_weights", weight) for weight in weights]
    if len(values) != exits or sum(values) == 0:
        wanted = f"{exits} numbers, one for each exit, not all 0"
        raise ValueError(f"`exit_weights` must be {wanted}, got {list(weights)!r}.")
    tensor = torch.tensor(values)
    return [float(value) for value in tensor / tensor.sum()]
