"""What the synchroniser promises, on whole streams of messages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams_of_sets import (
    COLOR,
    MS,
    START,
    Message,
    assert_accounts_balance,
    deliver,
    images,
    play,
    robot,
    synchroniser,
    ticks,
    true_pose,
    true_q,
)

from visuomotor.contracts import StampedImage, SyncedFrame
from visuomotor.errors import CalibrationError, ConfigError
from visuomotor.geometry import PinholeCamera
from visuomotor.sync import FrameSynchroniser, SyncConfig

CAMERAS = ("front", "side", "wrist")


def stamps(frames: list[SyncedFrame]) -> list[int]:
    return [f.stamp_ns for f in frames]


def assert_sets_are_sound(frames: list[SyncedFrame], config: SyncConfig) -> None:
    period = round(1e9 / config.rate_hz)
    for a, b in itertools.pairwise(frames):
        assert b.stamp_ns - a.stamp_ns >= period // 2
    for frame in frames:
        assert set(config.required_cameras) <= set(frame.cameras)
        for name in frame.cameras:
            assert abs(frame.skew_ns[f"{name}/color"]) <= config.tolerance_ms * MS
            apart = frame.skew_ns[f"{name}/color"] - frame.skew_ns[f"{name}/depth"]
            assert abs(apart) <= config.depth_tolerance_ms * MS
        np.testing.assert_allclose(frame.robot.T_base_ee, true_pose(frame.stamp_ns), atol=1e-9)
        np.testing.assert_allclose(frame.robot.q, true_q(frame.stamp_ns), atol=1e-9)


def test_equal_stamps_go_out_with_the_last_message() -> None:
    sync = synchroniser(*CAMERAS)
    streams = (*images(*CAMERAS), "pose", "joints", "gripper")
    for i in range(50):
        for order, name in enumerate(np.random.default_rng(i).permutation(streams)):
            stamp = START + i * 50 * MS
            deliver(sync, Message(stamp + order, str(name), stamp))
            frames = sync.poll(stamp + order)
            assert stamps(frames) == ([stamp] if order == len(streams) - 1 else [])
    assert set(frames[0].skew_ns.values()) == {0}
    assert_accounts_balance(sync)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    loss=st.sampled_from([0.0, 0.05, 0.2, 0.5]),
    jitter_ms=st.floats(0, 5),
    delay_ms=st.floats(0, 80),
)
def test_every_complete_set_is_emitted(
    seed: int, loss: float, jitter_ms: float, delay_ms: float
) -> None:
    """Cameras triggered together: as many sets as triggers of which nothing was lost."""
    rng = np.random.default_rng(seed)
    count = 60
    messages, complete = robot(count / 20 + 0.2), 0
    for i in range(count):
        kept = 0
        for camera in CAMERAS:
            stamp = START + i * 50 * MS + round(rng.uniform(-jitter_ms, jitter_ms) * MS)
            for name in images(camera):
                delay = round(rng.uniform(0, delay_ms) * MS)
                if rng.random() >= loss:
                    messages.append(Message(stamp + delay, name, stamp))
                    kept += 1
        complete += kept == 2 * len(CAMERAS)
    sync = synchroniser(*CAMERAS)
    # A set may overtake an older one only where delays differ by more than a period.
    frames = play(sync, messages)
    if delay_ms + 2 * jitter_ms < 50:
        assert len(frames) == complete
    assert_sets_are_sound(frames, sync.config)
    assert_accounts_balance(sync)


@pytest.mark.parametrize("rate_hz", [30.0, 60.0, 90.0])
@pytest.mark.parametrize("phases_ms", [(0, 0, 0), (0, 3, 7), (0, 8, 16)])
def test_fast_cameras_give_20_sets_a_second(rate_hz: float, phases_ms: tuple[int, ...]) -> None:
    seconds = 10
    messages = robot(seconds)
    for camera, phase in zip(CAMERAS, phases_ms, strict=True):
        messages += ticks(images(camera), rate_hz, round(seconds * rate_hz), phase)
    sync = synchroniser(*CAMERAS)
    frames = play(sync, messages)
    assert abs(len(frames) - 20 * seconds) <= 1
    assert max(np.diff(stamps(frames))) <= 50 * MS + 1e9 / rate_hz
    assert_sets_are_sound(frames, sync.config)
    assert_accounts_balance(sync)


@settings(deadline=None, max_examples=30)
@given(phase_ms=st.floats(0, 50), rate_hz=st.floats(19, 20), seed=st.integers(0, 999))
def test_a_slow_clock_loses_no_set(phase_ms: float, rate_hz: float, seed: int) -> None:
    """Cameras just below the rate drift through every phase; with jitter, no set is lost."""
    rng = np.random.default_rng(seed)
    period = 1e9 / rate_hz
    times = [START + round(phase_ms * MS + i * period) for i in range(200)]
    times = [t + int(rng.integers(-10 * MS, 10 * MS)) for t in times]
    messages = robot(11) + [Message(t, n, t) for t in times for n in images("front")]
    assert stamps(play(synchroniser("front"), messages)) == times


def test_the_tightest_set_is_chosen() -> None:
    """Side lags front by 20 ms at 30 Hz, so its frames belong to front's next ones."""
    messages = robot(3)
    messages += ticks(images("front"), 30, 60) + ticks(images("side"), 30, 60, 20)
    sync = synchroniser("front", "side")
    frames = play(sync, messages)
    assert len(frames) > 35
    assert max(abs(s) for f in frames[2:] for n, s in f.skew_ns.items() if "/" in n) < 7 * MS
    assert sync.stats(START).latency_ms is not None
    assert_accounts_balance(sync)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), rate_hz=st.sampled_from([20.0, 30.0, 60.0]))
