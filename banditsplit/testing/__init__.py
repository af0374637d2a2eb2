"""The conformance kit: laws that every policy obeys, yours too, and strategies to test with.

It needs Hypothesis, ``pip install 'banditsplit[testing]'``; `import banditsplit` does not
import it.
"""

from banditsplit.testing._law import Law, LawBroken
from banditsplit.testing._laws import LAWS, Report, check_policy
from banditsplit.testing._strategies import (
    Feedback,
    arm_stats,
    bernoulli_problems,
    contexts,
    feedback,
    gaussian_problems,
    histories,
    masks,
    problems,
)
from banditsplit.testing._subject import Subject

__all__ = [
    "LAWS",
    "Feedback",
    "Law",
    "LawBroken",
    "Report",
    "Subject",
    "arm_stats",
    "bernoulli_problems",
    "check_policy",
    "contexts",
    "feedback",
    "gaussian_problems",
    "histories",
    "masks",
    "problems",
]
