"""Faults found in other libraries, and some more, planted in small policies of nobody's recipe.

The kit names a law that each of them breaks. The healthy ones they are made from break none.
"""

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from banditsplit._typing import Float, Int
from banditsplit.testing import LAWS, LawBroken, Subject, check_policy

ARMS = 3

CHANCE = "Every arm gets its chance"
SECOND_CHANCE = "An arm that began badly gets another chance"
LEARNS = "What it sees changes what it does: it beats uniform play"
ORDER = "The order of independent feedback does not matter"
LATE = "A decision keeps what it was based on until its feedback comes"
STORED = "Saving, loading and copying change nothing"
TIES = "Ties are broken evenly"
SEED = "The same seed makes the same decisions"
REFUSED = "What is wrong is refused and changes nothing"
MASKED = "A masked arm is never chosen"
ASKING = "Asking teaches nothing"
RENAMED = "Renaming the arms renames the decisions"
BATCH = "A batch is its runs side by side"
HIDDEN = "What was not revealed does not count"
REVEALED = "With every arm revealed it does not matter which was pulled"
DRAWN = "Arms are drawn with the probabilities that are told"
FINISHED = "Who has finished decides no more"


class Stranger:
    """UCB by somebody who never saw our recipes: healthy, and open to planting."""

    def __init__(self, seed: int) -> None:
        self.arms = ARMS
        self.rng = np.random.default_rng(seed)
        self.pulls = np.zeros(ARMS)
        self.total = np.zeros(ARMS)

    def scores(self) -> Float:
        """Mean plus width; an untried arm comes first."""
        pulls = np.maximum(self.pulls, 1)
        width = np.sqrt(2 * np.log(self.pulls.sum() + 1) / pulls)
        return np.where(self.pulls > 0, self.total / pulls + width, np.inf)

    def best(self, scores: Float) -> int:
        """The best arm, ties broken evenly."""
        return int(self.rng.choice(np.flatnonzero(scores == scores.max())))

    def select(self, available: Any = None) -> int:
        """The best of the available arms."""
        mask = np.ones(ARMS, bool) if available is None else np.asarray(available, bool)
        if mask.shape != (ARMS,) or not mask.any():
            raise ValueError(available)
        return self.best(np.where(mask, self.scores(), -np.inf))

    def check(self, arm: int, reward: float) -> None:
        """Refuse what is no arm, and no finite reward."""
        if arm not in range(ARMS) or not np.isfinite(reward):
            raise ValueError((arm, reward))

    def update(self, arm: int, reward: float) -> None:
        """One more pull of ``arm``."""
        self.check(arm, reward)
        self.pulls[arm] += 1
        self.total[arm] += reward


class Ticket(NamedTuple):
    """A decision with what it was based on."""

    arm: int
    probability: Float


class Exp3(Stranger):
    """Exp3 (Auer et al. 2002), gains, gamma = .2: the propensity travels with the ticket."""

    gamma = 0.2

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.latest = np.full(ARMS, 1 / ARMS)

    def probabilities(self, available: Any = None) -> Float:
        """Exponential weights of the estimated gains, mixed with uniform play."""
        weight = np.exp(self.gamma / ARMS * (self.total - self.total.max()))
        drawn: Float = (1 - self.gamma) * weight / weight.sum() + self.gamma / ARMS
        if available is not None:
            mask = np.asarray(available, bool)
            if mask.shape != (ARMS,) or not mask.any():
                raise ValueError(available)
            drawn = np.where(mask, drawn, 0.0)
        drawn /= drawn.sum()
        return drawn

    def decide(self) -> Ticket:
        """Draw an arm."""
        self.latest = self.probabilities()
        return Ticket(int(self.rng.choice(ARMS, p=self.latest)), self.latest)

    def select(self, available: Any = None) -> int:
        """Draw an arm of the available ones."""
        self.latest = self.probabilities(available)
        return int(self.rng.choice(ARMS, p=self.latest))

    def update(self, arm: int, reward: float) -> None:
        """Answer the latest choice."""
        self.check(arm, reward)
        self.learn(Ticket(arm, self.latest), reward)

    def learn(self, decision: Ticket, reward: float) -> None:
        """Add the gain over the probability that the decision was made with."""
        self.pulls[decision.arm] += 1
        self.total[decision.arm] += reward / decision.probability[decision.arm]


# Faults found in other libraries, see the header of each.


