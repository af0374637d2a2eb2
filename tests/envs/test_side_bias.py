"""Side observations against the means they stand for, on replay."""

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from banditsplit._typing import Float
from banditsplit_envs import SplitCost, SplitReplayVector, SplitRule, Trace

STUDIES = Path(__file__).parents[2] / "examples" / "studies"
EXITS, THRESHOLD = 5, 0.7


def trace(seed: int = 0, samples: int = 1000) -> Trace:
    """A network whose later exits are surer, and whose final one knows better."""
    rng = np.random.default_rng(seed)
    hard = rng.random((samples, 1))
    noise = 0.1 * rng.normal(size=(samples, EXITS))
    confidence = np.clip(1.1 - hard * np.array([1.2, 0.9, 0.7, 0.5, 0.1]) + noise, 0, 1)
    return Trace(confidence, np.ones((samples, EXITS), np.int64))


def scores(
    side: str, *, audit_rate: float = 0.0, passes: int = 200, rounds: int = 300
) -> Float:
    """How many standard errors each arm's observed mean reward is off, `[arms - 1]`.

    Arms are pulled at random, independently of the samples; what they say of the layers before
    them is averaged, and their own rewards are left out.
    """
    env = SplitReplayVector(
        trace(),
        threshold=THRESHOLD,
        cost=SplitCost(evaluates="all"),
        side=side,
        audit_rate=audit_rate,
        num_envs=passes,
        rounds=rounds,
    )
    env.reset(seed=1)
    rng = np.random.default_rng(2)
    count, total, square = np.zeros((3, EXITS))
    for _ in range(rounds):
        _, _, _, _, info = env.step(rng.integers(EXITS, size=passes))
        seen = info["side_observations"]
        count += seen["revealed"].sum(0)
        total += seen["reward"].sum(0)  # 0 where not revealed
        square += np.square(seen["reward"]).sum(0)
    count, total, square = count[:-1], total[:-1], square[:-1]
    mean = total / count
    error = np.sqrt((square / count - mean**2) / count)
    off: Float = (mean - info["expected_reward"][:-1]) / error
    return off


def check(score: Float) -> None:
    """No arm is off by more than chance allows: where all are unbiased, it fails with 1e-6."""
    assert (np.abs(score) < stats.norm.isf(1e-6 / 2 / score.size)).all()


@pytest.mark.parametrize("audit_rate", [0.05, 0.3, 1.0])
def test_doubly_robust_side_observations_are_unbiased(audit_rate: float) -> None:
    check(scores("doubly_robust", audit_rate=audit_rate))


def test_the_published_ones_are_unbiased_as_well_but_nobody_has_seen_them() -> None:
    """They read the final confidence off the trace, which a device does not know."""
    check(scores("as_published"))


@pytest.mark.parametrize("side", ["surrogate", "observed"])
def test_the_same_check_catches_the_surrogate_and_skipping(side: str) -> None:
    with pytest.raises(AssertionError):
        check(scores(side))


def test_the_same_check_catches_corrections_on_audits_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A planted bug: audited rounds show what the cloud said, and are not weighed."""
    whole = SplitRule.reveal

    def unweighted(rule: SplitRule, *seen: Any) -> Any:
        return whole(SplitRule(rule.threshold, rule.cost), *seen)

    monkeypatch.setattr(SplitRule, "reveal", unweighted)
    with pytest.raises(AssertionError):
        check(scores("doubly_robust", audit_rate=0.05))


@pytest.mark.parametrize("study", ["side_bias", "guarantee"])
def test_a_study_runs_on_made_up_data(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [study, "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / f"{study}.py"), run_name="__main__")

    assert (tmp_path / f"{study}.json").stat().st_size > 0
