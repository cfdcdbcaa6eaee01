"""The node `sim` as a process of its own: its topics, reset, faults, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TransformStamped
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_srvs.srv import Trigger

from visuomotor.ros import messages, topics
from visuomotor.ros.images import color_from_msg, depth_mm_from_msg
from visuomotor.sim.scene import mount_of

pytestmark = pytest.mark.alone

STARTUP_S = 40.0


class Listener:
    """Everything that arrives, by topic, and the two calls that a reset takes."""

    def __init__(self):
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.messages = defaultdict(list)
        self.topics = []
        for camera in ("front", "side"):
            self.listen(Image, topics.color(camera), topics.SENSOR)
            self.listen(Image, topics.depth(camera), topics.SENSOR)
            self.listen(CameraInfo, topics.camera_info(camera), topics.SENSOR)
            self.listen(TransformStamped, topics.extrinsics(camera), topics.LATCHED)
        self.listen(JointState, topics.JOINT_STATES, topics.STATE)
        self.listen(PoseStamped, topics.CURRENT_POSE, topics.STATE)
        self.listen(JointState, topics.GRIPPER_JOINT_STATES, topics.STATE)
        self.listen(PoseStamped, topics.object_pose("cube"), topics.STATE)
        self.listen(DiagnosticArray, topics.SIM_STATUS, topics.RELIABLE)

    def listen(self, kind, topic, qos):
        self.topics.append(topic)
        self.node.create_subscription(kind, topic, self.messages[topic].append, qos)

    def spin_until(self, condition, timeout_s, what):
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"no {what} within {timeout_s:g} s"
            self.executor.spin_once(timeout_sec=0.05)

    def call(self, kind, name, request):
        client = self.node.create_client(kind, name)
        self.spin_until(client.service_is_ready, STARTUP_S, name)
        future = client.call_async(request)
        self.spin_until(future.done, 10.0, f"answer of {name}")
        return future.result()

    def set_parameter(self, name, value):
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        return self.call(SetParameters, "sim/set_parameters", request).results[0]

    def reset(self, seed):
        assert self.set_parameter("seed", seed).successful
        return self.call(Trigger, topics.SIM_RESET, Trigger.Request())

    def status(self):
        received = self.messages[topics.SIM_STATUS]
        return messages.diagnostics_from_msg(received[-1])["sim"] if received else {}

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@contextmanager
def sim(*parameters):
    """The process, ended by SIGINT; its exit is the caller's to look at when it ended it itself."""
    words = [word for p in parameters for word in ("-p", p)]
    process = subprocess.Popen(
        [sys.executable, "-m", "visuomotor.nodes.sim", "--ros-args", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


def rate_hz(received, newest=0):
    """By the stamps of the newest messages; 0 before there are enough."""
    stamps = [messages.stamp_ns_of(m) for m in received[-newest:]]
    if len(stamps) < max(newest, 2):
        return 0.0
    return (len(stamps) - 1) / ((stamps[-1] - stamps[0]) * 1e-9)


def test_every_topic_comes_at_its_rate_and_the_node_ends_at_once(listener):
    with sim("cameras:=[front, side]", "seed:=3") as process:
        got = listener.messages
        listener.spin_until(lambda: got[topics.color("front")], STARTUP_S, "first image")
        streams = {topics.color(c): 20.0 for c in ("front", "side")}
        robot = (topics.JOINT_STATES, topics.CURRENT_POSE, topics.GRIPPER_JOINT_STATES)
        streams |= dict.fromkeys(robot, 100.0)

        def at_rate():  # two seconds of every stream, which a busy machine may not give at once
            return all(
                0.9 * hz < rate_hz(got[topic], round(2 * hz)) < 1.05 * hz
                for topic, hz in streams.items()
            )

        listener.spin_until(at_rate, 40.0, "two seconds at 20 and 100 Hz")
        listener.spin_until(lambda: all(map(got.get, listener.topics)), 10.0, "all topics")
        for camera in ("front", "side"):
            color = got[topics.color(camera)]
            assert color[-1].encoding == "rgb8"
            assert color_from_msg(color[-1]).shape == (120, 160, 3)
            assert color_from_msg(color[-1]).std() > 10
            depth = got[topics.depth(camera)][-1]
            assert depth.encoding == "16UC1"
            assert 300 < np.median(depth_mm_from_msg(depth)) < 3000
            info = got[topics.camera_info(camera)][-1]
            assert messages.camera_from_info(info).width == 160
            frame = f"{camera}_color_optical_frame"
            assert {m.header.frame_id for m in (color[-1], depth, info)} == {frame}
            mounted = got[topics.extrinsics(camera)][-1]
            assert (mounted.header.frame_id, mounted.child_frame_id) == ("fr3_link0", frame)
            T = messages.transform_from_msg(mounted)
            np.testing.assert_allclose(T, mount_of(camera).T_parent_camera, atol=1e-9)
            colors = {messages.stamp_ns_of(m) for m in color}
            depths = {messages.stamp_ns_of(m) for m in got[topics.depth(camera)]}
            assert len(colors & depths) > 0.8 * len(colors)  # one exposure, one stamp
        assert got[topics.CURRENT_POSE][-1].header.frame_id == "fr3_link0"
        assert len(messages.joints_from_msg(got[topics.JOINT_STATES][-1])[0]) == 7
        width = messages.gripper_width_from_msg(got[topics.GRIPPER_JOINT_STATES][-1])
        assert width == pytest.approx(0.08, abs=1e-3)
        assert messages.pose_from_msg(got[topics.object_pose("cube")][-1])[2, 3] < 0.03
        status = listener.status()
        assert (status["task"], status["seed"], status["success"]) == ("lift", "3", "False")

        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10.0) == 0
        assert time.monotonic() - start < 3.0
        assert "Traceback" not in process.stdout.read()


def test_reset_places_what_the_seed_says(listener):
    with sim("cameras:=[front]"):
        got = listener.messages[topics.object_pose("cube")]
        listener.spin_until(lambda: got, STARTUP_S, "cube")

        def cube_after(seed):
            answer = listener.reset(seed)
            assert answer.success
            assert answer.message == f"lift, seed {seed}"
            listener.spin_until(
                lambda: listener.status().get("seed") == str(seed), 5.0, "new status"
            )
            got.clear()
            listener.spin_until(lambda: got, 5.0, "cube after the reset")
            return messages.pose_from_msg(got[-1])[:2, 3]

        first, other, again = cube_after(7), cube_after(8), cube_after(7)
        np.testing.assert_allclose(first, again, atol=1e-4)
        assert np.linalg.norm(first - other) > 1e-3
        assert float(listener.status()["elapsed_s"]) < 5.0

        assert listener.set_parameter("seed", -1).successful
        answer = listener.call(Trigger, topics.SIM_RESET, Trigger.Request())
        assert not answer.success
        assert "got seed -1" in answer.message
        refused = listener.set_parameter("drop_fraction", 2.0)
        assert not refused.successful
        assert "expected 0 <= drop_fraction < 1" in refused.reason


def test_cameras_that_an_environment_moved_are_announced_anew(listener):
    with sim("task:=pusher", "variant:=test_environments", "cameras:=[front]", "seed:=3"):
        announced = listener.messages[topics.extrinsics("front")]

        def newest():
            return messages.transform_from_msg(announced[-1])

        listener.spin_until(lambda: announced, STARTUP_S, "extrinsics")
        first = newest()
        assert listener.reset(4).success
        listener.spin_until(lambda: not np.array_equal(newest(), first), 10.0, "other extrinsics")
        shift_m = np.linalg.norm(newest()[:3, 3] - mount_of("front").T_parent_camera[:3, 3])
        assert 0.0005 < shift_m < 0.03
        assert listener.reset(43).success  # the first environment again
        listener.spin_until(lambda: np.allclose(newest(), first, atol=1e-9), 10.0, "the first ones")


def test_a_reset_takes_the_start_and_goal_that_are_asked_for(listener):
    with sim("task:=cross", "seed:=4", "cameras:=[front]", "width:=32", "height:=24"):
        listener.spin_until(lambda: listener.status().get("pair") == "a>", STARTUP_S, "status")
        for name, value in (("start", "b"), ("goal", "c")):
            assert listener.set_parameter(name, value).successful
        assert listener.reset(7).message == "cross, seed 7, b>c"
        listener.spin_until(lambda: listener.status()["pair"] == "b>c", 10.0, "the pair")
        assert listener.status()["reached"] == ""
        assert listener.set_parameter("goal", "e").successful
        refused = listener.reset(7)
        assert not refused.success
        assert "unknown goal of cross 'e'" in refused.message


def test_it_follows_references_and_grips(listener):
    with sim("cameras:=[front]"):
        poses = listener.messages[topics.CURRENT_POSE]
        fingers = listener.messages[topics.GRIPPER_JOINT_STATES]
        listener.spin_until(lambda: poses and fingers, STARTUP_S, "pose and gripper")
        start = messages.pose_from_msg(poses[-1])
        target = start.copy()
        target[2, 3] -= 0.05
        references = listener.node.create_publisher(
            PoseStamped, topics.COMMAND_REFERENCE, topics.COMMAND
        )
        widths = listener.node.create_publisher(JointState, topics.COMMAND_GRIPPER, topics.COMMAND)
        sent = time.monotonic()

        def arrived():
            stamp_ns = listener.node.get_clock().now().nanoseconds
            goal = start if time.monotonic() - sent < 1.0 else target
            references.publish(messages.pose_msg(goal, stamp_ns))
            widths.publish(messages.gripper_command_msg(0.02, stamp_ns))
            T = messages.pose_from_msg(poses[-1])
            width = messages.gripper_width_from_msg(fingers[-1])
            return np.linalg.norm(T[:3, 3] - target[:3, 3]) < 5e-3 and abs(width - 0.02) < 3e-3

        listener.spin_until(arrived, 20.0, "arrival 5 cm lower with a 2 cm grip")


def test_a_dying_camera_and_lost_messages(listener):
    with sim("cameras:=[front, side]", "drop_fraction:=0.3"):
        got = listener.messages
        front, side = got[topics.color("front")], got[topics.color("side")]
        depth = got[topics.depth("front")]
        listener.spin_until(
            lambda: len(side) > 3 and len(front) > 60 and depth, STARTUP_S, "images of both cameras"
        )
        colors = {messages.stamp_ns_of(m) for m in front}
        depths = {messages.stamp_ns_of(m) for m in depth}
        assert 0.1 < len(colors - depths) / len(colors) < 0.6  # lost one by one, at random

        assert listener.set_parameter("dead_camera", "side").successful

        def silent_ns():
            return messages.stamp_ns_of(front[-1]) - messages.stamp_ns_of(side[-1])

        listener.spin_until(lambda: silent_ns() > 2e9, 30.0, "death of the camera side")


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("task:=lfit", "unknown task 'lfit'; did you mean 'lift'"),
        ("camera_rate:=30.0", "unknown parameter 'camera_rate'; did you mean 'camera_rate_hz'"),
        ("cameras:=[frnt]", "unknown camera 'frnt'; did you mean 'front'"),
    ],
)
def test_a_mistake_at_the_start_is_one_line(parameter, text):
    with sim(parameter) as process:
        assert process.wait(STARTUP_S) == 2
        lines = process.stdout.read().strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert text in lines[0]
