"""The libfranka backend over the real protocol, against a simulated arm in another process."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.control.backends.libfranka import LibfrankaBackend, LibfrankaConfig
from visuomotor.control.lead import Lead
from visuomotor.control.limits import Limits
from visuomotor.control.reference import ReferenceGenerator
from visuomotor.errors import RobotError
from visuomotor.nodes.cartesian_bridge import CartesianBridgeNode
from visuomotor.ros import messages, topics

pytestmark = pytest.mark.alone

pytest.importorskip("franky", reason="pip install franky-control")
pytest.importorskip("franky_sim", reason="pip install franky-sim")

SERVER = """
import sys, time
from visuomotor.sim import SimConfig
from visuomotor.sim.franka import FrankaWorld

world = FrankaWorld(SimConfig(cameras=()), sys.argv[1])
print("ready", flush=True)
due = time.perf_counter()
while True:
    world.advance(0.001)
    due = max(due + 0.001, time.perf_counter() - 0.02)
    time.sleep(max(0.0, due - time.perf_counter()))
"""
"""It waits for a client that the machine holds up: franky-sim's own would act on old torques."""
FRICTION_M = 0.006
"""How far off joint friction may keep a resting arm against 800 N/m; 4 mm are usual."""
HOST = f"127.112.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}"


def serve(host=HOST) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, host], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"  # or "" when it died
    return process


def end(process) -> None:
    process.kill()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def arm():
    process = serve()
    yield HOST
    end(process)


@pytest.fixture
def backend(arm):
    made = LibfrankaBackend(LibfrankaConfig(robot_hostname=arm, ignore_realtime=True))
    made.start()
    wait(lambda: made.state() is not None, "a robot state")
    yield made
    made.stop()


def wait(condition, what, timeout_s=15.0) -> None:
    limit = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit, f"waited in vain for {what}"
        time.sleep(0.005)


def follow(backend, by, lead=None):
    """Leads the arm by (3,) m with a limited reference; returns the goal once the arm is there.

    It has 15 s of its own time, which passes slower than ours where the machine is held up.
    """
    start, begin = backend.state().T_base_ee, backend.state().stamp_ns
    goal = start.copy()
    goal[:3, 3] += by
    made = ReferenceGenerator(Limits(max_jump_m=1.0))
    made.anchor(start, time.monotonic_ns())
    limit, off, moving = time.monotonic() + 120.0, np.inf, True
    while moving or off > FRICTION_M:
        assert not backend.fault, backend.fault
        late = backend.state().stamp_ns > begin + 15_000_000_000 or time.monotonic() > limit
        assert not late, (
            f"still {off * 1000:.1f} mm from {goal[:3, 3]}, from {start[:3, 3]}, the reference at "
            f"{made.pose[:3, 3]}, moving: {moving}; {backend.state()}"
        )
        assert made.offer(goal, time.monotonic_ns())
        reference = made.step(time.monotonic_ns())
        pose = reference.pose if lead is None else lead.ahead(reference, time.monotonic_ns())
        backend.send(pose, reference.twist, reference.acceleration)
        time.sleep(0.01)
        moving = bool(np.any(np.abs(reference.twist) > 1e-3))
        off = np.linalg.norm(backend.state().T_base_ee[:3, 3] - goal[:3, 3])
    return goal


def test_the_arm_follows_ten_centimetres_and_stays(backend) -> None:
    goal = follow(backend, [0.0, 0.1, 0.0])
    stamp = backend.state().stamp_ns
    wait(lambda: backend.state().stamp_ns > stamp + 500_000_000, "half a second")
    np.testing.assert_allclose(backend.state().T_base_ee[:3, 3], goal[:3, 3], atol=0.007)
    assert np.abs(backend.state().dq).max() < 0.02
    follow(backend, [0.0, -0.1, 0.0])