class ArgminIMED(Stranger):
    """SMPyBandits' IMED: where the divergence should stand there is the place of a minimum."""

    def scores(self) -> Float:
        pulls = np.maximum(self.pulls, 1)
        mean = self.total / pulls
        divergence = float(mean.argmin())  # meant: kl(mean, mean.max())
        return np.where(self.pulls > 0, -(pulls * divergence + np.log(pulls)), np.inf)


class SummedGreedy(Stranger):
    """SMPyBandits' epsilon-greedy: by summed reward, and the last arm is never explored."""

    def scores(self) -> Float:
        return self.total

    def best(self, scores: Float) -> int:
        if self.rng.random() < 0.1:
            return int(self.rng.integers(ARMS - 1))
        return int(scores.argmax())


class ForgetsTheFirst(Stranger):
    """coba's UCB: rewards 1 and 0 give the mean 0."""

    def update(self, arm: int, reward: float) -> None:
        self.check(arm, reward)
        self.total[arm] += reward if self.pulls[arm] else 0.0
        self.pulls[arm] += 1


class UntriedIsZero(Stranger):
    """MABWiser's UCB1: an untried arm has the value 0, and is never tried."""

    def scores(self) -> Float:
        return np.where(np.isinf(scores := super().scores()), 0.0, scores)


class LosesItsBonus(Stranger):
    """river's UCB with a distribution: ``a + b if c else d`` is ``(a + b) if c else d``."""

    known = False

    def scores(self) -> Float:
        pulls = np.maximum(self.pulls, 1)
        width = np.sqrt(2 * np.log(self.pulls.sum() + 1) / pulls)
        mean = self.total / pulls
        value: Float = mean + width if self.known else mean  # meant: mean + (width if ...)
        return np.where(self.pulls > 0, value, np.inf)


class LatestExp3(Exp3):
    """river's Exp3: divides by the latest pull's probability, whatever it answers."""

    def learn(self, decision: Ticket, reward: float) -> None:
        self.pulls[decision.arm] += 1
        self.total[decision.arm] += reward / self.latest[decision.arm]


class Thompson(Stranger):
    """Thompson sampling with a uniform prior: every decision draws."""

    def scores(self) -> Float:
        return self.rng.beta(1 + self.total, 1 + self.pulls - self.total)

    def save(self, path: Path) -> None:
        """Counts and generator, as JSON."""
        known = {"pulls": self.pulls.tolist(), "total": self.total.tolist()}
        path.write_text(json.dumps(known | {"rng": self.rng.bit_generator.state}))

    @classmethod
    def load(cls, path: Path) -> "Thompson":
        """What `save` wrote."""
        known, policy = json.loads(path.read_text()), cls(0)
        policy.pulls, policy.total = np.array(known["pulls"]), np.array(known["total"])
        policy.rng.bit_generator.state = known["rng"]
        return policy


class Rewinds(Thompson):
    """pybandits' JSON state: the generator starts again."""

    @classmethod
    def load(cls, path: Path) -> "Rewinds":
        policy = super().load(path)
        policy.rng = np.random.default_rng(0)
        return policy  # type: ignore[return-value]


class CannotBePickled(Stranger):
    """contextualbandits' LinTS holds what no pickle takes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.prior = lambda: 0.0


class CannotBeCopied(Stranger):
    """A lock has no copy."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.lock = threading.Lock()


# More faults, of strangers.


class FirstCome(Stranger):
    """Ties go to the first arm."""

    def best(self, scores: Float) -> int:
        return int(scores.argmax())


class OwnChance(Stranger):
    """Some chance that no seed rules."""

    def __init__(self, seed: int) -> None:
        del seed
        super().__init__(int(np.random.SeedSequence().generate_state(1)[0]))


class TakesAnything(Stranger):
    """nan is counted."""

    def check(self, arm: int, reward: float) -> None:
        if arm not in range(ARMS):
            raise ValueError((arm, reward))


class ChecksTooLate(Stranger):
    """It refuses, after it has counted."""

    def update(self, arm: int, reward: float) -> None:
        if arm in range(ARMS):
            self.pulls[arm] += 1
        self.check(arm, reward)
        self.total[arm] += reward


class FromTheEnd(Stranger):
    """Arm -1 is taken for the last one."""

    def check(self, arm: int, reward: float) -> None:
        if arm not in range(-ARMS, ARMS) or not np.isfinite(reward):
            raise ValueError((arm, reward))