def test_its_own_sets_pass_again_unchanged(seed: int, rate_hz: float) -> None:
    """A second synchroniser, joining later, takes the sets of the first at once and whole."""
    rng = np.random.default_rng(seed)
    messages = robot(3)
    for camera in CAMERAS:
        phase = rng.uniform(0, 12)
        messages += ticks(images(camera), rate_hz, round(2.5 * rate_hz), phase)
    messages = [m for m in messages if "/" not in m.stream or rng.random() > 0.05]
    first, second = synchroniser(*CAMERAS), synchroniser(*CAMERAS)
    for frame in play(first, messages)[int(rng.integers(0, 10)) :]:
        t, r = frame.stamp_ns, frame.robot
        for name, view in frame.cameras.items():
            second.add_color(name, StampedImage(t, view.color))
            assert view.depth_mm is not None
            second.add_depth(name, StampedImage(t, view.depth_mm))
        second.add_pose(t, r.T_base_ee)
        second.add_joints(t, r.q, r.dq)
        second.add_gripper(t, r.gripper_width_m)
        (again,) = second.poll(t)
        assert again.stamp_ns == t
        np.testing.assert_array_equal(again.robot.T_base_ee, r.T_base_ee)
        np.testing.assert_array_equal(again.robot.q, r.q)


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from((*images("front", "side"), "pose", "joints", "gripper")),
        st.integers(0, 40),  # stamp, in steps of 10 ms
        st.integers(-3, 3),  # off by ms
        st.sampled_from([0] * 30 + [-5000, -1500, 1500, 86_400_000]),  # a jump from here on, ms
    ),
    max_size=250,
)


@settings(deadline=None, max_examples=150)
@given(messages=MESSAGES, optional=st.booleans(), few=st.booleans())
def test_accounts_balance_whatever_comes(
    messages: list[tuple[str, int, int, int]], optional: bool, few: bool
) -> None:
    """Any order, duplicates, jumps: nothing is lost unaccounted, memory stays bounded."""
    limit = 4 if few else 64
    sync = synchroniser(
        "front", "side", optional_cameras=("side",) if optional else (), max_buffered=limit
    )
    offset, frames, jumped = START, [], False
    for i, (stream, step, off, jump) in enumerate(messages):
        offset, jumped = offset + jump * MS, jumped or jump != 0
        deliver(sync, Message(0, stream, offset + step * 10 * MS + off * MS))
        frames += sync.poll(offset + i * MS)
        assert_accounts_balance(sync)
        for name, s in sync.stats(offset).streams.items():
            assert s.buffered <= (2 * limit if "/" in name else 4096)
    for frame in frames:
        assert frame.cameras.keys() >= set(sync.config.required_cameras)
    if not jumped:
        assert stamps(frames) == sorted(set(stamps(frames)))
    assert sum(s.used for n, s in sync.stats(0).streams.items() if n == "front/color") == len(
        frames
    )


