"""The runtime: chunks played by stamps, and nothing but finite actions."""

from dataclasses import replace

import numpy as np
import pytest

from visuomotor.contracts import (
    STEP_NS,
    ActionChunk,
    CameraFrame,
    Observation,
    RobotState,
    SyncedFrame,
)
from visuomotor.control.chunk_config import ChunkConfig
from visuomotor.errors import CheckpointError, CommandError, DataError
from visuomotor.geometry import PinholeCamera, pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.runtime import PolicyRuntime

CAMERA = PinholeCamera.from_fovy(16, 12, 0.8)
DOWN = np.diag([1.0, -1.0, -1.0])


class Counting:
    """A policy whose action i of chunk n moves to x = n + i / 10."""

    spec = ObservationSpec((CameraSpec("front", 12, 16),))

    def __init__(self, length: int = 4) -> None:
        self.length, self.calls, self.resets = length, 0, 0
        self.seen: list[Observation] = []
        self.width_m = 0.04

    def reset(self) -> None:
        self.resets += 1

    def act(self, observation: Observation) -> ActionChunk:
        self.seen.append(observation)
        poses = np.stack([pose(DOWN, [self.calls + i / 10, 0.0, 0.2]) for i in range(self.length)])
        self.calls += 1
        return ActionChunk(observation.stamp_ns, poses, np.full(self.length, self.width_m))


def frame_at(stamp_ns: int) -> SyncedFrame:
    view = CameraFrame(
        np.zeros((12, 16, 3), np.uint8), np.full((12, 16), 500, np.uint16), CAMERA, np.eye(4)
    )
    robot = RobotState(stamp_ns, pose(DOWN, [0.4, 0, 0.3]), np.zeros(7), np.zeros(7), 0.08)
    return SyncedFrame(stamp_ns, {"front": view}, robot)


def replanning(policy: Counting, steps: int) -> PolicyRuntime:
    return PolicyRuntime(policy, ChunkConfig(replan_steps=steps))


def played(runtime: PolicyRuntime, steps: list[float]) -> list[float]:
    """The x of the actions for sets stamped at these control steps."""
    stamps = [10**9 + round(s * STEP_NS) for s in steps]
    return [round(float(runtime.step(frame_at(t)).T_base_ee[0, 3]), 6) for t in stamps]


def test_every_set_triggers_the_policy_by_default() -> None:
    assert played(PolicyRuntime(Counting()), [0, 1, 2, 3]) == [0, 1, 2, 3]


def test_a_chunk_is_played_for_replan_steps() -> None:
    assert played(replanning(Counting(), 3), [0, 1, 2, 3, 4, 5, 6]) == [
        *(0, 0.1, 0.2),
        *(1, 1.1, 1.2),
        2,
    ]


def test_on_one_clock_asynchronous_inference_plays_the_same() -> None:
    config = ChunkConfig(inference="asynchronous", replan_steps=3)
    assert played(PolicyRuntime(Counting(), config), [0, 1, 2, 3, 4]) == [0, 0.1, 0.2, 1, 1.1]


def test_a_chunk_shorter_than_replan_steps_ends_with_its_last_action() -> None:
    assert played(replanning(Counting(2), 5), [0, 1, 2, 3, 4]) == [0, 0.1, 1, 1.1, 2]


def test_after_a_lost_set_the_action_of_its_time_is_skipped() -> None:
    assert played(replanning(Counting(), 4), [0, 1, 3, 4]) == [0, 0.1, 0.3, 1]


def test_stamps_may_jitter() -> None:
    assert played(replanning(Counting(), 4), [0, 1.2, 1.8, 3.1]) == [0, 0.1, 0.2, 0.3]


def test_after_a_long_gap_or_a_clock_that_goes_back_the_policy_is_asked_again() -> None:
    assert played(replanning(Counting(), 4), [0, 1, 50, 51, 2, 3]) == [0, 0.1, 1, 1.1, 2, 2.1]


def test_a_reset_forgets_the_chunk_and_reaches_the_policy() -> None:
    policy = Counting()
    runtime = replanning(policy, 4)
    played(runtime, [0, 1])
    runtime.reset()
    assert runtime.chunk is None
    assert policy.resets == 1
    assert played(runtime, [2]) == [1]


