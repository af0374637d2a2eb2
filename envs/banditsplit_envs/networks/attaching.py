"""Put exits on any network that is a chain of blocks."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from banditsplit import _checks
from banditsplit._typing import Seed
from banditsplit_envs.networks import chain
from banditsplit_envs.networks.exit_network import Anatomy, ExitNetwork, Pool, channel
from banditsplit_envs.networks.hidden_state import HiddenState
from banditsplit_envs.networks.inputs import Batch, Inputs, Layout, axes_of, what

__all__ = ["Exit", "attach_exits"]

Exit: TypeAlias = Callable[[int, int], nn.Module]  # width, classes

MAP, TOKENS = 4, 3  # axes: [batch, channels, height, width] and [batch, tokens, width]


def attach_exits(
    network: nn.Module,
    blocks: str | Sequence[str],
    example: Inputs | None = None,
    *,
    classes: int | None = None,
    exit: Exit | None = None,  # noqa: A002 - the field's word
    pool: str | Pool | None = None,
    at: Sequence[int] | None = None,
    keep_head: bool = True,
    seed: Seed = 0,
) -> ExitNetwork:
    """Return ``network`` with an exit after each of its ``blocks``.

    Nothing of the network is rewritten: it is run on ``example`` and watched. What comes before
    the blocks and after them is found by itself (`banditsplit_envs.networks.chain` says how),
    and that head, blocks and tail give exactly what the network gives is checked before this
    returns.

    Args:
        network: any module whose forward calls its blocks one after the other, each with the
            output of the one before. It is shared, not copied, and put into eval mode.
        blocks: the names of the blocks (``["layer1", "layer2"]``), or the name of the
            `Sequential` or `ModuleList` that holds them (``"encoder.layer"``).
        example: what the network is called with, `[samples, ...]`: a tensor, or tensors by
            the names of its arguments; all of these are asked for later, too. Networks of
            Hugging Face's bring one along.
        classes: how many classes there are; by default those of the network's own head.
        exit: makes the classifier of an exit from the width and the classes; by default a
            linear layer, behind a layer norm where the hidden state is one of tokens.
        pool: what an exit sees of a hidden state, `[batch, width]`. ``"mean"``: the mean over
            positions, or over tokens that are no padding; ``"first"``: the first token; or a
            function of a `HiddenState`. By default the mean of feature maps `[batch, channels,
            height, width]` and the first of tokens `[batch, tokens, width]`.
        at: the blocks that get an exit, counted from 0, ending with the last one; by default
            all of them. Blocks without one belong to the next split.
        keep_head: whether the last exit is the network's own head, where it has one: where the
            network returns logits `[samples, classes]`, or something with such ``logits``.
            What the head does is read off once, in eval mode: dropout that is a module of its
            own goes on following the mode, a call of ``functional.dropout`` stays off.
        seed: of the new exits' weights; torch's global generator is left alone.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: The network is no chain of these blocks, a block does not exist, an exit
            is after the last block, the exits differ in their classes, the outputs are not
            finite, or an argument is outside its range. ``network`` is as it was.
    """
    _checks.instance("network", network, nn.Module)
    found = chain.find_blocks(network, blocks)
    ends = _ends(at, len(found))
    modes = {module: module.training for module in network.modules()}
    entrance = chain.watch_entrance(found[0][1])
    try:
        network.eval()
        with torch.no_grad():
            few = _example(network, example)
            # A second batch, and a larger one: what grows with it is one a sample.
            many = few[torch.arange(2 * len(few) + 1) % len(few)]
            seen, more = (chain.watch(network, found, batch) for batch in (few, many))
            shared = chain.shared(seen.entered, more.entered)
            pooled, masked = _pool(pool, seen)
            states = [
                replace(seen.entered, hidden=seen.hidden[end], shared=shared) for end in ends
            ]
            head, classes = _head(network, found[-1][0], few, seen, classes, keep=keep_head)
            new = states[: len(states) - (head is not None)]
            anatomy = Anatomy(
                names=tuple(found[end][0] for end in ends),
                segments=_segments([block for _, block in found], ends),
                head=head,
                pool=pooled,
                masked=masked,
                shared=shared,
                features=tuple(_features(state.hidden) for state in states),
                layout=_layout(network, few),
            )
            classifiers = _classifiers(exit, new, pooled, classes, seed)
            made = ExitNetwork(network, anatomy, classifiers, classes=classes)
            made.to(states[0].hidden.device)
            for batch, watched in ((few, seen), (many, more)):
                _verify(made, batch, watched, ends)
    except BaseException:
        entrance.remove()
        for module, mode in modes.items():
            module.training = mode
        raise
    return made


def _ends(at: Sequence[int] | None, blocks: int) -> list[int]:
    """Return the last block of each split."""
    if at is None:
        return list(range(blocks))
    ends = [_checks.below("at", end, blocks) for end in at]
    if not ends or ends != sorted(set(ends)) or ends[-1] != blocks - 1:
        wanted = f"grow and end with the last block, {blocks - 1}"
        raise ValueError(f"`at` must {wanted}, got {list(at)!r}.")
    return ends


def _segments(blocks: list[nn.Module], ends: list[int]) -> tuple[tuple[nn.Module, ...], ...]:
    starts = [0, *(end + 1 for end in ends[:-1])]
    return tuple(
        tuple(blocks[start : end + 1]) for start, end in zip(starts, ends, strict=True)
    )


def _example(network: nn.Module, example: Inputs | None) -> Batch:
    if example is None:
        dummy: Any = getattr(network, "dummy_inputs", None)  # as Hugging Face's networks have
        ids = dummy.get("input_ids") if isinstance(dummy, dict) else None
        if ids is not None and "attention_mask" in _arguments(network):
            dummy = {**dummy, "attention_mask": torch.ones_like(ids)}
        example = dummy
    if example is None:
        raise ValueError("`example` must be what the network is called with, got None.")
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    return Batch.of(example, name="example").to(device)


def _arguments(network: nn.Module) -> set[str]:
    return {*inspect.signature(network.forward).parameters}


def _head(
    network: nn.Module,
    last: str,
    inputs: Batch,
    seen: chain.Watched,
    classes: int | None,
    *,
    keep: bool,
) -> tuple[Any, int]:
    """Return the network's own head, or None where there is to be another; and the classes."""
    if classes is not None:
        classes = _checks.integer("classes", classes, least=2)
    logits = chain.logits_of(seen.output)
    owns = isinstance(logits, Tensor) and logits.dim() == 2  # noqa: PLR2004 - [batch, classes]
    if keep and owns:
        if classes not in (None, logits.shape[1]):
            wanted = f"the {logits.shape[1]} of the network's head, or have `keep_head=False`"
            raise ValueError(f"`classes` must be {wanted}, got {classes}.")
        classes = _checks.integer("classes", logits.shape[1], least=2)
        return chain.own_head(network, last, inputs), classes
    if classes is None:
        raise ValueError("`classes` must be given where the last exit is new, got None.")
    return None, classes


