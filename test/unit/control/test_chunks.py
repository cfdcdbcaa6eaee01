"""Chunks on one clock: what is executed is never past, never outside, and makes no step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from visuomotor.contracts import STEP_NS, ActionChunk
from visuomotor.control.chunk_config import ChunkConfig
from visuomotor.control.chunks import ChunkPlayer
from visuomotor.errors import CommandError
from visuomotor.geometry import apply_delta, matrix_from_rotvec, pose, pose_delta, rotation_angle

START = 10**9
MS = 10**6
ASYNC = ChunkConfig(inference="asynchronous")
BLEND = replace(ASYNC, overlap="blend")
ENSEMBLE = replace(ASYNC, overlap="ensemble")

vectors = st.tuples(*[st.floats(-0.3, 0.3)] * 3).map(np.array)
near_poses = st.tuples(vectors, vectors).map(lambda t: pose(matrix_from_rotvec(t[0]), t[1]))
moments = st.integers(0, 400 * MS)
overlaps = st.sampled_from(["newest", "blend", "ensemble"])


def chunk_of(stamp_ns: int, poses, widths=None) -> ActionChunk:
    poses = np.array(poses)
    return ActionChunk(stamp_ns, poses, np.full(len(poses), 0.04) if widths is None else widths)


def line(stamp_ns: int, x: float = 0.0, step_m: float = 0.0, length: int = 8) -> ActionChunk:
    """Action i is at x + i * step_m."""
    return chunk_of(stamp_ns, [pose(np.eye(3), [x + i * step_m, 0, 0]) for i in range(length)])


def position(player: ChunkPlayer, now_ns: int) -> float | None:
    action = player.action(now_ns)
    return None if action is None else float(action.T_base_ee[0, 3])


# --- target times ---


@given(st.integers(1, 20), st.integers(-100 * MS, 1200 * MS))
def test_an_actions_target_time_is_the_datasets_window(length, after) -> None:
    chunk, arrival = line(START, length=length), START + after
    k = chunk.index_at(arrival)
    assert k == min(np.searchsorted(chunk.target_ns, arrival), length)
    if after > 0 and k < length:
        assert START + k * STEP_NS < arrival <= START + (k + 1) * STEP_NS
    assert chunk.end_ns == chunk.target_ns[-1]


@settings(max_examples=200, deadline=None)
@given(
    overlaps,
    st.floats(0, 0.3),
    st.lists(st.tuples(st.sampled_from(["set", "ask"]), st.integers(0, 180 * MS)), max_size=40),
)
@example("newest", 0.0, [("set", 0), ("ask", 0)])
def test_no_action_whose_target_time_is_past_is_ever_given(overlap, latency_s, events) -> None:
    """Widths carry each action's target time: the one that is played is the present one."""
    config = replace(ASYNC, overlap=overlap, command_latency_s=latency_s)
    player, now, taken, late = ChunkPlayer(config), START, [], 0
    for kind, after in events:
        now += after
        if kind == "ask":
            arrival = now + config.command_latency_ns
            action = player.action(now)
            if action is None:
                assert not taken or taken[-1].end_ns < arrival
            else:
                target = START + round(action.gripper_width_m * 1e12)
                # at the very instant of its set the first action is a whole step ahead
                assert 0 <= target - arrival < STEP_NS + (arrival == taken[-1].stamp_ns)
                assert target in taken[-1].target_ns
        else:
            chunk = line(now - after // 2)
            chunk = replace(chunk, widths_m=(chunk.target_ns - START) * 1e-12)
            gone = int(sum(chunk.target_ns < now + config.command_latency_ns))
            refused = ""
            try:
                player.add(chunk, now)
                taken.append(chunk)
            except CommandError as error:
                refused = str(error)
            if "order of their stamps" in refused:
                assert chunk.stamp_ns <= taken[-1].stamp_ns
                gone = 0
            else:
                assert ("too late" in refused) == (gone == 8)
            late += gone
            assert player.late == late
    assert player.chunks == len(taken)


# --- overlaps ---


@settings(max_examples=200, deadline=None)
@given(
    st.lists(near_poses, min_size=8, max_size=8),
    st.lists(near_poses, min_size=8, max_size=8),
    st.integers(1, 300 * MS),
    st.lists(st.integers(0, 100 * MS), min_size=1, max_size=10),
)
def test_a_blended_pose_is_on_the_geodesic_between_the_two_chunks(old, new, at, steps) -> None:
    player, old_chunk = ChunkPlayer(BLEND), chunk_of(START, old)
    player.add(old_chunk, START)
    now = START + at
    assert player.action(now) is not None
    new_chunk = chunk_of(now, new)
    player.add(new_chunk, now)
    before = 0.0
    for step in steps:
        now += step
        action = player.action(now)
        if action is None:
            assert now > new_chunk.end_ns
            return
        b = new_chunk.poses[new_chunk.index_at(now)]
        if now - (START + at) >= 100 * MS or now > old_chunk.end_ns:
            assert action.T_base_ee.tobytes() == b.tobytes(), "wholly the new chunk's"
            continue
        a = old_chunk.poses[old_chunk.index_at(now)]
        whole, part = pose_delta(a, b), pose_delta(a, action.T_base_ee)
        share = (now - START - at) / min(100 * MS, old_chunk.end_ns - START - at)
        np.testing.assert_allclose(part, share * whole, atol=1e-9)
        assert share >= before
        before = share


@settings(max_examples=100, deadline=None)
@given(
    overlaps,
    st.lists(st.lists(near_poses, min_size=4, max_size=4), min_size=1, max_size=6),
    st.integers(1, 49 * MS),
)
def test_nothing_leaves_the_hull_of_the_chunks_at_work(overlap, chunks, phase) -> None:
    player, taken = ChunkPlayer(replace(ASYNC, overlap=overlap)), []
    for i, poses in enumerate(chunks):
        chunk = chunk_of(START + i * STEP_NS, poses)
        now = chunk.stamp_ns + phase
        player.add(chunk, now)
        taken.append(chunk)
        action = player.action(now)
        assert action is not None
        said = [c.poses[c.index_at(now)] for c in taken if now <= c.end_ns]
        low, high = np.min(said, axis=0)[:3, 3], np.max(said, axis=0)[:3, 3]
        p = action.T_base_ee[:3, 3]
        assert (p >= low - 1e-9).all()
        assert (p <= high + 1e-9).all()
        apart = max(rotation_angle(a[:3, :3].T @ b[:3, :3]) for a in said for b in said)
        turned = [rotation_angle(a[:3, :3].T @ action.T_base_ee[:3, :3]) for a in said]
        assert max(turned) <= apart + 1e-6


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(5 * MS, 90 * MS), st.booleans(), st.floats(-0.05, 0.05)),
        min_size=2,
        max_size=40,
    ),
    st.floats(0.05, 0.2),
)
def test_blending_makes_no_step_at_a_splice(events, blend_s) -> None:
    """Chunks move 1 mm a step about places 5 cm from 0 at most; splices come as they like."""
    player = ChunkPlayer(replace(BLEND, blend_s=blend_s))
    player.add(line(START, 0.0, 0.001), START)
    now = last = START + 1
    before = position(player, now)
    begun: list[int] = []  # from which commands on blends go
    for after, splice, x in events:
        now += after
        if splice:
            if player.newest.end_ns - last < blend_s * 1e9:
                return  # the old one ends within the window: there is nothing to blend with
            player.add(line(now, x, 0.001), now)
            begun.append(last)
        else:
            here = position(player, now)
            if here is None:
                return
            share = (now - last) / (blend_s * 1e9)
            moved = 0.001 * ((now - last) // STEP_NS + 1)
            blends = sum(last - start < blend_s * 1e9 for start in begun)
            assert abs(here - before) <= moved + 0.116 * min(1.0, blends * share) + 1e-9
            before, last = here, now


def test_the_blend_begins_at_the_last_command() -> None:
    player = ChunkPlayer(BLEND)
    player.add(line(START, 0.0), START)
    assert position(player, START + 25 * MS) == 0.0
    player.add(line(START + 50 * MS, 1.0), START + 60 * MS)
    at = [position(player, START + t * MS) for t in (75, 100, 125, 150)]
    np.testing.assert_allclose(at, [0.5, 0.75, 1.0, 1.0])
    assert player.spliced == 1


def test_a_splice_during_a_blend_goes_on_from_where_that_was() -> None:
    player = ChunkPlayer(BLEND)
    player.add(line(START, 0.0), START)
    position(player, START + 20 * MS)
    player.add(line(START + 40 * MS, 1.0), START + 50 * MS)
    assert position(player, START + 70 * MS) == pytest.approx(0.5)
    player.add(line(START + 60 * MS, 0.0), START + 70 * MS)
    assert position(player, START + 70 * MS) == pytest.approx(0.5), "no step"
    assert position(player, START + 120 * MS) == pytest.approx(0.5)  # half of 1.0 and half of 0.0
    assert position(player, START + 170 * MS) == 0.0


@pytest.mark.parametrize("overlap", ["newest", "blend", "ensemble"])
def test_the_order_of_two_chunks_does_not_matter_once_the_newer_has_taken_over(overlap) -> None:
    config = replace(ASYNC, overlap=overlap)
    ordered, crossed = ChunkPlayer(config), ChunkPlayer(config)
    older, newer = line(START, 0.0), line(START + 40 * MS, 1.0)
    ordered.add(older, START + 60 * MS)
    ordered.add(newer, START + 60 * MS)
    crossed.add(newer, START + 60 * MS)
    with pytest.raises(CommandError, match=r"came after those of set \d+; expected chunks in the"):
        crossed.add(older, START + 60 * MS)
    assert crossed.chunks == 1
    late = START + 410 * MS  # the older one is over
    assert position(ordered, late) == position(crossed, late) == 1.0


def known(now_ns: float) -> np.ndarray:
    """A hand on a circle of 10 cm, which turns: T (4, 4)."""
    angle = 2 * np.pi * now_ns * 1e-9 / 3
    turn = [0.4 * np.sin(angle), 0.3 * np.cos(angle), 0.5 * np.sin(2 * angle)]
    return pose(matrix_from_rotvec(turn), [0.1 * np.cos(angle), 0.1 * np.sin(angle), 0.3])


def followed(config: ChunkConfig, noise: float) -> np.ndarray:
    """Deltas (N, 6) to the known trajectory at 20 Hz; each chunk is shifted by a random delta."""
    rng, player, deltas = np.random.default_rng(3), ChunkPlayer(config), []
    for i in range(100):
        now = START + i * STEP_NS + 10 * MS
        if i % 2 == 0:
            stamp = START + i * STEP_NS
            shift = rng.normal(0, noise, 6)
            poses = [apply_delta(known(stamp + k * STEP_NS), shift) for k in range(8)]
            player.add(chunk_of(stamp, poses), now)
        action = player.action(now)
        deltas.append(pose_delta(known(START + i * STEP_NS), action.T_base_ee))
    return np.array(deltas)


@pytest.mark.parametrize("overlap", ["newest", "blend", "ensemble"])
def test_chunks_that_agree_are_followed_exactly(overlap) -> None:
    assert np.abs(followed(replace(ASYNC, overlap=overlap), 0.0)).max() < 1e-9


def test_chunks_that_differ_are_evened_out_by_ensembling_and_joined_by_blending() -> None:
    newest, blend, ensemble = (
        followed(replace(ASYNC, overlap=overlap), 0.01)
        for overlap in ("newest", "blend", "ensemble")
    )
    rms = [np.sqrt((d[8:] ** 2).mean()) for d in (newest, blend, ensemble)]
    assert rms[2] < 0.65 * rms[0], "four chunks are averaged: half the error"
    assert rms[1] < rms[0]
    jumps = [np.abs(np.diff(d, axis=0)).max() for d in (newest, blend, ensemble)]
    assert jumps[1] < 0.7 * jumps[0], "in two steps instead of one"
    assert jumps[2] < 0.7 * jumps[0]


def test_the_oldest_chunk_weighs_most_and_decay_says_how_much() -> None:
    player = ChunkPlayer(replace(ENSEMBLE, ensemble_decay=np.log(2)))
    for i, x in enumerate((0.0, 1.0, 4.0)):
        player.add(line(START + i * STEP_NS, x), START + i * STEP_NS)
    assert position(player, START + 101 * MS) == pytest.approx((0 + 1 / 2 + 4 / 4) / (7 / 4))
    assert position(player, START + 401 * MS) == pytest.approx((1 + 4 / 2) / (3 / 2))


def test_widths_are_the_newest_chunks_alone() -> None:
    """A gripper is commanded at edges: a mean of open and closed would be a third command."""
    for config in (BLEND, ENSEMBLE):
        player = ChunkPlayer(config)
        poses = line(0).poses
        player.add(chunk_of(START, poses, np.full(8, 0.08)), START)
        position(player, START + 20 * MS)
        player.add(chunk_of(START + STEP_NS, poses, np.full(8, -0.01)), START + STEP_NS)
        assert player.action(START + 60 * MS).gripper_width_m == 0.0


# --- times ---


def test_the_action_is_that_of_its_arrival() -> None:
    config = replace(ASYNC, command_latency_s=0.06)
    player = ChunkPlayer(config)
    player.add(line(START, 0, 1), START + 70 * MS)  # arrives at 130 ms: 0 and 1 are past
    assert (player.late, player.latency_ns) == (2, 130 * MS)
    assert position(player, START + 70 * MS) == 2.0
    assert position(player, START + 341 * MS) is None


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 50 * MS), st.floats(0, 0.2), st.integers(0, 99))
def test_ticks_that_come_late_skip_no_action_and_give_none_twice(phase, latency_s, seed) -> None:
    """Wherever in a control step the first command falls: the next ones are in their middle."""
    player = ChunkPlayer(replace(ASYNC, command_latency_s=latency_s))
    player.add(line(START, 0, 1, length=100), START)
    rng, now, given = np.random.default_rng(seed), START + phase, []
    while len(given) < 40:
        if player.due(now):
            given.append(position(player, now))
        now += int(rng.integers(1, 20)) * MS
    np.testing.assert_array_equal(np.diff(given[1:]), 1)


