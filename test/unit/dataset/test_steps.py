"""The 50 ms grid and the alignment of actions, as properties over random recordings."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from visuomotor.contracts import STEP_NS
from visuomotor.dataset.steps import align_actions, step_grid
from visuomotor.errors import DataError
from visuomotor.sync.rate import RateGate

START = 1_700_000_000_000_000_000


@st.composite
def recordings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Slots that have a set, and the jittered stamps of those sets."""
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 2, 5]), min_size=0, max_size=60))
    slots = np.concatenate([[0], np.cumsum(gaps)]).astype(np.int64)
    jitter = draw(
        st.lists(st.integers(-5, 5), min_size=len(slots), max_size=len(slots)).map(np.array)
    )
    return slots, START + slots * STEP_NS + jitter * 1_000_000


@given(recordings())
@example((np.array([0, 1, 2, 4, 5]), START + np.array([0, 55, 95, 205, 245]) * 1_000_000))
def test_every_set_has_its_slot_and_every_gap_its_mask(
    recording: tuple[np.ndarray, np.ndarray],
) -> None:
    slots, stamps = recording
    if len(stamps) > 4 and not (np.diff(slots) == 1).any():
        return  # sets at 10 Hz or slower are refused, below
    grid = step_grid(stamps, "e")
    assert len(grid.stamps_ns) == slots[-1] + 1
    np.testing.assert_array_equal(np.flatnonzero(grid.valid), slots)
    np.testing.assert_array_equal(grid.stamps_ns[grid.valid], stamps)
    np.testing.assert_array_equal(grid.source[grid.valid], np.arange(len(stamps)))
    assert (np.diff(grid.stamps_ns) > 0).all()
    before = np.searchsorted(slots, np.arange(len(grid.valid)), side="right") - 1
    np.testing.assert_array_equal(grid.source, before)  # a gap repeats the set before it


@given(drift=st.integers(-2_000_000, 2_000_000), count=st.integers(5, 300))
def test_clock_drift_makes_no_gap(drift: int, count: int) -> None:
    assert step_grid(START + np.arange(count) * (STEP_NS + drift), "e").valid.all()


@given(
    camera_hz=st.sampled_from([20.0, 29.97, 30.0, 60.0, 90.0]),
    count=st.integers(8, 400),
    jitter=st.lists(st.integers(-1_500_000, 1_500_000), min_size=400, max_size=400),
)
@example(camera_hz=30.0, count=101, jitter=[0] * 400)
def test_sets_of_faster_cameras_come_at_20_hz(
    camera_hz: float, count: int, jitter: list[int]
) -> None:
    """At 30 Hz they are 33 and 67 ms apart, by turns."""
    gate, passed = RateGate(20.0), []
    for i in range(count):
        stamp_ns = START + round(i * 1e9 / camera_hz) + jitter[i]
        if gate.admits(stamp_ns):
            gate.pass_(stamp_ns)
            passed.append(stamp_ns)
    assert step_grid(np.array(passed), "e").valid.mean() > 0.9


@pytest.mark.parametrize(
    ("stamps", "text"),
    [
        ([], "no complete set within its trim"),
        ([0, 50, 100, 90], "the clock goes back"),
        ([0, 50, 100, 100_000], "100 s without a set"),
        (list(range(0, 3000, 100)), "sets come at 10.0 Hz, expected 20 Hz"),
        (list(range(0, 3000, 33)), "sets come at 30.3 Hz, expected 20 Hz"),
    ],
)
def test_what_is_no_recording_at_20_hz_is_named(stamps: list[int], text: str) -> None:
    with pytest.raises(DataError, match=rf"episode x: .*{text}"):
        step_grid(np.array(stamps, np.int64) * 1_000_000, "episode x")


@given(
    recordings(),
    st.lists(st.integers(-100, 6000), max_size=80, unique=True).map(sorted),
    st.lists(st.integers(-100, 6000), max_size=10, unique=True).map(sorted),
)
def test_the_action_is_the_first_accepted_target_within_the_step(
    recording: tuple[np.ndarray, np.ndarray], targets_ms: list[int], gripper_ms: list[int]
) -> None:
    stamps = recording[1]
    n = len(stamps)
    held = np.tile(np.eye(4), (n, 1, 1))
    held[:, 0, 3] = -1.0 - np.arange(n)
    measured = np.linspace(0.01, 0.02, n)
    target_stamps = START + np.array(targets_ms, np.int64) * 1_000_000
    poses = np.tile(np.eye(4), (len(target_stamps), 1, 1))
    poses[:, 0, 3] = np.arange(len(target_stamps))
    gripper_stamps = START + np.array(gripper_ms, np.int64) * 1_000_000
    widths = 0.03 + 0.001 * np.arange(len(gripper_stamps))
    got = align_actions(stamps, held, measured, (target_stamps, poses), (gripper_stamps, widths))
    for i, t in enumerate(stamps):  # the specification, word for word
        inside = [k for k, s in enumerate(target_stamps) if t < s <= t + STEP_NS]
        assert got.valid[i] == bool(inside)
        assert got.pose[i, 0, 3] == (inside[0] if inside else held[i, 0, 3])
        commanded = [w for s, w in zip(gripper_stamps, widths, strict=True) if s <= t + STEP_NS]
        assert got.width_m[i] == (commanded[-1] if commanded else measured[i])
