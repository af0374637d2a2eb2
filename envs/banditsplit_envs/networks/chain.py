"""What a network does before its blocks, between them, and after them.

Nothing is known of the network but the names of its blocks; it is watched while it runs.

- *Before*: the network itself is run, and stopped where it calls its first block. What it
  calls the block with is the first hidden state, an attention mask included.
- *Between*: there must be nothing. Each block is called once, with the very tensor that the
  block before it returned, and with the same other arguments.
- *After*: on the output of the last block the network goes on with a symbol in place of the
  tensor (`torch.fx`), and what is done to the symbol is the network's own head.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, fx, nn

from banditsplit_envs.networks.hidden_state import HiddenState, leaves
from banditsplit_envs.networks.inputs import Batch, what

_entering: ContextVar[nn.Module | None] = ContextVar("entering", default=None)


class Watched(NamedTuple):
    """What was seen of a network while it ran.

    Attributes:
        entered: What the first block was called with.
        hidden: What each block returned.
        output: What the network returned.
    """

    entered: HiddenState
    hidden: list[Tensor]
    output: Any


@final
class _Reached(BaseException):
    """The first block is called, with these arguments."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.args_, self.kwargs = args, kwargs


def watch_entrance(block: nn.Module) -> Any:
    """Let `enter` stop a network at ``block``; nothing else changes. Returns the hook."""
    return block.register_forward_pre_hook(_stop, with_kwargs=True)


def enter(network: nn.Module, block: nn.Module, inputs: Batch) -> HiddenState:
    """Run ``network`` up to its first ``block``; return what that is called with."""
    token = _entering.set(block)
    try:
        inputs.call(network)
    except _Reached as reached:
        return _state(reached.args_, reached.kwargs)
    finally:
        _entering.reset(token)
    raise RuntimeError("`network` must call its first block, and did not.")


def advance(blocks: Sequence[nn.Module], state: HiddenState) -> HiddenState:
    """Run ``blocks`` one after the other and return the state behind the last one."""
    hidden = state.hidden
    for block in blocks:
        hidden = _first(block(hidden, *state.args, **state.kwargs))
    return HiddenState(hidden, state.args, state.kwargs, state.mask, state.shared)


def find_blocks(network: nn.Module, blocks: Any) -> list[tuple[str, nn.Module]]:
    """Return the named blocks: several submodules, or the children of the one named."""
    names: dict[str, nn.Module] = dict(network.named_modules())

    def found(name: Any) -> nn.Module:
        if isinstance(name, str) and name in names:
            return names[name]
        raise ValueError(
            f"`blocks` must name submodules of the network, got {name!r}. "
            f"Of several parts are: {_chains(names) or 'none'}."
        )

    if not isinstance(blocks, Sequence):
        raise TypeError(f"`blocks` must be one name or several, got {what(blocks)}.")
    if isinstance(blocks, str):
        prefix = f"{blocks}." if blocks else ""
        pairs = [(prefix + name, block) for name, block in found(blocks).named_children()]
        if not pairs:
            raise ValueError(f"`blocks` must name a module with parts, got {blocks!r}.")
        return pairs
    pairs = [(name, found(name)) for name in blocks]
    if not pairs or len({id(block) for _, block in pairs}) < len(pairs):
        wanted = "name at least one block, and none twice"
        raise ValueError(f"`blocks` must {wanted}, got {list(blocks)!r}.")
    return pairs