def test_the_policy_sees_what_observe_makes() -> None:
    policy = Counting()
    played(PolicyRuntime(policy), [0])
    view = policy.seen[0].views["front"]
    assert view.color.shape == (12, 16, 3)
    assert view.depth_m is not None
    assert (view.depth_m == np.float32(0.5)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_chunk_that_is_not_finite_somewhere_is_refused_as_a_whole(bad: float) -> None:
    class Broken(Counting):
        def act(self, observation: Observation) -> ActionChunk:
            chunk = super().act(observation)
            if self.calls == 2:
                chunk.poses[2, 0, 3] = bad
            return chunk

    runtime = replanning(Broken(), 2)
    assert played(runtime, [0, 1]) == [0, 0.1]
    with pytest.raises(CommandError, match=r"in action 3 of 4, expected a finite pose.*arm holds"):
        played(runtime, [2])
    assert runtime.player.action(10**9 + 2 * STEP_NS) is None, "nor what was there before"
    assert played(runtime, [3, 4]) == [2, 2.1]
    assert runtime.player.chunks == 2


def test_after_a_policy_that_raised_nothing_is_left_to_command() -> None:
    class Raising(Counting):
        def act(self, observation: Observation) -> ActionChunk:
            if self.calls == 1:
                self.calls += 1
                raise RuntimeError("no kernel image")
            return super().act(observation)

    runtime = replanning(Raising(), 2)
    assert played(runtime, [0, 1]) == [0, 0.1]
    with pytest.raises(RuntimeError, match="no kernel image"):
        played(runtime, [2])
    assert runtime.player.action(10**9 + 2 * STEP_NS) is None
    assert played(runtime, [3]) == [2]


def test_one_action_at_a_time_is_commanded_however_late_it_is() -> None:
    runtime = PolicyRuntime(Counting(1))
    for steps in range(5):
        chunk = runtime.infer(frame_at(10**9 + steps * STEP_NS))
        assert chunk is not None
        now_ns = chunk.stamp_ns + 9 * STEP_NS // 2
        runtime.player.add(chunk, now_ns)
        action = runtime.player.action(now_ns)
        assert action is not None
        assert action.T_base_ee.tobytes() == chunk.poses[0].tobytes()
    assert runtime.player.late == runtime.player.chunks == 5


def test_of_a_chunk_that_came_late_the_present_action_is_commanded() -> None:
    runtime = replanning(Counting(8), 1)
    chunk = runtime.infer(frame_at(10**9))
    assert chunk is not None
    runtime.player.add(chunk, now_ns := 10**9 + 3 * STEP_NS + 1)
    action = runtime.player.action(now_ns)
    assert action is not None
    assert action.T_base_ee[0, 3] == chunk.poses[3, 0, 3]
    assert runtime.player.late == 3


def test_a_rotation_that_is_none_is_refused() -> None:
    class Sheared(Counting):
        def act(self, observation: Observation) -> ActionChunk:
            chunk = super().act(observation)
            chunk.poses[:, :3, :3] *= 1.2
            return chunk

    with pytest.raises(CommandError, match="expected a finite pose"):
        PolicyRuntime(Sheared()).step(frame_at(0))


def test_a_width_is_kept_within_the_hands_reach() -> None:
    policy = Counting()
    runtime = PolicyRuntime(policy)
    for wanted, given in ((-0.02, 0.0), (0.05, 0.05), (0.3, 0.08)):
        policy.width_m = wanted
        assert runtime.step(frame_at(10**9)).gripper_width_m == pytest.approx(given)
        runtime.reset()
    policy.width_m = float("nan")
    with pytest.raises(CommandError, match="width nan"):
        runtime.step(frame_at(10**9))


def test_a_missing_camera_is_named() -> None:
    runtime = PolicyRuntime(Counting())
    runtime.check(["side", "front"])
    with pytest.raises(
        CheckpointError, match=r"unknown camera 'front'.*Known: fromt, side; start the missing"
    ):
        runtime.check(["side", "fromt"])
    with pytest.raises(DataError, match="unknown camera 'front'"):
        runtime.step(replace(frame_at(0), cameras={}))


def test_sets_without_any_depth_move_nothing_unless_allowed() -> None:
    whole = frame_at(10**9)
    view = whole.cameras["front"]
    blind = replace(whole, cameras={"front": replace(view, depth_mm=np.zeros((12, 16), np.uint16))})
    policy = Counting()
    with pytest.raises(DataError, match="no depth in any pixel of front; the arm holds"):
        PolicyRuntime(policy).step(blind)
    assert policy.calls == 0
    PolicyRuntime(policy, allow_blind=True).step(blind)
    assert policy.calls == 1


def test_replan_steps_must_be_positive() -> None:
    with pytest.raises(ValueError, match="replan_steps 0"):
        replanning(Counting(), 0)
