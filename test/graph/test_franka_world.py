"""The simulated world behind its libfranka server: a real libfranka client in another process."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("franky")

from test_sim_node import STARTUP_S, Listener, rate_hz, sim

from visuomotor.ros import messages, topics
from visuomotor.sim import SimConfig
from visuomotor.sim.franka import FrankaWorld

pytestmark = pytest.mark.alone

HOSTNAME = f"127.77.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"  # parallel runs: own ports

CLIENT = """
import json, sys, time
import franky
import numpy as np

hostname = sys.argv[1]
robot = franky.Robot(hostname, realtime_config=franky.RealtimeConfig.Ignore)
start = np.array(robot.state.O_T_EE.matrix)
t0, q0 = robot.state.time.to_sec(), list(robot.state.q)
tracker = franky.CartesianImpedanceTracker(
    robot, translational_stiffness=800.0, rotational_stiffness=40.0,
    translational_error_clip=np.full(3, 0.03), rotational_error_clip=np.full(3, 0.3),
)
goal = start.copy()
goal[2, 3] -= 0.05
begin = time.monotonic()
while time.monotonic() < begin + 20.0:
    part = min((time.monotonic() - begin) / 2.0, 1.0)
    target = start + part * (goal - start)
    twist = np.array([0.0, 0.0, -0.025 if part < 1 else 0.0])
    tracker.set_target(franky.Affine(target), franky.Twist(twist, np.zeros(3)))
    error = np.abs(np.array(robot.state.O_T_EE.matrix)[:3, 3] - goal[:3, 3]).max()
    if part == 1 and error < 0.006:
        break
    time.sleep(0.01)
end, t1 = np.array(robot.state.O_T_EE.matrix), robot.state.time.to_sec()
if robot.is_in_control:
    robot.move(franky.TorqueStopMotion(), asynchronous=True)