def test_an_arm_that_is_sent_ahead_stops_where_it_should(backend) -> None:
    lead = Lead(Limits(), 0.1)
    goal = follow(backend, [0.0, 0.1, 0.0], lead=lead)
    stamp, farthest = backend.state().stamp_ns, 0.0
    while backend.state().stamp_ns < stamp + 1_000_000_000:
        farthest = max(farthest, backend.state().T_base_ee[1, 3] - goal[1, 3])
        time.sleep(0.005)
    assert farthest < FRICTION_M
    assert np.linalg.norm(backend.state().T_base_ee[:3, 3] - goal[:3, 3]) < FRICTION_M
    follow(backend, [0.0, -0.1, 0.0], lead=lead)


def test_a_sender_that_dies_in_motion_leaves_the_arm_at_rest(backend) -> None:
    start = backend.state().T_base_ee
    twist = np.array([0, 0.2, 0, 0, 0, 0])
    backend.send(start, twist)
    stamp = backend.state().stamp_ns
    wait(lambda: backend.state().stamp_ns > stamp + 1_000_000_000, "a second")
    np.testing.assert_allclose(backend.state().T_base_ee[:3, 3], start[:3, 3], atol=0.005)
    assert not backend.fault
    backend.send(np.full((4, 4), np.nan), twist)
    backend.grip(float("nan"))
    assert not backend.fault


def test_the_gripper_closes_and_opens_without_blocking() -> None:
    host = HOST.replace("127.112.", "127.114.")  # a motion cut short blocks the next connection:
    process = serve(host)  # the simulated hand, unlike a real one, never answers for it
    backend = LibfrankaBackend(LibfrankaConfig(robot_hostname=host, ignore_realtime=True))
    try:
        backend.start()
        wait(lambda: backend.state() is not None, "a robot state")
        begin = time.monotonic()
        backend.grip(0.0)
        assert time.monotonic() - begin < 0.1
        wait(lambda: backend.state().gripper_width_m < 0.004, "a closed hand")
        backend.grip(0.07)
        wait(lambda: abs(backend.state().gripper_width_m - 0.07) < 0.003, "an open hand")
        assert not backend.fault
        assert not backend.gripper_problem
    finally:
        backend.stop()
        end(process)


def test_an_external_wrench_stops_the_arm_until_recovery(arm) -> None:
    config = LibfrankaConfig(robot_hostname=arm, ignore_realtime=True, stop_time_s=1e-9)
    backend = LibfrankaBackend(config)
    backend.start()
    try:
        wait(lambda: backend.state() is not None, "a robot state")
        push = np.array([0, 0, 26.0, 0, 0, 0])  # the simulation estimates no external force

        def pushed() -> str:
            for _ in range(3):  # at once: between them its own thread sees that nobody pushes
                backend._check_wrench(push)
            return backend.fault

        wait(pushed, "the stop")
        assert "26 N" in backend.fault
        start = backend.state().T_base_ee
        away = start.copy()
        away[1, 3] += 0.02
        backend.send(away, np.zeros(6))
        stamp = backend.state().stamp_ns
        wait(lambda: backend.state().stamp_ns > stamp + 300_000_000, "0.3 s")
        np.testing.assert_allclose(backend.state().T_base_ee[:3, 3], start[:3, 3], atol=0.005)
        backend.recover()
        assert not backend.fault
        follow(backend, [0.0, 0.02, 0.0])
        follow(backend, [0.0, -0.02, 0.0])
    finally:
        backend.stop()


def test_stop_is_bounded_and_may_be_repeated_and_started_again(arm) -> None:
    backend = LibfrankaBackend(LibfrankaConfig(robot_hostname=arm, ignore_realtime=True))
    backend.stop()
    for _ in range(2):
        backend.start()
        with pytest.raises(RobotError, match="already started"):
            backend.start()
        wait(lambda: backend.state() is not None, "a robot state")
        begin = time.monotonic()
        backend.stop()
        backend.stop()
        assert time.monotonic() - begin < 5.0
    with pytest.raises(RobotError, match="not started"):
        backend.recover()