@pytest.mark.parametrize("jump_ms", [-86_400_000, -2000, 3000, 86_400_000])
def test_sets_go_on_after_a_clock_jump(jump_ms: int) -> None:
    sync = synchroniser("front", "side")
    before = robot(1.0) + ticks(images("front", "side"), 20, 20)
    assert len(play(sync, before)) == 20
    after = [
        Message(m.arrival_ns + jump_ms * MS, m.stream, m.stamp_ns + jump_ms * MS) for m in before
    ]
    assert len(play(sync, after)) >= 19
    assert sync.stats(START).clock_jumps >= 1
    assert_accounts_balance(sync)


def test_one_wild_stamp_costs_little() -> None:
    """A single message from another time; then a dead sender of it."""
    sync = synchroniser("front")
    messages = sorted(robot(2.0) + ticks(images("front"), 20, 40))
    half = len(messages) // 2
    frames = play(sync, messages[:half])
    deliver(sync, Message(messages[half].arrival_ns, "gripper", START + 10**15))
    frames += play(sync, messages[half:])
    assert len(frames) >= 37


def test_late_and_repeated_messages_are_named() -> None:
    sync = synchroniser("front", "side")
    assert len(play(sync, robot(0.5) + ticks(images("front", "side"), 20, 5))) == 5
    t = START + 4 * 50 * MS
    for stamp in (t, t - 20 * MS):
        deliver(sync, Message(t, "front/color", stamp))
        deliver(sync, Message(t, "front/depth", stamp))
    streams = sync.stats(t).streams
    assert streams["front/color"].dropped == {"duplicate": 1, "out_of_order": 1}
    assert streams["front/depth"].dropped == {"duplicate": 1, "out_of_order": 1}
    assert_accounts_balance(sync)


def test_no_extrapolation() -> None:
    """Without a later robot sample the set waits max_wait_ms, then is refused and counted."""
    sync = synchroniser("front", max_wait_ms=100)
    for m in ticks(("pose", "joints", "gripper"), 100, 5, -50) + ticks(images("front"), 20, 1):
        deliver(sync, m)
    assert sync.poll(START) == []
    assert sync.poll(START + 99 * MS) == []
    assert sync.stats(START).refused == {}
    assert sync.poll(START + 100 * MS) == []
    stats = sync.stats(START + 100 * MS)
    assert stats.refused == {"no_robot": 1}
    assert stats.streams["front/color"].dropped == {"no_robot": 1}
    assert_accounts_balance(sync)


def test_brackets_farther_apart_than_the_bound_are_refused_at_once() -> None:
    sync = synchroniser("front", max_bracket_ms=30)
    for m in ticks(("pose", "joints", "gripper"), 20, 2, -25) + ticks(images("front"), 20, 1):
        deliver(sync, m)
    assert sync.poll(START + 25 * MS) == []
    assert sync.stats(START).refused == {"no_robot": 1}


def test_sets_stop_without_a_required_camera_and_resume() -> None:
    sync = synchroniser("front", "side")
    everything = robot(6) + ticks(images("front", "side"), 20, 120)
    dead = START + 2000 * MS, START + 4000 * MS
    messages = [
        m for m in everything if m.stream[:4] != "side" or not dead[0] < m.stamp_ns < dead[1]
    ]
    before = play(sync, [m for m in messages if m.arrival_ns < dead[1] - MS])
    assert max(stamps(before)) <= dead[0]
    stats = sync.stats(dead[1])
    assert stats.dead == images("side")
    assert not stats.ok
    assert "no sets: camera side dead" in stats.status
    assert stats.rows()["side/color"]["state"] == "dead"
    after = play(sync, [m for m in messages if m.arrival_ns >= dead[1] - MS])
    assert len(after) == 40
    assert sync.stats(START + 6000 * MS).ok
    assert sync.stats(dead[1]).streams["front/color"].dropped["no_partner"] >= 38
    assert_accounts_balance(sync)


def test_sets_go_on_without_an_optional_camera() -> None:
    sync = synchroniser("front", "side", optional_cameras=("side",))
    messages = robot(6) + ticks(images("front"), 20, 120) + ticks(images("side"), 20, 40)
    frames = play(sync, messages)
    # A camera that was never seen is not waited for: the first set may lack it.
    assert [set(f.cameras) for f in frames[1:40]] == [{"front", "side"}] * 39
    assert [set(f.cameras) for f in frames[40:]] == [{"front"}] * 80
    stats = sync.stats(START + 6000 * MS)
    assert stats.status.startswith("sets come without camera side, dead: side/color")
    assert_accounts_balance(sync)


