"""Masks in space, the choice of keypoints, and finding them again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from box_scene import BOX, CAMERA, FRONT, SIDE, look_at, view_of

from visuomotor.descriptors.config import DescriptorConfig, Workspace
from visuomotor.descriptors.keypoints import locate, select_pixels
from visuomotor.descriptors.masks import (
    above_table,
    deproject,
    differs_from_empty,
    in_workspace,
    of_robot,
    points_in_base,
)
from visuomotor.descriptors.network import DescriptorNetwork, match_logits
from visuomotor.errors import DataError
from visuomotor.geometry import transform_points
from visuomotor.networks import Grid, pixel_lattice

WORKSPACE = Workspace()


def test_points_are_those_of_the_geometry() -> None:
    view = view_of(SIDE)
    points, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
    expected = transform_points(SIDE, CAMERA.deproject_image(view.depth_m[0].numpy()))
    seen = valid[0].numpy()
    assert seen.any()
    np.testing.assert_allclose(points[0].numpy()[seen], expected[seen], atol=1e-5)


@pytest.mark.parametrize("rubbish", [0.0, float("nan"), float("inf"), -1.0])
def test_points_without_depth_are_invalid_and_finite(rubbish: float) -> None:
    view = view_of(FRONT)
    depth = view.depth_m.clone()
    depth[0, 10:20, 10:20] = rubbish
    points, valid = points_in_base(depth, view.K, view.T_base_camera)
    assert not valid[0, 10:20, 10:20].any()
    assert points.isfinite().all()


def test_single_pixels_deproject_as_whole_images_do() -> None:
    view = view_of(SIDE)
    whole, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
    pixels = pixel_lattice(*map(int, view.depth_m.shape[1:]), 3)
    u, v = pixels.unbind(-1)
    some, seen = deproject(pixels, view.depth_m[0, v, u], view.K[0], view.T_base_camera[0])
    torch.testing.assert_close(some, whole[0, v, u], atol=1e-5, rtol=0)
    assert torch.equal(seen, valid[0, v, u])


def test_foreground_is_the_box() -> None:
    view = view_of(FRONT)
    points, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
    mask = above_table(points, valid, WORKSPACE)[0].numpy()
    p = points[0].numpy()
    box = ((p > BOX[0] - 1e-3) & (p < BOX[1] + 1e-3)).all(-1)
    assert mask.sum() > 300
    assert box[mask].all()
    assert mask[box & (p[..., 2] > 0.01)].all()
    assert not above_table(points, torch.zeros_like(valid), WORKSPACE).any()
    elsewhere = Workspace((0.6, -0.4, -0.02), (0.8, 0.4, 0.6))
    assert not above_table(points, valid, elsewhere).any()


def test_background_subtraction_finds_the_box_too() -> None:
    full, empty = view_of(FRONT), view_of(FRONT, box=False)
    changed = differs_from_empty(full.depth_m, empty.depth_m)
    points, valid = points_in_base(full.depth_m, full.K, full.T_base_camera)
    assert torch.equal(changed, changed & above_table(points, valid, WORKSPACE))
    higher = points[..., 2] > 0.03
    assert changed[higher & valid].all()
    assert not differs_from_empty(full.depth_m, torch.zeros_like(empty.depth_m)).any()


def test_fingers_hand_and_arm_are_robot_and_what_they_push_is_not() -> None:
    hand = torch.eye(4).repeat(2, 1, 1)
    hand[:, :3, :3] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))  # pointing down
    hand[:, :3, 3] = torch.tensor([0.5, 0.0, 0.022])
    width = torch.tensor([0.0, 0.06])
    seen = {
        "finger": ((0.5, 0.012, 0.03), (True, False)),
        "open finger": ((0.5, -0.042, 0.03), (False, True)),
        "between open fingers": ((0.5, 0.0, 0.03), (True, False)),
        "top of a plate beside the fingers": ((0.52, 0.0, 0.032), (False, False)),
        "wide hand": ((0.52, 0.09, 0.075), (True, True)),
        "arm": ((0.3, 0.2, 0.4), (True, True)),
    }
    points = torch.tensor([place for place, _ in seen.values()]).expand(2, 1, -1, 3)
    found = of_robot(points, hand, width)
    assert found.shape == (2, 1, len(seen))
    for i, (what, (_, expected)) in enumerate(seen.items()):
        assert tuple(found[:, 0, i].tolist()) == expected, what


def test_an_impossible_workspace_is_refused() -> None:
    with pytest.raises(ValueError, match="expected low < high"):
        Workspace(low=(0.5, 0.0, 0.0), high=(0.4, 1.0, 1.0))
    inside = in_workspace(torch.tensor([[0.5, 0.0, 0.1], [0.5, 0.0, 0.7]]), WORKSPACE)
    assert inside.tolist() == [True, False]


def test_selected_pixels_spread_over_the_mask() -> None:
    view = view_of(FRONT)
    points, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
    mask = above_table(points, valid, WORKSPACE)[0]
    pixels = select_pixels(points[0], mask, 12)
    assert mask[pixels[:, 1], pixels[:, 0]].all()
    chosen = points[0][pixels[:, 1], pixels[:, 0]]
    apart = torch.cdist(chosen, chosen) + torch.eye(12)
    every = points[0][mask]
    cover = torch.cdist(every, chosen).amin(1).max()
    assert apart.min() >= cover - 1e-6, "farthest first: no gap is wider than the closest pair"
    centre = every.mean(0)
    assert (chosen[0] - centre).norm() == (every - centre).norm(dim=1).min()


def test_a_small_mask_repeats_its_pixels_and_an_empty_one_is_refused() -> None:
    points, mask = torch.rand(6, 8, 3), torch.zeros(6, 8, dtype=torch.bool)
    with pytest.raises(DataError, match="no pixel belongs to an object; check the workspace"):
        select_pixels(points, mask, 4)
    mask[2, 3] = mask[4, 1] = True
    pixels = select_pixels(points, mask, 5)
    assert pixels.shape == (5, 2)
    assert {tuple(p) for p in pixels.tolist()} == {(3, 2), (1, 4)}


class ColorDescriptors(DescriptorNetwork):
    """Descriptors are the colours themselves, a hundredfold: a texture unique in space."""

    grid = Grid(1)  # type: ignore[assignment]

    def describe(self, color: torch.Tensor) -> torch.Tensor:
        return color.permute(0, 3, 1, 2).float() * 0.5


CONFIG = DescriptorConfig(dimensions=3, keypoints=4, pixel_step=1, radius_m=0.02)


@pytest.fixture(scope="module")
def network() -> ColorDescriptors:
    return ColorDescriptors(CONFIG)


def references(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Descriptors (K, 3) and points (K, 3) in base of pixels of the front view."""
    view = view_of(FRONT)
    points, _ = points_in_base(view.depth_m, view.K, view.T_base_camera)
    u, v = pixels.unbind(-1)
    return view.color[0, v, u].float() * 0.5, points[0, v, u]


