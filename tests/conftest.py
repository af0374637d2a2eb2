"""Hypothesis profiles: repeatable in CI, new examples everywhere else."""

import os

from hypothesis import Phase, settings

settings.register_profile("ci", derandomize=True, deadline=None)
# The same examples; that one fails is enough, and the smallest one is nobody's matter.
settings.register_profile(
    "mutation", derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate)
)
settings.register_profile("local", deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "local")
)
