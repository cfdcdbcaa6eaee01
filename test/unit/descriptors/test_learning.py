"""A few seconds of training on simulated views, and what the evaluation says of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from box_scene import FRONT, SIDE, all_pixels, view_of

from visuomotor.descriptors.config import DescriptorConfig, Workspace
from visuomotor.descriptors.evaluation import correspondence_errors
from visuomotor.descriptors.losses import LossConfig, correspondence_loss
from visuomotor.descriptors.masks import above_table, of_robot, points_in_base
from visuomotor.descriptors.matching import (
    Matches,
    MatchTolerances,
    Views,
    draw_pixels,
    find_matches,
)
from visuomotor.descriptors.model import views_of
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.sim import SimConfig, SimWorld

SPEC = ObservationSpec((CameraSpec("front"), CameraSpec("side")))


def test_perfect_maps_are_scored_perfect() -> None:
    """Descriptors that are the points themselves: no error beyond the size of a pixel."""
    a, b = view_of(FRONT), view_of(SIDE)
    maps = []
    for view in (a, b):
        points, _ = points_in_base(view.depth_m, view.K, view.T_base_camera)
        maps.append(100 * points.permute(0, 3, 1, 2))
    matches = find_matches(a, b, all_pixels(), MatchTolerances())
    errors = correspondence_errors(*maps, matches, b, 1)
    assert errors["matches"] == float(matches.valid.sum())
    assert errors["pck_4"] > 0.99
    assert errors["median_px"] < 0.8
    assert errors["median_mm"] < 8
    none = replace(matches, valid=torch.zeros_like(matches.valid))
    assert correspondence_errors(*maps, none, b, 1) == {"matches": 0.0}


@pytest.fixture(scope="module")
def scenes() -> tuple[Views, Views, torch.Tensor, torch.Tensor]:
    """16 scenes from two cameras, and which pixels (B, H, W) of each show the cube."""
    world = SimWorld(SimConfig(cameras=SPEC.names))
    seen = []
    for seed in range(16):
        world.reset(seed)
        seen.append(observe(world.frame(), SPEC))
    world.close()
    hand = torch.from_numpy(np.stack([o.T_base_ee for o in seen]))
    width = torch.tensor([o.gripper_width_m for o in seen])
    views, masks = [], []
    for name in SPEC.names:
        view = views_of([o.views[name] for o in seen])
        points, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
        foreground = above_table(points, valid, Workspace())
        masks.append(foreground & ~of_robot(points, hand, width))
        views.append(view)
    return views[0], views[1], masks[0], masks[1]


def subset(views: Views, index: torch.Tensor) -> Views:
    return Views(
        views.color[index], views.depth_m[index], views.K[index], views.T_base_camera[index]
    )


def test_training_beats_predicting_the_objects_centroid(
    scenes: tuple[Views, Views, torch.Tensor, torch.Tensor],
) -> None:
    a, b, mask_a, mask_b = scenes
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = DescriptorNetwork(DescriptorConfig(width=16, dimensions=8))
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    config = LossConfig(expectation_3d=0.0)
    losses = []
    for _ in range(45):
        index = torch.from_numpy(rng.integers(12, size=4))
        view_a, view_b = subset(a, index), subset(b, index)
        pixels = draw_pixels(mask_a[index].float() + 0.02, 128, generator)
        matches = find_matches(view_a, view_b, pixels, MatchTolerances())
        maps = network.describe(torch.cat([view_a.color, view_b.color]))
        loss = correspondence_loss(maps[:4], maps[4:], matches, network.stride, config)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        losses.append(float(loss.total.detach()))
    assert np.mean(losses[25:30]) < 0.75 * losses[0], "30 steps"
    index = torch.arange(12, 16)  # scenes never trained on
    view_a, view_b = subset(a, index), subset(b, index)
    pixels = draw_pixels(mask_a[index].float(), 64, torch.Generator().manual_seed(1))
    matches = find_matches(view_a, view_b, pixels, MatchTolerances())
    with torch.no_grad():
        maps = network.describe(torch.cat([view_a.color, view_b.color]))
    errors = correspondence_errors(maps[:4], maps[4:], matches, view_b, network.stride)
    assert errors["matches"] > 100
    assert errors["median_px"] < 0.75 * centroid_error_px(matches, mask_b[index])


def centroid_error_px(matches: Matches, mask: torch.Tensor) -> float:
    """The median error of answering the middle of the object's mask whatever is asked."""
    centroids = torch.stack([m.nonzero().flip(-1).float().mean(0) for m in mask])  # (B, 2)
    return float((centroids[:, None] - matches.pixels_b).norm(dim=-1)[matches.valid].median())
