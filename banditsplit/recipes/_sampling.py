"""Draw the arm from probabilities, and weigh what comes of it by them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from banditsplit import _checks
from banditsplit._stats import ArmStats, total
from banditsplit._typing import Bool, Float
from banditsplit.feedback import Pull, Seen
from banditsplit.memories import Full
from banditsplit.objectives import Objective, Reward
from banditsplit.recipes._common import values
from banditsplit.recipes._estimator import Estimator
from banditsplit.recipes._recipe import DrawingRecipe, unable
from banditsplit.recipes._weighting import Weighting

# A uniform draw has 53 bits: nothing rarer is ever drawn. Arms chosen elsewhere may be, and
# dividing by this keeps their estimates finite.
RAREST = 2.0**-53
DRAWN = 3  # axes of a graph that differs between runs


@dataclass(slots=True, eq=False)
class SamplingState:
    """What draws are based on, and what was observed.

    Attributes:
        score: `[..., arms]`, the sum of the estimates, in units of ``span``.
        stats: Counts and means of what was observed, in the objective's units.
    """

    score: Float
    stats: ArmStats


@dataclass(frozen=True, slots=True)
class SamplingRecipe(DrawingRecipe):
    """Draw from weights of cumulated estimates: weighting x estimator x objective x feedback.

    What is learned is divided by the probability with which it was going to be observed in
    the choice that it answers. An arm that was chosen elsewhere, where none is known (or it
    is 0), counts with the probability that the policy has for it now. With a mask, available
    arms keep the ratios of their probabilities.

    Attributes:
        arms: How many arms there are.
        weighting: From scores to probabilities.
        estimator: From observations to scores.
        objective: What reward and cost are worth.
        low: The smallest value there is, in value units.
        span: Largest minus smallest value, in value units.
        side_observations: Whether to learn from arms revealed without a pull. It must then be
            known who reveals whom, from ``graph`` or from the round, and exactly those arms
            must be revealed: else the chance of an observation is not what it seems.
        graph: Arm ``j`` reveals arm ``i`` where ``graph[j][i]``, in rounds that do not tell
            their own; every arm reveals itself. Any `[arms, arms]` of booleans, kept as tuples.
    """

    arms: int
    weighting: Weighting
    estimator: Estimator
    objective: Objective = field(default_factory=Reward)
    low: float = 0.0
    span: float = 1.0
    side_observations: bool = False
    graph: tuple[tuple[bool, ...], ...] | None = None
    _edges: Bool | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.integer("arms", self.arms, least=1)
        _checks.instance("weighting", self.weighting, Weighting)
        _checks.instance("estimator", self.estimator, Estimator)
        _checks.method("objective", self.objective, "value")
        object.__setattr__(self, "low", _checks.number("low", self.low))
        object.__setattr__(self, "span", _checks.positive("span", self.span))
        _checks.instance("side_observations", self.side_observations, bool)
        edges = None
        if self.graph is not None:
            if not self.side_observations:
                wanted = "`graph` must be None without side observations"
                raise ValueError(f"{wanted}, got {self.graph!r}.")
            edges = _checks.graph("graph", self.graph, self.arms)
            object.__setattr__(self, "graph", tuple(map(tuple, edges.tolist())))
        object.__setattr__(self, "_edges", edges)

    def empty(self, runs: int | None) -> SamplingState:
        """Return the state before the first round."""
        stats = ArmStats.empty(runs, self.arms)
        return SamplingState(np.zeros_like(stats.mean), stats)

    def stats(self, state: SamplingState) -> ArmStats:
        """Return how often each arm was observed, and the mean of that."""
        return state.stats

    def probabilities(
        self, state: SamplingState, context: Any, available: Bool | None
    ) -> Float:
        """Return the probabilities of the arms, `[..., arms]`; 0 where not available."""
        del context
        probability = self.weighting(state.score, state.stats.t, available)
        if available is not None:
            probability = np.where(available, probability, 0.0)
            probability /= probability.sum(-1, keepdims=True)
        return probability

    def learn(self, state: SamplingState, pull: Pull, side: Seen | None) -> None:
        """Learn from a round and end it."""
        high = self.low + self.span
        observed = values(self.objective, pull, side, low=self.low, high=high)
        shape = state.score.shape
        seen, value = np.zeros(shape, np.bool_), np.zeros(shape)
        for cell, worth in observed:
            seen.reshape(-1)[cell] = True
            # Rounding may leave the ends of the interval by an ulp.
            unit = np.clip((worth - self.low) / self.span, 0.0, 1.0)
            value.reshape(-1)[cell] = unit
        rows = ... if pull.where is None else pull.where
        score, seen, value = state.score[rows], seen[rows], value[rows]
        t = state.stats.t if pull.where is None else state.stats.t[rows]

        chance = self._basis(pull, score, t)
        if self.side_observations:
            chance = self._chance(pull, seen, chance)
        change = self.estimator(value, seen, np.maximum(chance, RAREST), t)
        state.score[rows] = self.weighting.add(score, change, t)
        memory = Full()
        for cell, worth in observed:
            memory.observe(state.stats, cell, worth)
        memory.advance(state.stats, pull.where)

    def merge(self, states: Sequence[SamplingState]) -> SamplingState:
        """Return the state of one that saw what all of ``states`` saw, where scores add up.

        Each estimate keeps the probabilities that its device drew with.
        """
        for part in (self.weighting, self.estimator):
            if not part.additive:
                raise unable(self, "merge", f"{part!r} looks at the order of the rounds")
        score = total(np.stack([state.score for state in states], -1))
        return SamplingState(score, Full().merge([state.stats for state in states]))

    def warm_start(self, state: SamplingState, prior: ArmStats) -> NoReturn:
        """Refuse: a mean is no sum of estimates."""
        del state, prior
        raise unable(self, "start warm", "no mean says with which chances it was observed")

    def change_arms(self, state: SamplingState, kept: Sequence[int], added: int) -> NoReturn:
        """Refuse: arms are compared by sums over the same rounds."""
        del state, kept, added
        why = "arms are compared by sums over the same rounds, and steps are tuned to them"
        raise unable(self, "change its arms", why)

    def _basis(self, pull: Pull, score: Float, t: Any) -> Float:
        """Return the probabilities of all arms in the choice that is answered."""
        if pull.distribution is None:
            return self.weighting(score, t)
        probability: Float = pull.distribution
        drawn = np.asarray(pull.probability) > 0
        if drawn.all():
            return probability
        return np.where(drawn[..., None], probability, self.weighting(score, t))

    def _chance(self, pull: Pull, seen: Bool, probability: Float) -> Float:
        """Return the probability of observing each arm, ``sum_j graph[j, i] p_j``.

        Alon, Cesa-Bianchi, Gentile & Mansour 2013: Exp3-SET's q.
        """
        graph: Bool | None = self._edges if pull.graph is None else pull.graph
        if graph is None:
            wanted = "`graph` must be told at construction or by `side['graph']`"
            raise ValueError(f"{wanted}, got None.")
        if graph.ndim == DRAWN and len(graph) and graph.strides[0] == 0:
            graph = graph[0]  # one graph for all runs, which the door spread over them
        itself = np.eye(self.arms, dtype=np.bool_)
        graph = graph | itself
        arm = np.asarray(pull.cell) % self.arms
        promised = graph[np.arange(len(graph)), arm] if graph.ndim == DRAWN else graph[arm]
        if (promised != seen).any():
            wanted = "`side['revealed']` must mark what the graph says the pulled arm reveals"
            raise ValueError(f"{wanted}, {promised & ~itself[arm]}, got {seen & ~itself[arm]}.")
        return (probability[..., None, :] @ graph)[..., 0, :]
