"""The conformance kit itself: strategies, messages, reports, and whom a law concerns."""

import inspect
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import banditsplit
from banditsplit import (
    UCB1,
    ArmStats,
    BernoulliProblem,
    FixedArm,
    GaussianProblem,
    SplitEES,
    ThompsonSampling,
    testing,
)
from banditsplit._typing import Bool, Float
from banditsplit.feedback import KINDS
from banditsplit.indices import Index
from banditsplit.testing import (
    LAWS,
    Feedback,
    Law,
    LawBroken,
    Subject,
    arm_stats,
    bernoulli_problems,
    check_policy,
    contexts,
    feedback,
    gaussian_problems,
    histories,
    masks,
    problems,
)
from banditsplit.testing._compare import chance_of, chance_of_expected

LAW = {law.name: law for law in LAWS}
QUICK = [LAW["The same seed makes the same decisions"], LAW["Ties are broken evenly"]]


# The public face.


def test_its_public_names_are_sorted_exist_and_say_what_they_are() -> None:
    def kind(name: str) -> tuple[int, str]:
        return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)

    assert sorted(testing.__all__, key=kind) == testing.__all__
    for name in testing.__all__:
        thing = getattr(testing, name)
        assert name == "LAWS" or inspect.getdoc(thing)
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if inspect.isfunction(value) and not member.startswith("_"):
                    assert inspect.getdoc(value), f"{name}.{member}"


def test_importing_banditsplit_imports_neither_the_kit_nor_hypothesis() -> None:
    look = "print('banditsplit.testing' in sys.modules, 'hypothesis' in sys.modules)"
    code = f"import sys, banditsplit; {look}"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code

    assert result.stdout.split() == ["False", "False"]


def test_laws_have_names_of_their_own_and_say_whom_they_concern() -> None:
    assert len(LAW) == len(LAWS) > 20
    for law in LAWS:
        assert re.fullmatch(r"[A-Z].*[^.]", law.name)
        assert law.scope.endswith(".")
        assert inspect.getdoc(law.holds)


def test_the_page_lists_every_law_with_its_scope() -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "write-your-own.md"
    text = " ".join(page.read_text().split())

    for law in LAWS:
        assert law.name in text
        assert " ".join(law.scope.split()) in text


# Strategies.


@given(problem=bernoulli_problems())
def test_bernoulli_problems_can_be_played(problem: BernoulliProblem) -> None:
    reward, cost = problem.draw(np.arange(problem.arms), np.random.default_rng(0))

    assert 2 <= problem.arms <= 6
    assert set(reward) <= {0.0, 1.0}
    assert (cost >= 0).all()


@given(problem=gaussian_problems(arms=3, costs=False))
def test_gaussian_problems_have_the_arms_and_costs_that_were_asked_for(
    problem: GaussianProblem,
) -> None:
    reward, cost = problem.draw(np.arange(3), np.random.default_rng(0))

    assert np.isfinite(reward).all()
    assert cost.tolist() == [0.0, 0.0, 0.0]


def is_a(sort: type, thing: object) -> bool:
    return isinstance(thing, sort)


def test_problems_are_of_either_sort() -> None:
    for sort in (BernoulliProblem, GaussianProblem):
        assert isinstance(find(problems(), partial(is_a, sort)), sort)


@given(data=st.data(), runs=st.none() | st.integers(1, 4))
def test_masks_leave_every_run_an_arm_and_can_mask_any(
    data: st.DataObject, runs: int | None
) -> None:
    mask: Bool = data.draw(masks(arms=3, runs=runs))

    assert mask.shape == ((3,) if runs is None else (runs, 3))
    assert mask.any(-1).all()


@pytest.mark.parametrize("arm", [0, 1, 2])
def test_masks_need_not_allow_any_one_arm(arm: int) -> None:
    assert not find(masks(arms=3), lambda mask: not mask[arm])[arm]


@given(context=contexts(shape=(2, 3), runs=4))
def test_contexts_are_finite_and_of_their_shape(context: Float) -> None:
    assert context.shape == (4, 2, 3)
    assert (abs(context) <= 1).all()


