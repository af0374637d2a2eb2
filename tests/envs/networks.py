"""Networks that tests of live environments share."""

from collections.abc import Iterator

from torch import Tensor

from banditsplit_envs import ExitNetwork, HiddenState, exit_cnn


def network() -> ExitNetwork:
    """Untrained, with four exits that are sharp enough to differ in how sure they are."""
    made = exit_cnn(classes=3, width=4, blocks=4, seed=2)
    made.temperature.fill_(0.02)
    return made


class Spy:
    """A network that notes what it is asked to run."""

    def __init__(self, network: ExitNetwork) -> None:
        self.network = network
        self.ran: list[tuple[str, int]] = []  # what, and at which layer

    @property
    def blocks(self) -> list[int]:
        return self._layers("block")

    @property
    def asked(self) -> list[int]:
        return self._layers("exit")

    @property
    def tails(self) -> list[int]:
        return self._layers("tail")

    def _layers(self, what: str) -> list[int]:
        return [layer for name, layer in self.ran if name == what]

    @property
    def exits(self) -> int:
        return self.network.exits

    def states(self, x: Tensor, split: int) -> Iterator[HiddenState]:
        for depth, hidden in enumerate(self.network.states(x, split)):
            self.ran.append(("block", depth))
            yield hidden

    def exit(self, hidden: HiddenState, split: int) -> Tensor:
        self.ran.append(("exit", int(split)))
        return self.network.exit(hidden, split)

    def tail(self, hidden: HiddenState, split: int) -> Tensor:
        self.ran.append(("tail", int(split)))
        return self.network.tail(hidden, split)

    def probabilities(self, logits: Tensor, split: int) -> Tensor:
        return self.network.probabilities(logits, split)
