"""All laws, and holding a policy to them."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from banditsplit.testing import _answers, _learning, _past, _symmetry
from banditsplit.testing._law import Law
from banditsplit.testing._subject import Load, MakePolicy, Subject

LAWS: tuple[Law, ...] = (*_symmetry.LAWS, *_past.LAWS, *_answers.LAWS, *_learning.LAWS)


@final
@dataclass(frozen=True, slots=True)
class Report:
    """What a policy was held to.

    Attributes:
        passed: Names of the laws that it obeys.
        outside: Laws that do not concern it, name to reason: what could be seen.
        exempt: Laws that its author declared it outside of, name to reason.
    """

    passed: tuple[str, ...]
    outside: dict[str, str]
    exempt: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{len(self.passed)} laws hold."]
        for title, laws in (("outside", self.outside), ("exempt", self.exempt)):
            lines += [f"{title}: {name} ({reason})" for name, reason in laws.items()]
        return "\n".join(lines)


def check_policy(
    make_policy: MakePolicy,
    *,
    exempt: Mapping[str, str] | None = None,
    rewards: tuple[float, float] = (0.0, 1.0),
    costs: tuple[float, float] = (0.125, 1.0),
    load: Load | None = None,
    laws: Sequence[Law] = LAWS,
    derandomize: bool = True,
) -> Report:
    """Hold a policy to all laws, anyone's policy.

    Args:
        make_policy: ``make_policy(seed=0)`` returns a fresh policy with ``arms``, ``select``
            and ``update``; ``make_policy(runs=3, seed=0)`` one of three runs, if it takes
            ``runs``. What else it takes, and what else the policy has, opens more laws to
            it; see `Subject`.
        exempt: Laws that the policy is outside of, name to reason, where that cannot be seen.
        rewards: The lowest and the highest reward that it takes.
        costs: The lowest and the highest cost; above 0, so that ratios exist.
        load: Reads what its ``save`` wrote, given the path.
        laws: Those that count.
        derandomize: Whether every check tries the same examples.

    Raises:
        LawBroken: The policy breaks a law. The message names the law, and an example that is
            as small as it gets.
        TypeError: `make_policy` cannot be called or makes no policy, or `exempt` gives
            something else than sentences for reasons.
        ValueError: `exempt` names no law or gives no reason, or `rewards` or `costs` is
            no interval.
    """
    declared = dict(exempt or {})
    _check_exempt(declared, laws)
    subject = Subject(make_policy, rewards=rewards, costs=costs, load=load)
    passed, outside = [], {}
    for law in laws:
        if law.name in declared:
            continue
        reason = law.outside(subject)
        if reason is None:
            law.check(subject, derandomize=derandomize)
            passed.append(law.name)
        else:
            outside[law.name] = reason
    return Report(tuple(passed), outside, declared)


def _check_exempt(exempt: dict[str, str], laws: Sequence[Law]) -> None:
    names = [law.name for law in laws]
    for name, reason in exempt.items():
        if name not in names:
            near = difflib.get_close_matches(str(name), names, 1) or names
            raise ValueError(f"`exempt` must name laws, as {near}, got {name!r}.")
        if not isinstance(reason, str):
            raise TypeError(f"`exempt` must give a reason for {name!r}, got {reason!r}.")
        if not reason.strip():
            raise ValueError(f"`exempt` must give a reason for {name!r}, got {reason!r}.")