@given(data=st.data(), runs=st.none() | st.integers(1, 3))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_policy_takes_every_feedback(data: st.DataObject, runs: int | None) -> None:
    """Whatever is drawn is valid; rewards stay where they were told to."""
    policy = SplitEES(3, tradeoff=0.5, runs=runs, seed=0)
    for drawn in data.draw(histories(arms=3, runs=runs, rewards=(-2.0, 3.0), max_rounds=4)):
        assert -2 <= np.min(drawn.reward) <= np.max(drawn.reward) <= 3
        assert drawn.side is None or drawn.side["kind"] in KINDS
        policy.update(**vars(drawn))


@pytest.mark.parametrize("runs", [None, 2])
def test_feedback_may_have_every_part(runs: int | None) -> None:
    """Side observations, runs without feedback, and costs of several resources."""
    drawn: Feedback = find(
        feedback(arms=3, runs=runs, resources=2),
        lambda f: (
            f.side is not None
            and f.side["revealed"].any()
            and (runs is None or (f.where is not None and not f.where.all()))
        ),
    )

    assert np.shape(drawn.cost) == ((2,) if runs is None else (2, 2))
    assert (drawn.where is None) == (runs is None)
    side = find(feedback(arms=3, runs=runs, side=False, where=False), lambda _: True)
    assert side.side is None
    assert side.where is None


@given(stats=arm_stats(variance=True, rewards=(-1.0, 3.0)))
def test_statistics_are_such_as_a_memory_reaches(stats: ArmStats) -> None:
    assert stats.variance is not None
    assert (stats.t[:, 0] == stats.pulls.sum(1) + 1).all()
    assert stats.untried == (stats.pulls == 0).sum()
    assert (stats.mean[stats.pulls == 0] == 0).all()
    tried = stats.pulls > 0
    assert ((stats.mean >= -1) & (stats.mean <= 3))[tried].all()
    assert (stats.variance >= 0).all()
    assert (stats.variance[stats.pulls <= 1] == 0).all()
    assert (stats.variance <= 4).all()  # (3 - -1)**2 / 4, Popoviciu's bound


# Messages and reports.


def test_the_message_has_the_law_and_an_example_as_small_as_it_gets() -> None:
    law = LAW["Renaming the arms renames the decisions"]
    with pytest.raises(LawBroken) as caught:
        check_policy(partial(FixedArm, 3, 1), laws=[law])

    broken, text = caught.value, str(caught.value)
    assert broken.law == law.name
    assert broken.example["world"].rounds == 1  # a single round shows it
    assert sorted(broken.example["order"]) == [0, 1, 2]
    assert text.startswith(
        f"{law.name}: broken.\n  in round 1 of 100 runs each arm got [0, 100, 0]"
    )
    assert "\n  with world = World(runs=None, seed=0, rounds=1, reward=[[" in text
    assert "\n  with order = [" in text


def test_the_same_example_is_found_every_time() -> None:
    texts = set()
    for _ in range(2):
        with pytest.raises(LawBroken) as caught:
            LAWS[1].check(Subject(partial(FixedArm, 3, 1)))
        texts.add(str(caught.value))

    assert len(texts) == 1


def test_without_derandomisation_other_examples_are_tried() -> None:
    seen: list[int] = []
    law = Law(
        "Numbers are seen",
        "Everyone.",
        lambda _, number: seen.append(number),
        examples=lambda _: {"number": st.integers(0, 10**9)},
    )
    for derandomize in (True, True, False):
        seen.append(-1)
        check_policy(partial(UCB1, 2), laws=[law], derandomize=derandomize)
    cuts = [i for i, number in enumerate(seen) if number == -1]
    first, second, third = (
        seen[a + 1 : b] for a, b in zip(cuts, [*cuts[1:], None], strict=True)
    )

    assert first == second != third


