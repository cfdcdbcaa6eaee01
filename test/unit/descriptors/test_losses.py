"""The losses at known inputs, against their formulas, and what has no say in them."""

from dataclasses import replace

import pytest
import torch
from box_scene import FRONT, SIDE, all_pixels, view_of

from visuomotor.bench.literal import literal_expected_points, literal_loss
from visuomotor.descriptors.contrastive import ContrastiveConfig, contrastive_loss
from visuomotor.descriptors.losses import CellScene, LossConfig, correspondence_loss
from visuomotor.descriptors.matching import Matches, MatchTolerances, find_matches
from visuomotor.descriptors.soft_matching import expected_points
from visuomotor.networks import cell_pixels, pixels_to_cells, sample_map

CELLS = 18 * 24
PLAIN = LossConfig(sigma_cells=1.0, expectation_3d=0.0, no_match=0.0)
SOFT = LossConfig(sigma_cells=0.8, expectation_3d=0.7, no_match=0.6, nowhere=3.0)


def maps_that_match(sharpness: float) -> torch.Tensor:
    """(1, 2, 18, 24): every cell described by its own place."""
    return sharpness * cell_pixels(18, 24, 4).T.reshape(1, 2, 18, 24) / 4


def identity_matches() -> Matches:
    pixels = cell_pixels(18, 24, 4)[None]
    valid = torch.ones(1, CELLS, dtype=torch.bool)
    return Matches(pixels, pixels, valid, torch.zeros(1, CELLS, 3))


def random_maps(seed: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(batch, 4, 18, 24, generator=generator) for _ in range(2))
    return a.requires_grad_(), b.requires_grad_()


def matches_of_two() -> Matches:
    """Both views' matches of each other, a different share of them in each of two pairs."""
    front, side = view_of(FRONT), view_of(SIDE)
    one = find_matches(front, side, all_pixels()[:, ::31], MatchTolerances())
    other = find_matches(side, front, all_pixels()[:, ::23], MatchTolerances())
    found = one.joined(other.flipped())
    only_a, only_b = found.known_only()
    twice = Matches(
        *(
            t.repeat(2, *[1] * (t.ndim - 1))
            for t in (found.pixels_a, found.pixels_b, found.valid, found.points, only_a, only_b)
        )
    )
    twice.valid[1, ::2] = False
    return twice


def random_scenes(seed: int, batch: int = 2) -> tuple[CellScene, CellScene]:
    generator = torch.Generator().manual_seed(seed)
    one, other = (
        CellScene(
            torch.randn(batch, CELLS, 3, generator=generator),
            torch.rand(batch, CELLS, generator=generator) < 0.7,
            torch.rand(batch, CELLS, generator=generator) < 0.3,
        )
        for _ in range(2)
    )
    return one, other


def test_values_and_gradients_are_those_of_the_formulas() -> None:
    matches, scenes = matches_of_two(), random_scenes(1)
    assert all(bool(f.any()) for f in (matches.valid, *matches.known_only()))
    for config in (PLAIN, SOFT, replace(SOFT, no_match=0.0)):
        ours, literal = random_maps(0), random_maps(0)
        loss = correspondence_loss(*ours, matches, 4, config, scenes)
        expected = literal_loss(*literal, matches, 4, config, scenes)
        torch.testing.assert_close(loss.total, expected)
        (3 * loss.total).backward()
        (3 * expected).backward()
        for x, y in zip(ours, literal, strict=True):
            assert x.grad is not None
            torch.testing.assert_close(x.grad, y.grad, atol=1e-5, rtol=1e-4)


def test_maps_that_correspond_cost_nothing_and_others_do() -> None:
    """|d - d*|^2 = |cell - cell*|^2 / 2 is exactly the Gaussian of one cell."""
    maps = maps_that_match(0.5**0.5)
    loss = correspondence_loss(maps, maps, identity_matches(), 4, PLAIN)
    assert abs(float(loss.distribution)) < 1e-4
    shuffled = maps.flatten(2)[..., torch.randperm(CELLS)].reshape(maps.shape)
    worse = correspondence_loss(maps, shuffled, identity_matches(), 4, PLAIN)
    assert worse.distribution > 5
    assert worse.expectation > 5 * loss.expectation
    torch.testing.assert_close(worse.total, worse.distribution + worse.expectation)


