"""Where demonstrations say that the hand touches something."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from tiny_episodes import tiny_episode

from visuomotor.dataset import Dataset, EpisodeArrays
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.touches import FAR_M, REACH_M, find_touches, touch_loss

OPEN, CLOSED = 0.08, 0.0
SPEC = ObservationSpec((CameraSpec("front", 8, 8),))


def episode(widths: list[float], accepted: list[bool] | None = None) -> EpisodeArrays:
    """The hand is 1 cm higher at every step: its height tells which step a place is from."""
    valid = np.ones(len(widths), bool) if accepted is None else np.array(accepted)
    return replace(tiny_episode("e", valid), action_width_m=np.array(widths))


def found(*episodes: EpisodeArrays) -> list[list[int | None]]:
    """Of every step of the last episode: the step of its next change, and that of the hand."""
    dataset = Dataset(SPEC, list(episodes))
    e = len(episodes) - 1
    steps = np.array([[e, t] for t in range(len(episodes[e]))])
    touches = find_touches(dataset, steps)
    numbers = np.round((touches.places[..., 2] - 0.1) / 0.01).astype(int)
    return [
        [int(n) if k else None for n, k in zip(row, known, strict=True)]
        for row, known in zip(numbers, touches.known, strict=True)
    ]


def test_a_step_is_about_the_next_change_or_what_is_held():
    widths = [OPEN, OPEN, CLOSED, CLOSED, CLOSED, OPEN, OPEN]
    assert found(episode(widths)) == [
        [2, None],
        [2, None],
        [2, 2],
        [5, 3],
        [5, 4],
        [5, None],
        [5, None],
    ]


def test_what_is_never_let_go_is_where_the_hand_is():
    assert found(episode([OPEN, CLOSED, CLOSED])) == [[1, None], [None, 1], [None, 2]]


def test_a_gripper_that_is_closed_all_along_touches_nothing():
    pushing, grasping = episode([CLOSED] * 3), episode([OPEN, CLOSED, CLOSED])
    assert found(pushing) == found(grasping, pushing) == [[None, None]] * 3


def test_what_was_not_accepted_is_as_it_was_before():
    widths, accepted = [OPEN, CLOSED, OPEN, CLOSED], [True, False, True, True]
    assert found(episode(widths, accepted)) == [[3, None], [3, None], [3, None], [None, 3]]
    assert found(episode(widths, [False] * 4)) == [[None, None]] * 4


@pytest.mark.parametrize(
    ("beyond_m", "expected"), [(-0.01, 0.0), (0.0, 0.0), (FAR_M, 0.5), (10.0, 1.0)]
)
def test_the_loss_is_flat_near_and_far(beyond_m: float, expected: float):
    place = torch.zeros(1, 2, 3)
    keypoint = torch.tensor([[REACH_M + beyond_m, 0.0, 0.0]])
    loss = touch_loss(keypoint, place, torch.tensor([[True, False]]))
    assert_allclose(loss.numpy(), [expected], atol=2e-4)


def test_the_nearer_place_counts_and_none_is_no_loss():
    places = torch.tensor([[[1.0, 0, 0], [0.0, 0, 0]]]).expand(3, 2, 3)
    keypoint = torch.full((3, 3), 1e-3, requires_grad=True)
    known = torch.tensor([[True, True], [True, False], [False, False]])
    loss = touch_loss(keypoint, places, known)
    assert loss[0] == 0
    assert loss[1] > 0.9
    assert loss[2] == 0
    loss.sum().backward()
    assert keypoint.grad is not None
    assert torch.isfinite(keypoint.grad).all()
    assert_array_equal(keypoint.grad[2].numpy(), np.zeros(3))