def _layout(network: nn.Module, example: Batch) -> Layout:
    config = getattr(network, "config", None)
    limits = {
        name: int(getattr(config, size))
        for name, size in (("input_ids", "vocab_size"), ("token_type_ids", "type_vocab_size"))
        if getattr(config, size, None)
    }
    return Layout(
        axes={key: axes_of(tensor) for key, tensor in example.tensors.items()},
        names=frozenset(_arguments(network) | {*example.tensors}),
        limits=limits,
        tokens=_tokens(network, getattr(config, "max_position_embeddings", None)),
    )


def _tokens(network: nn.Module, positions: int | None) -> int | None:
    """Return how many tokens fit, given the number of positions; RoBERTa wastes a few."""
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            wasted = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - wasted
    return positions


def _features(hidden: Tensor) -> tuple[int, int]:
    return hidden.dim(), hidden.shape[channel(hidden.dim())]


def _pool(pool: str | Pool | None, seen: chain.Watched) -> tuple[Pool, bool]:
    """Return what the exits see, and whether it needs to know what is padding."""
    if pool is None:
        return _mean_or_first, False
    if callable(pool):
        return pool, True
    if _checks.member("pool", pool, ("mean", "first")) == "mean":
        return _mean, True
    if any(hidden.dim() != TOKENS for hidden in seen.hidden):
        raise ValueError("`pool` must be 'mean' or a function where there are no tokens.")
    return _first, False


def _mean_or_first(state: HiddenState) -> Tensor:
    return _first(state) if state.hidden.dim() == TOKENS else _mean(state)


def _first(state: HiddenState) -> Tensor:
    return state.hidden[:, 0]


def _mean(state: HiddenState) -> Tensor:
    hidden, mask = state.hidden, state.mask
    if hidden.dim() == MAP:
        return hidden.mean(dim=(2, 3))
    if hidden.dim() != TOKENS:
        return hidden
    if mask is None:
        return hidden.mean(dim=1)
    weight = mask.to(hidden.dtype)[:, :, None]
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def _classifiers(
    make: Exit | None, states: list[HiddenState], pool: Pool, classes: int, seed: Seed
) -> nn.ModuleList:
    made = nn.ModuleList()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(_checks.generator(seed).integers(2**63)))
        for split, state in enumerate(states):
            seen: Any = pool(state)
            if not isinstance(seen, Tensor) or seen.shape[:-1] != (len(state),):
                raise ValueError(f"`pool` must return [batch, width], got {what(seen)}.")
            width = seen.shape[1]
            if make is None:
                layer: nn.Module = nn.Linear(width, classes)
                if state.hidden.dim() == TOKENS:
                    layer = nn.Sequential(nn.LayerNorm(width), layer)
            else:
                layer = make(width, classes)
            logits = layer.to(seen.device).eval()(seen)
            if logits.shape != (len(state), classes):
                wanted = f"logits of the same {classes} classes for all"
                raise ValueError(
                    f"`exit` must give {wanted}, got {what(logits)} at exit {split}."
                )
            made.append(layer)
    return made


def _verify(made: ExitNetwork, inputs: Batch, seen: chain.Watched, ends: list[int]) -> None:
    """Refuse a network that is not what was seen of it, block by block."""

    def differs(part: str) -> ValueError:
        return ValueError(f"`network` must be a chain of its blocks, but {part} differs.")

    states = list(made.states(inputs, made.exits - 1))
    for end, name, state in zip(ends, made.splits, states, strict=True):
        if not torch.allclose(state.hidden, seen.hidden[end], equal_nan=True):
            raise differs(f"block {name!r} alone")
    for split, state in enumerate(states):
        try:
            logits = made.exit(state, split)
        except RuntimeError as error:  # the head of a batch of another size
            raise differs(f"its head on other samples ({error})") from error
        if not torch.isfinite(logits).all():
            wanted = "give finite logits for the example"
            raise ValueError(f"`network` must {wanted}, got nan or inf at exit {split}.")
    own = len(made.classifiers) < made.exits
    if own and not torch.allclose(logits, chain.logits_of(seen.output)):
        raise differs("its head alone")
