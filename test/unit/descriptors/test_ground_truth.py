"""True places against a ray-cast scene, and points that move with their object."""

import numpy as np
import torch
from box_scene import BOX, CAMERA, SIDE, cast, view_of

from visuomotor.descriptors.ground_truth import (
    OCCLUDED,
    OUT_OF_VIEW,
    UNCLEAR,
    VISIBLE,
    Parts,
    carried,
    true_places,
)
from visuomotor.geometry import inverse, matrix_from_rotvec, pose, transform_points


def box(T: np.ndarray, half: tuple[float, float, float], cylinder: bool = False) -> Parts:
    return Parts(
        torch.from_numpy(T[None].astype(np.float32)),
        torch.tensor([half]),
        torch.tensor([cylinder]),
    )


def surface(rng: np.random.Generator, half: tuple[float, float, float], n: int = 200) -> np.ndarray:
    """Points (n, 3) on the surface of a box about the origin."""
    points = rng.uniform(-1, 1, (n, 3))
    points[np.arange(n), rng.integers(3, size=n)] = rng.choice([-1.0, 1.0], n)
    return points * half


def test_places_are_projections_and_visibility_is_that_of_rays() -> None:
    rng = np.random.default_rng(0)
    half = (BOX[1] - BOX[0]) / 2
    points = surface(rng, half, 2000) + BOX.mean(0)
    points[:200] = rng.uniform((-0.5, -1.5, 0), (1.0, 1.5, 0), (200, 3))  # on the table, far off
    hidden_m = np.linalg.norm(points - SIDE[:3, 3], axis=1) * (
        1 - cast(np.broadcast_to(SIDE[:3, 3], points.shape), points - SIDE[:3, 3])
    )
    found = true_places(torch.from_numpy(points).float()[None], view_of(SIDE))
    visibility = found.visibility[0].numpy()
    pixels = CAMERA.project(transform_points(inverse(SIDE), points))
    u, v = pixels.T
    inside = (u >= 0) & (v >= 0) & (u <= CAMERA.width - 1) & (v <= CAMERA.height - 1)
    assert ((visibility == OUT_OF_VIEW) == ~inside).all()
    np.testing.assert_allclose(found.pixels[0].numpy()[inside], pixels[inside], atol=1e-3)
    assert (hidden_m[visibility == VISIBLE] < 0.01).mean() > 0.93  # others: within a pixel
    assert (hidden_m[visibility == OCCLUDED] > 0.005).mean() > 0.99
    assert (visibility[inside & (hidden_m < 1e-4)] == VISIBLE).mean() > 0.85
    assert (visibility[inside & (hidden_m > 0.03)] == OCCLUDED).mean() > 0.7
    assert (visibility == UNCLEAR).mean() < 0.25
    assert min((visibility == k).sum() for k in (VISIBLE, OCCLUDED, OUT_OF_VIEW)) > 50


def test_points_are_carried_rigidly_and_back() -> None:
    rng = np.random.default_rng(1)
    half = (0.05, 0.08, 0.03)
    a = box(pose(matrix_from_rotvec([0.1, 0.2, 1.0]), (0.5, 0.1, 0.03)), half)
    b = box(pose(matrix_from_rotvec([0.0, 0.0, -2.0]), (0.6, -0.2, 0.05)), half)
    points = torch.from_numpy(rng.uniform(0, 1, (50, 3))).float()
    part = torch.zeros(50, dtype=torch.long)
    moved = carried(points, part, a, b)
    torch.testing.assert_close(torch.pdist(moved), torch.pdist(points), atol=1e-5, rtol=0)
    torch.testing.assert_close(carried(moved, part, b, a), points, atol=1e-5, rtol=0)


def test_between_instances_the_surface_is_carried_onto_the_surface() -> None:
    rng = np.random.default_rng(2)
    half, other = (0.05, 0.08, 0.03), (0.04, 0.10, 0.02)
    T = pose(matrix_from_rotvec([0.0, 0.0, 0.7]), (0.5, 0.1, 0.03))
    a, b = box(np.eye(4), half), box(T, other)
    moved = carried(
        torch.from_numpy(surface(rng, half)).float(), torch.zeros(200, dtype=torch.long), a, b
    )
    shares = np.abs(transform_points(inverse(T), moved.numpy())) / other
    np.testing.assert_allclose(shares.max(1), 1.0, atol=1e-4)
    corner = carried(torch.tensor([half]), torch.zeros(1, dtype=torch.long), a, b)
    np.testing.assert_allclose(corner.numpy()[0], transform_points(T, np.array(other)), atol=1e-6)


def test_what_belongs_to_a_part() -> None:
    T = pose(matrix_from_rotvec([0.0, 0.0, 0.4]), (0.5, 0.0, 0.03))
    half = (0.05, 0.05, 0.03)
    places = transform_points(T, np.array([[0.05, 0, 0], [0.049, 0.049, 0], [0.07, 0, 0]]))
    points = torch.from_numpy(places).float()
    assert box(T, half).containing(points).tolist() == [0, 0, -1]
    assert box(T, half, cylinder=True).containing(points).tolist() == [0, -1, -1]


def test_size_is_the_longest_distance_within() -> None:
    np.testing.assert_allclose(box(np.eye(4), (0.03, 0.04, 0.12)).size_m, 0.26, rtol=1e-5)
    np.testing.assert_allclose(box(np.eye(4), (0.05, 0.05, 0.12), True).size_m, 0.26, rtol=1e-5)
    apart = torch.eye(4).repeat(2, 1, 1)
    apart[1, 0, 3] = 1.0
    two = Parts(apart, torch.full((2, 3), 0.01), torch.zeros(2, dtype=torch.bool))
    assert 1.0 < two.size_m < 1.05
