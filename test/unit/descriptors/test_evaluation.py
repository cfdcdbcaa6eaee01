"""Localisation errors of descriptors that are as good, or as bad, as one makes them."""

import torch
from box_scene import BOX, FRONT, SIDE, view_of
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.evaluation import Localised, localise, surface_points
from visuomotor.descriptors.ground_truth import OCCLUDED, VISIBLE, Parts, true_places
from visuomotor.descriptors.heatmap import all_pixels, best_pixels, squared_distances
from visuomotor.descriptors.masks import points_in_base
from visuomotor.descriptors.matching import Views


def described(view: Views, scale: float) -> Tensor:
    """A map (3, H, W) of colours: in this scene a colour is a place."""
    return scale * view.color[0].permute(2, 0, 1).float() / 255


def on_the_box(view: Views) -> Tensor:
    low, high = torch.from_numpy(BOX).float()
    middle = torch.eye(4)
    middle[:3, 3] = (low + high) / 2
    parts = Parts(middle[None], (high - low)[None] / 2, torch.tensor([False]))
    return parts.containing(points_in_base(view.depth_m, view.K, view.T_base_camera)[0][0]) >= 0


def found(scale: float, sharpness: float = 1.0) -> tuple[Localised, Tensor, Tensor]:
    """Every second pixel of the box in FRONT, found in SIDE: errors, visibility, true pixels."""
    a, b = view_of(FRONT), view_of(SIDE)
    v, u = (t[::2] for t in on_the_box(a).nonzero(as_tuple=True))
    points, _ = points_in_base(a.depth_m, a.K, a.T_base_camera)
    truth = true_places(points[:, v, u], b)
    queries = described(a, scale)[:, v, u].T
    result = localise(
        1,
        DescriptorConfig(dimensions=3, sharpness=sharpness, pixel_step=1, radius_m=0.01),
        queries,
        described(b, scale),
        b,
        on_the_box(b),
        truth,
    )
    return result, truth.visibility[0], truth.pixels[0]


def test_descriptors_that_tell_the_place_find_it() -> None:
    result, visibility, _ = found(1000.0)
    seen = visibility == VISIBLE
    assert seen.sum() > 50
    for method in ("argmax", "expectation", "refined"):
        assert result.errors[method].px[seen].median() < 0.6, method
        assert result.errors[method].mm[seen].median() < 6, method  # a pixel is 1 cm
    assert result.errors["nearest_pixel"].px[seen].max() <= 0.5**0.5 + 1e-3
    assert result.errors["centroid"].mm[seen].median() > 30


def test_likeness_tells_what_is_hidden() -> None:
    result, visibility, _ = found(30.0)
    seen, hidden = visibility == VISIBLE, visibility == OCCLUDED
    assert hidden.sum() > 50
    for score in (result.likeness, result.confidence):
        assert score[seen].median() > 2 * score[hidden].median()
        assert bool(((score >= 0) & (score <= 1)).all())


def test_descriptors_that_tell_nothing_find_the_middle_of_the_image() -> None:
    result, _, true_px = found(0.0)
    middle = torch.tensor([(96 - 1) / 2, (72 - 1) / 2])
    expected = (middle - true_px).norm(dim=-1)
    torch.testing.assert_close(result.errors["expectation"].px, expected, atol=1e-2, rtol=0)
    assert result.errors["argmax"].px.median() > 20


def test_places_between_pixels_are_found() -> None:
    """A map whose descriptors are its coordinates is matched to a quarter of a pixel."""
    pixels = all_pixels(24, 32)
    coordinates = pixels.T.reshape(2, 24, 32)
    wanted = torch.tensor([[10.25, 7.5], [0.0, 0.0], [30.75, 22.75]])
    found_px = best_pixels(wanted, coordinates, 1, squared_distances(wanted, pixels), 32)
    torch.testing.assert_close(found_px, wanted, atol=1e-4, rtol=0)


def test_a_place_without_depth_is_infinitely_wrong() -> None:
    view = view_of(SIDE)
    pixels = torch.tensor([[10.0, 20.0], [40.0, 30.0]])
    points, _ = points_in_base(view.depth_m, view.K, view.T_base_camera)
    torch.testing.assert_close(surface_points(pixels, view)[1], points[0, 30, 40])
    blind = Views(view.color, torch.zeros_like(view.depth_m), view.K, view.T_base_camera)
    assert surface_points(pixels, blind).isnan().all()
    truth = true_places(points[:, 30, 40:42], view)
    result = localise(
        1,
        DescriptorConfig(dimensions=3),
        described(view, 1.0)[:, 30, 40:42].T,
        described(view, 1.0),
        blind,
        on_the_box(view),
        truth,
    )
    assert all(bool(result.errors[m].mm.isinf().all()) for m in ("argmax", "refined"))