class PenaltyForMasks(Stranger):
    """A mask lowers a score by 1: not always enough."""

    def select(self, available: Any = None) -> int:
        mask = np.ones(ARMS, bool) if available is None else np.asarray(available, bool)
        if mask.shape != (ARMS,) or not mask.any():
            raise ValueError(available)
        return self.best(self.scores() - ~mask)


class CountsQuestions(Stranger):
    """A select counts as a pull."""

    def select(self, available: Any = None) -> int:
        arm = super().select(available)
        self.pulls[arm] += 1
        return arm

    def update(self, arm: int, reward: float) -> None:
        self.check(arm, reward)
        self.total[arm] += reward


class LikesTheLast(Stranger):
    """The last arm gets a little more."""

    def scores(self) -> Float:
        return super().scores() + 0.5 * np.arange(ARMS)


class SaysOtherwise(Exp3):
    """Probabilities without the uniform share."""

    def probabilities(self, available: Any = None) -> Float:
        told = super().probabilities(available)
        squared: Float = told**2
        return squared / float(squared.sum())

    def select(self, available: Any = None) -> int:
        self.latest = super().probabilities(available)
        return int(self.rng.choice(ARMS, p=self.latest))


class Sided(Stranger):
    """It learns from side observations."""

    side_observations = True

    def update(self, arm: int, reward: float, side: Any = None) -> None:
        """Count the pulled arm and those that were revealed."""
        self.check(arm, reward)
        if side is not None:
            self.check_side(arm, side)
            revealed = side["revealed"]
            self.pulls[revealed] += 1
            self.total[revealed] += side["reward"][revealed]
        self.pulls[arm] += 1
        self.total[arm] += reward

    def check_side(self, arm: int, side: Any) -> None:
        """Refuse what is no side observation."""
        revealed, kind = side["revealed"], side["kind"]
        wrong = revealed.shape != (ARMS,) or revealed[arm] or kind == "guessed"
        if wrong or not np.isfinite(side["reward"][revealed]).all():
            raise ValueError(side)
        if (side["cost"][revealed] < 0).any():
            raise ValueError(side)


class ReadsWhatIsHidden(Sided):
    """It adds what stands where nothing was revealed."""

    def update(self, arm: int, reward: float, side: Any = None) -> None:
        super().update(arm, reward, side)
        if side is not None:
            self.total += np.where(side["revealed"], 0.0, side["reward"])


class CountsThePulledTwice(Sided):
    """The pulled arm counts once as pulled and once as seen."""

    def update(self, arm: int, reward: float, side: Any = None) -> None:
        super().update(arm, reward, side)
        if side is not None:
            self.pulls[arm] += 1
            self.total[arm] += reward


class Ends(Stranger):
    """It ends after 150 rounds."""

    @property
    def finished(self) -> bool:
        """Whether 150 pulls were counted."""
        return bool(self.pulls.sum() >= 150)

    def select(self, available: Any = None) -> int:
        if self.finished:
            raise RuntimeError("finished")
        return super().select(available)


class GoesOn(Ends):
    """It says that it has finished, and decides on."""

    def select(self, available: Any = None) -> int:
        return Stranger.select(self, available)


class Batch:
    """Many runs of UCB side by side: healthy."""

    def __init__(self, runs: int | None, seed: int) -> None:
        self.arms, self.runs = ARMS, runs
        self.rows = [Stranger(seed * 1000 + r) for r in range(runs or 1)]

    def select(self, available: Any = None) -> Any:
        """One arm, or one for each run."""
        mask = None if available is None else np.asarray(available)
        if self.runs is None:
            return self.rows[0].select(mask)
        if mask is not None and mask.shape != (self.runs, ARMS):
            raise ValueError(available)
        each = enumerate(self.rows)
        return np.array([p.select(None if mask is None else mask[r]) for r, p in each])

    def update(self, arm: Any, reward: Any) -> None:
        """One round of each run."""
        if self.runs is None:
            self.rows[0].update(arm, reward)
            return
        arms, rewards = np.asarray(arm), np.asarray(reward)
        if arms.shape != (self.runs,) or rewards.shape != (self.runs,):
            raise ValueError((arm, reward))
        for policy, a, r in zip(self.rows, arms, rewards, strict=True):
            policy.check(a, r)
        self.learn(arms, rewards)

    def learn_row(self, row: int, arm: int, reward: float) -> None:
        """One round of one run."""
        self.rows[row].update(arm, reward)

    def learn(self, arms: Int, rewards: Float) -> None:
        """One round of each run, checked."""
        for row, (arm, reward) in enumerate(zip(arms, rewards, strict=True)):
            self.learn_row(row, int(arm), float(reward))


