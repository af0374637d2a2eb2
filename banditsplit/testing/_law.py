"""A law: a sentence, whom it concerns, and how it is checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from banditsplit.testing._subject import Subject

Example: TypeAlias = dict[str, Any]
Strategies: TypeAlias = Mapping[str, st.SearchStrategy[Any]]


@final
class LawBroken(AssertionError):  # noqa: N818 - what happened, not what went wrong
    """A policy breaks a law.

    Attributes:
        law: The law's name.
        example: A minimal example, name to value; empty where the law needs none.
    """

    def __init__(self, law: str, reason: str, example: Example) -> None:
        self.law, self.example = law, example
        lines = [f"{law}: broken.", f"  {reason}"]
        lines += [f"  with {name} = {value!r}" for name, value in example.items()]
        super().__init__("\n".join(lines))


def _everyone(subject: Subject) -> None:
    del subject


def _nothing(subject: Subject) -> Strategies:
    del subject
    return {}


@final
@dataclass(frozen=True, slots=True)
class Law:
    """What a policy must obey.

    Attributes:
        name: A sentence.
        scope: Whom it concerns, and why nobody else.
        holds: Raises AssertionError if a subject breaks it with an example.
        applies: None if it concerns a subject; else the reason why it does not.
        examples: The strategies of an example's parts.
        max_examples: How many examples are tried.
    """

    name: str
    scope: str
    holds: Callable[..., None] = field(repr=False)
    applies: Callable[[Subject], str | None] = field(default=_everyone, repr=False)
    examples: Callable[[Subject], Strategies] = field(default=_nothing, repr=False)
    max_examples: int = 10

    def outside(self, subject: Subject) -> str | None:
        """Return why the law does not concern ``subject``, or None if it does.

        Raises:
            LawBroken: The policy failed while it was asked.
        """
        try:
            return self.applies(subject)
        except Exception as error:
            reason = f"it raised {type(error).__name__}: {error}"
            raise LawBroken(self.name, reason, {}) from error

    def check(self, subject: Subject, *, derandomize: bool = True) -> None:
        """Raise `LawBroken`, with a minimal example, if ``subject`` breaks the law.

        With ``derandomize`` every check tries the same examples.
        """
        strategies = self.examples(subject)
        tried: list[Example] = [{}]  # Hypothesis ends with the smallest that fails
        broken: list[str] = [""]

        def probe(example: Example) -> None:
            tried[0] = example
            try:
                self.holds(subject, **example)
            except AssertionError as error:
                broken[0] = str(error)
                raise
            except Exception as error:
                broken[0] = f"it raised {type(error).__name__}: {error}"
                raise

        try:
            if not strategies:
                probe({})
                return
            quiet = settings(
                derandomize=derandomize,
                max_examples=self.max_examples,
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
                verbosity=Verbosity.quiet,
                print_blob=False,
            )
            quiet(given(st.fixed_dictionaries(dict(strategies)))(probe))()
        except HypothesisException as error:
            if not broken[0]:
                raise
            reason = f"{broken[0]} (and not each time: the policy does not obey its seed)"
            raise LawBroken(self.name, reason, tried[0]) from error
        except Exception as error:
            raise LawBroken(self.name, broken[0], tried[0]) from error


def law(
    name: str,
    *,
    scope: str,
    applies: Callable[[Subject], str | None] = _everyone,
    examples: Callable[[Subject], Strategies] = _nothing,
    max_examples: int = 10,
) -> Callable[[Callable[..., None]], Law]:
    """Make a `Law` of the function that checks it."""

    def made(holds: Callable[..., None]) -> Law:
        return Law(name, scope, holds, applies, examples, max_examples)

    return made
