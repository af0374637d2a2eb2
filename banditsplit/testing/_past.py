"""Laws of the past: storing it, copying it, asking about it, and the order it came in."""

import copy
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from banditsplit.testing._compare import alike
from banditsplit.testing._law import Strategies, law
from banditsplit.testing._subject import Subject
from banditsplit.testing._symmetry import natural, same_law, worlds
from banditsplit.testing._world import World, first_difference, play

AHEAD = 40  # rounds of the future that is compared


def _with_future(subject: Subject) -> Strategies:
    """Return strategies of a world with `AHEAD` rounds beyond its past."""
    doors: list[int | None] = [None, 3] if subject.batch else [None]
    past = st.integers(AHEAD, AHEAD + 30)
    world = st.builds(
        partial(World.draw, subject), st.sampled_from(doors), past, st.integers(0, 999)
    )
    return {"world": world}


@law(
    "Saving, loading and copying change nothing",
    scope="Everyone: by `save` and `load` where they are, else by pickle; and by deepcopy.",
    examples=_with_future,
    max_examples=8,
)
def stored(subject: Subject, world: World) -> None:
    """The original, what was stored, and a copy go on as if nothing had happened."""
    past = range(world.rounds - AHEAD)
    future = range(world.rounds - AHEAD, world.rounds)
    undisturbed, policy = (subject.make(runs=world.runs, seed=world.seed) for _ in range(2))
    for one in (undisturbed, policy):
        play(subject, one, world, past)
    others = {
        "what was loaded": subject.stored(policy),
        "the copy": copy.deepcopy(policy),
        "the original": policy,
    }
    expected = play(subject, undisturbed, world, future)
    for name, other in others.items():
        if difference := first_difference(expected, play(subject, other, world, future)):
            raise AssertionError(f"{name} goes on otherwise in future {difference}.")


def _renewable(subject: Subject) -> str | None:
    return None if hasattr(subject.policy, "fresh") else "it has no `fresh`"


@law(
    "A fresh policy is a new one, and leaves its template alone",
    scope="Policies with `fresh`.",
    applies=_renewable,
    examples=_with_future,
    max_examples=8,
)
def fresh(subject: Subject, world: World) -> None:
    """Simulation plays fresh copies of templates."""
    past = range(world.rounds - AHEAD)
    future = range(world.rounds - AHEAD, world.rounds)
    template, twin = (subject.make(runs=world.runs, seed=world.seed) for _ in range(2))
    for one in (template, twin):
        play(subject, one, world, past)
    many = {} if world.runs is None else {"runs": world.runs}
    made = play(subject, template.fresh(seed=77, **many), world)
    new = play(subject, subject.make(runs=world.runs, seed=77), world)
    if difference := first_difference(new, made):
        raise AssertionError(f"a new policy and a fresh one differ in {difference}.")
    after = [play(subject, one, world, future) for one in (twin, template)]
    if difference := first_difference(*after):
        raise AssertionError(f"the template goes on otherwise in {difference}.")


@law(
    "Asking teaches nothing",
    scope="Everyone.",
    examples=lambda s: worlds(s, 8, doors=(None,), fine=True),
    max_examples=4,
)
def asking(subject: Subject, world: World) -> None:
    """Selects without an update leave behind what they found.

    A crowd that asks four times a round chooses as often as one that asks once.
    """
    arms = list(range(subject.arms))
    asks_once, asks_often = (natural(subject, world, arms, seed=s, asks=s) for s in (1, 4))
    same_law(asks_once, asks_often, subject.arms)
    policy = subject.make(seed=world.seed)
    play(subject, policy, world)
    if np.any(getattr(policy, "finished", False)):
        return
    asked, context = copy.deepcopy(policy), world.situation(-1)
    for _ in range(20):
        subject.select(asked, context)
        subject.probabilities(asked, context)
    alike(subject, policy, asked, context)


def _orderless(subject: Subject) -> str | None:
    if subject.forgets:
        return f"its memory forgets, so the order counts: {subject.policy.recipe.memory!r}"
    if _needs_decisions(subject) and not subject.late:
        return "it learns by what a decision was based on, and feedback cannot name decisions"
    return None