class Leaks(Batch):
    """Every run learns what the run before it saw."""

    def learn(self, arms: Int, rewards: Float) -> None:
        super().learn(np.roll(arms, 1), np.roll(rewards, 1))


def a_stranger(policy: type[Stranger]) -> Callable[..., Any]:
    """How the kit is told to make it."""
    return lambda *, seed: policy(seed)


def a_batch(policy: type[Batch]) -> Callable[..., Any]:
    """The same, for many runs."""
    return lambda *, runs=None, seed: policy(runs, seed)


FAULTS: dict[str, tuple[Callable[..., Any], str]] = {
    # Found in other libraries.
    "IMED takes the argmin": (a_stranger(ArgminIMED), LEARNS),
    "epsilon-greedy never explores the last arm": (a_stranger(SummedGreedy), CHANCE),
    "UCB forgets the first reward": (a_stranger(ForgetsTheFirst), ORDER),
    "UCB gives an untried arm 0": (a_stranger(UntriedIsZero), CHANCE),
    "UCB loses its bonus": (a_stranger(LosesItsBonus), SECOND_CHANCE),
    "Exp3 divides by the latest probability": (a_stranger(LatestExp3), LATE),
    "a reload rewinds the generator": (a_stranger(Rewinds), STORED),
    "no pickle takes it": (a_stranger(CannotBePickled), STORED),
    # Strangers'.
    "it cannot be copied": (a_stranger(CannotBeCopied), STORED),
    "ties go to the first": (a_stranger(FirstCome), TIES),
    "chance has no seed": (a_stranger(OwnChance), SEED),
    "nan is taken": (a_stranger(TakesAnything), REFUSED),
    "it counts before it refuses": (a_stranger(ChecksTooLate), REFUSED),
    "arm -1 is the last one": (a_stranger(FromTheEnd), REFUSED),
    "a mask is a penalty": (a_stranger(PenaltyForMasks), MASKED),
    "a question counts": (a_stranger(CountsQuestions), ASKING),
    "the last arm is liked": (a_stranger(LikesTheLast), RENAMED),
    "other probabilities are told": (a_stranger(SaysOtherwise), DRAWN),
    "what is hidden is read": (a_stranger(ReadsWhatIsHidden), HIDDEN),
    "the pulled arm counts twice": (a_stranger(CountsThePulledTwice), REVEALED),
    "it goes on after its end": (a_stranger(GoesOn), FINISHED),
    "runs leak into each other": (a_batch(Leaks), BATCH),
}

HEALTHY: dict[str, Callable[..., Any]] = {
    policy.__name__: a_stranger(policy) for policy in (Stranger, Exp3, Thompson, Sided, Ends)
} | {"Batch": a_batch(Batch)}

LAW = {law.name: law for law in LAWS}


@pytest.mark.parametrize(("make", "law"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_breaks_its_law(make: Callable[..., Any], law: str) -> None:
    with pytest.raises(LawBroken) as caught:
        check_policy(make, laws=[LAW[law]])

    assert caught.value.law == law
    assert str(caught.value).startswith(f"{law}: broken.")


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY)
def test_what_the_faults_were_planted_in_obeys_every_law(make: Callable[..., Any]) -> None:
    """The control: it is the fault that is caught."""
    report = check_policy(make)

    assert len(report.passed) + len(report.outside) == len(LAWS)
    assert not report.exempt


def test_a_fault_is_found_by_holding_the_policy_to_all_laws() -> None:
    """Nobody need know beforehand which law it is."""
    with pytest.raises(LawBroken):
        check_policy(a_stranger(ForgetsTheFirst))


def test_a_law_that_a_fault_leaves_alone_still_holds() -> None:
    """The message would be no help if everything broke at once."""
    subject = Subject(a_stranger(FirstCome))

    for name in (CHANCE, ORDER, SEED, STORED, LEARNS):
        LAW[name].check(subject)


def test_a_copy_of_a_stranger_is_its_own() -> None:
    """The control of the controls: what the kit copies does not share its arrays."""
    policy = Stranger(0)
    twin = copy.deepcopy(policy)
    twin.update(0, 1.0)

    assert policy.pulls.sum() == 0
