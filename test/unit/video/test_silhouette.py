"""Outlines of projected bodies: inside and outside are told apart, and gradients point home."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from visuomotor.video.camera import OrbitCamera
from visuomotor.video.silhouette import (
    CUBOID_EDGES,
    HAND_EDGES,
    cuboid_vertices,
    extents,
    hand_vertices,
    pointing,
    signed_distance,
    soft_silhouette,
)

cv2 = pytest.importorskip("cv2")


def camera() -> OrbitCamera:
    angles = torch.tensor([0.3]), torch.tensor([0.7])
    return OrbitCamera(torch.tensor([0.6]), *angles, 443.0, (427, 240))


def grid(step: int = 6) -> torch.Tensor:
    y, x = np.meshgrid(np.arange(0, 240, step), np.arange(0, 427, step), indexing="ij")
    return torch.tensor(np.stack((x, y), -1).reshape(-1, 2), dtype=torch.float32)


@pytest.mark.parametrize("body", ["cuboid", "hand"])
def test_the_signed_distance_is_that_to_the_convex_hull(body: str) -> None:
    if body == "cuboid":
        turn = torch.linalg.matrix_exp(
            torch.linalg.cross(torch.eye(3), torch.tensor([[0.3, 0.2, 0.9]]))
        )
        points, edges = (
            cuboid_vertices(
                torch.tensor([[0.02, 0.03, 0.05]]), turn[None], torch.tensor([[0.1, 0.2, 0.06]])
            ),
            CUBOID_EDGES,
        )
    else:
        end, length = torch.tensor([[0.0, 0.0, 0.05]]), torch.tensor([0.15])
        points = hand_vertices(end, torch.tensor([1.0]), torch.tensor([0.5]), 0.04, length)
        edges = HAND_EDGES
    pixels, depth = camera().project(points)
    assert (depth > 0.1).all()
    where = grid()
    got = signed_distance(pixels, edges, where)[0].numpy()
    hull = cv2.convexHull(pixels[0].numpy())
    true = np.array([-cv2.pointPolygonTest(hull, tuple(map(float, p)), True) for p in where])
    assert np.allclose(got[true < 0], true[true < 0], atol=0.01)
    assert ((got > 0) == (true > 0)).all()
    assert (got <= true + 0.01).all()  # beyond a corner it is the distance to the edges' lines
    drawn = soft_silhouette(pixels, edges, where, 1.0)[0].numpy()
    assert ((drawn > 0.5) == (true < 0)).all()


def test_pixels_are_cast_back_to_where_they_came_from() -> None:
    points = torch.tensor([[[0.1, 0.05, 0.02], [-0.1, 0.1, 0.08], [0.0, -0.1, 0.0]]])
    pixels, _ = camera().project(points)
    assert torch.allclose(camera().cast(pixels, points[..., 2]), points, atol=1e-4)


def test_the_camera_looks_at_the_origin_from_its_distance() -> None:
    pixels, depth = camera().project(torch.zeros(1, 1, 3))
    assert torch.allclose(pixels[0, 0], torch.tensor([213.5, 120.0]), atol=1e-3)
    assert float(depth) == pytest.approx(0.6, abs=1e-5)
    higher, _ = camera().project(torch.tensor([[[0.0, 0.0, 0.1]]]))
    assert higher[0, 0, 1] < 120


def test_a_hand_points_right_away_and_down() -> None:
    where = pointing(torch.tensor([0.0, math.pi / 2, 0.0]), torch.tensor([0.0, 0.0, math.pi / 2]))
    assert torch.allclose(where, torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, -1.0]]), atol=1e-6)


def test_extents_bring_a_cuboid_to_its_box() -> None:
    size, turn = torch.tensor([[0.08, 0.06, 0.05]]), torch.eye(3)[None]
    target = extents(
        camera().project(cuboid_vertices(torch.tensor([[0.05, 0.02, 0.025]]), turn, size))[0]
    )
    place = torch.zeros(1, 2, requires_grad=True)
    optimiser = torch.optim.Adam([place], lr=0.01)
    for _ in range(150):
        optimiser.zero_grad()
        where = torch.cat((place, torch.full((1, 1), 0.025)), -1)
        error = extents(camera().project(cuboid_vertices(where, turn, size))[0]) - target
        error.square().mean().backward()
        optimiser.step()
    assert torch.allclose(place, torch.tensor([[0.05, 0.02]]), atol=2e-3)
