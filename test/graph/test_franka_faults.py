"""Reflex, silence, death and push over libfranka's protocol, and the operator's way back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from test_libfranka_backend import follow, wait

from visuomotor.control.backends.libfranka import LibfrankaBackend, LibfrankaConfig
from visuomotor.control.limits import Limits
from visuomotor.errors import ConfigError, RobotError
from visuomotor.sim import SimConfig
from visuomotor.sim.realtime import RealtimeWorld

pytest.importorskip("franky", reason="pip install franky-control")
pytest.importorskip("franky_sim", reason="pip install franky-sim")

from visuomotor.sim.franka import FrankaWorld

pytestmark = pytest.mark.alone

LOST_MS = 20  # as a control box allows


class Arm:
    """The simulated arm and its backend, in one process and two threads."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.config = LibfrankaConfig(robot_hostname=host, ignore_realtime=True)
        self.switch_on()
        self.backend = LibfrankaBackend(self.config)
        self.backend.start()
        wait(lambda: self.backend.state() is not None, "a robot state")

    def switch_on(self) -> None:
        self.franka = FrankaWorld(SimConfig(task="lift"), self.host, LOST_MS)
        sys.setswitchinterval(5e-4)
        self.world = RealtimeWorld(self.franka, time.monotonic_ns)
        self.world.start(1)

    def switch_off(self) -> None:
        self.world.close()
        self.franka.close()

    @property
    def server(self):
        return self.franka.arm_server

    def pose(self):
        return self.backend.state().T_base_ee

    def rests_for(self, seconds, within=0.006) -> None:
        """The arm moves no farther (m) for so long, of its own clock."""
        stamp, start = self.backend.state().stamp_ns, self.pose()
        wait(lambda: self.backend.state().stamp_ns > stamp + seconds * 1e9, "the arm's clock")
        assert np.linalg.norm(self.pose()[:3, 3] - start[:3, 3]) < within

    def close(self) -> None:
        self.backend.stop()
        self.switch_off()


@pytest.fixture(scope="module")
def host():
    return f"127.115.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}"


@pytest.fixture
def arm(host):
    made = Arm(host)
    yield made
    made.close()


@pytest.mark.parametrize("error", ["cartesian_reflex", "joint_position_limits_violation"])
def test_a_reflex_in_motion_is_a_fault_until_the_operator_recovers(arm, error) -> None:
    moving = threading.Thread(target=lead_up, args=(arm.backend,))
    moving.start()
    height = arm.pose()[2, 3]
    wait(lambda: arm.pose()[2, 3] > height + 0.01, "motion")
    arm.server.trip(error)
    wait(lambda: arm.backend.fault, "the fault")
    moving.join(20.0)
    assert "bridge/reset" in arm.backend.fault
    assert arm.server.error == error
    arm.backend.send(arm.pose() + np.diag([0.02, 0, 0, 0]), np.zeros(6))
    arm.rests_for(0.3)
    assert arm.server.error == error  # never of itself
    arm.backend.recover()
    assert not arm.backend.fault
    assert not arm.server.error
    arm.rests_for(0.3)
    follow(arm.backend, [0.0, 0.0, -0.02])


def lead_up(backend) -> None:
    with pytest.raises(AssertionError, match="aborted"):  # by the fault that is to come
        follow(backend, [0.0, 0.0, 0.15])


def test_an_error_that_libfranka_does_not_know_is_refused(arm) -> None:
    with pytest.raises(ConfigError, match="cartesian_reflex"):
        arm.server.trip("cartesian_reflx")
    assert not arm.backend.fault


def test_a_push_on_the_hand_stops_the_arm(arm) -> None:
    arm.world.push_hand(np.array([0, 10.0, 0, 0, 0, 0]), 0.3)
    arm.rests_for(0.4, within=0.02)  # 10 N on a spring of 800 N/m
    assert not arm.backend.fault
    arm.world.push_hand(np.array([0, 35.0, 0, 0, 0, 0]), 0.4)
    wait(lambda: arm.backend.fault, "the stop")
    assert "35 N" in arm.backend.fault
    wait(lambda: not arm.franka.hand_wrench.any(), "the end of the push")
    arm.backend.recover()
    follow(arm.backend, [0.0, 0.02, 0.0])


