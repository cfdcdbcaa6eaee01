"""Rendered videos of a hand: the masks are where the geometry says, and the hand hides."""

import numpy as np

from visuomotor.geometry import inverse, transform_points
from visuomotor.sim.hand_video import FOV_RAD, View, render_hand_video

VIEW = View(0.7, 0.3, 0.6)
SIZE = np.array([0.06, 0.08, 0.10])


def projected(points):
    """Pixels (N, 2) of points in the world."""
    x, y, z = transform_points(inverse(VIEW.T_world_camera), points).T
    focal = 120 / np.tan(FOV_RAD / 2)
    return np.column_stack([focal * x / z + 213, focal * y / z + 119.5])


def video(hand_m, towards=(0.6, 0.6, -0.5), seed=0):
    T = np.eye(4)
    T[:3, 3] = (0.02, 0.03, SIZE[2] / 2)
    directions = np.tile(towards, (len(hand_m), 1))
    return T, render_hand_video(
        VIEW, np.array(hand_m), directions, [SIZE], [np.tile(T, (len(hand_m), 1, 1))], seed
    )


def test_a_cuboid_is_seen_where_its_corners_project() -> None:
    T, made = video([(-0.5, 0.0, 0.3)])
    corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]) * SIZE / 2
    pixels = projected(transform_points(T, corners))
    v, u = np.nonzero(made.masks["object 0"][0])
    seen = [u.min(), v.min(), u.max(), v.max()]
    np.testing.assert_allclose(seen, [*pixels.min(0), *pixels.max(0)], atol=1.5)


def test_the_fingers_end_where_they_are_said_to_and_hide_what_is_behind() -> None:
    end = np.array([0.02, -0.04, 0.08])
    _, made = video([end, (-0.5, 0.0, 0.3)])
    hand, free = made.masks["hand"][0], made.masks["object 0"][1]
    v, u = np.nonzero(hand)
    assert np.hypot(*(np.column_stack([u, v]) - projected(end[None])[0]).T).min() < 2.0
    assert not (hand & made.masks["object 0"][0]).any()
    assert made.masks["object 0"][0].sum() < free.sum() - 50
    assert (made.masks["object 0"][0] <= free).all()


def test_a_seed_gives_one_table() -> None:
    images = [video([(-0.5, 0.0, 0.3)], seed=s)[1].images for s in (1, 1, 2)]
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()
