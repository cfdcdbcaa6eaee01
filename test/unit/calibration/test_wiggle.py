"""The wiggle: back where it began, and never what the bridge would refuse or clip."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.calibration.wiggle import WiggleConfig, wiggle
from visuomotor.contracts import RobotState
from visuomotor.control import BridgeConfig, CartesianBridge
from visuomotor.geometry import pose
from visuomotor.sim.robot import HOME_Q

START = pose(np.diag([1.0, -1.0, -1.0]), (0.45, 0.0, 0.3))
directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda d: math.hypot(*d) > 0.1)


@settings(max_examples=6, deadline=None)
@given(amplitude_m=st.floats(0.005, 0.03), direction=directions, duration_s=st.floats(8, 14))
def test_the_bridge_takes_it_as_it_is(amplitude_m, direction, duration_s) -> None:
    motion = WiggleConfig(amplitude_m, direction, duration_s=duration_s)
    bridge = CartesianBridge(BridgeConfig())
    measured, q, dq = START, np.array(HOME_Q), np.zeros(7)
    furthest = 0.0
    for step in range(round(100 * duration_s) + 50):
        now_ns = 1_000_000_000 + step * 10_000_000
        bridge.set_measured(RobotState(now_ns, measured, q, dq, 0.08), now_ns)
        bridge.teleop_enable(True, now_ns)
        if step % 5 == 0:
            verdict = bridge.offer("teleop", wiggle(START, step * 0.01, motion), now_ns)
            assert verdict, verdict.detail
        out = bridge.step(now_ns)
        if out.pose is not None:
            measured = out.pose
        furthest = max(furthest, float(np.linalg.norm(measured[:3, 3] - START[:3, 3])))
    assert 0.7 * amplitude_m < furthest < 1.15 * amplitude_m
    np.testing.assert_allclose(measured, START, atol=1e-3)
    refused = {k: v for k, v in bridge.status()["counters"].items() if v not in (0, "0")}
    assert not any("refused" in k or "clip" in k for k in refused), refused


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"amplitude_m": 0.2}, "0.005 to 0.05 m"),
        ({"amplitude_m": math.nan}, "0.005 to 0.05 m"),
        ({"direction": (0.0, 0.0, 0.0)}, "expected a vector"),
        ({"slow_hz": 1.0}, "the second larger"),
        ({"duration_s": 3.0}, "8 to 60 s"),
        ({"amplitude_m": 0.05}, "at most 0.2"),
    ],
)
def test_a_motion_too_large_or_fast_is_refused(values, text) -> None:
    with pytest.raises(ValueError, match=text):
        WiggleConfig(**values)