def test_bad_images_and_samples_are_counted() -> None:
    sync = synchroniser("front")
    play(sync, robot(0.2))
    sync.add_color("front", StampedImage(START, COLOR[..., :1]))
    sync.add_depth("front", StampedImage(START, COLOR[..., 0]))
    sync.add_color("front", StampedImage(START + MS, COLOR))
    sync.add_depth("front", StampedImage(START + MS, np.zeros((2, 3), np.uint16)))
    sync.add_pose(START, np.full((4, 4), np.nan))
    sync.add_joints(START, np.zeros(6), np.zeros(6))
    sync.add_gripper(START, float("nan"))
    streams = sync.stats(START).streams
    assert streams["front/color"].dropped == {"bad_size": 2}
    assert streams["front/depth"].dropped == {"bad_size": 2}
    for name in ("pose", "joints", "gripper"):
        assert streams[name].dropped["bad_value"] == 1
    assert_accounts_balance(sync)


def test_a_camera_info_of_another_size_is_named() -> None:
    sync = synchroniser("front", max_wait_ms=0)
    sync.set_camera("front", PinholeCamera.from_fovy(640, 480, 0.8))
    assert play(sync, robot(0.5) + ticks(images("front"), 20, 5)) == []
    assert sync.stats(START).refused == {"bad_size": 5}


def test_missing_calibration_is_named() -> None:
    sync = FrameSynchroniser(SyncConfig(cameras=("front",)))
    sync.set_camera("front", PinholeCamera.from_fovy(6, 4, 0.8))
    messages = robot(0.5) + ticks(images("front"), 20, 5)
    assert play(sync, messages) == []
    stats = sync.stats(START + 500 * MS)
    assert stats.refused["no_calibration"] >= 1
    assert stats.status == "no sets: extrinsics of camera front never came"
    with pytest.raises(CalibrationError, match=r"front.*rigid"):
        sync.set_extrinsics("front", 2 * np.eye(4))
    assert_accounts_balance(sync)


def test_calibration_may_come_after_its_images() -> None:
    sync = FrameSynchroniser(SyncConfig(cameras=("front",)))
    for m in robot(0.5) + ticks(images("front"), 20, 1):
        deliver(sync, m)
    assert sync.poll(START) == []
    sync.set_camera("front", PinholeCamera.from_fovy(6, 4, 0.8))
    sync.set_extrinsics("front", np.eye(4))
    assert len(sync.poll(START + 50 * MS)) == 1


def test_unknown_cameras_are_errors() -> None:
    with pytest.raises(ConfigError, match=r"'fornt'.*front"):
        synchroniser("front").add_color("fornt", StampedImage(START, COLOR))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cameras": ()}, "expected one or more"),
        ({"cameras": ("a", "a")}, "distinct"),
        ({"cameras": ("a",), "optional_cameras": ("b",)}, "unknown camera 'b'"),
        ({"cameras": ("a",), "optional_cameras": ("a",)}, "leave at least one"),
        ({"cameras": ("a",), "rate_hz": 0.0}, "rate_hz"),
        ({"cameras": ("a",), "tolerance_ms": -1.0}, "tolerance_ms"),
        ({"cameras": ("a",), "tolerance_ms": float("nan")}, "tolerance_ms"),
        ({"cameras": ("a",), "max_buffered": 1}, "max_buffered"),
    ],
)
def test_impossible_configurations_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SyncConfig(**options)  # type: ignore[arg-type]


def test_a_camera_on_the_hand_moves_with_it() -> None:
    T_ee_camera = np.eye(4)
    T_ee_camera[:3, 3] = 0.1, 0.0, 0.05
    sync = synchroniser("front", "wrist")
    sync.set_mount("wrist", T_ee_camera)
    frames = play(sync, robot(1) + ticks(images("front", "wrist"), 20, 20))
    assert len(frames) == 20
    for frame in frames:
        T = frame.cameras["wrist"].T_base_camera
        np.testing.assert_allclose(T, true_pose(frame.stamp_ns) @ T_ee_camera, atol=1e-9)
        np.testing.assert_array_equal(frame.cameras["front"].T_base_camera, np.eye(4))