def test_an_error_of_the_policy_is_a_broken_law_that_names_it() -> None:
    class Falls:
        arms = 2

        def select(self) -> int:
            raise ZeroDivisionError("by nothing")

        def update(self, arm: int, reward: float) -> None: ...

    def make(*, seed: int) -> Falls:
        del seed
        return Falls()

    with pytest.raises(LawBroken, match="it raised ZeroDivisionError: by nothing") as caught:
        check_policy(make, laws=QUICK)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("arm", [2, -1, 0.0, "0", None, [0], True])
def test_what_is_no_arm_is_a_broken_law(arm: Any) -> None:
    class Says:
        arms = 2

        def select(self) -> Any:
            return arm

        def update(self, arm: int, reward: float) -> None: ...

    def make(*, seed: int) -> Says:
        del seed
        return Says()

    with pytest.raises(LawBroken, match="`select` must return an integer below 2"):
        check_policy(make, laws=QUICK)


def test_a_report_lists_who_passed_and_who_is_outside_and_why() -> None:
    why = {"Every arm gets its chance": "one arm is all that it pulls"}
    laws = [
        *QUICK[:1],
        LAW["Arms are drawn with the probabilities that are told"],
        LAW["Scaling the rewards, and the span with them, changes no decision"],
        LAW["Every arm gets its chance"],
    ]
    report = check_policy(partial(FixedArm, 3, 1), laws=laws, exempt=why)

    assert report.passed == ("The same seed makes the same decisions",)
    assert list(report.outside) == [laws[1].name, laws[2].name]
    assert report.outside[laws[1].name] == "it tells no probabilities"
    assert report.outside[laws[2].name].startswith("`make_policy` takes no `reward_scale`")
    assert report.exempt == why
    assert str(report) == "\n".join(
        [
            "1 laws hold.",
            *(f"outside: {name} ({reason})" for name, reason in report.outside.items()),
            "exempt: Every arm gets its chance (one arm is all that it pulls)",
        ]
    )


@pytest.mark.parametrize("name", ["Every arm gets a chance", "", "ties", 3])
def test_an_exemption_from_no_law_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match=r"^`exempt` must name laws, as .*, got "):
        check_policy(partial(UCB1, 2), exempt={name: "because"})


def test_a_misspelt_law_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="'Every arm gets its chance'"):
        check_policy(partial(UCB1, 2), exempt={"Every arm gets a chance": "because"})


