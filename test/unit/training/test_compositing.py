"""Copy-paste augmentation: composed images are views of one scene, by depth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor.dataset import open_dataset
from visuomotor.descriptors.config import Workspace
from visuomotor.descriptors.masks import points_in_base
from visuomotor.descriptors.matching import MatchTolerances, draw_pixels, find_matches
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.compositing import with_robot_of
from visuomotor.training.scenes import Scene, Scenes

SPEC = ObservationSpec((CameraSpec("front", 60, 80), CameraSpec("side", 60, 80)))


@pytest.fixture(scope="module")
def scenes(demos: Path) -> tuple[Scene, Scene]:
    """Both cameras at the first and a later set of two episodes."""
    found = Scenes(open_dataset(demos, SPEC), Workspace())
    steps = np.array([[0, 0], [0, 20], [1, 0], [1, 20]])
    return found.at("front", steps), found.at("side", steps)


DONORS = torch.tensor([3, 2, 1, 0])
ALL = torch.ones(4, dtype=torch.bool)


def test_the_robot_is_the_donors_and_the_objects_are_the_images_own(
    scenes: tuple[Scene, Scene],
) -> None:
    for scene in scenes:
        composed = with_robot_of(scene, DONORS, ALL)
        robot = scene.foreground & ~scene.objects
        arm = robot[DONORS] & (scene.points[DONORS][..., 2] > 0.15)
        color = composed.views.color
        assert arm.sum() > 100
        assert torch.equal(color[arm], scene.views.color[DONORS][arm])
        kept = composed.objects
        assert kept.sum() > 0.5 * scene.objects.sum()
        assert (kept <= scene.objects).all()
        assert torch.equal(color[kept], scene.views.color[kept])
        assert not (composed.foreground & scene.objects[DONORS] & ~scene.objects).any()


def test_depth_points_and_masks_stay_one_scene(scenes: tuple[Scene, Scene]) -> None:
    composed = [with_robot_of(scene, DONORS, ALL) for scene in scenes]
    for scene in composed:
        points, measured = points_in_base(
            scene.views.depth_m, scene.views.K, scene.views.T_base_camera
        )
        assert torch.equal(measured, scene.measured)
        assert torch.allclose(points[measured], scene.points[measured], atol=1e-5)
        assert (scene.objects <= scene.foreground).all()
    one, other = composed
    pixels = draw_pixels(one.objects.float(), 64, torch.Generator().manual_seed(0))
    matches = find_matches(one.views, other.views, pixels, MatchTolerances())
    assert matches.valid.sum() > 20
    u, v = matches.pixels_b.round().long().unbind(-1)
    rows = torch.arange(4)[:, None].expand_as(u)
    seen = other.points[rows[matches.valid], v[matches.valid], u[matches.valid]]
    assert (seen - matches.points[matches.valid]).norm(dim=-1).max() < 0.03


def test_what_is_not_chosen_or_calibrated_otherwise_stays(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    alone = with_robot_of(scene, DONORS, ~ALL)
    assert torch.equal(alone.views.color, scene.views.color)
    assert torch.equal(alone.objects, scene.objects)
    K = scene.views.K.clone()
    K[0, 0, 0] += 1.0
    moved = replace(scene, views=replace(scene.views, K=K))
    composed = with_robot_of(moved, DONORS, ALL)
    assert torch.equal(composed.views.depth_m[[0, 3]], scene.views.depth_m[[0, 3]])
    assert not torch.equal(composed.views.color[1], scene.views.color[1])