def test_the_loss_is_symmetric_and_weighted() -> None:
    (a, b), matches, scenes = random_maps(0), matches_of_two(), random_scenes(1)
    there = correspondence_loss(a, b, matches, 4, SOFT, scenes)
    back = correspondence_loss(b, a, matches.flipped(), 4, SOFT, scenes[::-1])
    torch.testing.assert_close(there.total, back.total)
    weighted = correspondence_loss(
        a, b, matches, 4, replace(PLAIN, distribution=2.0, expectation=0.0)
    )
    torch.testing.assert_close(weighted.total.detach(), 2 * weighted.distribution)
    parts = SOFT.weights[:4]
    terms = (there.distribution, there.expectation, there.expectation_3d, there.no_match)
    mixed = sum(w * t for w, t in zip(parts, terms, strict=True))
    torch.testing.assert_close(there.total.detach(), mixed)


def test_invalid_matches_have_no_say_and_none_at_all_cost_nothing() -> None:
    maps = random_maps(0, 1)[0]
    scenes = random_scenes(1, 1)
    config = replace(SOFT, contrastive=1.0)
    good = identity_matches()
    half = good.valid & (torch.arange(CELLS) % 2 == 0)
    moved = torch.where(half[..., None], good.pixels_b, torch.zeros_like(good.pixels_b))
    few, same = (
        correspondence_loss(maps, maps, replace(good, pixels_b=b, valid=half), 4, SOFT, scenes)
        for b in (good.pixels_b, moved)
    )
    torch.testing.assert_close(few.total, same.total)
    nothing = replace(good, valid=torch.zeros_like(half))
    none = correspondence_loss(maps, maps, nothing, 4, config, scenes)
    assert none.total == 0
    none.total.backward()
    assert maps.grad is None or maps.grad.abs().max() == 0


def test_what_is_not_there_is_pushed_away_and_what_is_there_is_not() -> None:
    """With "not here", exp(-|d - d*|^2) of the best cell tells the seen from the hidden."""
    maps = maps_that_match(0.5**0.5)
    seen = identity_matches()
    hidden = replace(seen, valid=~seen.valid, only_a=seen.valid)
    config = replace(PLAIN, no_match=1.0)
    assert correspondence_loss(maps, maps, seen, 4, config).distribution < 0.02
    away = (maps + 100.0).requires_grad_()
    close = maps.clone().requires_grad_()
    far_loss = correspondence_loss(away, maps, hidden, 4, config)
    near_loss = correspondence_loss(close, maps, hidden, 4, config)
    assert far_loss.no_match < 1e-3 < 1.0 < near_loss.no_match
    assert float(near_loss.distribution) == float(near_loss.expectation) == 0
    again = correspondence_loss(maps, maps, hidden, 4, PLAIN)
    assert again.total == 0, "without the term, what is hidden is left alone"
    near_loss.total.backward()
    assert close.grad is not None
    stepped = (close - 20 * close.grad).detach()
    less = correspondence_loss(stepped, maps, hidden, 4, config)
    assert less.no_match < near_loss.no_match


def test_the_expected_point_is_in_metres_and_holes_have_no_say() -> None:
    maps = maps_that_match(3.0)
    matches = identity_matches()
    points = torch.randn(1, CELLS, 3, generator=torch.Generator().manual_seed(0))
    matches = replace(matches, points=points + torch.tensor([0.02, 0.0, -0.01]))
    config = replace(PLAIN, distribution=0.0, expectation=0.0, expectation_3d=1.0)

    def loss(points: torch.Tensor, measured: torch.Tensor) -> float:
        scene = CellScene(points, measured, measured)
        return float(correspondence_loss(maps, maps, matches, 4, config, (scene, scene)).total)

    everywhere = torch.ones(1, CELLS, dtype=torch.bool)
    assert loss(points, everywhere) == pytest.approx(0.3, abs=0.01), "3 cm in all, in decimetres"
    holes = torch.arange(CELLS)[None] % 2 == 0
    rubbish = torch.where(holes[..., None], torch.full_like(points, torch.nan), points)
    zero = torch.where(holes[..., None], torch.zeros_like(points), points)
    with_holes = loss(rubbish, ~holes)
    assert with_holes == pytest.approx(loss(zero, ~holes))
    assert with_holes < 0.4, "what is asked for in a hole has no say either, and nothing pulls"
    assert loss(points, ~everywhere) == 0