@pytest.mark.parametrize(
    ("reason", "error"), [("", ValueError), (" ", ValueError), (None, TypeError)]
)
def test_an_exemption_without_a_reason_is_refused(reason: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^`exempt` must give a reason"):
        check_policy(partial(UCB1, 2), exempt={"Ties are broken evenly": reason})


@pytest.mark.parametrize("ends", [(1.0, 0.0), (0.0, 0.0), (0.0, float("inf"))])
@pytest.mark.parametrize("name", ["rewards", "costs"])
def test_what_is_no_interval_is_refused(name: str, ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=f"^`{name}` must be"):
        check_policy(partial(UCB1, 2), **{name: ends})  # type: ignore[arg-type]


def test_costs_below_0_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^`costs` must not be negative"):
        check_policy(partial(UCB1, 2), costs=(-1.0, 1.0))


def test_what_makes_no_policy_is_refused() -> None:
    def make(*, seed: int) -> object:
        del seed
        return object()

    with pytest.raises(TypeError, match=r"^`make_policy` must be callable"):
        check_policy(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`make_policy` must return a policy with `select`"):
        check_policy(make)


# What can be seen of a subject.


def test_options_are_read_from_a_typed_signature() -> None:
    subject = Subject(partial(UCB1, 3))

    assert all(map(subject.offers, ("runs", "seed", "objective", "side_observations", "span")))
    assert not subject.offers("reward_scale")
    assert subject.side_options() == {"side_observations": True}
    assert Subject(partial(SplitEES, 3, tradeoff=0.1)).side_options() == {}
    assert Subject(lambda *, seed: UCB1(3, seed=seed)).side_options() is None


def test_a_maker_without_runs_is_held_to_the_laws_of_one_run() -> None:
    report = check_policy(lambda *, seed: UCB1(3, seed=seed))

    assert "one run at a time" in report.outside["A batch is its runs side by side"]
    assert "Renaming the arms renames their scores" in report.passed


def test_rewards_of_another_interval_reach_a_policy() -> None:
    """Beta posteriors refuse what lies outside [0, 1]; a Gaussian one does not."""
    check_policy(partial(ThompsonSampling, 3, std=2.0), rewards=(-4.0, 4.0))
    with pytest.raises(LawBroken, match="it raised ValueError: `reward` must have a value"):
        check_policy(partial(ThompsonSampling, 3), rewards=(-4.0, 4.0))


class Ticket(NamedTuple):
    """A decision and its context."""

    arm: int
    context: Float


class Ridge:
    """LinUCB per arm (Li et al. 2010, Alg. 1), by somebody else: it needs a context."""

    def __init__(self, seed: int, arms: int, shape: tuple[int, ...]) -> None:
        self.arms, self.context_shape = arms, shape
        self.rng = np.random.default_rng(seed)
        features = shape[-1]
        models = 1 if len(shape) == 2 else arms  # shared where every arm has its features
        self.gram = np.tile(np.eye(features), (models, 1, 1))
        self.sum = np.zeros((models, features))
        self.latest = np.zeros(shape)

    def select(self, context: Any, available: Any = None) -> int:
        """The best upper bound."""
        return self.decide(context, available).arm

    def decide(self, context: Any, available: Any = None) -> Ticket:
        """The same, with what `learn` needs."""
        context = np.asarray(context, float)
        mask = np.ones(self.arms, bool) if available is None else np.asarray(available, bool)
        wrong = context.shape != self.context_shape or mask.shape != (self.arms,)
        if wrong or not np.isfinite(context).all() or not mask.any():
            raise ValueError((context, available))
        x = np.broadcast_to(context, (self.arms, self.context_shape[-1]))
        inverse = np.linalg.inv(self.gram)
        theta = (inverse @ self.sum[..., None])[..., 0]
        width = np.sqrt((x[:, None] @ inverse @ x[..., None])[:, 0, 0])
        scores = np.where(mask, (x * theta).sum(-1) + width, -np.inf).round(12)
        self.latest = context
        best = np.flatnonzero(scores == scores.max())
        return Ticket(int(self.rng.choice(best)), context)

    def update(self, arm: int, reward: float) -> None:
        """Answer the latest context."""
        if arm not in range(self.arms) or not np.isfinite(reward):
            raise ValueError((arm, reward))
        self.learn(Ticket(arm, self.latest), reward)

    def learn(self, decision: Ticket, reward: float) -> None:
        """Answer a decision."""
        shared = len(self.context_shape) == 2
        x = decision.context[decision.arm] if shared else decision.context
        model = 0 if shared else decision.arm
        self.gram[model] += np.outer(x, x)
        self.sum[model] += reward * x


@pytest.mark.parametrize("shape", [(2,), (3, 2)])
def test_a_contextual_policy_of_a_stranger_obeys_the_laws(shape: tuple[int, ...]) -> None:
    """One context for all arms, and features of every arm."""
    report = check_policy(lambda *, seed: Ridge(seed, 3, shape))

    assert {"Renaming the arms renames the decisions", "Ties are broken evenly"} < set(
        report.passed
    )
    assert "The order of independent feedback does not matter" in report.passed


class ForgetsItsContext(Ridge):
    """Late feedback is learned with the latest context."""

    def learn(self, decision: Ticket, reward: float) -> None:
        super().learn(decision._replace(context=self.latest), reward)


def test_a_contextual_policy_that_forgets_the_decision_is_caught() -> None:
    with pytest.raises(LawBroken, match=r"^A decision keeps what it was based on"):
        check_policy(lambda *, seed: ForgetsItsContext(seed, 3, (2,)))


class TwoBudgets:
    """Uniform play until one of two resources is spent."""

    resources = 2

    def __init__(self, seed: int, budget: float) -> None:
        self.arms, self.left = 3, np.full(2, budget)
        self.rng = np.random.default_rng(seed)

    @property
    def finished(self) -> bool:
        """Whether a resource is spent."""
        return bool((self.left <= 0).any())

    def select(self, available: Any = None) -> int:
        """Any available arm."""
        if self.finished:
            raise RuntimeError("spent")
        mask = np.ones(3, bool) if available is None else np.asarray(available, bool)
        if mask.shape != (3,) or not mask.any():
            raise ValueError(available)
        return int(self.rng.choice(np.flatnonzero(mask)))

    def update(self, arm: int, reward: float, cost: Any) -> None:
        """Pay."""
        cost = np.asarray(cost, float)
        wrong = arm not in range(3) or not np.isfinite(reward) or cost.shape != (2,)
        if wrong or not (np.isfinite(cost) & (cost >= 0)).all():
            raise ValueError((arm, reward, cost))
        self.left = self.left - cost


@pytest.mark.parametrize("budget", [3.0, 40.0])
def test_a_policy_that_ends_and_pays_with_two_resources_obeys_the_laws(budget: float) -> None:
    report = check_policy(lambda *, seed: TwoBudgets(seed, budget))

    assert "Who has finished decides no more" in report.passed
    short = "What it sees changes what it does: it beats uniform play"
    assert report.outside[short].startswith("it ends after ")


# The tests that decide by chance.


def test_two_samples_of_one_law_rarely_look_different() -> None:
    """Of 2,000 pairs of samples, 1 % look 1 %-unlikely: at most 45 of 20 +- 4.5 expected."""
    rng = np.random.default_rng(0)
    pairs = rng.multinomial(100, [0.5, 0.3, 0.19, 0.01], size=(2000, 2))
    unlikely = sum(chance_of(a, b) < 0.01 for a, b in pairs)

    assert unlikely < 45
    assert chance_of(np.array([100, 0]), np.array([0, 100])) < 1e-40
    assert chance_of(np.array([99, 1]), np.array([100, 0])) > 0.1


def test_shares_as_expected_rarely_look_unexpected() -> None:
    """The same of one sample and its law, with arms too rare to be judged alone."""
    rng = np.random.default_rng(0)
    probability = np.array([0.6, 0.397, 0.002, 0.001])
    samples = rng.multinomial(1000, probability, size=2000)
    unlikely = sum(chance_of_expected(found, probability) < 0.01 for found in samples)

    assert unlikely < 45
    assert chance_of_expected(np.array([1, 0, 999]), np.array([0.0, 0.5, 0.5])) == 0.0
    assert chance_of_expected(np.array([0, 1000]), np.array([0.0, 1.0])) == 1.0
    assert chance_of_expected(np.array([620, 380]), np.array([0.5, 0.5])) < 1e-9


def test_a_law_of_your_own_joins_the_others() -> None:
    def patient(subject: Subject) -> None:
        """It pulls arm 0 first."""
        if subject.select(subject.make(seed=0)) != 0:
            raise AssertionError("another arm came first.")

    own = Law("Arm 0 comes first", "Everyone.", patient)
    assert check_policy(partial(FixedArm, 2, 0), laws=[own]).passed == (own.name,)
    with pytest.raises(
        LawBroken, match=r"^Arm 0 comes first: broken.\n  another arm came first"
    ):
        check_policy(partial(FixedArm, 2, 1), laws=[own])
    assert replace(own, name="Another").name == "Another"


@dataclass(frozen=True, slots=True)
class Own(Index):
    """An index of a user."""

    def __call__(self, stats: ArmStats, rng: np.random.Generator) -> Float:
        """The mean."""
        del rng
        return stats.mean


def test_a_policy_with_parts_of_its_users_is_read_back_without_being_told() -> None:
    """Their classes are found in the recipe."""
    policy = banditsplit.compose(2, Own(), seed=0)

    assert (
        Subject(partial(banditsplit.compose, 2, Own())).stored(policy).recipe == policy.recipe
    )
