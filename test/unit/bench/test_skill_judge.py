"""An episode of the arm as the metrics take it: in the skill's frame, at the skill's size."""

from __future__ import annotations

import numpy as np
import pytest

from visuomotor.bench.skill_on_arm import ArmRollout, Cylinder, Seen, summary, trajectory
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.geometry.pointing import hand_rotation
from visuomotor.policies.skill.placement import placed
from visuomotor.video.actions import ACTIONS
from visuomotor.video.examples import example_demonstration
from visuomotor.video.metrics import satisfied

SCALE, YAW, TABLE_M = 0.5, 2.2, 0.03


def played(action: str, scale: float = SCALE) -> Seen:
    """A demonstration as it looks in the arm's base, where its frame stands."""
    shown, seen = example_demonstration(action, 1), Seen()
    there = placed(0.5, -0.1, TABLE_M, YAW, scale, flipped=True)
    T = there.T_base_manipulation
    hands = there.ee(shown.hand_position, hand_rotation(shown.hand_azimuth, shown.hand_elevation))
    turned = T[:3, :3] @ matrix_from_rotvec(shown.object_rotation)
    objects = pose(turned, scale * shown.object_position @ T[:3, :3].T + T[:3, 3])
    still = pose(T[:3, :3], T[:3, 3] + [0.0, 0.0, scale * 0.035])
    for hand, thing in zip(hands, objects, strict=True):
        both = {"object": thing, "static": still} if ACTIONS[action].static else {"object": thing}
        seen.add(hand, both)
    return seen


SIZES = {"object": Cylinder(SCALE * 0.07, SCALE * 0.045), "static": Cylinder(SCALE * 0.07, 0.02)}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_demonstration_in_base_is_its_action_in_the_frame(action: str) -> None:
    frame = placed(0.5, -0.1, TABLE_M, YAW, SCALE, False).T_base_manipulation
    whole = trajectory(played(action), SIZES, frame, TABLE_M, SCALE)
    assert satisfied(action, whole)
    np.testing.assert_allclose(whole.moved, example_demonstration(action, 1).object_position)
    turned = whole.azimuth - example_demonstration(action, 1).hand_azimuth
    np.testing.assert_allclose(np.cos(turned), 1.0)


def test_seen_from_the_other_side_right_is_left() -> None:
    frame = placed(0.5, -0.1, TABLE_M, YAW + np.pi, SCALE, False).T_base_manipulation
    whole = trajectory(played("push_left_to_right"), SIZES, frame, TABLE_M, SCALE)
    assert satisfied("push_right_to_left", whole)
    assert not satisfied("push_left_to_right", whole)


def test_a_raised_frame_does_not_raise_the_object() -> None:
    """Heights count from the table, wherever the skill has put its frame."""
    raised = placed(0.5, -0.1, TABLE_M + 0.02, YAW, SCALE, False).T_base_manipulation
    whole = trajectory(played("push_left_to_right"), SIZES, raised, TABLE_M, SCALE)
    np.testing.assert_allclose(whole.moved[:, 2], 0.035, atol=1e-9)


def test_bounds_in_full_size_are_harder_for_a_small_skill() -> None:
    frame = placed(0.5, -0.1, TABLE_M, YAW, 0.2, False).T_base_manipulation
    seen = played("push_left_to_right", 0.2)  # 12 to 20 cm become 2.4 to 4
    assert satisfied("push_left_to_right", trajectory(seen, SIZES, frame, TABLE_M, 0.2))
    assert not satisfied("push_left_to_right", trajectory(seen, SIZES, frame, TABLE_M, 1.0))


def test_the_summary_counts() -> None:
    good = ArmRollout(1, True, True, seconds=20.0)
    small = ArmRollout(2, True, False, seconds=20.0, refusals=("jump",))
    lost = ArmRollout(3, False, error="out of reach")
    figures = summary([good, small, lost, good])
    assert (figures["successes"], figures["success"], figures["unscaled"]) == (3, 0.75, 0.5)
    assert (figures["without_plan"], figures["refused_targets"]) == (1, 1)
    low, high = figures["interval_95"]
    assert low < 0.75 < high
