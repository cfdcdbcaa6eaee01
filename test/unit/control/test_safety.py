"""Joint limits, external wrench, operator's hold, resets: and the machine they all belong to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_bridge import HOME, TICK_NS, Bench, Q

from visuomotor.control import BridgeConfig
from visuomotor.control.joints import JOINT_LOWER, JOINT_UPPER, joint_margin, speed_share
from visuomotor.control.states import TRANSITIONS
from visuomotor.control.wrench import WrenchLimits, WrenchWatch
from visuomotor.sim import SimConfig
from visuomotor.sim.world import SimWorld

NEAR = np.where(np.arange(7) == 3, JOINT_UPPER - 0.01, Q)  # the elbow almost straight
within = st.floats(0.0, 1.0)


def test_the_limits_are_those_of_the_simulated_arm() -> None:
    world = SimWorld(SimConfig())
    ranges = [world.model.joint(f"robot0_fr3_joint{i}").range for i in range(1, 8)]
    np.testing.assert_allclose(np.array(ranges).T, [JOINT_LOWER, JOINT_UPPER], atol=1e-4)


@given(st.lists(within, min_size=7, max_size=7), st.floats(0.02, 0.4), st.floats(0.01, 1.0))
def test_the_nearer_a_joint_to_its_limit_the_slower_the_hand(shares, slow, least) -> None:
    q = JOINT_LOWER + np.array(shares) * (JOINT_UPPER - JOINT_LOWER)
    margin, joint = joint_margin(q)
    share = speed_share(q, np.zeros(7), slow, least)
    assert least <= share <= 1.0
    assert (share == 1.0) == (margin >= slow or least == 1.0)
    nearest = np.where(q - JOINT_LOWER < JOINT_UPPER - q, JOINT_LOWER, JOINT_UPPER)
    nearer = q + 0.5 * np.where(np.arange(7) == joint - 1, nearest - q, 0.0)
    assert speed_share(nearer, np.zeros(7), slow, least) <= share
    leaving = np.where(nearest == JOINT_LOWER, 0.1, -0.1)
    assert speed_share(q, leaving, slow, least) == 1.0
    assert speed_share(np.full(7, np.nan), np.zeros(7), slow, least) == 1.0


def test_a_joint_near_its_limit_slows_the_hand_and_is_told() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(40, bench.policy)
    fast = np.linalg.norm(bench.out.twist[:3])
    bench.q = NEAR
    bench.tick(40, bench.policy)
    slow = np.linalg.norm(bench.out.twist[:3])
    assert slow < 0.2 * fast
    assert slow > 0.0
    status = bench.bridge.status()
    assert status["counters"]["slowed/joint_limit"] == "1"
    assert status["bridge"]["joint"] == "4"
    assert float(status["bridge"]["joint_margin_rad"]) == pytest.approx(0.01)
    bench.q = Q
    bench.tick(60, bench.policy)
    assert np.linalg.norm(bench.out.twist[:3]) > 0.9 * fast


@given(st.floats(0, 100), st.floats(0, 50), st.integers(0, 60))
def test_a_wrench_stops_once_it_has_lasted(force, torque, ms) -> None:
    watch = WrenchWatch(WrenchLimits(stop_force_n=25.0, stop_torque_nm=10.0, stop_time_s=0.02))
    wrench = np.array([0, 0, force, torque, 0, 0])
    reasons = [watch.look(wrench, i * 1_000_000) for i in range(ms + 1)]
    assert bool(reasons[-1]) == ((force > 25.0 or torque > 10.0) and ms >= 20)
    assert not watch.look(np.full(6, np.nan), 10**9)
    assert not watch.look(np.zeros(6), 10**9)


def test_a_push_faults_the_bridge_and_a_short_bump_does_not() -> None:
    bench = Bench()
    bench.tick()
    push = np.array([30.0, 0, 0, 0, 0, 0])
    bench.tick(1, lambda: bench.bridge.set_wrench(push, bench.now_ns))
    bench.tick(5, lambda: bench.bridge.set_wrench(0 * push, bench.now_ns))
    assert bench.out.state == "idle"
    bench.tick(5, lambda: (bench.policy(), bench.bridge.set_wrench(push, bench.now_ns)))
    assert bench.out.state == "fault"
    assert "30 N" in bench.out.reason
    bench.tick(30, bench.policy)
    assert not bench.out.twist.any()


def test_the_operators_hold_lasts_until_the_reset() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(20, bench.policy)
    bench.bridge.hold()
    bench.bridge.hold()
    bench.tick(30, lambda: (bench.policy(), bench.teleop()))
    assert bench.out.state == "hold"
    assert "operator" in bench.out.reason
    assert not bench.out.twist.any()
    assert bench.count("holds") == 1
    assert bench.count("refused/teleop/held") == 30
    bench.bridge.reset(bench.now_ns)
    bench.tick(2, bench.policy)
    assert bench.out.state == "policy"


def test_a_reset_in_motion_brakes_first_and_then_anchors_at_the_arm() -> None:
    bench = Bench()
    bench.tick()
    bench.tick(40, bench.policy)
    assert np.linalg.norm(bench.out.twist) > 0.1
    last = bench.out
    bench.bridge.reset(bench.now_ns)
    states = set()
    for _ in range(60):
        out = bench.tick(1, bench.policy)
        states.add(out.state)
        assert np.linalg.norm(out.pose[:3, 3] - last.pose[:3, 3]) < 0.0026
        last = out
        if out.state != "hold":
            break
    assert states == {"hold", "idle"}
    assert bench.count("refused/policy/resetting") > 10
    assert bench.policy()


def test_a_reset_after_a_stall_brakes_first_too() -> None:
    """The reference that nobody stepped for 0.2 s still moves: it is not put elsewhere."""
    bench = Bench()
    bench.tick()
    bench.tick(40, bench.policy)
    last = bench.out
    bench.now_ns += 200_000_000
    bench.bridge.reset(bench.now_ns)
    assert not bench.bridge.settled(bench.now_ns)
    bench.measured, bench.follows = bench.ahead(0.02), False
    config = bench.bridge.config
    for k in range(40):
        out = bench.tick()
        bound = config.max_speed * (config.max_step_s if k == 0 else 0.01)
        if np.allclose(out.pose, bench.measured):
            break
        assert np.linalg.norm(out.pose[:3, 3] - last.pose[:3, 3]) <= bound + 1e-9
        last = out
    assert not last.twist.any()
    np.testing.assert_allclose(out.pose, bench.measured)


DEEDS = (
    *("teleop", "policy", "jump", "nan", "outside", "turn", "reset", "hold", "push", "press"),
    *("near", "far", "off", "on", "no", "yes", "wait", "back"),
)
deeds = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.floats(-0.06, 0.06), st.integers(1, 30)), max_size=25
)


@settings(max_examples=150, deadline=None)
@given(deeds, st.sampled_from((0.0, 14.0)))
@example([("push", 0.0546875, 1), ("teleop", 0.0, 1)], 0.0)
@example([("teleop", 0.03125, 5), ("off", 0.0, 20), ("teleop", 0.0, 1)], 0.0)
def test_the_machine_is_the_one_drawn_and_no_input_leaves_the_limits(sequence, rate) -> None:
    """Every step within speed, acceleration and workspace, every change of state an allowed one."""
    bench = Bench(catch_up_rate=rate)
    limits: BridgeConfig = bench.bridge.config
    dt = TICK_NS * 1e-9
    last = bench.tick()
    for deed, by, ticks in sequence:
        do(bench, deed, by)
        reset = deed == "reset"
        for _ in range(ticks):
            measured = bench.measured
            out = bench.tick()
            allowed = {last.state, *TRANSITIONS[last.state]}
            assert out.state in allowed or reset or bench.resets, (last.state, out.state, deed)
            bench.resets = bench.bridge._reset_due
            reset = False
            if out.pose is not None and last.pose is not None:
                check_step(last, out, measured, limits, dt)
            last = out


def do(bench, deed, by) -> None:
    """One thing that a source, the operator, the arm or the clock does."""
    bridge, now_ns = bench.bridge, bench.now_ns
    if deed == "teleop":
        bench.teleop(by)
    elif deed == "policy":
        bench.policy(by)
    elif deed == "jump":
        bench.policy(10 * by)
    elif deed == "nan":
        bench.policy(np.nan)
    elif deed == "outside":
        bridge.offer("policy", bench.ahead(20 * by), now_ns)
    elif deed == "turn":
        T = bench.measured.copy()
        c, s = np.cos(8 * by), np.sin(8 * by)
        T[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ T[:3, :3]
        bridge.offer("policy", T, now_ns)
    elif deed == "reset":
        bridge.reset(now_ns)
    elif deed == "hold":
        bridge.hold()
    elif deed == "push":
        bench.measured = bench.ahead(by / 10)
    elif deed == "press":
        for k in range(3):
            bridge.set_wrench(np.array([1000 * by, 0, 0, 0, 0, 0]), now_ns + k * TICK_NS)
    elif deed in ("near", "far"):
        bench.q = NEAR if deed == "near" else Q
    elif deed in ("on", "off"):
        bench.robot_on = deed == "on"
    elif deed in ("yes", "no"):
        bridge.policy_enable(deed == "yes", now_ns)
    elif deed == "back":
        bench.now_ns = max(bench.now_ns - 3_000_000_000, 1_000_000_000)
        bench.resets = True  # all that was timed is forgotten


def check_step(last, out, measured, limits, dt) -> None:
    speed, turning = np.linalg.norm(out.twist[:3]), np.linalg.norm(out.twist[3:])
    assert speed <= limits.max_speed + 1e-9
    assert turning <= limits.max_angular_speed + 1e-9
    moved = np.linalg.norm(out.pose[:3, 3] - last.pose[:3, 3])
    anew = np.linalg.norm(out.pose[:3, 3] - measured[:3, 3])
    assert moved <= limits.max_speed * dt + 1e-9 or anew <= 0.006  # begun anew where the arm is
    change = np.linalg.norm((out.twist - last.twist)[:3])
    assert change <= limits.max_acceleration * dt + 1e-9 or not out.twist.any()
    assert (out.pose[:3, 3] >= np.minimum(limits.lower, HOME) - 1e-9).all()
    assert (out.pose[:3, 3] <= np.maximum(limits.upper, HOME) + 1e-9).all()
    if out.state not in ("teleop", "policy"):
        assert np.linalg.norm(out.twist) <= np.linalg.norm(last.twist) + 1e-12


def test_two_senders_of_targets_hold_the_arm_until_one_is_gone() -> None:
    bench = Bench()
    bench.tick()

    def send(sender, by):
        return bench.bridge.offer("policy", bench.ahead(by), bench.now_ns, sender=sender)

    bench.tick(20, lambda: send("a", 0.02))
    assert bench.out.state == "policy"
    bench.tick(20, lambda: (send("a", 0.02), send("b", -0.02)))
    assert bench.out.state == "hold"
    assert "two nodes" in bench.out.reason
    assert not bench.out.twist.any()
    assert bench.count("refused/policy/contested") >= 39
    bench.tick(45, lambda: send("a", 0.02))
    assert bench.out.state == "hold"
    bench.tick(20, lambda: send("a", 0.02))
    assert bench.out.state == "policy"
