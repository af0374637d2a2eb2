"""Worlds in which what an arm is worth depends on a context."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit.theory._problems import _costs, _vector
from banditsplit.theory._worlds import Situation

CONTEXTS = ("gaussian", "sphere")


@final
@dataclass(frozen=True, slots=True, eq=False)
class LinearProblem:
    """Arms whose expected rewards are linear in a context that every round draws anew.

    With ``parameters`` `[arms, features]`, a context is `[features]`, the same for all arms,
    and arm ``a`` is worth ``parameters[a] @ context``. With ``parameters`` `[features]`, a
    context is `[arms, features]`, and arm ``a`` is worth ``context[a] @ parameters``.
    Rewards are Normal around that.

    Attributes:
        parameters: `[arms, features]` or `[features]`, in reward units per feature.
        arms: How many there are; only to be given with ``parameters`` `[features]`.
        std: Of the noise: positive, one for all arms or `[arms]`, in reward units.
        costs: `[arms]`, not negative, in cost units; nothing by default.
        contexts: "gaussian": standard normal features; "sphere": vectors of norm 1 in
            directions that are equally likely.

    Raises:
        TypeError: `arms` is no integer.
        ValueError: An argument is empty, of another shape, not finite or out of range.
    """

    parameters: Float
    arms: int = 0
    std: Float | float = 1.0
    costs: Float = field(default_factory=lambda: np.zeros(0))
    contexts: str = "gaussian"

    def __post_init__(self) -> None:
        parameters = _parameters(self.parameters)
        if parameters.ndim == 1:
            arms = _checks.integer("arms", self.arms, least=1)
        else:
            arms = len(parameters)
            if _checks.integer("arms", self.arms, least=0) not in (0, arms):
                raise ValueError(f"`arms` must be the parameters' {arms}, got {self.arms!r}.")
        std = _vector("std", self.std, arms, one_for_all=True)
        if (std <= 0).any():
            raise ValueError(f"`std` must be positive, got {self.std!r}.")
        _checks.member("contexts", self.contexts, CONTEXTS)
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "arms", arms)
        object.__setattr__(self, "std", std)
        object.__setattr__(self, "costs", _costs(self.costs, arms))

    @property
    def context_shape(self) -> tuple[int, ...]:
        """What one run is shown: `[features]`, or `[arms, features]`."""
        features = self.parameters.shape[-1]
        return (self.arms, features) if self.parameters.ndim == 1 else (features,)

    def situation(self, t: int, runs: int, rng: np.random.Generator) -> Situation:
        """Draw the contexts of a round, `[runs, *context_shape]`."""
        del t
        context = rng.standard_normal((runs, *self.context_shape))
        if self.contexts == "sphere":
            context /= np.linalg.norm(context, axis=-1, keepdims=True)
        # `[runs, arms]` either way round.
        expected: Float = context @ self.parameters.T
        return Situation(expected, np.broadcast_to(self.costs, expected.shape), context)

    def respond(
        self, situation: Situation, arm: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, None]:
        """Return rewards and costs of ``arm``, `[runs]`."""
        expected = np.take_along_axis(situation.expected_reward, arm[:, None], -1)[:, 0]
        noise = rng.standard_normal(len(arm))
        return expected + np.asarray(self.std)[arm] * noise, self.costs[arm], None


def _parameters(value: Any) -> Float:
    """Return ``value`` as a finite, read-only vector or matrix."""
    wanted = "`parameters` must be finite numbers, `[features]` or `[arms, features]`"
    try:
        parameters = np.array(value)
    except ValueError:  # ragged
        raise ValueError(f"{wanted}, got {value!r}.") from None
    if parameters.dtype.kind not in "fiu" or parameters.ndim not in {1, 2}:
        raise ValueError(f"{wanted}, got {value!r}.")
    if not parameters.size or not np.isfinite(parameters).all():
        raise ValueError(f"{wanted}, got {value!r}.")
    parameters = parameters.astype(np.float64)
    parameters.flags.writeable = False
    return parameters