def test_sets_that_jitter_change_neither_rate_nor_order() -> None:
    """Asked every 5 ms while chunks come every 150 ms, with stamps that jitter by 15 ms."""
    player, rng = ChunkPlayer(ASYNC), np.random.default_rng(0)
    assert not player.due(START)
    given = []
    for now in range(START, START + 6_000 * MS, 5 * MS):
        if (now - START) % (150 * MS) == 0:
            player.add(line(now - 160 * MS + int(rng.integers(-15, 15)) * MS), now)
        if player.due(now) and player.action(now):
            given.append(now)
    assert 119 <= len(given) <= 121
    spaces = np.diff(given) / MS
    assert 20 <= spaces.min() <= spaces.max() <= 80
    assert player.stalls(START + 6_000 * MS) == 0


def test_a_policy_that_stalls_runs_out_and_every_step_without_it_counts() -> None:
    player = ChunkPlayer(ASYNC)
    player.add(line(START), START)
    asked = [START + 25 * MS + i * STEP_NS for i in range(20)]
    given = [now for now in asked if player.due(now) and player.action(now)]
    assert len(given) == 8
    assert player.stalls(asked[-1]) == 11
    assert player.silence_s(asked[-1]) == pytest.approx(12 * 0.05)
    again = asked[-1] + STEP_NS
    player.add(line(again), again)
    assert player.due(again)
    assert player.action(again)
    assert player.stalls(again) == 12
    player.stop(again + STEP_NS)
    assert player.stalls(again + 100 * STEP_NS) == 12
    assert player.action(again + STEP_NS) is None


