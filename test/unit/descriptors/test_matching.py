"""Matches against a ray-cast scene, where every answer is known."""

from dataclasses import replace

import numpy as np
import torch
from box_scene import BOX, CAMERA, FRONT, SIDE, all_pixels, view_of, visible_from

from visuomotor.descriptors.matching import MatchTolerances, Views, draw_pixels, find_matches
from visuomotor.geometry import inverse, transform_points

TOLERANCES = MatchTolerances()


def truth(views: Views, T_base_camera: np.ndarray) -> np.ndarray:
    """The surface points (H*W, 3) in base of a view's pixels."""
    points = CAMERA.deproject_image(views.depth_m[0].double().numpy()).reshape(-1, 3)
    return transform_points(T_base_camera, points)


def test_matches_are_where_the_point_projects() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    found = find_matches(a, b, all_pixels(), TOLERANCES)
    points = truth(a, FRONT)
    expected = CAMERA.project(transform_points(inverse(SIDE), points))
    valid = found.valid[0].numpy()
    assert valid.sum() > 1000
    error = np.linalg.norm(found.pixels_b[0].numpy() - expected, axis=1)[valid]
    assert error.max() < 0.01
    np.testing.assert_allclose(found.points[0].numpy()[valid], points[valid], atol=1e-5)


def test_what_something_hides_is_refused_and_what_is_free_is_kept() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    found = find_matches(a, b, all_pixels(), TOLERANCES)
    points = truth(a, FRONT)
    pixels = CAMERA.project(transform_points(inverse(SIDE), points))
    u, v = pixels[:, 0], pixels[:, 1]
    inside = (u >= 0) & (v >= 0) & (u <= CAMERA.width - 1) & (v <= CAMERA.height - 1)
    measured = a.depth_m[0].numpy().reshape(-1) > 0
    visible = visible_from(SIDE, points)
    valid = found.valid[0].numpy()
    hidden = inside & measured & ~visible
    on_box = ((points > BOX[0] - 1e-4) & (points < BOX[1] + 1e-4)).all(1) & (points[:, 2] > 0.01)
    assert hidden.sum() > 200
    assert (hidden & on_box).sum() > 50
    assert valid[hidden].mean() < 0.03, "only at the very edge of a shadow, within 3 mm"
    near = (np.abs(points[:, :2] - (0.5, 0.0)) < 0.15).all(1)
    assert valid[inside & measured & visible & near].mean() > 0.93, "all but those at depth edges"


def test_every_match_is_in_the_image() -> None:
    aside = find_matches(view_of(FRONT), view_of(SIDE), all_pixels(), TOLERANCES)
    pixels, valid = aside.pixels_b[0], aside.valid[0]
    assert not valid.all()
    limits = torch.tensor([CAMERA.width - 1, CAMERA.height - 1])
    assert ((pixels >= 0) & (pixels <= limits)).all(-1)[valid].all()


def test_what_lies_behind_the_other_camera_is_refused() -> None:
    turned = SIDE.copy()
    turned[:3, :3] = SIDE[:3, :3] @ np.diag([-1.0, 1.0, -1.0])
    assert not find_matches(view_of(FRONT), view_of(turned), all_pixels(), TOLERANCES).valid.any()


def test_pixels_without_depth_match_nothing() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    whole = find_matches(a, b, all_pixels(), TOLERANCES).valid
    for rubbish in (0.0, float("nan")):
        depth = a.depth_m.clone()
        depth[:, :36] = rubbish
        half = find_matches(replace(a, depth_m=depth), b, all_pixels(), TOLERANCES).valid
        upper = all_pixels()[..., 1] < 36
        assert not half[upper].any()
        assert torch.equal(half[~upper], whole[~upper])


def test_where_the_other_view_has_no_depth_there_is_no_match() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    depth = b.depth_m.clone()
    depth[:, :, :48] = 0.0
    found = find_matches(a, replace(b, depth_m=depth), all_pixels(), TOLERANCES)
    assert found.valid.any()
    assert (found.pixels_b[found.valid][:, 0] > 47).all()


def test_colours_that_disagree_are_refused() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    before = find_matches(a, b, all_pixels(), TOLERANCES).valid
    painted = replace(b, color=255 - b.color)
    after = find_matches(a, painted, all_pixels(), TOLERANCES).valid
    assert after.sum() < 0.35 * before.sum(), "a grey stays a grey, the rest is refused"
    blind = replace(TOLERANCES, photometric=256.0)
    assert torch.equal(
        find_matches(a, painted, all_pixels(), blind).valid,
        find_matches(a, b, all_pixels(), blind).valid,
    )


def test_an_object_that_moved_away_is_no_match() -> None:
    blind = replace(TOLERANCES, photometric=256.0)
    found = find_matches(view_of(FRONT), view_of(SIDE, box=False), all_pixels(), blind)
    height = found.points[..., 2]
    assert not found.valid[height > 0.03].any(), "b measures the table behind"
    assert found.valid[height < 1e-4].any()


def test_a_match_leads_back_to_its_pixel() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    there = find_matches(a, b, all_pixels(), TOLERANCES)
    flipped = there.flipped()
    assert flipped.pixels_a is there.pixels_b
    back = CAMERA.project(transform_points(inverse(FRONT), there.points[0].numpy()))
    error = np.abs(back - there.pixels_a[0].numpy())[there.valid[0].numpy()]
    assert error.max() < 0.01


def test_a_batch_is_its_pairs_one_by_one() -> None:
    a, b = view_of(FRONT), view_of(SIDE)
    both = {
        name: torch.cat([getattr(a, name), getattr(b, name)])
        for name in ("color", "depth_m", "K", "T_base_camera")
    }
    pair = Views(**both)
    swapped = Views(**{k: t.flip(0) for k, t in both.items()})
    whole = find_matches(pair, swapped, all_pixels().expand(2, -1, -1), TOLERANCES)
    for i, (x, y) in enumerate(((a, b), (b, a))):
        one = find_matches(x, y, all_pixels(), TOLERANCES)
        assert torch.equal(whole.valid[i], one.valid[0])
        kept = one.valid[0]
        torch.testing.assert_close(whole.pixels_b[i][kept], one.pixels_b[0][kept])


def test_pixels_are_drawn_where_the_weights_are() -> None:
    weights = torch.zeros(2, 8, 10)
    weights[0, 2, 3], weights[0, 5, 7], weights[1, 7, 9] = 3.0, 1.0, 0.5
    pixels = draw_pixels(weights, 4000, torch.Generator().manual_seed(0))
    assert (pixels[1] == torch.tensor([9, 7])).all()
    first = (pixels[0] == torch.tensor([3, 2])).all(-1)
    second = (pixels[0] == torch.tensor([7, 5])).all(-1)
    assert (first | second).all()
    assert 0.71 < float(first.float().mean()) < 0.79


def test_without_weights_pixels_come_from_everywhere() -> None:
    pixels = draw_pixels(torch.zeros(1, 6, 8), 2000, torch.Generator().manual_seed(0))
    assert len(pixels[0].unique(dim=0)) == 48
