"""The study of the hand-eye family: Wang et al. 2021, tables I to III."""

from __future__ import annotations

from visuomotor.bench.study.han_figures import HAN, HAN_TITLE
from visuomotor.bench.study.han_methods import BOTH, FRONT, PAPER, cloud, hand_eye, image, states
from visuomotor.bench.study.lerobot_methods import act, diffusion
from visuomotor.bench.study.plan import Method, Study
from visuomotor.bench.study.reporting import Claim, CurvePlot, Target

ONE, TWO = "front camera, colour and depth", "front and side camera, colour and depth"
STATE = "the simulation's true state"
AWAY = ("extrapolation",)

METHODS = {
    "bc_states": Method(
        "corners of cubes at the objects' true poses, in base", states(False), STATE
    ),
    "bc_states_relative": Method("the same, seen from the hand", states(True), STATE),
    "bc_image": Method("64 points that are learned with the policy", image, "front camera, colour"),
    "act": Method(
        "ACT of LeRobot: half a second of a second's actions at a time",
        act,
        "front camera, colour",
        needs="lerobot",
    ),
    "diffusion": Method(
        "Diffusion Policy of LeRobot: 8 of 16 actions at a time",
        diffusion,
        "front camera, colour",
        needs="lerobot",
    ),
    "mlp_atn": Method(
        "the paper's, with a network that gives the action itself (no longer than demonstrated)",
        hand_eye(**PAPER, target="direct"),
        ONE,
    ),
    "no_roi": Method(
        "the paper's, with the image as its only region", hand_eye(**PAPER, attention="whole"), ONE
    ),
    "no_con": Method(
        "the paper's, offset and gain without bounds (but no step longer than demonstrated)",
        hand_eye(**PAPER, target="free"),
        ONE,
    ),
    "han": Method("hand-eye action network as the paper has it", hand_eye(**PAPER), ONE),
    "ours": Method(
        "relative inputs, a switch that knows the hand, replicated borders",
        hand_eye(cameras=FRONT),
        ONE,
    ),
    "ours_two": Method("ours, windows of two cameras compete", hand_eye(cameras=BOTH), TWO),
    "pointbc": Method("a PointNet on the cloud in the gripper's frame", cloud, TWO),
}

STUDY = Study(
    family="han",
    methods=METHODS,
    tasks=("lift", "stack", "tool_use"),
    sources={
        "expert": {"region": "interpolation", "hand_noise_m": 0.003},
        "human_like": {"region": "interpolation", "demonstrator": "human_like"},
    },
    demonstrations=(200, 50),
    claims=(
        Claim("ours", "han", regions=AWAY),
        Claim("han", "no_con", regions=AWAY),
        Claim("han", "mlp_atn", regions=AWAY),
        Claim("han", "no_roi", regions=AWAY),
        Claim("han", "bc_image", regions=AWAY),
        Claim("ours_two", "pointbc", regions=AWAY),
        Claim("ours", "pointbc", regions=AWAY),
    ),
    targets=(
        Target("ours", 0.95, ("lift",), AWAY, 50),
        Target("ours", 0.95, ("stack",), AWAY, 200),
        Target("ours", 0.75, ("tool_use",), AWAY, 200),
    ),
    paper=HAN,
    paper_title=HAN_TITLE,
    curves=(CurvePlot("lift", ("han", "ours", "mlp_atn", "no_con", "no_roi"), "distance"),),
)