def test_a_late_tick_is_made_up_for_and_a_clock_may_go_back() -> None:
    player = ChunkPlayer(ASYNC)
    player.add(line(START), START)
    player.action(START + 25 * MS)
    player.action(START + 105 * MS)  # 30 ms late
    assert not player.due(START + 115 * MS)
    assert player.due(START + 125 * MS)
    back = START - 10**10
    player.add(line(back), back)
    assert player.due(back)
    assert player.action(back)


# --- refusals ---


def test_a_chunk_that_was_wholly_late_is_named_and_the_old_one_goes_on() -> None:
    player = ChunkPlayer(ASYNC)
    player.add(line(START, 0.0, length=20), START)
    with pytest.raises(CommandError, match=r"all 8 actions came too late, 450 ms after it.*400 ms"):
        player.add(line(START + MS, 1.0), START + 451 * MS)
    assert (player.late, player.chunks) == (8, 1)
    assert position(player, START + 451 * MS) == 0.0


def test_one_action_at_a_time_cannot_run_asynchronously() -> None:
    player = ChunkPlayer(ASYNC)
    with pytest.raises(CommandError, match="chunks of 2 or more; set `inference` to synchronous"):
        player.add(line(START, length=1), START)
    assert player.action(START) is None


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"replan_steps": 0}, "replan_steps 0"),
        ({"blend_s": -0.1}, "blend_s: got -0.1"),
        ({"ensemble_decay": float("nan")}, "ensemble_decay: got nan"),
        ({"command_latency_s": 60.0}, "got 60.0, expected seconds from 0 to 1"),
    ],
)
def test_impossible_settings_are_refused(wrong, text) -> None:
    with pytest.raises(ValueError, match=text):
        ChunkConfig(**wrong)
