"""Gymnasium environments for `banditsplit`: split computing on networks with exits."""

import gymnasium as gym

from banditsplit_envs.agreement import AgreementTable
from banditsplit_envs.attaching import attach_exits
from banditsplit_envs.calibration import (
    CalibrationReport,
    calibrate,
    expected_calibration_error,
)
from banditsplit_envs.comparison import Comparison, compare
from banditsplit_envs.context import MarkovBandwidth
from banditsplit_envs.cost import SplitCost
from banditsplit_envs.datasets import (
    LabelledImages,
    LabelledTexts,
    load_images,
    load_texts,
)
from banditsplit_envs.digits import DigitsSplit, deployment_stream, digits_split
from banditsplit_envs.distortions import DistortionSchedule, DistortionSegment, distort
from banditsplit_envs.drifting_replay import DriftingReplayVector
from banditsplit_envs.exit_cnn import exit_cnn
from banditsplit_envs.exit_network import Answers, ExitNetwork
from banditsplit_envs.hidden_state import HiddenState
from banditsplit_envs.inputs import Batch
from banditsplit_envs.joint_layer import JointLayer
from banditsplit_envs.joint_replay import JointReplay, JointReplayVector
from banditsplit_envs.joint_rule import JointArm, JointRule, Means, Verdict, joint_arms
from banditsplit_envs.live import Splittable
from banditsplit_envs.measured import measured_cost
from banditsplit_envs.outcome import Outcome, Side, SplitRule
from banditsplit_envs.problem_env import ProblemEnv
from banditsplit_envs.profiling import Profile, profile
from banditsplit_envs.recommendation import Recommendation, Tested
from banditsplit_envs.recommending import recommend
from banditsplit_envs.recording import record
from banditsplit_envs.split_layer import SplitLayer
from banditsplit_envs.split_replay import SplitReplay, SplitReplayVector
from banditsplit_envs.trace import Trace
from banditsplit_envs.training import TrainingReport, train
from banditsplit_envs.wrappers import NetReward

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

gym.register("banditsplit/SplitLayer-v0", "banditsplit_envs.split_layer:SplitLayer")
gym.register("banditsplit/JointLayer-v0", "banditsplit_envs.joint_layer:JointLayer")
gym.register(
    "banditsplit/SplitReplay-v0",
    "banditsplit_envs.split_replay:SplitReplay",
    vector_entry_point="banditsplit_envs.split_replay:SplitReplayVector",
)
gym.register(
    "banditsplit/JointReplay-v0",
    "banditsplit_envs.joint_replay:JointReplay",
    vector_entry_point="banditsplit_envs.joint_replay:JointReplayVector",
)
gym.register(
    "banditsplit/BernoulliBandit-v0",
    "banditsplit_envs.problem_env:bernoulli_bandit",
    max_episode_steps=_ENDLESS,
)
gym.register(
    "banditsplit/GaussianBandit-v0",
    "banditsplit_envs.problem_env:gaussian_bandit",
    max_episode_steps=_ENDLESS,
)
