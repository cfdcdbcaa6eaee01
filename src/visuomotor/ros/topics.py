"""Every topic name and QoS profile (docs/architecture.md, "Topics").

Names are relative, so that namespaces and remaps work; `camera` is a name from the
configuration: `front`, `side`, `wrist`.
"""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _qos(depth: int, reliable: bool, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


SENSOR = _qos(5, reliable=False)
"""Images and camera infos."""
STATE = _qos(100, reliable=False)
"""Robot state: deep enough that interpolation finds its brackets."""
NEWEST_STATE = _qos(1, reliable=False)
"""Robot state for who acts on it at once: a late one must not wait behind older ones."""
COMMAND = _qos(1, reliable=True)
"""Targets and enables: only the newest counts."""
RELIABLE = _qos(10, reliable=True)
"""Events, diagnostics, markers."""
LATCHED = _qos(1, reliable=True, latched=True)
"""Extrinsics and goals: late subscribers get the last one."""

JOINT_STATES = "joint_states"
CURRENT_POSE = "current_pose"
GRIPPER_JOINT_STATES = "gripper/joint_states"
EXTERNAL_WRENCH = "external_wrench"
"""On the hand, in base, from a driver that estimates it; optional. With franka_ros2:
franka_robot_state_broadcaster/external_wrench_in_base_frame."""

SYNCED = "synced/"
SYNCED_POSE = "synced/current_pose"
SYNCED_JOINT_STATES = "synced/joint_states"
"""Arm and finger joints in one message (`joint_state_msg` with a width), one common stamp."""

TELEOP_POSE = "teleop/target_pose"
TELEOP_GRIPPER = "teleop/gripper"
TELEOP_ENABLE = "teleop/enable"
RELAY_POSE = "relay/pose"
"""Of a leader arm or any other source, for the node teleop; then its dead-man and its gripper."""
RELAY_ENABLE = "relay/enable"
RELAY_GRIPPER = "relay/gripper"
POLICY_POSE = "policy/target_pose"
POLICY_GRIPPER = "policy/gripper"
POLICY_ENABLE = "policy/enable"
POLICY_GOAL = "policy/goal"
POLICY_TRAJECTORY = "policy/trajectory"
POLICY_MARKERS = "policy/markers"
COMMAND_POSE = "command/target_pose"
COMMAND_GRIPPER = "command/gripper"
COMMAND_REFERENCE = "command/reference"
COMMAND_STATUS = "command/status"
TARGET_POSE = "target_pose"
"""What CRISP's controller follows; nobody but the bridge may publish it."""
CONTROLLER_POSE = "controller_pose"
"""The end effector as CRISP's pose_broadcaster computes it (a remap of its `current_pose`)."""
KEYPOINTS = "descriptors/keypoints"
OVERLAY = "descriptors/overlay"
TRAINING_PROGRESS = "training/progress"
SIM_STATUS = "sim/status"
DIAGNOSTICS = "/diagnostics"

SIM_RESET = "sim/reset"
SIM_PUSH = "sim/push"
SIM_REFLEX = "sim/reflex"
BRIDGE_RESET = "bridge/reset"
BRIDGE_HOLD = "bridge/hold"
GRIPPER_HOMING = "gripper/homing"
RECORDER_START = "recorder/start"
RECORDER_STOP = "recorder/stop"
RECORDER_DISCARD = "recorder/discard"
RECORDER_UNDO = "recorder/undo"
RECORDER_SUCCESS = "recorder/mark_success"
RECORDER_FAILURE = "recorder/mark_failure"
POLICY_START = "policy/start"
POLICY_STOP = "policy/stop"
POLICY_GOAL_HERE = "policy/goal_here"
GENERATOR_BEGIN = "generator/begin"
GENERATOR_END = "generator/end"
WEAK_SNAP = "weak/snap"


def color(camera: str, prefix: str = "") -> str:
    """Colour images of a camera: the driver's, or with prefix `synced/` the synchronised ones."""
    return f"{prefix}{camera}/color" if prefix else f"{camera}/color/image_raw"


def depth(camera: str, prefix: str = "") -> str:
    """Depth images aligned to colour; `prefix` as in `color`."""
    return f"{prefix}{camera}/depth" if prefix else f"{camera}/aligned_depth_to_color/image_raw"


def camera_info(camera: str, prefix: str = "") -> str:
    """The camera info of colour; `prefix` as in `color`."""
    return f"{prefix}{camera}/camera_info" if prefix else f"{camera}/color/camera_info"


def extrinsics(camera: str) -> str:
    """T_base_camera of a camera, latched; the same topic for raw and synchronised streams."""
    return f"{camera}/extrinsics"


def color_compressed(camera: str) -> str:
    """What the recorder writes for synchronised colour."""
    return f"{color(camera, SYNCED)}/compressed"


def depth_compressed(camera: str) -> str:
    """What the recorder writes for synchronised depth."""
    return f"{depth(camera, SYNCED)}/compressedDepth"


def object_pose(name: str) -> str:
    """The simulation's ground truth of an object's pose in base."""
    return f"sim/objects/{name}/pose"
