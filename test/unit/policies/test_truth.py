"""True points and their places in the image, beside what the simulation draws."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from visuomotor.contracts import Float32, Float64
from visuomotor.geometry import inverse, pose, transform_points
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies.bc.config import BcPolicyConfig, CalibratedView
from visuomotor.policies.bc.truth import true_sight
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.tasks.lift import CUBE_M

WIDTH, HEIGHT = 320, 240
HALF_M = CUBE_M / 2
CORNERS = tuple(
    (x, y, z) for x in (-HALF_M, HALF_M) for y in (-HALF_M, HALF_M) for z in (-HALF_M, HALF_M)
)


@pytest.fixture(scope="module")
def world() -> Iterator[SimWorld]:
    world = SimWorld(SimConfig(task="lift", cameras=("front", "side"), width=WIDTH, height=HEIGHT))
    yield world
    world.close()


def rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(x) for x in row) for row in matrix)


@pytest.mark.parametrize("camera", ["front", "side"])
def test_projected_corners_bound_the_cube_that_is_drawn(world: SimWorld, camera: str) -> None:
    """Within a pixel, in images of two sizes; its lowest millimetres are taken for table."""
    for seed, shrink in ((800010, 1), (800011, 2), (800012, 1)):
        world.reset(seed)
        size = (HEIGHT // shrink, WIDTH // shrink)
        spec = ObservationSpec((CameraSpec(camera, *size),), ("cube",))
        seen = observe(world.frame(), spec)
        view, T_base_cube = seen.views[camera], seen.objects["cube"]
        calibrated = CalibratedView(rows(view.K), rows(view.T_base_camera), size[1], size[0])
        config = BcPolicyConfig("truth_2d", offsets_m=CORNERS, view=calibrated)
        found = true_sight(T_base_cube[None], config)[0].numpy().reshape(-1, 2)
        pixels = (found + 1) / 2 * (size[1], size[0]) - 0.5
        assert view.depth_m is not None
        v, u = np.nonzero(drawn_cube(view.depth_m, view.K, view.T_base_camera, T_base_cube))
        box = np.array([[u.min(), v.min()], [u.max(), v.max()]])
        projected = np.array([pixels.min(0), pixels.max(0)])
        off = np.abs(box - projected)
        assert (off < [[1.0, 1.0], [1.0, 2.5]]).all(), f"seed {seed}: {off}"


def drawn_cube(
    depth_m: Float32, K: Float64, T_base_camera: Float64, T_base_cube: Float64
) -> NDArray[np.bool_]:
    """Pixels (H, W) whose point is in the cube and above the table."""
    v, u = np.indices(depth_m.shape)
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(K).T
    base = transform_points(T_base_camera, rays * depth_m[..., None])
    in_cube: NDArray[np.bool_] = (
        np.abs(transform_points(inverse(T_base_cube), base)).max(-1) < HALF_M + 0.003
    )
    above: NDArray[np.bool_] = base[..., 2] > 0.004
    return in_cube & above


def view_of(**changes: object) -> BcPolicyConfig:
    """A camera a metre above the table that looks straight down, and one point to project."""
    K = ((100.0, 0.0, 79.5), (0.0, 100.0, 59.5), (0.0, 0.0, 1.0))
    view = CalibratedView(K, rows(pose(np.diag([1.0, -1.0, -1.0]), [0.5, 0.0, 1.0])), 160, 120)
    values = {"sight": "truth_2d", "offsets_m": ((0.0, 0.0, 0.0),), "view": view, **changes}
    return BcPolicyConfig(**values)  # type: ignore[arg-type]


def at(*place: float) -> np.ndarray:
    return pose(np.eye(3), list(place))


def test_places_are_shares_of_the_image() -> None:
    poses = np.stack([at(0.5, 0, 0), at(0.6, 0, 0), at(0.5, 0.1, 0), at(0.6, 0, 0.5)])
    wanted = torch.tensor([[0.0, 0], [10 / 80, 0], [0, -10 / 60], [20 / 80, 0]])
    torch.testing.assert_close(true_sight(poses, view_of()), wanted, atol=1e-6, rtol=0)


def test_behind_the_camera_is_nowhere() -> None:
    assert true_sight(at(0.5, 0, 1.2)[None], view_of()).isnan().all()


def test_points_turn_with_their_object() -> None:
    turned = pose(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), [0.5, 0.1, 0.02])
    config = view_of(sight="truth_3d", offsets_m=((0.1, 0.0, 0.03), (0.0, 0.2, 0.0)))
    found = true_sight(np.stack([turned, at(0, 0, 0)]), config)
    assert found.dtype == torch.float32
    wanted = [[[0.5, 0.2, 0.05], [0.3, 0.1, 0.02]], [[0.1, 0, 0.03], [0, 0.2, 0]]]
    torch.testing.assert_close(found, torch.tensor(wanted))


def test_a_sight_without_its_means_is_refused() -> None:
    with pytest.raises(ValueError, match="truth_3d: got no offsets_m, expected points"):
        BcPolicyConfig("truth_3d")
    with pytest.raises(ValueError, match="truth_2d: got no view, expected the camera"):
        BcPolicyConfig("truth_2d", offsets_m=CORNERS)


def test_several_objects_follow_one_another() -> None:
    """The points of each are those that it has alone, in space and in the image."""
    for config in (BcPolicyConfig("truth_3d", offsets_m=CORNERS), view_of()):
        poses = np.stack([at(0.5, 0, 0.02), at(0.4, 0.1, 0.0)])
        both = true_sight(poses[None], replace(config, objects=2))[0]
        alone = [true_sight(T[None], config)[0] for T in poses]
        torch.testing.assert_close(both, torch.cat(alone))
        assert both.shape == replace(config, objects=2).shape
