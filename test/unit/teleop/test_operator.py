"""No sequence of what an operator does makes a target that jumps, or strays from the arm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.control.limits import Limits
from visuomotor.control.targets import judge_pose
from visuomotor.geometry import apply_delta, pose, pose_delta
from visuomotor.teleop import Arm, Operator, Reading, TeleopConfig
from visuomotor.teleop.gripper import GripperSwitch
from visuomotor.teleop.registry import make_operator

MS = 1_000_000
HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.45, 0.0, 0.4])
STILL = Arm(HOME)

numbers = st.floats(-1.0, 1.0)
vectors = st.tuples(*[numbers] * 6).map(np.array)
motions = st.one_of(
    st.builds(lambda v: {"rate": v / np.maximum(1, np.linalg.norm(v))}, vectors),
    st.builds(lambda v: {"step": v}, vectors),
    st.builds(lambda v: {"pose": apply_delta(np.eye(4), 3 * v)}, vectors),
    st.builds(lambda v: {"pose": apply_delta(np.eye(4), 0.02 * v)}, vectors),
    st.just({}),
)
steps = st.tuples(
    st.booleans(),  # held
    motions,
    st.integers(1, 400),  # ms since the step before
    vectors.map(lambda v: v * [0.007, 0.007, 0.007, 0.04, 0.04, 0.04]),  # the arm's own motion
    st.booleans(),  # the arm's pose is known
)


@given(st.lists(steps, max_size=40), st.sampled_from(["base", "hand"]), st.floats(-4, 4))
@settings(max_examples=150, deadline=None)
def test_targets_start_at_the_arm_stay_on_the_leash_and_never_jump(acts, frame, yaw_rad) -> None:
    config = TeleopConfig(
        device="relay", speed=0.25, angular_speed=1.0, frame=frame, operator_yaw_rad=yaw_rad
    )
    operator, now_ns, measured = make_operator(config), 0, HOME
    before = None
    for held, motion, ms, moved, known in acts:
        now_ns += ms * MS
        measured = apply_delta(measured, moved)
        wish = operator.step(Reading(held, **motion), Arm(measured if known else None), now_ns)
        if not held or not known:
            assert wish.target is None
            assert wish.width_m is None
            before = None
            continue
        lead = pose_delta(measured, wish.target)
        assert np.linalg.norm(lead[:3]) <= config.leash_m + 1e-9
        assert np.linalg.norm(lead[3:]) <= config.leash_rad + 1e-6
        if before is None:
            assert np.linalg.norm(lead[:3]) <= config.speed / config.rate_hz + 1e-9
            if "pose" in motion:  # a pose means nothing until it changes
                np.testing.assert_allclose(wish.target, measured, atol=1e-9)
        elif ms <= 50:  # what the bridge says to targets that come in time
            free = Limits(workspace_min=(-9, -9, 0), workspace_max=(9, 9, 9))
            verdict = judge_pose(wish.target, "fr3_link0", before, free)
            assert verdict.reason in ("", "workspace"), verdict.detail
        before = wish.target


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 60)), max_size=60))
@settings(deadline=None)
def test_enables_say_what_is_held_and_end(acts) -> None:
    operator, now_ns = make_operator(TeleopConfig(device="relay")), 0
    quiet = {"enable": 0, "policy": 0}
    for held, policy, ms in acts:
        now_ns += ms * MS
        wish = operator.step(Reading(held, policy=policy), STILL, now_ns)
        for name, down in (("enable", held), ("policy", policy)):
            said = getattr(wish, name)
            quiet[name] = 0 if down else quiet[name] + 1
            assert said in ((True, None) if down else (False, None))
            if quiet[name] > 3:
                assert said is None


def test_a_held_device_says_so_in_every_period_even_when_it_comes_early() -> None:
    operator = make_operator(TeleopConfig(device="relay"))
    said = [operator.step(Reading(True), STILL, t * MS).enable for t in (0, 45, 100, 140, 200)]
    assert said == [True] * 5


def test_an_arm_that_was_lost_is_taken_up_where_it_is_found() -> None:
    operator = make_operator(TeleopConfig(device="relay", speed=0.25))
    for i in range(5):
        at = pose(None, [0.01 * i, 0, 0])
        wish = operator.step(Reading(True, pose=at), STILL, i * 50 * MS)
    assert wish.target[0, 3] > 0.47
    assert operator.step(Reading(True, pose=at), Arm(None), 300 * MS).state == "no robot"
    elsewhere = apply_delta(HOME, [0, 0.2, 0, 0, 0, 0.5])
    wish = operator.step(Reading(True, pose=at), Arm(elsewhere), 350 * MS)
    np.testing.assert_allclose(wish.target, elsewhere, atol=1e-12)


def test_a_pose_is_followed_to_its_end_at_the_speed_limit() -> None:
    operator = make_operator(TeleopConfig(device="relay", speed=0.2, leash_m=0.1))
    arm, targets = HOME, []
    for i in range(20):
        ahead = pose(None, [0.0 if i == 0 else 0.1, 0.0, 0.0])
        arm = operator.step(Reading(True, pose=ahead), Arm(arm), i * 50 * MS).target
        targets.append(arm[0, 3] - HOME[0, 3])
    np.testing.assert_allclose(np.diff(targets)[:10], 0.01, atol=1e-9)
    assert targets[-1] == pytest.approx(0.1)


def test_the_hands_frame_and_the_operators_place_turn_the_motion() -> None:
    def moved(**settings: object) -> list[float]:
        operator = make_operator(TeleopConfig(device="gamepad", speed=0.1, **settings))
        rate = np.array([1.0, 0, 0, 0, 0, 1.0])
        delta = pose_delta(HOME, operator.step(Reading(True, rate), STILL, 0).target)
        return (delta / [0.005, 0.005, 0.005, 0.025, 0.025, 0.025]).round(6).tolist()

    assert moved() == [1, 0, 0, 0, 0, 1]
    assert moved(operator_yaw_rad=np.pi) == [-1, 0, 0, 0, 0, 1]
    assert moved(frame="hand") == [1, 0, 0, 0, 0, -1]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_a_press_toggles_once(presses) -> None:
    switch = GripperSwitch("toggle")
    widths = [switch.update(Reading(True, toggles=n, grip=True)) for n in presses]
    assert widths == [0.08 * (1 - sum(presses[: i + 1]) % 2) for i in range(len(presses))]


def test_the_gripper_goes_on_from_what_the_hand_does() -> None:
    def first(*seen: float | None) -> float | None:
        switch = GripperSwitch("toggle")
        switch.observe(*seen)
        return switch.update(Reading(True))

    assert first(0.08, None) == 0.08
    assert first(0.01, None) == 0.0
    assert first(0.05, 0.0) == 0.0  # a cube of 5 cm that was grasped is not let go
    assert first(0.08, 0.0, 9.0) == 0.08  # opened since by something else: a reset
    assert first(0.08, 0.0, 0.1) == 0.0  # told to close, still on its way
    assert first(None, 0.08) == 0.08
    assert first(0.045, 0.042) == 0.042  # what a policy holds so is not let go
    assert first(0.045, 0.038) == 0.038  # nor squeezed
    assert first(0.05, None) is None  # who knows what is between them
    hold = GripperSwitch("hold", 0.01, 0.06)
    assert [hold.update(Reading(True, grip=g)) for g in (True, False)] == [0.01, 0.06]
    assert hold.update(Reading(True, width_m=0.5)) == 0.06
    assert GripperSwitch("none").update(Reading(True, toggles=1)) is None
    with pytest.raises(ValueError, match="unknown gripper mode 'togle'; did you mean 'toggle'"):
        GripperSwitch("togle")


@pytest.mark.parametrize(
    ("measured_m", "commanded_m", "then"),
    [(0.05, None, 0.0), (0.03, None, 0.08), (0.045, 0.042, 0.0), (0.045, 0.038, 0.08)],
)
def test_the_first_press_changes_what_the_hand_does(measured_m, commanded_m, then) -> None:
    switch = GripperSwitch("toggle")
    switch.observe(measured_m, commanded_m)
    assert switch.update(Reading(True, toggles=1)) == then
    assert switch.update(Reading(True, toggles=1)) == 0.08 - then


def test_a_gripper_press_without_the_clutch_does_nothing() -> None:
    operator = Operator(TeleopConfig(device="gamepad"))
    assert operator.step(Reading(False, toggles=1), Arm(HOME, 0.08), 0).width_m is None
    assert operator.step(Reading(True), Arm(HOME, 0.08), 50 * MS).width_m == 0.08