def top_pixels() -> torch.Tensor:
    """Pixels of the front view spread over the box's top, which all views see."""
    view = view_of(FRONT)
    points, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
    inner = (points[..., :2] > torch.tensor(BOX[0, :2]) + 0.02).all(-1)
    inner &= (points[..., :2] < torch.tensor(BOX[1, :2]) - 0.02).all(-1)
    return select_pixels(points[0], (valid & inner & (points[..., 2] > 0.119))[0], 4)


def test_keypoints_are_found_in_another_view(network: ColorDescriptors) -> None:
    reference, truth = references(top_pixels())
    for cameras in ([view_of(FRONT)], [view_of(SIDE)], [view_of(FRONT), view_of(SIDE)]):
        found = locate(network, reference, cameras, CONFIG)
        assert found.points.shape == (1, 4, 3)
        assert (found.points[0] - truth).norm(dim=-1).max() < 0.01
        assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_a_camera_that_does_not_see_the_object_has_no_say(network: ColorDescriptors) -> None:
    reference, _ = references(top_pixels())
    away = view_of(look_at((1.1, 0.1, 0.5), (2.0, 0.1, 0.0)))
    found = locate(network, reference, [away, view_of(SIDE)], CONFIG)
    alone = locate(network, reference, [view_of(SIDE)], CONFIG)
    torch.testing.assert_close(found.points, alone.points, atol=1e-4, rtol=0)


def test_holes_never_pull_a_keypoint(network: ColorDescriptors) -> None:
    reference, truth = references(top_pixels())
    view = view_of(FRONT)
    depth = view.depth_m.clone()
    depth[torch.rand(depth.shape, generator=torch.Generator().manual_seed(1)) < 0.3] = 0.0
    found = locate(network, reference, [replace(view, depth_m=depth)], CONFIG)
    assert (found.points[0] - truth).norm(dim=-1).max() < 0.015


@pytest.mark.parametrize("radius_m", [0.0, 0.02])
def test_a_blind_camera_gives_nan_without_confidence(
    network: ColorDescriptors, radius_m: float
) -> None:
    reference, _ = references(top_pixels())
    view = view_of(FRONT)
    blind = replace(view, depth_m=torch.zeros_like(view.depth_m))
    found = locate(network, reference, [blind], replace(CONFIG, radius_m=radius_m))
    assert found.points.isnan().all()
    assert (found.confidence == 0).all()


def test_one_blind_set_leaves_the_others_alone(network: ColorDescriptors) -> None:
    reference, truth = references(top_pixels())
    view = view_of(FRONT)
    two = {n: torch.cat([getattr(view, n)] * 2) for n in ("color", "depth_m", "K", "T_base_camera")}
    two["depth_m"][0] = 0.0
    found = locate(network, reference, [replace(view, **two)], CONFIG)
    assert found.points[0].isnan().all()
    assert (found.points[1] - truth).norm(dim=-1).max() < 0.01


def test_what_looks_like_nothing_seen_has_no_confidence(network: ColorDescriptors) -> None:
    reference, _ = references(top_pixels())
    sure = locate(network, reference, [view_of(FRONT)], CONFIG).confidence
    unsure = locate(network, reference + 300.0, [view_of(FRONT)], CONFIG).confidence
    assert sure.min() > 0.2
    assert unsure.max() < 1e-3


def test_match_logits_are_negative_squared_distances() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(2, 5, 4, generator=generator)
    maps = torch.randn(2, 4, 3, 6, generator=generator)
    logits = match_logits(queries, maps) - queries.square().sum(-1, keepdim=True)
    torch.testing.assert_close(-logits, torch.cdist(queries, maps.flatten(2).transpose(1, 2)) ** 2)
