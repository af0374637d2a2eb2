"""What to do with the predictions of a linear model: score the arms, or draw one.

A `LinearIndex` scores, and the best score is taken; a `LinearLottery` says with which
probability each arm is drawn. Each formula holds for both forms of `LinearRecipe`: arms that
have a model each are one parameter vector whose blocks are the arms'.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Bool, Float


def dot(a: Float, b: Float) -> Any:
    """Return the inner products over the last axis."""
    return np.einsum("...f,...f->...", a, b)


class Prediction(NamedTuple):
    """What ridge regression says of the arms in one context.

    Attributes:
        t: The round being decided, from 1: an int for one run, `[runs, 1]` for many.
        arms: How many arms there are.
        rows: The features, `[..., 1, features]` if all arms share them, else
            `[..., arms, features]`.
        estimate: The regression's parameters, `[..., models, features]`.
        root: ``root.T @ root`` is the inverse of the regularised second moment of the
            features seen so far, `[..., models, features, features]`.
        log_volume: How much that moment's determinant has grown, as a logarithm,
            `[..., models]`.
        ridge: The weight of the penalty.
    """

    t: Any
    arms: int
    rows: Float
    estimate: Float
    root: Float
    log_volume: Float
    ridge: float

    @property
    def mean(self) -> Float:
        """The predicted values, `[..., arms]`, in value units."""
        mean: Float = dot(self.estimate, self.rows)
        return mean

    @property
    def whitened(self) -> Float:
        """``root`` times the features, `[..., arms, features]`."""
        # Arm by arm, so that what an arm's numbers are does not depend on where it stands:
        # a matrix product may round its last columns otherwise, and ties would not be fair.
        whitened: Float = (self.root @ self.rows[..., None])[..., 0]
        return whitened

    @property
    def width(self) -> Float:
        """``sqrt(x' A**-1 x)`` of each arm's features ``x``, `[..., arms]`.

        The standard deviation of the predicted value, in units of the noise's.
        """
        whitened = self.whitened
        width: Float = np.sqrt(dot(whitened, whitened))
        return width


class LinearIndex(ABC):
    """A frozen formula from a `Prediction` to a score for every arm: the best is taken."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, prediction: Prediction, rng: np.random.Generator) -> Float:
        """Return the score of every arm, `[..., arms]`; ties are the caller's matter."""


class LinearLottery(ABC):
    """A frozen formula from a `Prediction` to the probabilities with which arms are drawn."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, prediction: Prediction, available: Bool) -> Float:
        """Return the probabilities, `[..., arms]`: 0 where an arm is not ``available``."""


@final
@dataclass(frozen=True, slots=True)
class LinearUCB(LinearIndex):
    """The prediction plus ``alpha`` times its width.

    Li, Chu, Langford & Schapire 2010 (*A contextual-bandit approach to personalized news
    article recommendation*), Alg. 1, where ``alpha = 1 + sqrt(ln(2 / delta) / 2)``.

    Attributes:
        alpha: How sure to be, in units of the noise.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        _checks.positive("alpha", self.alpha)

    def __call__(self, prediction: Prediction, rng: np.random.Generator) -> Float:
        """Return prediction plus width, `[..., arms]`, in value units."""
        del rng
        return prediction.mean + self.alpha * prediction.width


@final
@dataclass(frozen=True, slots=True)
class LinearConfidence(LinearIndex):
    """The largest value that any parameter in the confidence ellipsoid gives.

    Abbasi-Yadkori, Pal & Szepesvari 2011 (*Improved algorithms for linear stochastic
    bandits*), Thm. 2: in all rounds at once, with probability ``1 - delta``, the parameter
    is within ``noise * sqrt(2 ln(det(A)**(1/2) det(ridge I)**(-1/2) / delta)) +
    sqrt(ridge) * norm`` of the estimate, in the norm of ``A``.

    Attributes:
        delta: Probability of failing, strictly between 0 and 1.
        noise: The paper's R: the noise is sub-Gaussian of this scale, in value units.
        norm: The paper's S: the largest Euclidean norm that the parameter may have; all arms
            together where each has its own.
    """

    delta: float = 0.05
    noise: float = 1.0
    norm: float = 1.0

    def __post_init__(self) -> None:
        _checks.open_fraction("delta", self.delta)
        _checks.positive("noise", self.noise)
        _checks.positive("norm", self.norm)

    def __call__(self, prediction: Prediction, rng: np.random.Generator) -> Float:
        """Return prediction plus width, `[..., arms]`, in value units."""
        del rng
        return prediction.mean + self.radius(prediction) * prediction.width

    def radius(self, prediction: Prediction) -> Float:
        """Return the radius of the ellipsoid, `[..., 1]`, in value units."""
        growth = prediction.log_volume.sum(-1, keepdims=True)
        noise = self.noise * np.sqrt(growth - 2 * math.log(self.delta))
        radius: Float = noise + math.sqrt(prediction.ridge) * self.norm
        return radius


@final
@dataclass(frozen=True, slots=True)
class LinearThompson(LinearIndex):
    """The prediction of parameters drawn from Normal(estimate, v**2 A**-1).

    Agrawal & Goyal 2013 (*Thompson sampling for contextual bandits with linear payoffs*),
    Alg. 1. Without ``delta``, ``v`` is ``scale``. With it, ``v = scale * sqrt(9 d ln(t /
    delta))`` as in the revised arXiv:1209.3352, where ``scale`` is the noise's R and ``d``
    counts all parameters; the bound is proved for this one, which explores far more.

    Attributes:
        scale: Width of the draws, in value units.
        delta: None, or the probability of failing, strictly between 0 and 1.
    """

    scale: float = 1.0
    delta: float | None = None

    def __post_init__(self) -> None:
        _checks.positive("scale", self.scale)
        if self.delta is not None:
            _checks.open_fraction("delta", self.delta)

    def __call__(self, prediction: Prediction, rng: np.random.Generator) -> Float:
        """Return one draw for each arm, `[..., arms]`, in value units."""
        # With z standard normal, root.T @ z has covariance A**-1, and x' root.T z is this.
        drawn = rng.standard_normal(prediction.estimate.shape)
        deviation: Float = self.width(prediction) * dot(prediction.whitened, drawn)
        return prediction.mean + deviation

    def width(self, prediction: Prediction) -> Any:
        """Return ``v``: a number, or `[runs, 1]`, in value units."""
        if self.delta is None:
            return self.scale
        models, features = prediction.estimate.shape[-2:]
        return self.scale * np.sqrt(9 * models * features * np.log(prediction.t / self.delta))


@final
@dataclass(frozen=True, slots=True)
class LinearGreedy(LinearLottery):
    """The best prediction; with probability epsilon, any arm.

    Constant, or ``min(1, epsilon / t)`` as in Auer, Cesa-Bianchi & Fischer 2002, Fig. 3.

    Attributes:
        epsilon: Probability of exploring, in [0, 1]; any number from 0 when it decays.
        decay: Whether it falls as 1 / t.
    """

    epsilon: float = 0.1
    decay: bool = False

    def __post_init__(self) -> None:
        _checks.instance("decay", self.decay, bool)
        check = _checks.nonnegative if self.decay else _checks.fraction
        check("epsilon", self.epsilon)

    def __call__(self, prediction: Prediction, available: Bool) -> Float:
        """Return the probabilities, `[..., arms]`; equally good arms share."""
        mean = np.where(available, prediction.mean, -np.inf)
        best = mean == mean.max(-1, keepdims=True)
        epsilon = self.probability(prediction.t)
        mixed: Float = (1 - epsilon) * _evenly(best) + epsilon * _evenly(available)
        return mixed

    def probability(self, t: Any) -> Any:
        """Return the probability of exploring in round ``t``, of its shape."""
        return np.minimum(1.0, self.epsilon / t) if self.decay else self.epsilon


@final
@dataclass(frozen=True, slots=True)
class InverseGap(LinearLottery):
    """Each arm but the best with probability ``1 / (arms + gamma * gap)``; the rest is its.

    Foster & Rakhlin 2020 (*Beyond UCB*), Alg. 1 (SquareCB) with ``mu = arms``: those that
    are available. Equally good best arms share, as if one were chosen among them by lot.

    Attributes:
        gamma: How fast the gap counts, per value unit. Thm. 1 has ``sqrt(arms * horizon /
            (R + ln(2 / delta)))`` for values in [0, 1], R bounding the regression's regret.
        anytime: Whether ``gamma`` grows with ``sqrt(t)``, for want of a horizon.
    """

    gamma: float
    anytime: bool = False

    def __post_init__(self) -> None:
        _checks.positive("gamma", self.gamma)
        _checks.instance("anytime", self.anytime, bool)

    def __call__(self, prediction: Prediction, available: Bool) -> Float:
        """Return the probabilities, `[..., arms]`."""
        mean = np.where(available, prediction.mean, -np.inf)
        gap = mean.max(-1, keepdims=True) - mean
        gamma = self.gamma * np.sqrt(prediction.t) if self.anytime else self.gamma
        mu = available.sum(-1, keepdims=True)
        best = gap == 0
        others = np.where(best, 0.0, 1 / (mu + gamma * gap))
        rest = 1 - others.sum(-1, keepdims=True)
        weighted: Float = others + rest * _evenly(best)
        return weighted


def _evenly(among: Bool) -> Float:
    """Return the same probability for each of the marked arms, `[..., arms]`."""
    even: Float = among / among.sum(-1, keepdims=True)
    return even
