"""Gymnasium environments for `banditsplit`: split computing on networks with exits."""

import gymnasium as gym

from banditsplit_envs.data.datasets import (
    LabelledImages,
    LabelledTexts,
    load_images,
    load_texts,
)
from banditsplit_envs.data.digits import DigitsSplit, deployment_stream, digits_split
from banditsplit_envs.data.distortions import DistortionSchedule, DistortionSegment, distort
from banditsplit_envs.environments.context import MarkovBandwidth
from banditsplit_envs.environments.drifting_replay import DriftingReplayVector
from banditsplit_envs.environments.joint_layer import JointLayer
from banditsplit_envs.environments.joint_replay import JointReplay, JointReplayVector
from banditsplit_envs.environments.live import Splittable
from banditsplit_envs.environments.problem_env import ProblemEnv
from banditsplit_envs.environments.split_layer import SplitLayer
from banditsplit_envs.environments.split_replay import SplitReplay, SplitReplayVector
from banditsplit_envs.environments.wrappers import NetReward
from banditsplit_envs.evaluation.comparison import Comparison, compare
from banditsplit_envs.evaluation.recommendation import Recommendation, Tested
from banditsplit_envs.evaluation.recommending import recommend
from banditsplit_envs.networks.attaching import attach_exits
from banditsplit_envs.networks.calibration import (
    CalibrationReport,
    calibrate,
    expected_calibration_error,
)
from banditsplit_envs.networks.exit_cnn import exit_cnn
from banditsplit_envs.networks.exit_network import Answers, ExitNetwork
from banditsplit_envs.networks.hidden_state import HiddenState
from banditsplit_envs.networks.inputs import Batch
from banditsplit_envs.networks.profiling import Profile, profile
from banditsplit_envs.networks.training import TrainingReport, train
from banditsplit_envs.splitting.agreement import AgreementTable
from banditsplit_envs.splitting.cost import SplitCost
from banditsplit_envs.splitting.joint_rule import (
    JointArm,
    JointRule,
    Means,
    Verdict,
    joint_arms,
)
from banditsplit_envs.splitting.measured import measured_cost
from banditsplit_envs.splitting.outcome import Outcome, Side, SplitRule
from banditsplit_envs.traces.recording import record
from banditsplit_envs.traces.trace import Trace

__all__ = [
    "AgreementTable",
    "Answers",
    "Batch",
    "CalibrationReport",
    "Comparison",
    "DigitsSplit",
    "DistortionSchedule",
    "DistortionSegment",
    "DriftingReplayVector",
    "ExitNetwork",
    "HiddenState",
    "JointArm",
    "JointLayer",
    "JointReplay",
    "JointReplayVector",
    "JointRule",
    "LabelledImages",
    "LabelledTexts",
    "MarkovBandwidth",
    "Means",
    "NetReward",
    "Outcome",
    "ProblemEnv",
    "Profile",
    "Recommendation",
    "Side",
    "SplitCost",
    "SplitLayer",
    "SplitReplay",
    "SplitReplayVector",
    "SplitRule",
    "Splittable",
    "Tested",
    "Trace",
    "TrainingReport",
    "Verdict",
    "attach_exits",
    "calibrate",
    "compare",
    "deployment_stream",
    "digits_split",
    "distort",
    "exit_cnn",
    "expected_calibration_error",
    "joint_arms",
    "load_images",
    "load_texts",
    "measured_cost",
    "profile",
    "recommend",
    "record",
    "train",
]

# Agents that stop only at an episode's end (river's evaluator) need one.
_ENDLESS = 10_000

gym.register(
    "banditsplit/SplitLayer-v0", "banditsplit_envs.environments.split_layer:SplitLayer"
)
gym.register(
    "banditsplit/JointLayer-v0", "banditsplit_envs.environments.joint_layer:JointLayer"
)
gym.register(
    "banditsplit/SplitReplay-v0",
    "banditsplit_envs.environments.split_replay:SplitReplay",
    vector_entry_point="banditsplit_envs.environments.split_replay:SplitReplayVector",
)
gym.register(
    "banditsplit/JointReplay-v0",
    "banditsplit_envs.environments.joint_replay:JointReplay",
    vector_entry_point="banditsplit_envs.environments.joint_replay:JointReplayVector",
)
gym.register(
    "banditsplit/BernoulliBandit-v0",
    "banditsplit_envs.environments.problem_env:bernoulli_bandit",
    max_episode_steps=_ENDLESS,
)
gym.register(
    "banditsplit/GaussianBandit-v0",
    "banditsplit_envs.environments.problem_env:gaussian_bandit",
    max_episode_steps=_ENDLESS,
)
