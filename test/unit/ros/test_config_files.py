"""Every file of config/ against the list of what its reader takes."""

import dataclasses
import importlib
import math
import re
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from visuomotor.config import from_mapping
from visuomotor.ros import topics
from visuomotor.ros.launch import share_folder
from visuomotor.ros.launch.location import prefix_paths
from visuomotor.sync import load_calibration

SHARE = share_folder()
CONFIG = SHARE / "config"
LAUNCH = sorted((SHARE / "launch").glob("*.launch.xml"))
NODE_FILES = {
    "cartesian_bridge": ("cartesian_bridge", "cartesian_bridge_crisp", "cartesian_bridge_gazebo",
                         "sim_mujoco", "sim_libfranka"),
    "sim": ("sim_mujoco", "sim_libfranka"),
    "recorder": ("recorder",),
    "rgbd_sync": ("rgbd_sync",),
}  # fmt: skip

# Of crisp_controllers v2.3.1 (2026-05-29), src/cartesian_controller.yaml and pose_broadcaster.yaml.
AXES = ("pos_x", "pos_y", "pos_z", "rot_x", "rot_y", "rot_z")
CRISP_CARTESIAN = {
    "joints", "end_effector_frame", "base_frame", "use_operational_space",
    "operational_space_regularization", "use_friction", "use_coriolis_compensation",
    "use_gravity_compensation", "use_local_jacobian", "limit_error", "limit_torques",
    "max_delta_tau", "stop_commands", "enable_introspection",
    *(f"task.{kind}_{axis}" for kind in "kd" for axis in AXES),
    *(f"task.error_clip.{axis}" for axis in ("x", "y", "z", "rx", "ry", "rz")),
    *(f"nullspace.{n}" for n in ("stiffness", "damping", "regularization", "projector_type",
                                 "max_tau")),
    *(f"nullspace.weights.fr3_joint{i}.value" for i in range(1, 8)),
    "noise.add_random_noise", "noise.amplitude",
    *(f"log.{n}" for n in ("enabled", "robot_state", "control_values", "limits",
                           "controller_parameters", "computed_torques", "dynamic_params",
                           "timing")),
    *(f"filter.{n}" for n in ("target_pose", "q", "dq", "q_ref", "output_torque")),
    *(f"joint_limit_repulsion.{n}" for n in ("enabled", "safe_range", "max_torque")),
    *(f"friction.fp{i}" for i in (1, 2, 3)),
    *(f"variable_max_stiffness.{n}" for n in ("translational", "rotational", "cross")),
    "variable_stiffness.enabled", "variable_stiffness.topic",
}  # fmt: skip
CRISP_POSE = {
    "joints", "end_effector_frame", "base_frame", "topics.current_pose", "publish_frequency",
}  # fmt: skip
# Of franka_ros2 v2.5.0 and v3.4.0, franka_robot_state_broadcaster_parameters.yaml.
FRANKA_STATE = {"robot_type", "arm_prefix", "convenience_publish_rate"}
CONTROLLERS = {
    "joint_state_broadcaster": set[str](),
    "franka_robot_state_broadcaster": FRANKA_STATE,
    "pose_broadcaster": CRISP_POSE,
    "cartesian_impedance_controller": CRISP_CARTESIAN,
}
MANAGER = {"update_rate", "thread_priority"}

# Of realsense2_camera 4.58.2: its rs_launch.py, and `<stream>_qos` of its README.
REALSENSE = {
    "serial_no", "enable_color", "enable_depth", "enable_infra1", "enable_infra2", "enable_sync",
    "align_depth.enable", "rgb_camera.color_profile", "rgb_camera.color_format",
    "rgb_camera.enable_auto_exposure", "depth_module.depth_profile", "depth_module.depth_format",
    "depth_module.inter_cam_sync_mode", "color_qos", "depth_qos", "publish_tf",
}  # fmt: skip


