"""Aligned motions do not depend on where the video's world was, and keep to the phases."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visuomotor.errors import ConfigError
from visuomotor.geometry.se3 import matrix_from_rotvec, rotvec_from_matrix
from visuomotor.video.alignment import AlignmentSettings, align, align_states, trajectory_of
from visuomotor.video.demonstration import ACT, APPROACH, LEAVE
from visuomotor.video.metrics import satisfied_actions
from visuomotor.video.states import VideoStates

FRAMES, FIRST, LAST = 20, 5, 15


def pushed(static: bool = False) -> VideoStates:
    """An object pushed from left to right, by 12 cm."""
    u = np.clip((np.arange(FRAMES) - FIRST) / (LAST - 1 - FIRST), 0, 1)
    moved = np.stack((0.12 * u, 0 * u, 0 * u + 0.03), axis=1)
    return VideoStates(
        name="made",
        rate_hz=12.0,
        camera=np.array([0.6, 0.0, 0.7]),
        focal_px=443.0,
        size=np.array([427, 240]),
        hand_position=moved - [0.02, 0, 0],
        hand_azimuth=np.full(FRAMES, 0.1),
        hand_elevation=np.full(FRAMES, 0.3),
        hand_length=0.15,
        touch=np.ones(FRAMES),
        moved_position=moved,
        moved_rotation=np.stack((0 * u, 0 * u, 0.4 * u), axis=1),
        moved_size=np.array([0.06, 0.06, 0.06]),
        static_position=np.array([0.12, -0.15, 0.02]) if static else None,
        static_rotation=np.zeros(3) if static else None,
        static_size=np.array([0.08, 0.08, 0.04]) if static else None,
        action_frames=np.array([FIRST, LAST]),
        hand_spread=np.zeros(FRAMES),
        moved_spread=np.zeros(FRAMES),
        loss=0.1,
        losses=np.array([0.1]),
        onto=False,
    )


def elsewhere(states: VideoStates, angle: float, shift: tuple[float, float]) -> VideoStates:
    """The same video in a world that is turned about the camera's axis and shifted."""
    turn = np.asarray(matrix_from_rotvec([0, 0, angle]))
    away = np.array([*shift, 0.0])
    rotations = turn @ np.asarray(matrix_from_rotvec(states.moved_rotation))
    still = states.static_position
    return dataclasses.replace(
        states,
        camera=states.camera + np.array([0, angle, 0]),
        hand_position=states.hand_position @ turn.T + away,
        hand_azimuth=states.hand_azimuth + angle,
        moved_position=states.moved_position @ turn.T + away,
        moved_rotation=np.asarray(rotvec_from_matrix(rotations)),
        static_position=None if still is None else still @ turn.T + away,
        static_rotation=None if still is None else np.array([0, 0, angle]),
    )


@pytest.mark.parametrize("static", [False, True])
def test_the_world_of_a_video_does_not_matter(static: bool) -> None:
    here = pushed(static)
    there = elsewhere(here, 0.6, (0.3, -0.2))
    one, other = align(here, "pull_left_to_right"), align(there, "pull_left_to_right")
    for name in ("hand_position", "hand_azimuth", "object_position", "object_rotation"):
        assert np.allclose(getattr(one, name), getattr(other, name), atol=1e-9), name
    assert satisfied_actions(trajectory_of(here)) == satisfied_actions(trajectory_of(there))


def test_the_origin_is_below_the_first_object() -> None:
    alone = align_states(elsewhere(pushed(), 0.3, (0.1, 0.1)))
    assert np.allclose(alone.moved_position[0], [0, 0, 0.03])
    both = align_states(elsewhere(pushed(static=True), 0.3, (0.1, 0.1)))
    assert both.static_position is not None
    assert np.allclose(both.static_position, [0, 0, 0.02])
    assert np.allclose(both.moved_position[-1], [0, 0.15, 0.03])


def test_the_action_fills_its_time_and_the_hand_then_leaves() -> None:
    states = pushed()
    made = align(states, "push_left_to_right")
    assert len(made.touch) == 120
    assert made.rate_hz == 12
    time_s = np.arange(120) / 12
    assert (made.phase[time_s < 3] == APPROACH).all()
    assert (made.phase[(time_s >= 3) & (time_s <= 7)] == ACT).all()
    assert (made.phase[time_s > 7] == LEAVE).all()
    assert (made.touch == (made.phase == ACT)).all()
    assert np.allclose(made.object_position[0], 1.5 * states.moved_position[FIRST])
    assert np.allclose(made.object_position[-1], 1.5 * states.moved_position[-1])
    assert np.allclose(made.hand_position[-1], made.object_position[-1] + [0, 0, 0.2])
    assert np.allclose(made.object_rotation[-1], [0, 0, 0.4])
    kept = align(states, "pick_up")
    assert (kept.touch[kept.phase == LEAVE] == 1).all()
    assert np.allclose(kept.hand_position[-1], 1.5 * states.hand_position[LAST - 1])


def test_a_push_to_the_right_is_that_alone() -> None:
    fits = satisfied_actions(trajectory_of(pushed()))
    assert [name for name, true in fits.items() if true] == ["push_left_to_right"]
    pulled = dataclasses.replace(pushed(), hand_azimuth=np.full(FRAMES, np.pi))
    fits = satisfied_actions(trajectory_of(pulled))
    assert [name for name, true in fits.items() if true] == ["pull_left_to_right"]


def test_impossible_times_are_refused() -> None:
    with pytest.raises(ConfigError, match="action_s"):
        AlignmentSettings(action_s=(7.0, 3.0))
    with pytest.raises(ConfigError, match="must be positive"):
        AlignmentSettings(scale=0.0)