def test_expected_points_are_those_of_the_formula_and_on_no_hole() -> None:
    maps, scene = random_maps(0)[0].detach(), random_scenes(1)[0]
    queries = torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(2))
    literal = literal_expected_points(queries, maps, scene.points, scene.measured)
    rubbish = scene.points.masked_fill(~scene.measured[..., None], torch.nan)
    for i in range(2):
        p = torch.softmax(-torch.cdist(queries[i], maps[i].flatten(1).T).square(), dim=-1)
        points, mass = expected_points(p, rubbish[i], scene.measured[i])
        torch.testing.assert_close(points, literal[i], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(mass, p[:, scene.measured[i]].sum(-1))


def test_terms_that_need_a_scene_say_so() -> None:
    maps = maps_that_match(1.0)
    with pytest.raises(ValueError, match="need the scenes of both maps"):
        correspondence_loss(maps, maps, identity_matches(), 4, LossConfig())


def test_non_matches_beyond_the_margin_cost_nothing_and_hard_ones_their_own_mean() -> None:
    far = 10.0 * maps_that_match(1.0)
    places = torch.tensor([[3.0, 4.0], [20.0, 10.0]])
    queries = sample_map(far, places[None])[0]
    objects = torch.arange(CELLS) < CELLS // 3
    config = ContrastiveConfig(margin=0.5, non_matches=100, apart_cells=2.0)

    def loss(queries: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        matched = sample_map(cells, places[None])[0]
        return contrastive_loss(queries, matched, cells[0], places, objects, config)

    assert loss(queries, far) == 0
    assert loss(queries + 0.1, far) == pytest.approx(2 * 0.01, rel=1e-3), "|d - d*|^2 alone"
    same = torch.ones_like(far)
    value = loss(torch.ones(2, 2), same)
    assert value == pytest.approx(2 * 0.25, rel=1e-3), "both groups at distance 0: 2 margin^2"
    one_hard = far.clone()
    one_hard[0, :, 17, 5] = queries[0] + 0.2  # of many drawn, the only one within the margin
    squeezed = (0.5 - 0.2 * 2**0.5) ** 2
    found = float(loss(queries, one_hard))
    assert found in (pytest.approx(0.0), pytest.approx(squeezed, rel=1e-3)), "not diluted"
    torch.manual_seed(0)
    queries = queries.clone().requires_grad_()
    loss(queries, same).backward()
    assert queries.grad is not None


def test_contrastive_learning_separates_what_differs() -> None:
    """Gradient descent on the descriptors themselves: matches meet, non-matches part."""
    torch.manual_seed(0)
    a, b = (0.1 * torch.randn(1, 4, 18, 24) for _ in range(2))
    a, b = a.requires_grad_(), b.requires_grad_()
    config = replace(PLAIN, distribution=0.0, expectation=0.0, contrastive=1.0)
    scenes, matches = random_scenes(0, 1), identity_matches()
    optimiser = torch.optim.Adam([a, b], 0.02)
    losses = []
    for _ in range(60):
        loss = correspondence_loss(a, b, matches, 4, config, scenes)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        losses.append(float(loss.total.detach()))
    assert losses[-1] < 0.5 * losses[0]
    queries = sample_map(a, pixels_to_cells(matches.pixels_a, 4))[0].detach()
    distances = torch.cdist(queries, b.detach().flatten(2)[0].T)
    own, others = distances.diagonal().mean(), distances.median()
    assert own < 0.5 * others


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="sigma_cells 0"):
        LossConfig(sigma_cells=0)
    with pytest.raises(ValueError, match="expected none below 0 and one above"):
        replace(PLAIN, distribution=0.0, expectation=0.0)
    with pytest.raises(ValueError, match="got margin 0"):
        ContrastiveConfig(margin=0.0)


def test_pixels_at_cell_centres_read_that_cell() -> None:
    """The chain of the loss: pixel -> cell -> descriptor -> expected pixel is the identity."""
    maps = maps_that_match(3.0)
    pixels = cell_pixels(18, 24, 4)[None]
    queries = sample_map(maps, pixels_to_cells(pixels, 4))
    torch.testing.assert_close(queries[0], maps[0].flatten(1).T, atol=1e-4, rtol=1e-4)
