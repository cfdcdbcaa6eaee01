"""Where an arm is sent that lags behind its reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.control.lead import Lead
from visuomotor.control.limits import Limits
from visuomotor.control.reference import ReferenceGenerator
from visuomotor.geometry import pose, pose_delta

START = pose(np.eye(3), np.array([0.5, 0.0, 0.3]))
STEP_NS, PERIOD_NS = 10_000_000, 50_000_000


def led(lead_s, target, steps=200, limits=None):
    """(steps, 3): along y, of the targets at 20 Hz, of the reference, and of what is sent."""
    limits = limits or Limits(max_jump_m=1.0)
    made, lead, rows = ReferenceGenerator(limits), Lead(limits, lead_s), []
    made.anchor(START, 0)
    for now_ns in range(0, steps * STEP_NS, STEP_NS):
        goal = START.copy()
        goal[1, 3] = target(now_ns // PERIOD_NS * PERIOD_NS * 1e-9)
        if now_ns % PERIOD_NS == 0:
            assert made.offer(goal, now_ns)
        reference = made.step(now_ns)
        rows.append((goal[1, 3], reference.pose[1, 3], lead.ahead(reference, now_ns)[1, 3]))
    return np.array(rows)


def test_no_lead_sends_the_reference() -> None:
    rows = led(0.0, lambda t: 0.1 * t)
    np.testing.assert_array_equal(rows[:, 1], rows[:, 2])


@pytest.mark.parametrize("speed", [0.02, 0.1, 0.2])
def test_a_steady_stream_is_led_by_its_own_speed(speed) -> None:
    rows = led(0.08, lambda t: speed * t, steps=150)[100:]
    np.testing.assert_allclose(rows[:, 2] - rows[:, 1], 0.08 * speed, rtol=0.15)


def test_a_target_that_stands_is_never_passed() -> None:
    rows = led(0.1, lambda t: 0.1)
    assert rows[-1, 2] == pytest.approx(0.1, abs=1e-4)
    assert (rows[:, 2] <= 0.1 + 1e-9).all()


def test_a_stream_that_stops_is_passed_by_less_than_the_lead() -> None:
    speed, lead_s = 0.2, 0.1
    rows = led(lead_s, lambda t: speed * min(t, 0.5))
    assert rows[:, 2].max() < 0.1 + 0.5 * lead_s * speed
    assert rows[-1, 2] == pytest.approx(0.1, abs=1e-4)


@pytest.mark.parametrize("lead_s", [0.04, 0.1, 0.2])
def test_what_is_sent_moves_no_faster_than_the_limit(lead_s) -> None:
    rows = led(lead_s, lambda t: 0.5 * min(t, 0.6) if t < 1.0 else 0.3 - 0.5 * min(t - 1.0, 0.6))
    speeds = np.abs(np.diff(rows[:, 2])) / (STEP_NS * 1e-9)
    assert speeds.max() <= Limits().max_speed + 1e-9
    assert speeds.max() > 0.9 * Limits().max_speed


@pytest.mark.parametrize("gap_s", [0.06, 0.2, 1.0])
def test_a_stall_of_the_caller_gives_no_jump_of_what_is_sent(gap_s) -> None:
    """At full lead nothing but a step's way is travelled: who executes it stood still meanwhile."""
    limits = Limits(max_jump_m=1.0)
    made, lead, goal, now_ns = ReferenceGenerator(limits), Lead(limits, 0.15), START.copy(), 0
    made.anchor(START, 0)
    for k in range(60):
        if k % 5 == 0:
            goal[1, 3] += 0.01
            assert made.offer(goal, now_ns)
        now_ns += STEP_NS
        reference = made.step(now_ns)
        sent = lead.ahead(reference, now_ns)
    assert sent[1, 3] - reference.pose[1, 3] > 0.02
    now_ns += round(gap_s * 1e9)
    after = lead.ahead(made.step(now_ns), now_ns)
    assert np.linalg.norm(after[:3, 3] - sent[:3, 3]) <= limits.max_speed * limits.max_step_s + 1e-9


def test_nothing_is_sent_out_of_the_workspace() -> None:
    limits = Limits(workspace_max=(0.75, 0.1, 0.75))
    rows = led(0.15, lambda t: min(0.2 * t, 0.1), limits=limits)
    assert (rows[:, 2] <= 0.1 + 1e-9).all()
    assert rows[:, 2].max() > 0.09


@given(
    steps=st.lists(
        st.tuples(*[st.floats(-0.04, 0.04)] * 3, *[st.floats(-0.3, 0.3)] * 3), min_size=2
    ),
    lead_s=st.floats(0.0, 0.15),
    gap=st.sampled_from((1, 6, 20)),
)
def test_the_lead_is_bounded_by_the_limits(steps, lead_s, gap) -> None:
    """Also of a caller who comes late, now and then."""
    limits = Limits()
    made, lead, now_ns, goal = ReferenceGenerator(limits), Lead(limits, lead_s), 0, START.copy()
    made.anchor(START, 0)
    before = START
    for step in steps:
        goal = goal.copy()
        goal[:3, 3] += step[:3]
        made.offer(goal, now_ns)
        for k in range(5):
            step_ns = STEP_NS * (gap if k == 2 else 1)
            elapsed_s = min(step_ns * 1e-9, limits.max_step_s)
            now_ns += step_ns
            reference = made.step(now_ns)
            sent = lead.ahead(reference, now_ns)
            off = pose_delta(reference.pose, sent)
            moved, before = np.linalg.norm(sent[:3, 3] - before[:3, 3]), sent
            assert moved <= limits.max_speed * elapsed_s + 1e-9
            assert np.linalg.norm(off[:3]) <= lead_s * limits.max_speed + 1e-9
            assert np.linalg.norm(off[3:]) <= lead_s * limits.max_angular_speed + 1e-9
            assert np.linalg.norm(reference.acceleration[:3]) <= limits.max_acceleration + 1e-6
