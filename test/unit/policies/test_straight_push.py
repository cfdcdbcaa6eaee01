"""A straight push: above its begin, down, along the line, and still."""

import numpy as np
import pytest
from numpy.typing import NDArray

from visuomotor.geometry import pose
from visuomotor.policies.gplac import PushConfig
from visuomotor.policies.gplac.push import StraightPush

DOWN = np.diag([1.0, -1.0, -1.0])
CONFIG = PushConfig(direction=(0.6, 0.8), length_m=0.15, height_m=0.02)
START = (0.55, -0.1, 0.5)


def carried_out(push: StraightPush, follows: float, steps: int = 300) -> NDArray[np.float64]:
    """Where the hand (steps, 3) goes that covers this share of the way to each target."""
    hand, way = pose(DOWN, (0.4, 0.2, 0.35)), []
    for _ in range(steps):
        target = push.target(hand)
        np.testing.assert_array_equal(target[:3, :3], DOWN)
        assert np.linalg.norm(target[:3, 3] - hand[:3, 3]) <= CONFIG.lead_m + 1e-9
        hand = pose(DOWN, hand[:3, 3] + follows * (target[:3, 3] - hand[:3, 3]))
        way.append(hand[:3, 3])
    return np.array(way)


@pytest.mark.parametrize("follows", [1.0, 0.4])
def test_it_comes_from_above_and_goes_straight(follows: float) -> None:
    push = StraightPush(pose(DOWN, START), CONFIG)
    way = carried_out(push, follows)
    along = np.array([0.6, 0.8])
    begin = np.array([*START[:2], CONFIG.height_m])
    low = way[:, 2] < CONFIG.height_m + 0.01
    assert push.part == "rest"
    beside = np.abs((way[:, :2] - begin[:2]) @ [-0.8, 0.6])
    assert beside[low].max() < 0.008, "low it is on the push's line alone"
    done = (way[low][:, :2] - begin[:2]) @ along
    assert done[0] == pytest.approx(0, abs=0.008)
    assert done[-1] == pytest.approx(CONFIG.length_m, abs=0.008)
    assert (np.diff(done) > -1e-3).all()
    high = way[way[:, 2] > CONFIG.height_m + 0.02]
    assert np.linalg.norm(high[-1][:2] - begin[:2]) < 0.008, "it descends where the push begins"
    np.testing.assert_allclose(way[-1], way[-20], atol=1e-4)


def test_the_height_is_the_settings_and_the_place_the_networks() -> None:
    push = StraightPush(pose(DOWN, START), CONFIG)
    np.testing.assert_allclose(push.start[:3, 3], (*START[:2], CONFIG.height_m))


def test_a_hand_that_cannot_come_there_holds_still() -> None:
    push = StraightPush(pose(DOWN, START), CONFIG)
    way = carried_out(push, 0.0, 40)
    assert push.part == "rest"
    np.testing.assert_array_equal(push.target(pose(DOWN, way[-1]))[:3, 3], way[-1])


def test_a_hand_on_the_table_pushes_all_the_same() -> None:
    """Where the table is 2 cm too high the descent ends by itself."""
    push = StraightPush(pose(DOWN, START), CONFIG)
    hand = pose(DOWN, (0.5, -0.1, 0.2))
    for _ in range(200):
        wished = push.target(hand)[:3, 3]
        hand = pose(DOWN, (*wished[:2], max(wished[2], CONFIG.height_m + 0.02)))
    assert push.part == "rest"
    pushed = (hand[:2, 3] - START[:2]) @ [0.6, 0.8]
    assert pushed == pytest.approx(CONFIG.length_m, abs=0.02)


def test_settings_that_cannot_be_are_told() -> None:
    with pytest.raises(ValueError, match="expected a direction and positive lengths"):
        PushConfig(direction=(0.0, 0.0))
    with pytest.raises(ValueError, match=r"length_m -0\.1"):
        PushConfig(length_m=-0.1)
