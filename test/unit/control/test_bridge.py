"""The bridge as one object: sources, robot state, gripper, faults, clocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from visuomotor.contracts import RobotState
from visuomotor.control import BridgeConfig, CartesianBridge
from visuomotor.control.backends.mujoco import MujocoBackend
from visuomotor.geometry import pose

DOWN = np.diag([1.0, -1.0, -1.0])
HOME = np.array([0.45, 0.0, 0.3])
TICK_NS = 10_000_000
Q = np.array([0.0, -0.1513, 0.0, -2.5038, 0.0, 2.3525, 0.7854])
"""Far from every joint limit."""


class Bench:
    """A bridge with an arm that follows its reference at once, on a clock of 10 ms ticks."""

    def __init__(self, **config) -> None:
        self.bridge = CartesianBridge(BridgeConfig(**config))
        self.now_ns = 1_000_000_000
        self.measured = pose(DOWN, HOME)
        self.q = Q
        self.robot_on = self.follows = True
        self.resets = False
        self.out = None

    def tick(self, n=1, before=lambda: None):
        for _ in range(n):
            self.now_ns += TICK_NS
            if self.robot_on:
                self.bridge.set_measured(self.state(), self.now_ns)
            before()
            self.out = self.bridge.step(self.now_ns)
            if self.follows and self.out.pose is not None:
                self.measured = self.out.pose
        return self.out

    def state(self):
        return RobotState(self.now_ns, self.measured, self.q, np.zeros(7), 0.04)

    def teleop(self, by=0.02):
        self.bridge.teleop_enable(True, self.now_ns)
        return self.bridge.offer("teleop", self.ahead(by), self.now_ns)

    def policy(self, by=0.02):
        return self.bridge.offer("policy", self.ahead(by), self.now_ns)

    def ahead(self, by):
        return pose(DOWN, self.measured[:3, 3] + np.array([0, by, 0]))

    def count(self, name):
        return self.bridge.step(self.now_ns).counters.get(name, 0)


def test_it_waits_for_the_robot_and_then_stands_where_it_is() -> None:
    bench = Bench()
    bench.robot_on = False
    assert bench.tick().pose is None
    assert bench.out.state == "idle"
    assert bench.policy().reason == "no_robot_state"
    bench.robot_on = True
    np.testing.assert_allclose(bench.tick().pose, pose(DOWN, HOME))
    assert bench.out.state == "idle"
    assert bench.out.accepted is None


def test_accepted_targets_come_out_once_with_the_gripper() -> None:
    bench = Bench()
    bench.tick()
    assert bench.policy()
    assert bench.bridge.offer_gripper("policy", 0.01, bench.now_ns)
    out = bench.bridge.step(bench.now_ns)
    np.testing.assert_allclose(out.accepted.T_base_ee, bench.ahead(0.02))
    assert out.accepted.gripper_width_m == out.gripper_width_m == 0.01
    again = bench.bridge.step(bench.now_ns)
    assert again.accepted is None
    assert again.gripper_width_m is None
    bench.tick()
    bench.policy()
    assert bench.tick().accepted.gripper_width_m == 0.01


def test_gripper_commands_are_clipped_deduplicated_and_never_nan() -> None:
    bench, sent = Bench(), []
    bench.tick()
    for width in (0.08, 0.0799, 0.9, 0.08, 0.0, 0.001, -1.0, float("nan"), float("inf"), 0.05):
        bench.bridge.offer_gripper("policy", width, bench.now_ns)
        sent.append(bench.tick().gripper_width_m)
    assert sent == [0.08, None, None, None, 0.0, None, None, None, None, 0.05]
    assert bench.count("refused/policy/gripper_non_finite") == 2
    assert bench.count("clipped/policy/width") == 2


def test_teleop_takes_over_from_the_policy_and_gives_back() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(20, bench.policy)
    assert bench.out.state == "policy"
    bench.tick(20, lambda: (bench.policy(0.02), bench.teleop(-0.02)))
    assert bench.out.state == "teleop"
    assert bench.out.twist[1] < -0.1
    assert bench.count("refused/policy/not_in_control") >= 19
    bench.tick(60, bench.policy)
    assert bench.out.state == "policy"
    assert bench.out.twist[1] > 0.1


def test_hardware_needs_the_operators_enable_all_along() -> None:
    bench = Bench(require_policy_enable=True)
    bench.tick()
    assert bench.policy().reason == "not_enabled"
    bench.bridge.policy_enable(False, bench.now_ns)

    def enabled():
        bench.bridge.policy_enable(True, bench.now_ns)
        assert bench.policy()

    assert bench.tick(20, enabled).state == "policy"
    assert bench.tick(25, bench.policy).state == "hold"
    assert not bench.tick(20, bench.policy).twist.any()


def test_after_a_reset_an_arm_waits_for_a_new_press() -> None:
    bench = Bench(require_policy_enable=True)
    bench.tick()
    bench.bridge.policy_enable(False, bench.now_ns)

    def enabled():
        bench.bridge.policy_enable(True, bench.now_ns)
        bench.policy()

    assert bench.tick(20, enabled).state == "policy"
    bench.bridge.fail("a hand in its way")
    bench.tick(60, enabled)
    bench.bridge.reset(bench.now_ns)
    out = bench.tick(60, enabled)
    assert out.state == "idle"
    assert "press it anew" in out.reason
    assert not out.twist.any()
    bench.bridge.policy_enable(False, bench.now_ns)
    assert bench.tick(20, enabled).state == "policy"


def test_nobody_grips_who_may_not_move() -> None:
    bench = Bench(require_policy_enable=True)
    bench.tick()
    for source in ("teleop", "policy"):
        refused = bench.bridge.offer_gripper(source, 0.0, bench.now_ns)
        assert (bool(refused), refused.reason) == (False, "not_enabled")
    bench.bridge.fail("a hand in its way")
    bench.bridge.teleop_enable(False, bench.now_ns)
    bench.bridge.teleop_enable(True, bench.now_ns)
    assert bench.bridge.offer_gripper("teleop", 0.0, bench.now_ns).reason == "fault"
    bench.bridge.reset(bench.now_ns)
    assert bench.tick().gripper_width_m is None


def test_widths_are_judged_as_poses_are() -> None:
    bench = Bench()
    bench.tick()

    def grip(width_m, sender="a", age_ms=0):
        made_ns = bench.now_ns - age_ms * 1_000_000
        return bench.bridge.offer_gripper("policy", width_m, bench.now_ns, made_ns, sender)

    assert grip(0.08)
    assert grip(0.02, age_ms=1_000).reason == "stale"
    assert grip(0.02, age_ms=-1_000).reason == "clock"
    assert bench.tick().gripper_width_m == 0.08
    assert grip(0.0, sender="b").reason == "contested"
    assert grip(0.02).reason == "contested"
    assert bench.policy().reason == "contested"
    bench.tick(60)
    assert grip(0.02)


def test_an_explicit_no_stops_even_a_policy_that_needs_no_enable() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(10, bench.policy)
    bench.bridge.policy_enable(False, bench.now_ns)
    assert bench.tick(1, bench.policy).state == "hold"


def test_robot_state_that_ends_holds_and_its_return_starts_from_the_arm() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(30, bench.policy)
    bench.robot_on = False
    out = bench.tick(60, bench.policy)
    assert out.state == "hold"
    assert "no robot state" in out.reason
    assert not out.twist.any()
    bench.robot_on, bench.follows = True, False
    bench.measured = bench.ahead(-0.03)  # somebody moved the arm a little
    bench.tick()
    far = bench.ahead(0.055)
    assert bench.bridge.offer("policy", far, bench.now_ns).reason == "jump"
    assert bench.policy()
    assert abs(bench.tick().pose[1, 3] - bench.measured[1, 3]) < 0.002


def test_a_blocked_arm_faults_and_stays_until_reset() -> None:
    bench = Bench(max_tracking_error_m=0.03)
    bench.tick()
    bench.follows = False
    out = bench.tick(
        80, lambda: bench.bridge.offer("policy", pose(DOWN, HOME + 0.025), bench.now_ns)
    )
    assert out.state == "fault"
    assert "tracking error" in out.reason
    assert bench.policy().reason == "fault"
    assert not bench.tick(50).twist.any()
    bench.bridge.reset(bench.now_ns)
    assert bench.tick().state == "idle"
    np.testing.assert_allclose(bench.out.pose, bench.measured)


@pytest.mark.parametrize("simulated", [True, False])
def test_a_measured_pose_that_jumps_is_a_reset_or_a_fault(simulated) -> None:
    bench = Bench(anchor_on_teleport=simulated)
    bench.tick()
    bench.tick(20, bench.policy)
    before = bench.out.pose
    bench.measured = pose(DOWN, HOME + np.array([0.1, -0.2, 0.1]))
    bench.follows = False
    bench.tick()
    if simulated:
        assert bench.out.state == "idle"
        np.testing.assert_allclose(bench.out.pose, bench.measured)
    else:
        assert bench.out.state == "fault"
        assert np.linalg.norm(bench.out.pose[:3, 3] - before[:3, 3]) < 0.01


def test_a_measured_pose_that_is_none_is_ignored_and_counted() -> None:
    bench = Bench()
    bench.tick()
    bench.measured, bench.follows = np.full((4, 4), np.nan), False
    out = bench.tick(5)
    assert np.isfinite(out.pose).all()
    assert out.counters["state/not_a_pose"] == 5
    assert bench.tick(30).state == "hold"
    assert bench.policy(0.0).reason == "no_robot_state"


@pytest.mark.parametrize("width", [np.nan, -np.inf])
def test_a_width_that_is_none_keeps_the_last_one_and_is_counted(width) -> None:
    bench = Bench()
    bench.tick()
    known = bench.state()
    bench.bridge.set_measured(replace(known, gripper_width_m=width), bench.now_ns)
    assert bench.policy()
    out = bench.bridge.step(bench.now_ns + TICK_NS)
    assert out.accepted.gripper_width_m == known.gripper_width_m
    assert out.counters["state/no_gripper_width"] == 1


def test_a_simulated_arm_that_is_put_elsewhere_is_not_led_away() -> None:
    bench = Bench(anchor_on_teleport=True, lead_s=0.15, max_jump_m=0.06)
    bench.tick()
    bench.tick(40, lambda: bench.policy(0.05))
    assert np.linalg.norm(bench.out.sent[:3, 3] - bench.out.pose[:3, 3]) > 0.005
    bench.measured = pose(DOWN, HOME - 0.1)
    out = bench.tick()
    assert out.counters["teleports"] == 1
    np.testing.assert_allclose(out.sent, bench.measured, atol=1e-9)


def test_a_clock_that_jumps_back_holds_until_the_robot_speaks_again() -> None:
    bench = Bench()
    bench.now_ns = 100_000_000_000
    bench.tick()
    bench.tick(20, bench.policy)
    before = bench.out.pose
    bench.now_ns, bench.robot_on = 5_000_000_000, False
    out = bench.tick()
    assert out.state in ("hold", "idle")
    np.testing.assert_allclose(out.pose, before, atol=0.004)
    bench.robot_on = True
    assert bench.tick(30, bench.policy).state == "policy"


@pytest.mark.parametrize(("age_s", "reason"), [(0.3, "stale"), (-0.3, "clock"), (0.1, "")])
def test_targets_are_judged_by_their_stamp(age_s, reason) -> None:
    bench = Bench()
    bench.tick()
    stamp = bench.now_ns - round(age_s * 1e9)
    verdict = bench.bridge.offer("policy", bench.ahead(0.01), bench.now_ns, stamp_ns=stamp)
    assert verdict.reason == reason


def test_the_status_says_what_happened() -> None:
    bench = Bench()
    bench.tick()
    bench.policy(0.2)
    bench.policy(0.02)
    bench.tick()
    status = bench.bridge.status()
    assert status["bridge"]["state"] == "policy"
    assert status["counters"] == {"accepted/policy": "1", "refused/policy/jump": "1"}
    assert float(status["bridge"]["tracking_error_m"]) < 0.001
    with pytest.raises(ValueError, match="teleop"):
        bench.bridge.offer("telepo", bench.measured, bench.now_ns)


class World:
    """The least world that a backend drives."""

    def __init__(self) -> None:
        self.reference, self.width = None, None

    def set_reference(self, T_base_ee) -> None:
        self.reference = T_base_ee

    def set_gripper(self, width_m) -> None:
        self.width = width_m

    def robot_state(self):
        return RobotState(1, pose(DOWN, HOME), np.zeros(7), np.zeros(7), 0.04)


def test_the_mujoco_backend_holds_where_the_arm_is_when_it_stops() -> None:
    world = World()
    backend = MujocoBackend(world)
    backend.start()
    np.testing.assert_array_equal(world.reference, pose(DOWN, HOME))
    backend.send(pose(DOWN, HOME + 0.01), np.zeros(6))
    backend.grip(0.02)
    np.testing.assert_allclose(world.reference[:3, 3], HOME + 0.01)
    assert world.width == 0.02
    backend.stop()
    np.testing.assert_array_equal(world.reference, backend.state().T_base_ee)