def read(name: str):
    return yaml.safe_load((CONFIG / f"{name}.yaml").read_text())


def flat(values: dict, prefix: str = "") -> dict:
    """Nested parameters as ROS names them."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


@pytest.mark.parametrize(
    ("node", "name"), [(node, name) for node, names in NODE_FILES.items() for name in names]
)
def test_a_nodes_file_is_a_valid_config(node: str, name: str) -> None:
    config = importlib.import_module(f"visuomotor.nodes.{node}").Config
    for pattern, keys in read(name).items():
        if pattern.rpartition("/")[2] not in ("**", node):
            continue
        values = {
            k: tuple(v) if isinstance(v, list) else v
            for k, v in flat(keys["ros__parameters"]).items()
        }
        assert dataclasses.is_dataclass(from_mapping(config, values, name))


@pytest.mark.parametrize("name", ["cartesian_bridge", "cartesian_bridge_crisp"])
def test_a_real_arms_fingertips_stay_above_the_table(name: str) -> None:
    """They reach 8.9 mm beyond fr3_hand_tcp; the limits are those of the latter."""
    config = importlib.import_module("visuomotor.nodes.cartesian_bridge").Config
    bridge = from_mapping(config, read(name)["/**"]["ros__parameters"], name)
    assert bridge.lower[2] - 0.0089 >= bridge.table_z_m + 0.005


def test_every_file_has_somebody_who_reads_it() -> None:
    """A YAML file is a node's, a training's, a device's or a package's that this file knows."""
    foreign = {"crisp_controllers", "realsense", "ros_gz_bridge", "gazebo_calibration"}
    ours = {name for names in NODE_FILES.values() for name in names}
    rest = {p.stem for p in CONFIG.glob("*.yaml")} - foreign - ours
    assert all(re.match("policy_|descriptors_|teleop_|train_", name) for name in rest), rest


def test_crisps_file_names_only_documented_parameters() -> None:
    controllers = read("crisp_controllers")["/**"]
    manager = controllers.pop("controller_manager")["ros__parameters"]
    types = {n: v["type"] for n, v in manager.items() if isinstance(v, dict)}
    assert set(manager) - set(types) <= MANAGER
    assert set(types) == set(CONTROLLERS)
    assert types["cartesian_impedance_controller"] == "crisp_controllers/CartesianController"
    for name, values in controllers.items():
        unknown = set(flat(values["ros__parameters"])) - CONTROLLERS[name]
        assert not unknown, f"{name}: {unknown}"


def test_crisp_is_gentle_and_agrees_with_the_bridge() -> None:
    """A clipped error times its stiffness stays below the wrench that stops the arm."""
    controllers = read("crisp_controllers")["/**"]
    values = flat(controllers["cartesian_impedance_controller"]["ros__parameters"])
    config = importlib.import_module("visuomotor.nodes.cartesian_bridge").Config
    bridge = from_mapping(config, read("cartesian_bridge_crisp")["/**"]["ros__parameters"])
    force = [values[f"task.error_clip.{a}"] * values[f"task.k_pos_{a}"] for a in "xyz"]
    torque = [values[f"task.error_clip.r{a}"] * values[f"task.k_rot_{a}"] for a in "xyz"]
    assert math.hypot(*force) < 1.5 * bridge.stop_force_n
    assert max(force) < bridge.stop_force_n
    assert max(torque) < bridge.stop_torque_nm
    assert max(values[f"task.error_clip.{a}"] for a in "xyz") < bridge.max_tracking_error_m
    assert all(values[n] for n in ("use_local_jacobian", "limit_error", "limit_torques"))
    assert not values["use_gravity_compensation"]
    manager = controllers["controller_manager"]["ros__parameters"]
    assert {*bridge.broadcasters, bridge.controller} <= set(manager)
    frames = {v["ros__parameters"].get("end_effector_frame") for v in controllers.values()}
    assert frames <= {None, "fr3_hand_tcp"}
    gazebo = from_mapping(
        config, {k: tuple(v) if isinstance(v, list) else v
                 for k, v in read("cartesian_bridge_gazebo")["/**"]["ros__parameters"].items()}
    )  # fmt: skip
    assert {*gazebo.broadcasters, gazebo.controller} <= set(manager)


def test_the_cameras_file_and_launch_name_only_documented_parameters() -> None:
    given = set(flat(read("realsense")["/**"]["ros__parameters"]))
    launch = ElementTree.parse(SHARE / "launch" / "cameras_realsense.launch.xml")
    for node in launch.iter("node"):
        given |= {p.attrib["name"] for p in node.iter("param") if "name" in p.attrib}
    assert given <= REALSENSE, given - REALSENSE


def test_gazebos_bridge_feeds_the_synchronisers_topics() -> None:
    rows = read("ros_gz_bridge")
    assert {frozenset(r) for r in rows} == {
        frozenset({"ros_topic_name", "gz_topic_name", "ros_type_name", "gz_type_name", "direction"})
    }
    bridged = {r["ros_topic_name"] for r in rows}
    world = ElementTree.parse(SHARE / "models" / "gazebo" / "cell.sdf")
    sensors = [s.findtext("topic") for s in world.iter("sensor")]
    cameras = read("gazebo_calibration")
    assert set(sensors) == set(cameras)
    for camera in cameras:
        for topic in (topics.color, topics.depth, topics.camera_info):
            assert f"/{topic(camera)}" in bridged
    sources = {r["gz_topic_name"].split("/")[1] for r in rows} - {"clock"}
    assert sources == set(sensors)


def test_gazebos_calibration_is_where_its_cameras_stand() -> None:
    calibration = load_calibration(CONFIG / "gazebo_calibration.yaml", ("front", "side"))
    world = ElementTree.parse(SHARE / "models" / "gazebo" / "cell.sdf")
    for model in world.iter("model"):
        name = model.attrib["name"]
        if name not in calibration:
            continue
        x, y, z, roll, pitch, yaw = map(float, (model.findtext("pose") or "").split())
        assert roll == 0.0
        forward = [
            math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), -math.sin(pitch),
        ]  # fmt: skip
        T = calibration[name].T_parent_camera
        np.testing.assert_allclose(T[:3, 3], [x, y, z], atol=1e-6)
        np.testing.assert_allclose(T[:3, 2], forward, atol=1e-5)
        np.testing.assert_allclose(T[2, 0], 0.0, atol=1e-6)  # level: its right has no height


@pytest.mark.skipif(find_spec("launch_xml") is None, reason="`ros2 launch` is not on PyPI")
@pytest.mark.parametrize("file", LAUNCH, ids=lambda p: p.name.split(".")[0])
def test_ros2_launch_reads_our_files(file: Path) -> None:
    """With ROS's own parser, where this machine has it and all packages that the file names."""
    packages = set(re.findall(r"find-pkg-share ([\w]+)", file.read_text())) - {"visuomotor"}
    installed = [p / "share" for p in prefix_paths()]
    for package in packages:
        if not any((share / package).exists() for share in installed):
            pytest.skip(f"{package} is not installed")
    from launch.launch_description_sources import AnyLaunchDescriptionSource

    from launch import LaunchContext

    source = AnyLaunchDescriptionSource(str(file))
    assert source.get_launch_description(LaunchContext()).entities


def test_the_overlay_pins_a_version_of_everything() -> None:
    for name in ("visuomotor.repos", "visuomotor.humble.repos"):
        repositories = yaml.safe_load((SHARE / name).read_text())["repositories"]
        assert {"franka_ros2", "crisp_controllers", "libfranka", "franka_description"} <= set(
            repositories
        )
        for entry in repositories.values():
            assert entry["type"] == "git"
            assert entry["url"].startswith("https://github.com/")
            assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?|[0-9a-f]{40}", str(entry["version"])), entry