def _needs_decisions(subject: Subject) -> bool:
    return subject.draws or subject.context_shape is not None


@law(
    "The order of independent feedback does not matter",
    scope="Policies of full memory, to rounding; not elimination, commitment or primal-dual "
    "play, where an observation changes what the next one means.",
    applies=_orderless,
    examples=lambda s: {
        **worlds(s, 8, least=2, doors=(None,), fine=True),
        "order": st.permutations(range(8)),
    },
    max_examples=25,
)
def order(subject: Subject, world: World, order: list[int]) -> None:
    """Two copies that learn the same observations in another order know the same."""
    order = [t for t in order if t < world.rounds]
    one, other = (subject.make(seed=world.seed) for _ in range(2))
    context = world.situation(-1)
    if _needs_decisions(subject):
        waiting = [subject.decide(one, world.situation(t)) for t in range(world.rounds)]
        other = copy.deepcopy(one)
        for policy, sequence in ((one, range(world.rounds)), (other, order)):
            for t in sequence:
                if not np.any(getattr(policy, "finished", False)):
                    decision, arm = waiting[t]
                    subject.learn(policy, decision, *world.answer(t, arm))
    else:
        arms = np.random.default_rng(world.seed).integers(subject.arms, size=world.rounds)
        for policy, sequence in ((one, range(world.rounds)), (other, order)):
            for t in sequence:
                if not np.any(getattr(policy, "finished", False)):
                    arm = int(arms[t])
                    subject.update(policy, arm, *world.answer(t, arm))
    alike(subject, one, other, context)


def _late(subject: Subject) -> str | None:
    return None if subject.late else "it has no `decide` and `learn`"


@law(
    "Deciding and learning is selecting and updating",
    scope="Policies with `decide` and `learn`.",
    applies=_late,
    examples=lambda s: worlds(s, 30),
    max_examples=12,
)
def decided(subject: Subject, world: World) -> None:
    """Feedback that names its decision teaches what feedback at once does."""
    straight, named = (subject.make(runs=world.runs, seed=world.seed) for _ in range(2))
    arms: list[Any] = []
    for t in range(world.rounds):
        if np.all(getattr(named, "finished", False)):
            break
        context = world.situation(t)
        decision = named.decide(**({} if context is None else {"context": context}))
        reward, cost = world.answer(t, decision.arm)
        side = world.side(t, decision.arm)
        subject.learn(named, decision, reward, cost, side=side)
        arms.append(np.asarray(decision.arm).tolist())
    if difference := first_difference(play(subject, straight, world), arms):
        raise AssertionError(difference)


@law(
    "A decision keeps what it was based on until its feedback comes",
    scope="Policies with `decide` and `learn`, exactly where statistics or probabilities "
    "can be seen, else in distribution.",
    applies=_late,
    examples=lambda s: {
        **worlds(s, 12, doors=(None,), fine=True),
        "waiting": st.integers(1, 3),
        "later": st.integers(1, 3),
    },
)
def late(subject: Subject, world: World, waiting: int, later: int) -> None:
    """What is decided while feedback is under way changes nothing of what it teaches."""
    policy = subject.make(seed=world.seed)
    pending = []
    for t in range(min(waiting, world.rounds)):
        if np.any(getattr(policy, "finished", False)):
            return
        pending.append((t, *subject.decide(policy, world.situation(t))))
    for t in range(len(pending), world.rounds):  # answered before those
        if np.any(getattr(policy, "finished", False)):
            return
        decision, arm = subject.decide(policy, world.situation(t))
        subject.learn(policy, decision, *world.answer(t, arm))
    if np.any(getattr(policy, "finished", False)):
        return
    calm, busy = policy, copy.deepcopy(policy)
    for t in reversed(range(min(later, world.rounds))):  # last in another situation than calm
        subject.decide(busy, world.situation(t))
    for one in (calm, busy):
        for t, decision, arm in pending:
            if not np.any(getattr(one, "finished", False)):
                subject.learn(one, decision, *world.answer(t, arm))
    alike(subject, calm, busy, world.situation(-1))


LAWS = (stored, fresh, asking, order, decided, late)