stopped = robot.join_motion(5.0)
gripper = franky.Gripper(hostname)
before = gripper.state.width
future = gripper.grasp_async(0.0, 0.05, 20.0, 0.08, 0.08)
closed = future.wait(10.0) and future.get()
print(json.dumps({
    "start": start.tolist(), "end": end.tolist(), "q": q0, "robot_s": t1 - t0,
    "stopped": stopped, "before": before, "closed": closed, "after": gripper.state.width,
}))
"""


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


def test_a_libfranka_client_moves_the_arm_and_grasps_while_cameras_go_on(listener):
    parameters = ("cameras:=[front, side]", "libfranka_server:=true", f"hostname:={HOSTNAME}")
    with sim(*parameters) as process:
        front = listener.messages[topics.color("front")]
        listener.spin_until(lambda: front, STARTUP_S, "first image")
        front.clear()
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, HOSTNAME],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            listener.spin_until(lambda: client.poll() is not None, 60.0, "end of the client")
        finally:
            client.kill()
        output, errors = client.communicate()
        assert client.returncode == 0, errors[-800:]
        seen = json.loads(output)

        start, end = np.array(seen["start"]), np.array(seen["end"])
        np.testing.assert_allclose(start[:3, :3], np.diag([1, -1, -1]), atol=0.05)
        np.testing.assert_allclose(end[:3, 3] - start[:3, 3], (0, 0, -0.05), atol=0.008)
        np.testing.assert_allclose(end[:3, :3], start[:3, :3], atol=0.05)
        assert len(seen["q"]) == 7
        assert seen["robot_s"] > 0.3  # the robot's own clock went on, on a busy machine slowly
        assert seen["stopped"]
        assert seen["before"] == pytest.approx(0.08, abs=2e-3)
        assert seen["closed"]
        assert seen["after"] < 0.01

        assert len(front) > 20
        stamps = [messages.stamp_ns_of(m) for m in front]
        assert np.diff(stamps).max() < 1e9  # also while the arm moved

        def full_rate() -> bool:  # a busy machine may not give more than one second at 20 Hz
            return any(rate_hz(front[i : i + 20]) > 17 for i in range(len(front) - 20))

        listener.spin_until(full_rate, 15.0, "a second of images at 20 Hz")
        assert not listener.messages[topics.JOINT_STATES]  # the backend publishes the robot
        assert listener.status()["task"] == "lift"

        process.terminate()  # SIGTERM is as good as SIGINT
        assert process.wait(5.0) == 0
        assert "Traceback" not in process.stdout.read()


def test_a_reset_moves_the_objects_and_not_the_arm(listener):
    with sim("cameras:=[front]", "libfranka_server:=true", f"hostname:={HOSTNAME}"):
        cubes = listener.messages[topics.object_pose("cube")]

        def cube_after(seed):
            assert listener.reset(seed).success
            listener.spin_until(
                lambda: listener.status().get("seed") == str(seed), STARTUP_S, "new status"
            )
            cubes.clear()
            listener.spin_until(lambda: cubes, 5.0, "cube")
            return messages.pose_from_msg(cubes[-1])[:3, 3]

        first, second = cube_after(21), cube_after(22)
        assert np.linalg.norm(first - second) > 1e-3
        assert second[2] == pytest.approx(0.02, abs=2e-3)
        front = listener.messages[topics.color("front")]
        listener.spin_until(lambda: front, 10.0, "image after the reset")
        assert abs(time.time_ns() - messages.stamp_ns_of(front[-1])) < 2e9


def test_a_client_that_is_killed_leaves_the_world_to_the_next_one(listener):
    parameters = ("cameras:=[front]", "libfranka_server:=true", f"hostname:={HOSTNAME}")
    with sim(*parameters) as process:
        status = listener.messages[topics.SIM_STATUS]
        listener.spin_until(lambda: status, STARTUP_S, "status")
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, HOSTNAME],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        cubes = listener.messages[topics.object_pose("cube")]
        begin = time.monotonic()
        listener.spin_until(lambda: time.monotonic() > begin + 2.0, 5.0, "time to move")
        assert client.poll() is None  # amid its motion of two seconds and its grasp
        client.kill()
        client.communicate()
        cubes.clear()
        listener.spin_until(lambda: len(cubes) > 20, 10.0, "world that goes on")
        again = subprocess.run(
            [sys.executable, "-c", CLIENT, HOSTNAME],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert again.returncode == 0, again.stderr[-800:]
        assert json.loads(again.stdout)["closed"]
        assert process.poll() is None


def test_a_taken_address_is_told_in_one_line():
    parameters = ("cameras:=[front]", "libfranka_server:=true", f"hostname:={HOSTNAME}")
    listener = Listener()
    try:
        with sim(*parameters):
            status = listener.messages[topics.SIM_STATUS]
            listener.spin_until(lambda: status, STARTUP_S, "first world")
            with sim(*parameters) as second:
                assert second.wait(STARTUP_S) == 2
                lines = second.stdout.read().strip().splitlines()
        assert len(lines) == 1
        assert f"cannot listen on {HOSTNAME} (ports 1337, 1338)" in lines[0]
    finally:
        listener.close()


def test_a_reset_never_shows_a_clock_that_is_ahead(monkeypatch):
    world = FrankaWorld(SimConfig(cameras=()), HOSTNAME)
    try:
        world.advance(0.05)
        draw, seen = world.task.draw, []
        monkeypatch.setattr(
            world.task, "draw", lambda *a: (seen.append(world.time_ns), draw(*a))[1]
        )
        world.reset(5, 10**18)
        assert seen == [10**18]  # another thread may look meanwhile
        assert world.time_ns == 10**18
    finally:
        world.close()


HAND = """
import json, sys, time
import franky

hand = franky.Gripper(sys.argv[1])
motions = []
for k in range(8):
    motions.append(hand.move_async(0.08 if k % 2 else 0.0, 0.05))
    time.sleep(0.2)
    if k % 3 == 0:
        hand.stop()
ended = [motion.wait(5.0) for motion in motions]
print(json.dumps(ended))
"""


def test_every_motion_of_the_hand_is_answered_also_when_it_is_cut_short():
    """Else each leaves a client behind that waits for ever and delays the next ones."""
    world = FrankaWorld(SimConfig(cameras=()), HOSTNAME, cycle_ms=4)
    try:
        world.reset(1)
        client = subprocess.Popen(
            [sys.executable, "-c", HAND, HOSTNAME], stdout=subprocess.PIPE, text=True
        )
        limit = time.monotonic() + 60.0
        while client.poll() is None and time.monotonic() < limit:
            world.advance(0.004)
            time.sleep(0.003)
        client.kill()
        out, _ = client.communicate()
    finally:
        world.close()
    assert json.loads(out) == [True] * 8
