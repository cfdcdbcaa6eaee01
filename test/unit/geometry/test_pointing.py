"""Where hands point, and hands that are made level without pointing elsewhere."""

import numpy as np
import pytest

from visuomotor.geometry import matrix_from_rotvec, rotvec_from_matrix
from visuomotor.geometry.pointing import hand_angles, hand_rotation, level


def rolled(azimuth: float, elevation: float, roll: float) -> np.ndarray:
    return hand_rotation(azimuth, elevation) @ matrix_from_rotvec([0.0, 0.0, roll])


@pytest.mark.parametrize("elevation", [-0.8, 0.0, 0.5, 0.9])
def test_a_level_hand_closes_level_and_points_where_it_did(elevation: float) -> None:
    hands = np.stack([rolled(2.0, elevation, roll) for roll in (-3.0, -0.4, 0.0, 1.5)])
    np.testing.assert_allclose(
        level(hands), np.broadcast_to(hand_rotation(2.0, elevation), hands.shape), atol=1e-9
    )


@pytest.mark.parametrize("elevation", [1.0, 1.2, 1.5, -1.3])
def test_a_steep_hand_is_turned_less_and_points_where_it_did(elevation: float) -> None:
    hand = rolled(-1.0, elevation, 0.6)
    azimuth, after = hand_angles(level(hand))
    assert float(azimuth) == pytest.approx(-1.0)
    assert float(after) == pytest.approx(elevation)
    turned = float(np.linalg.norm(rotvec_from_matrix(level(hand) @ hand.T)))
    assert turned < 0.6
    assert (turned < 1e-9) == (abs(elevation) > np.deg2rad(80.0))


def test_it_changes_as_smoothly_as_the_hand_does() -> None:
    elevations = np.linspace(0.6, 1.5, 400)
    hands = np.stack([rolled(0.3, e, 1.0) for e in elevations])
    steps = level(hands)[1:] @ np.swapaxes(level(hands)[:-1], -1, -2)
    assert np.linalg.norm(rotvec_from_matrix(steps), axis=1).max() < 0.012