def test_a_stopped_arm_that_is_pushed_on_gives_way_and_stays(arm) -> None:
    seen = {}

    def ended() -> bool:
        state = arm.backend.state()
        seen[state.stamp_ns * 1e-9] = state.T_base_ee[:3, 3]
        return bool(arm.backend.fault) and not arm.franka.hand_wrench.any()

    arm.world.push_hand(np.array([0, 0, 30.0, 0, 0, 0]), 0.5)
    wait(ended, "the end of the push")
    times, places = np.array(list(seen)), np.array(list(seen.values()))
    assert np.diff(times).max() < 0.1  # it is heard of all the time
    later = np.searchsorted(times, times + 0.05)
    first = np.flatnonzero(later < len(times))
    ways = np.linalg.norm(places[later[first]] - places[first], axis=1)
    assert (ways / (times[later[first]] - times[first])).max() < Limits().max_speed
    arm.rests_for(0.5, within=LibfrankaConfig().yield_m + 0.02)
    arm.rests_for(0.3, within=0.003)
    assert "30 N" in arm.backend.fault
    arm.backend.recover()
    arm.rests_for(0.3)
    follow(arm.backend, [0.0, 0.0, -0.02])


def test_an_arm_that_was_switched_off_and_on_is_connected_anew(arm) -> None:
    arm.switch_off()
    wait(lambda: "connection lost" in arm.backend.fault, "the fault")
    with pytest.raises(RobotError, match="cannot recover"):
        arm.backend.recover()
    arm.switch_on()
    arm.backend.recover()
    assert not arm.backend.fault
    stamp = arm.backend.state().stamp_ns
    wait(lambda: 0 < arm.backend.state().stamp_ns != stamp, "a new state")
    follow(arm.backend, [0.0, 0.02, 0.0])


CLIENT = """
import sys, time
from visuomotor.control.backends.libfranka import LibfrankaBackend, LibfrankaConfig
import numpy as np

backend = LibfrankaBackend(LibfrankaConfig(robot_hostname=sys.argv[1], ignore_realtime=True))
backend.start()
while backend.state() is None:
    time.sleep(0.01)
start = backend.state().T_base_ee
print("moving", flush=True)
begin = time.monotonic()
while True:
    pose = start.copy()
    pose[1, 3] += 0.05 * np.sin(time.monotonic() - begin)
    backend.send(pose, np.zeros(6))
    time.sleep(0.01)
"""


def test_a_client_that_freezes_is_stopped_by_the_watchdog(host) -> None:
    """Without it the simulated arm would go on with the last torques for ever."""
    franka = FrankaWorld(SimConfig(task="lift"), host, LOST_MS)
    world = RealtimeWorld(franka, time.monotonic_ns)
    world.start(1)
    client = subprocess.Popen([sys.executable, "-c", CLIENT, host], stdout=subprocess.PIPE)
    try:
        assert client.stdout.readline().strip() == b"moving"
        wait(lambda: franka.arm_server.current_motion_id, "motion")
        client.send_signal(signal.SIGSTOP)
        wait(lambda: franka.arm_server.error, "the watchdog")
        assert franka.arm_server.error == "communication_constraints_violation"
        stamp, start = franka.time_ns, world.robot_state().T_base_ee
        wait(lambda: franka.time_ns > stamp + 500_000_000, "half a second")
        assert np.linalg.norm(world.robot_state().T_base_ee[:3, 3] - start[:3, 3]) < 0.02
        assert np.abs(world.robot_state().dq).max() < 0.05
    finally:
        client.kill()
        client.wait(10)
        client.stdout.close()
        world.close()
        franka.close()