def test_an_arm_that_is_switched_off_faults_and_can_be_left() -> None:
    host = HOST.replace("127.112.", "127.113.")
    process = serve(host)
    backend = LibfrankaBackend(LibfrankaConfig(robot_hostname=host, ignore_realtime=True))
    try:
        backend.start()
        wait(lambda: backend.state() is not None, "a robot state")
        end(process)
        wait(lambda: backend.fault, "the fault")
        assert "bridge/reset" in backend.fault
        backend.send(backend.state().T_base_ee, np.zeros(6))
        begin = time.monotonic()
        with pytest.raises(RobotError, match="cannot recover"):
            backend.recover()
        assert backend.fault
        backend.stop()
        assert time.monotonic() - begin < 15.0
    finally:
        process.kill()
        backend.stop()


def test_nobody_at_the_address_is_one_clear_error() -> None:
    backend = LibfrankaBackend(LibfrankaConfig(robot_hostname="127.112.255.9"))
    with pytest.raises(RobotError, match=r"127\.112\.255\.9.*FCI"):
        backend.start()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"robot_hostname": " "}, "robot_hostname"),
        ({"translational_error_clip_m": 0.0}, "translational_error_clip_m"),
        ({"stop_force_n": float("nan")}, "stop_force_n"),
        ({"grasp_below_m": 0.2}, "grasp_below_m"),
    ],
)
def test_settings_that_cannot_protect_are_refused(values, text) -> None:
    with pytest.raises(ValueError, match=text):
        LibfrankaConfig(**values)


def test_the_node_drives_the_arm_and_publishes_its_state(arm) -> None:
    """Teleop targets that lead the published pose move the arm; released, it holds."""
    values = {
        "backend": "libfranka",
        "robot_hostname": arm,
        "ignore_realtime": True,
        "max_tracking_error_m": 0.2,  # a starved simulation lags behind its references
    }
    rclpy.init(args=["--ros-args", *(a for k, v in values.items() for a in ("-p", f"{k}:={v}"))])
    bridge = CartesianBridgeNode()
    node = rclpy.create_node("operator", use_global_arguments=False)
    executor = SingleThreadedExecutor()
    poses, joints, fingers, states = [], [], [], []

    def on_pose(msg) -> None:
        poses.append(messages.pose_from_msg(msg))

    def on_status(msg) -> None:
        states.append(messages.diagnostics_from_msg(msg)["bridge"]["state"])

    node.create_subscription(PoseStamped, topics.CURRENT_POSE, on_pose, topics.STATE)
    node.create_subscription(JointState, topics.JOINT_STATES, joints.append, topics.STATE)
    node.create_subscription(JointState, topics.GRIPPER_JOINT_STATES, fingers.append, topics.STATE)
    node.create_subscription(DiagnosticArray, topics.COMMAND_STATUS, on_status, topics.RELIABLE)
    enable = node.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
    target = node.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
    held = True

    def operate() -> None:
        if held and poses:
            enable.publish(Bool(data=True))
            ahead = poses[-1].copy()
            ahead[1, 3] += 0.02
            target.publish(messages.pose_msg(ahead, node.get_clock().now().nanoseconds))

    node.create_timer(0.05, operate)
    for each in (bridge, node):
        executor.add_node(each)

    def spin(condition, what) -> None:
        limit = time.monotonic() + 15.0
        while not condition():
            assert time.monotonic() < limit, f"waited in vain for {what}; {states[-1:]}"
            executor.spin_once(timeout_sec=0.02)

    try:
        spin(lambda: poses and joints and fingers, "the robot's state")
        start = poses[0][1, 3]
        spin(lambda: poses[-1][1, 3] > start + 0.04, "motion")
        held = False
        spin(lambda: states[-1:] == ["hold"], "hold")
        begin = time.monotonic()
        bridge.close()
        assert time.monotonic() - begin < 5.0
    finally:
        executor.shutdown()
        bridge.destroy_node()
        node.destroy_node()
        rclpy.try_shutdown()
