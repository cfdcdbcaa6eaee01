"""Delays between signals that were made, and the refusals where there is nothing to compare."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.calibration.delay import Signal, delay_of
from visuomotor.calibration.wiggle import WiggleConfig, wiggle
from visuomotor.errors import CalibrationError

START = np.eye(4)


def line(times: np.ndarray, motion: WiggleConfig | None = None) -> np.ndarray:
    motion = motion or WiggleConfig()
    return np.stack([wiggle(START, t, motion)[:3, 3] for t in times])


@settings(max_examples=8, deadline=None)
@given(
    delay_s=st.floats(-0.15, 0.25),
    rate_hz=st.sampled_from([15.0, 20.0, 30.0, 59.94]),
    phase=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_an_injected_delay_is_recovered(delay_s, rate_hz, phase, seed) -> None:
    """Of something seen that is any smooth function of the motion, with noise and jitter."""
    rng = np.random.default_rng(seed)
    robot = np.arange(0, 12, 0.01) + rng.uniform(-1e-3, 1e-3, 1200)
    seen = np.arange(phase / rate_hz, 12, 1 / rate_hz)
    s = line(seen - delay_s) @ (0.4, 0.4, 0.8) / 0.03
    image = np.stack([s + 0.4 * s**2, np.sin(2 * s), np.cos(3 * s)], axis=1)
    image += rng.normal(size=image.shape) * 0.05
    found = delay_of(Signal(seen, image), Signal(robot, line(robot)), "camera any")
    assert abs(found.seconds - delay_s) < 0.005
    assert found.deviation_s < 0.005
    assert found.correlation > 0.9


def test_jumps_between_samples_are_interpolated() -> None:
    times = np.arange(0, 6, 0.05)
    smooth = Signal(times, np.sin(times)[:, None])
    asked = np.arange(1, 5, 0.013)
    np.testing.assert_allclose(smooth.at(asked)[:, 0], np.sin(asked), atol=1e-5)


def test_what_sees_nothing_of_the_motion_is_refused() -> None:
    times = np.arange(0, 12, 0.05)
    noise = np.random.default_rng(0).normal(size=(len(times), 5))
    robot = Signal(times, line(times))
    with pytest.raises(CalibrationError, match=r"camera a: its correlation .* is 0\.\d\d at best"):
        delay_of(Signal(times, noise), robot, "camera a")


def test_a_delay_beyond_the_search_is_refused() -> None:
    robot = np.arange(0, 14, 0.01)
    seen = np.arange(0, 14, 0.05)
    motion = WiggleConfig(duration_s=14)
    late = Signal(seen, line(seen - 0.55, motion))
    with pytest.raises(CalibrationError, match=r"the end of what was searched|correlation"):
        delay_of(late, Signal(robot, line(robot, motion)), "camera a")


def test_a_short_record_is_refused() -> None:
    times = np.arange(0, 2, 0.05)
    signal = Signal(times, line(times))
    with pytest.raises(CalibrationError, match=r"got 2[0-9] samples .* at least 60"):
        delay_of(signal, signal, "camera a")
