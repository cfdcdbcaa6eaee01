"""The study of the dense family: Florence, Manuelli and Tedrake 2020, tables I and II."""

from __future__ import annotations

from visuomotor.bench.study.dense_methods import cloud, end_to_end, frozen, keypoints, truth
from visuomotor.bench.study.paper_figures import DENSE, DENSE_TITLE
from visuomotor.bench.study.plan import Method, Study
from visuomotor.bench.study.reporting import Claim, CurvePlot, StartMap, Target
from visuomotor.policies.bc.config import EncoderConfig

FRONT, STATE = "front camera, colour", "the simulation's true state"
BOTH = "front and side camera, colour and depth"
OUTSIDE = ("interpolation_outside_hull", "extrapolation_outside_hull")
QUIET = {
    "noise_position_m": 0.0,
    "noise_rotation_rad": 0.0,
    "noise_width_m": 0.0,
    "noise_point_m": 0.0,
}
NARROW34 = EncoderConfig("resnet34_narrow", width=16)

METHODS = {
    "gt3d": Method("8 points on the object at its true pose, in space", truth("truth_3d"), STATE),
    "gt2d": Method("the same points in the front camera's image", truth("truth_2d"), STATE),
    "ae": Method("a spatial autoencoder's 16 points, frozen", frozen("ae"), FRONT),
    "ae_mask": Method("the same, trained on objects' pixels alone", frozen("ae_mask"), FRONT),
    "e2e": Method("16 points that are learned with the policy", end_to_end(), FRONT),
    "dd2d": Method("16 descriptors as places in the image", keypoints("2d"), FRONT),
    "dd3d": Method("16 descriptors as points in space", keypoints("3d"), BOTH),
    "pointbc": Method("a PointNet on the cloud in the gripper's frame", cloud, BOTH),
    "ae_e2e": Method("e2e, begun with the autoencoder's weights", end_to_end(begin="ae"), FRONT),
    "e2e34": Method(
        "e2e with a ResNet of 34 layers at stride 8: a quarter of e2e's cells",
        end_to_end(NARROW34),
        FRONT,
    ),
    "dd3d_front": Method(
        "dd3d with one camera", keypoints("3d", cameras=("front",)), "front camera, colour, depth"
    ),
    "dd3d_fixed": Method("dd3d, descriptors of one reference view", keypoints("3d", "fixed"), BOTH),
    "dd3d_e2e": Method("dd3d, the network learned on", keypoints("3d", "end_to_end"), BOTH),
    "dd_channels": Method(
        "e2e, begun with the descriptors' weights: a point per channel",
        end_to_end(begin="descriptors"),
        FRONT,
    ),
    "gt3d_lstm": Method("gt3d with the paper's LSTM", truth("truth_3d", memory=True), STATE),
    "dd3d_lstm": Method("dd3d with the paper's LSTM", keypoints("3d", memory=True), BOTH),
    "gt2d_no_noise": Method(
        "gt2d without noise on the robot's state", truth("truth_2d", noise=QUIET), STATE
    ),
    "dd2d_no_noise": Method(
        "dd2d without noise on the robot's state", keypoints("2d", noise=QUIET), FRONT
    ),
    "dd3d_no_noise": Method(
        "dd3d without noise on the robot's state or on points", keypoints("3d", noise=QUIET), BOTH
    ),
}

STUDY = Study(
    family="dense",
    methods=METHODS,
    tasks=("reach_t", "reach_tr", "push_box", "push_plate"),
    sources={"expert": {"region": "gaussian"}},
    demonstrations=(200, 30),
    claims=(
        Claim("dd3d", "e2e", demonstrations=(30, 200), tasks=("reach_tr",)),
        Claim("dd3d", "pointbc"),
        Claim("dd3d", "e2e"),
        Claim("dd3d", "ae"),
        Claim("dd2d", "e2e"),
        Claim("dd3d_front", "e2e"),
        Claim("dd2d", "gt2d", regions=("interpolation", "extrapolation"), margin=0.05),
    ),
    targets=(
        Target("dd3d", 0.98, ("reach_t", "reach_tr", "push_plate"), demonstrations=200),
        Target("dd3d", 0.95, ("push_box",), demonstrations=200),
        Target("dd3d", 0.80, ("reach_tr",), OUTSIDE, 30),
    ),
    paper=DENSE,
    paper_title=DENSE_TITLE,
    maps=(StartMap("reach_tr", ("gt3d", "gt2d", "dd3d", "dd2d", "e2e", "pointbc")),),
    curves=(CurvePlot("reach_tr", ("e2e", "ae_e2e", "e2e34", "dd_channels")),),
)