def watch(
    network: nn.Module, blocks: Sequence[tuple[str, nn.Module]], inputs: Batch
) -> Watched:
    """Run ``network`` and return what its blocks were given and gave.

    Raises:
        ValueError: The blocks are no chain.
    """
    calls: list[tuple[int, HiddenState, Tensor]] = []

    def note(number: int, _: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if not isinstance(hidden := _first(output), Tensor):
            raise _no_chain(f"block {blocks[number][0]!r} returns {what(hidden)}")
        calls.append((number, _state(args, kwargs), hidden))

    handles = [
        block.register_forward_hook(partial(note, number), with_kwargs=True)
        for number, (_, block) in enumerate(blocks)
    ]
    try:
        output = inputs.call(network)
    finally:
        for handle in handles:
            handle.remove()
    names, order = [name for name, _ in blocks], [number for number, _, _ in calls]
    for number, name in enumerate(names):
        if (times := order.count(number)) != 1:
            raise _no_chain(f"block {name!r} is called {times} times, not once")
    if order != sorted(order):
        raise _no_chain(f"the blocks are called in the order {[names[n] for n in order]}")
    first = calls[0][1]
    for (before, _, hidden), (number, state, _) in pairwise(calls):
        if state.hidden is not hidden:
            between = f"between {names[before]!r} and {names[number]!r}"
            raise _no_chain(f"something else is done {between}")
        if not _same((state.args, state.kwargs), (first.args, first.kwargs)):
            raise _no_chain(f"block {names[number]!r} gets other arguments than the first")
    return Watched(first, [hidden for _, _, hidden in calls], output)


def shared(few: HiddenState, many: HiddenState) -> frozenset[int | str]:
    """Return positions and names of arguments that do not grow with the batch."""
    pairs: list[tuple[int | str, Any, Any]] = [
        (key, a, b) for key, (a, b) in enumerate(zip(few.args, many.args, strict=True))
    ]
    pairs += [(key, few.kwargs[key], many.kwargs[key]) for key in few.kwargs]
    return frozenset(
        key
        for key, a, b in pairs
        if any(x.shape[:1] == y.shape[:1] for x, y in zip(leaves(a), leaves(b), strict=True))
    )


def own_head(network: nn.Module, last: str, inputs: Batch) -> Callable[[Any, Tensor], Any]:
    """Return what ``network`` does to the output of its ``last`` block, down to the logits.

    The result is called with an object whose ``network`` is this one (or a copy of it) and
    with a hidden state. It uses the weights as they are at the time.

    Raises:
        ValueError: The network uses more than the block's output, or cannot be followed.
    """
    root = _After(network, last, inputs)
    try:
        graph = _Tracer(root.around()).trace(root)
    except (TypeError, ValueError, RuntimeError, NameError, AttributeError) as error:
        wanted = "be such that what follows its blocks can be traced, or have `keep_head=False`"
        raise ValueError(f"`network` must {wanted}: {error}") from error
    weights = {*dict(root.named_parameters()), *dict(root.named_buffers())}
    if any(node.op == "get_attr" and node.target not in weights for node in graph.nodes):
        other = "what follows the blocks uses more than their output"
        raise _no_chain(f"{other} (`keep_head=False` puts a new head in its place)")
    forward: Callable[[Any, Tensor], Any] = type(fx.GraphModule(root, graph)).forward
    return forward


def logits_of(output: Any) -> Any:
    """Return the logits in what a network returns: the tensor itself, or its ``logits``."""
    if isinstance(output, Tensor | fx.Proxy):
        return output
    return getattr(output, "logits", output)


@final
class _After(nn.Module):
    """A network as a function of the output of its last block, its input being fixed."""

    def __init__(self, network: nn.Module, last: str, inputs: Batch) -> None:
        super().__init__()
        self.network = network
        self._last, self._inputs = last, inputs

    def around(self) -> set[nn.Module]:
        """Return the modules that the last block is a part of."""
        path = self._last.split(".")
        return {self.network.get_submodule(".".join(path[:n])) for n in range(len(path))}

    def forward(self, hidden: Any) -> Any:
        """Return the logits that the network gives if its last block returns ``hidden``."""

        def exchange(_block: nn.Module, _args: Any, output: Any) -> Any:
            return hidden if isinstance(output, Tensor) else (hidden, *output[1:])

        handle = self.network.get_submodule(self._last).register_forward_hook(exchange)
        try:
            return logits_of(self._inputs.call(self.network))
        finally:
            handle.remove()


@final
class _Tracer(fx.Tracer):
    """Runs everything as it is until the symbol comes in; then keeps modules whole."""

    def __init__(self, around: set[nn.Module]) -> None:
        super().__init__()
        self._around = around

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        symbolic = any(isinstance(value, fx.Proxy) for value in (*args, *kwargs.values()))
        installed = m in self.submodule_paths if self.submodule_paths else False
        if not symbolic or not installed or m in self._around:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002 - torch's signature
        return True

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:  # noqa: ARG002 - torch's signature
        return attr_val


def _stop(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if _entering.get() is block:
        raise _Reached(args, kwargs)


def _state(args: tuple[Any, ...], kwargs: dict[str, Any]) -> HiddenState:
    """Return the arguments of a block as a state: the hidden tensor comes first, or by name."""
    if not args and "hidden_states" in kwargs:
        rest = {key: value for key, value in kwargs.items() if key != "hidden_states"}
        return _state((kwargs["hidden_states"],), rest)
    if not args or not isinstance(args[0], Tensor):
        raise _no_chain("a block must be called with a tensor first")
    return HiddenState(args[0], tuple(args[1:]), dict(kwargs))


def _first(output: Any) -> Any:
    """Return the hidden state in what a block returns: the tensor, or the first of several."""
    return output[0] if isinstance(output, tuple) and output else output


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one is other or (one.shape == other.shape and torch.equal(one, other))
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one is other or (type(one) is type(other) and bool(one == other))


def _chains(names: dict[str, nn.Module]) -> str:
    """Return the modules that look like chains of blocks, for an error message."""
    found = [
        f"{name!r} ({len(module)} parts)"
        for name, module in names.items()
        if isinstance(module, nn.ModuleList | nn.Sequential) and len(module) > 1
    ]
    return ", ".join(found[:8])


def _no_chain(why: str) -> ValueError:
    return ValueError(f"`network` must be a chain of its blocks, but {why}.")
