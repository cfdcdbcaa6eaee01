"""Whatever comes in, at whatever intervals, the reference stays within its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.control import Limits, ReferenceGenerator
from visuomotor.geometry import matrix_from_rotvec, pose, rotation_angle

DOWN = np.diag([1.0, -1.0, -1.0])
HOME = np.array([0.4, 0.0, 0.3])
LIMITS = Limits()


def shifted(*by):
    """Home moved by (3,) m."""
    return pose(DOWN, HOME + np.array(by))


def generator(position=HOME, limits=LIMITS):
    made = ReferenceGenerator(limits)
    made.anchor(pose(DOWN, position), 0)
    return made


def follow(wanted, duration_s=3.0, rate_hz=100, period_s=0.05, seed=None):
    """Rows (t, wanted, position, velocity) along y while targets wanted(t, reference) come."""
    jitter = np.random.default_rng(seed)
    made, rows, due = generator(), [], 0.0
    for i in range(round(duration_s * rate_hz)):
        t = i / rate_hz
        reference = made.pose[1, 3]
        if t >= due:
            target = shifted(0, wanted(t, reference), 0)
            assert made.offer(target, round(t * 1e9))
            due += period_s + (0 if seed is None else jitter.uniform(-0.015, 0.015))
        step = made.step(round(t * 1e9))
        rows.append((t, wanted(t, reference), step.pose[1, 3], step.twist[1]))
    return np.array(rows).T


vectors = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array)
events = st.lists(
    st.tuples(
        st.one_of(st.floats(0.0, 0.04), st.floats(0.0, 3.0), st.just(0.01)),  # dt
        st.sampled_from(["near", "near", "near", "far", "anywhere", "hold", "none", "none"]),
        vectors,
        vectors,
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(events)
def test_no_inputs_and_no_timing_leave_the_limits(sequence) -> None:
    made, t_ns = generator(), 0
    before = made.step(0)
    anchor = pose(DOWN, HOME)
    for dt, kind, a, b in sequence:
        dt_ns = round(dt * 1e9)
        t_ns += dt_ns
        if kind == "hold":
            made.hold()
        elif kind != "none":
            scale = {"near": 0.04, "far": 0.5, "anywhere": 3.0}[kind]
            origin = made._base if kind == "near" else anchor
            target = pose(matrix_from_rotvec(b * scale * 5) @ origin[:3, :3], origin[:3, 3])
            target[:3, 3] += a * scale
            made.offer(target, t_ns)
        now = made.step(t_ns)
        check_step(before, now, dt_ns * 1e-9)
        before = now


def check_step(before, now, dt) -> None:
    tiny = 1e-9
    linear, angular = now.twist[:3], now.twist[3:]
    position = now.pose[:3, 3]
    assert (position >= LIMITS.lower).all()
    assert (position <= LIMITS.upper).all()
    assert np.linalg.norm(linear) <= LIMITS.max_speed + tiny
    assert np.linalg.norm(angular) <= LIMITS.max_angular_speed + tiny
    change = now.twist - before.twist
    assert np.linalg.norm(change[:3]) <= LIMITS.max_acceleration * dt + tiny
    assert np.linalg.norm(change[3:]) <= LIMITS.max_angular_acceleration * dt + tiny
    travelled = np.linalg.norm(position - before.pose[:3, 3])
    turned = rotation_angle(now.pose[:3, :3] @ before.pose[:3, :3].T)
    step = min(dt, LIMITS.max_step_s)
    assert travelled <= LIMITS.max_speed * step + tiny
    assert turned <= LIMITS.max_angular_speed * step + 1e-7
    np.testing.assert_allclose(now.pose[:3, :3] @ now.pose[:3, :3].T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_a_moving_target_is_followed_without_stop_and_go(seed) -> None:
    t, wanted, y, v = follow(lambda t, _: min(0.2 * t, 0.36), seed=seed)
    steady = (t > 0.6) & (t < 1.7)
    assert v[steady].min() > (0.195 if seed is None else 0.18)
    assert v[steady].max() < (0.205 if seed is None else 0.22)
    assert (wanted - y)[steady].max() < 0.026
    assert y.max() <= 0.36 + 1e-4, "overshot"
    assert y[-1] == pytest.approx(0.36, abs=1e-4)


@pytest.mark.parametrize("rate_hz", [20, 100, 200])
def test_a_target_that_always_leads_gives_a_steady_motion(rate_hz) -> None:
    t, _, _, v = follow(lambda _, y: y + 0.02, duration_s=2.0, rate_hz=rate_hz)
    steady = v[t > 0.5]
    assert steady.min() > 0.15
    assert steady.max() - steady.min() < 0.01


@given(st.floats(0.001, 0.05), st.sampled_from([20, 100, 137, 200]))
@settings(max_examples=30, deadline=None)
def test_a_single_step_arrives_without_overshoot(distance, rate_hz) -> None:
    _, _, y, v = follow(lambda *_: distance, duration_s=1.5, rate_hz=rate_hz)
    assert y.max() <= distance + 1e-6
    assert y[-1] == pytest.approx(distance, abs=1e-4)
    assert abs(v[-1]) < 2e-3


def test_a_turn_arrives_without_overshoot() -> None:
    made = generator()
    goal = pose(matrix_from_rotvec([0, 0, 0.4]) @ DOWN, HOME)
    angles = []
    for i in range(150):
        made.offer(goal, i * 10_000_000)
        made.step(i * 10_000_000)
        angles.append(rotation_angle(made.pose[:3, :3] @ DOWN.T))
    assert max(angles) <= 0.4 + 1e-6
    assert angles[-1] == pytest.approx(0.4, abs=1e-3)


def test_a_stale_target_stops_it_smoothly_and_it_stays() -> None:
    made, speeds = generator(), []
    for i in range(200):
        t_ns = i * 10_000_000
        if i <= 40 and i % 5 == 0:
            assert made.offer(pose(DOWN, made.pose[:3, 3] + [0, 0.04, 0]), t_ns)
        if i == 41:  # the last target stays far away: only its age can stop the motion
            assert made.offer(pose(DOWN, made.pose[:3, 3] + [0, 0.05, 0]), t_ns)
            made._target = type(made._target)(t_ns, shifted(0, 0.4, 0), np.zeros(6), 0.05)
        speeds.append(np.linalg.norm(made.step(t_ns).twist[:3]))
    assert speeds[41 + 24] > 0.2
    assert speeds[41 + 26 + 14] == 0.0
    assert max(-np.diff(speeds)) <= LIMITS.max_acceleration * 0.01 + 1e-9
    assert made.at_rest
    assert made.holding


def test_a_stall_of_the_caller_gives_no_jump() -> None:
    made = generator()
    for i in range(60):
        made.offer(pose(DOWN, made.pose[:3, 3] + [0, 0.04, 0]), i * 10_000_000)
        before = made.step(i * 10_000_000)
    after = made.step(59 * 10_000_000 + 200_000_000)
    assert np.linalg.norm(before.twist[:3]) > 0.2
    assert np.linalg.norm(after.pose[:3, 3] - before.pose[:3, 3]) <= 0.25 * LIMITS.max_step_s
    again = made.step(59 * 10_000_000 + 10_000_000_000)
    assert not again.twist.any()


def test_time_that_stands_still_or_runs_back_moves_nothing() -> None:
    made = generator()
    made.offer(shifted(0, 0.04, 0), 0)
    made.step(100_000_000)
    here = made.step(150_000_000).pose
    np.testing.assert_array_equal(made.step(150_000_000).pose, here)
    np.testing.assert_array_equal(made.step(90_000_000).pose, here)


@pytest.mark.parametrize(
    ("target", "frame", "reason"),
    [
        (shifted(0.06, 0, 0), "fr3_link0", "jump"),
        (pose(matrix_from_rotvec([0.6, 0, 0]) @ DOWN, HOME), "fr3_link0", "jump"),
        (pose(DOWN, [np.nan, 0, 0.3]), "fr3_link0", "non_finite"),
        (pose(DOWN, [np.inf, 0, 0.3]), "fr3_link0", "non_finite"),
        (pose(-DOWN, HOME), "fr3_link0", "not_a_pose"),
        (pose(2 * DOWN, HOME), "fr3_link0", "not_a_pose"),
        (np.eye(3), "fr3_link0", "not_a_pose"),
        ("here", "fr3_link0", "not_a_pose"),
        (pose(DOWN, HOME), "camera_link", "frame"),
        (pose(DOWN, HOME), "", "frame"),
    ],
)
def test_what_is_no_target_is_refused_and_moves_nothing(target, frame, reason) -> None:
    made = generator()
    verdict = made.offer(target, 0, frame)
    assert not verdict
    assert verdict.reason == reason
    assert verdict.detail
    assert not made.step(50_000_000).twist.any()


def test_jumps_are_measured_from_the_previous_accepted_target() -> None:
    made = generator()
    for k in range(1, 5):
        assert made.offer(shifted(0, 0.045 * k, 0), k * 1_000_000)
    assert made.offer(pose(DOWN, HOME), 5_000_000).reason == "jump"


@given(vectors)
@settings(max_examples=50, deadline=None)
def test_targets_outside_are_clipped_to_the_workspace(direction) -> None:
    corner = LIMITS.lower + 0.01
    made = generator(corner)
    verdict = made.offer(pose(DOWN, corner + 0.028 * direction), 0)
    assert verdict
    position = verdict.T_base_ee[:3, 3]
    assert (position >= LIMITS.lower).all()
    assert (verdict.reason == "workspace") == bool(
        (corner + 0.028 * direction < LIMITS.lower).any()
    )


def test_an_arm_that_starts_outside_only_comes_in() -> None:
    outside = np.array([0.4, 0.0, LIMITS.lower[2] - 0.02])
    made = generator(outside)
    made.offer(pose(DOWN, outside), 0)
    heights = [made.step(i * 10_000_000).pose[2, 3] for i in range(25)]
    assert heights[0] == outside[2]
    assert (np.diff(heights) >= 0).all()
    assert heights[-1] > outside[2] + 0.01


def test_after_a_hold_a_large_gap_is_anchored_and_a_small_one_kept() -> None:
    made = generator()
    near = shifted(0, 0.003, 0)
    assert made.offer(near, 0, T_measured=near)
    assert made.pose[1, 3] == 0.0
    made.hold()
    pushed = shifted(0, 0.03, 0)
    assert not made.offer(shifted(0, -0.03, 0), 1, T_measured=pushed)
    assert made.pose[1, 3] == 0.0, "a refused target must not move the reference"
    assert made.offer(shifted(0, 0.06, 0), 2, T_measured=pushed)
    assert made.pose[1, 3] == pytest.approx(0.03)


def test_without_an_anchor_nothing_goes() -> None:
    made = ReferenceGenerator(LIMITS)
    assert made.offer(pose(DOWN, HOME), 0).reason == "no_robot_state"
    with pytest.raises(ValueError, match="anchor"):
        made.step(0)
    with pytest.raises(ValueError, match="measured pose"):
        made.anchor(np.full((4, 4), np.nan), 0)
