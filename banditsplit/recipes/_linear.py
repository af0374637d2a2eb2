"""Values that are linear in a context: ridge regression, and a rule that uses it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, final

import numpy as np

from banditsplit import _checks
from banditsplit._argmax import argmax
from banditsplit._draw import draw
from banditsplit._stats import ArmStats, change_arms
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.objectives import Objective, Reward
from banditsplit.recipes._linear_rules import LinearIndex, LinearLottery, Prediction, dot
from banditsplit.recipes._recipe import Recipe, unable

# Contexts and values within the first and a ridge from the second on: no square overflows.
LARGEST, SMALLEST_RIDGE = 1e100, 1e-50
_ARMS = Full()  # how often each arm was seen and what it gave, whatever the context


@dataclass(slots=True, eq=False)
class LinearState:
    """Ridge regression after some rounds, for every model.

    With the features X and values y seen so far, ``A = ridge * I + X' X``.

    Attributes:
        arms: Pulls and mean value of every arm, and the round.
        root: ``root.T @ root`` is the inverse of ``A``, `[..., models, features, features]`.
        estimate: The inverse of ``A`` times ``X' y``, `[..., models, features]`.
        log_volume: ``ln det(A) - ln det(ridge * I)``, `[..., models]`.
    """

    arms: ArmStats
    root: Float
    estimate: Float
    log_volume: Float


@final
@dataclass(frozen=True, slots=True)
class LinearRecipe(Recipe):
    """Predict the value of every arm by ridge regression on a context, and act by a rule.

    Disjoint form: a context is `[features]`, and each arm has parameters of its own (Li, Chu,
    Langford & Schapire 2010, Sec. 3.1). Shared form: a context is `[arms, features]`, and one
    parameter vector holds for all arms. The first is the second with blocks of features.

    The state keeps a square root of the inverse of the regularised second moment: a new
    observation updates it in ``features**2`` steps (Potter 1963), nothing is ever inverted,
    and rounding cannot make a width the root of a negative number.

    Attributes:
        arms: How many arms there are.
        features: How many numbers describe a context, or an arm in it.
        rule: What is done with the predictions.
        shared: Whether the arms share their parameters.
        ridge: The penalty's weight, from 1e-50; in squared feature units.
        objective: What reward and cost are worth: the value that is regressed.
        side_observations: Whether to learn from arms revealed without a pull, whose context
            is that of their round.
    """

    arms: int
    features: int
    rule: LinearIndex | LinearLottery
    shared: bool = False
    ridge: float = 1.0
    objective: Objective = field(default_factory=Reward)
    side_observations: bool = False

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.integer("features", self.features, least=1)
        if not isinstance(self.rule, LinearIndex | LinearLottery):
            wanted = "`rule` must be a LinearIndex or a LinearLottery"
            raise TypeError(f"{wanted}, got {self.rule!r}.")
        _checks.instance("shared", self.shared, bool)
        _checks.instance("side_observations", self.side_observations, bool)
        if _checks.positive("ridge", self.ridge) < SMALLEST_RIDGE:
            raise ValueError(f"`ridge` must be at least {SMALLEST_RIDGE}, got {self.ridge!r}.")
        _checks.method("objective", self.objective, "value")

    @property
    def context_shape(self) -> tuple[int, ...]:
        """A vector, or one for every arm."""
        return (self.arms, self.features) if self.shared else (self.features,)

    def empty(self, runs: int | None) -> LinearState:
        """Return the state before the first round."""
        models = 1 if self.shared else self.arms
        lead = (models,) if runs is None else (runs, models)
        root = np.zeros((*lead, self.features, self.features))
        root[...] = np.eye(self.features) / np.sqrt(self.ridge)
        return LinearState(
            arms=_ARMS.empty(runs, self.arms),
            root=root,
            estimate=np.zeros((*lead, self.features)),
            log_volume=np.zeros(lead),
        )

    def stats(self, state: LinearState) -> ArmStats:
        """Return pulls and mean value of each arm, over all contexts."""
        return state.arms

    def choose(
        self, state: LinearState, rng: np.random.Generator, context: Any, available: Bool | None
    ) -> tuple[Any, Any]:
        """Return the arm of the best score, or one that was drawn, and its lottery."""
        prediction = self.predict(state, context)
        if isinstance(self.rule, LinearLottery):
            probability = self.rule(prediction, self._mask(state, available))
            return draw(probability, rng), probability
        scores = self.rule(prediction, rng)
        if available is not None:
            scores = np.where(available, scores, -np.inf)
        return argmax(scores, rng), None

    def probabilities(self, state: LinearState, context: Any, available: Bool | None) -> Any:
        """Return the probabilities of the arms, `[..., arms]`; None if none is drawn."""
        prediction = self.predict(state, context)
        if isinstance(self.rule, LinearLottery):
            return self.rule(prediction, self._mask(state, available))
        return None

    def predict(self, state: LinearState, context: Any) -> Prediction:
        """Return what the regression says of the arms in ``context``, or refuse it."""
        _refuse_enormous(context)
        rows = context if self.shared else context[..., None, :]
        return Prediction(
            state.arms.t,
            self.arms,
            rows,
            state.estimate,
            state.root,
            state.log_volume,
            self.ridge,
        )

    def learn(self, state: LinearState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        cell, value = pull.cell, self._value(pull.reward, pull.cost)
        self._refuse_unknown(pull)
        several = side is not None and np.size(side.cell) > 0
        if side is not None and several:
            cell = np.append(cell, side.cell)  # distinct: the pulled arm is never revealed
            value = np.append(value, self._value(side.reward, side.cost))
        model, features = self._place(cell, pull)
        if several and self.shared:
            self._regress_on_several(state, cell, features, value)
        else:
            self._regress(state, model, features, value)
        _ARMS.observe(state.arms, cell, value)
        _ARMS.advance(state.arms, pull.where)

    def merge(self, states: Sequence[LinearState]) -> LinearState:
        """Return the state of one that saw what all of ``states`` saw.

        Each root becomes a block of rows ``X`` with ``X' X = A``, each estimate what they
        would have given. A singular value decomposition of all blocks together takes their sum
        without squaring anything; from it the surplus of ridges is taken away.

        Raises:
            ValueError: A root is singular: contexts so large that rounding left nothing of it.
        """
        roots = np.stack([state.root for state in states], -3)
        try:  # [..., models, states, features, features]
            blocks: Any = np.linalg.inv(roots).swapaxes(-1, -2)
        except np.linalg.LinAlgError:
            raise unable(self, "merge", "rounding has left nothing of a confidence") from None
        estimates = np.stack([state.estimate for state in states], -2)
        given = (blocks @ estimates[..., None])[..., 0]
        lead, features = blocks.shape[:-3], self.features
        rows, given = blocks.reshape(*lead, -1, features), given.reshape(*lead, -1, 1)
        left, s, right = np.linalg.svd(rows, full_matrices=False)
        moment = np.maximum(s * s - (len(states) - 1) * self.ridge, self.ridge)
        along = (left.swapaxes(-1, -2) @ given)[..., 0] * s / moment
        return LinearState(
            arms=_ARMS.merge([state.arms for state in states]),
            root=right / np.sqrt(moment)[..., None],
            estimate=(along[..., None, :] @ right)[..., 0, :],
            log_volume=np.log(moment / self.ridge).sum(-1),
        )

    def warm_start(self, state: LinearState, prior: ArmStats) -> NoReturn:
        """Refuse: a regression learns from values in a context."""
        del state, prior
        raise unable(self, "start warm", "a mean has no context")

    def change_arms(
        self, state: LinearState, kept: Sequence[int], added: int
    ) -> tuple["LinearRecipe", LinearState]:
        """Return recipe and state for other arms; a shared model speaks for them already."""
        recipe = replace(self, arms=len(kept) + added)
        arms = _ARMS.change_arms(state.arms, kept, added)
        if self.shared:
            return recipe, replace(state, arms=arms)
        axis = state.log_volume.ndim - 1
        root = change_arms(state.root, kept, added, axis)
        root[..., len(kept) :, :, :] = np.eye(self.features) / np.sqrt(self.ridge)
        others = (change_arms(a, kept, added, axis) for a in (state.estimate, state.log_volume))
        return recipe, LinearState(arms, root, *others)

    def _value(self, reward: Any, cost: Any) -> Any:
        """Return what observations are worth under the objective, or refuse them."""
        value = self.objective.value(reward, cost)
        if not np.all((value >= -LARGEST) & (value <= LARGEST)):
            wanted = f"have a value in [{-LARGEST}, {LARGEST}]"
            came = f"{value!r} under {self.objective!r}"
            raise ValueError(f"`reward` must {wanted}, got {came}.")
        return value

    def _refuse_unknown(self, pull: Pull) -> None:
        """Refuse feedback whose context is not known, or cannot be one."""
        if pull.context is None:
            wanted = "be known, from the `select` or `decide` that the feedback answers"
            raise ValueError(f"`context` must {wanted}, got None.")
        lead = () if isinstance(pull.cell, int) else pull.cell.shape
        shape = (*lead, *self.context_shape)
        if getattr(pull.context, "shape", None) != shape:
            raise ValueError(f"`context` must have shape {shape}, got {pull.context!r}.")
        _refuse_enormous(pull.context)

    def _place(self, cell: Any, pull: Pull) -> tuple[Any, Float]:
        """Return the model of each cell, and the features that it was seen with."""
        run, arm = divmod(cell, self.arms)
        # Only the runs that have feedback have a context here.
        row = run if pull.where is None else (np.cumsum(pull.where) - 1)[run]
        rows = pull.context.reshape(-1, self.features)
        if self.shared:
            return run, rows[row * self.arms + arm]
        return cell, rows[row]

    def _regress(self, state: LinearState, model: Any, x: Float, value: Any) -> None:
        """Take in one observation for each of some models; the models are distinct.

        With ``w = root @ x`` the inverse becomes ``root.T (I - w w' / (1 + w' w)) root``,
        which is Sherman-Morrison's formula, and the bracket is the square of
        ``I - b w w'`` with the ``b`` below (Potter).
        """
        root, estimate, log_volume = self._models(state)
        factor = root[model]
        w = (factor @ x[..., None])[..., 0]
        gain = (w[..., None, :] @ factor)[..., 0, :]  # the old inverse times x
        variance = dot(w, w)
        shrink = 1 / (1 + variance)
        error = value - dot(estimate[model], x)
        b = shrink / (1 + np.sqrt(shrink))
        estimate[model] += (shrink * error)[..., None] * gain
        root[model] -= (b[..., None] * w)[..., None] * gain[..., None, :]
        log_volume[model] += np.log1p(variance)

    def _regress_on_several(
        self, state: LinearState, cell: Any, features: Float, value: Any
    ) -> None:
        """Take in several observations of each run's one model: `_regress` for a block.

        A singular value decomposition of the block stands in for ``w``.
        """
        root, estimate, log_volume = self._models(state)
        x = np.zeros((len(root), self.arms, self.features))
        y = np.zeros((len(root), self.arms))
        x.reshape(-1, self.features)[cell] = features
        y.reshape(-1)[cell] = value
        left, s, right = np.linalg.svd(x @ root.swapaxes(-1, -2), full_matrices=False)
        error = y - (x @ estimate[..., None])[..., 0]
        grown = 1 + s * s
        gain = right @ root  # [runs, directions, features]
        step = s / grown * (error[..., None, :] @ left)[..., 0, :]
        estimate += (step[..., None, :] @ gain)[..., 0, :]
        root += (right.swapaxes(-1, -2) * (1 / np.sqrt(grown) - 1)[..., None, :]) @ gain
        log_volume += np.log1p(s * s).sum(-1)

    def _models(self, state: LinearState) -> tuple[Float, Float, Float]:
        """Return views of root, estimate and volume with the models on one axis."""
        features = self.features
        return (
            state.root.reshape(-1, features, features),
            state.estimate.reshape(-1, features),
            state.log_volume.reshape(-1),
        )

    def _mask(self, state: LinearState, available: Bool | None) -> Bool:
        """Return ``available``; everything where there is no mask."""
        if available is None:
            return np.ones(state.arms.mean.shape, np.bool_)
        return available


def _refuse_enormous(context: Float) -> None:
    """Refuse a context whose squares would overflow; or that is not finite, unchecked yet."""
    if not np.abs(context).max(initial=0.0) <= LARGEST:
        raise ValueError(f"`context` must lie within {LARGEST} of 0, got {context!r}.")
