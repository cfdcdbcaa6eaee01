"""Expectations of pixels and points."""

import torch

from visuomotor.networks import cell_pixels, expected_pixel, expected_point, local_expectation


def test_a_peak_is_found_at_its_cell() -> None:
    pixels = cell_pixels(6, 8, 4)  # (48, 2)
    logits = torch.full((48, 48), -40.0).fill_diagonal_(40.0)  # one peak per row
    torch.testing.assert_close(expected_pixel(logits, pixels), pixels, atol=1e-4, rtol=0)


def test_flat_logits_give_the_centre_of_the_image() -> None:
    centre = expected_pixel(torch.zeros(48), cell_pixels(6, 8, 4))
    torch.testing.assert_close(centre, torch.tensor([15.5, 11.5]))


def test_two_equal_peaks_give_their_middle() -> None:
    pixels = cell_pixels(6, 8, 4)
    logits = torch.full((48,), -60.0)
    logits[[3, 40]] = 10.0
    torch.testing.assert_close(expected_pixel(logits, pixels), pixels[[3, 40]].mean(0))


def test_the_expected_pixel_can_be_learned() -> None:
    pixels, goal = cell_pixels(6, 8, 4), torch.tensor([20.0, 6.0])
    logits = torch.zeros(48, requires_grad=True)
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(100):
        optimiser.zero_grad()
        (expected_pixel(logits, pixels) - goal).square().sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert (expected_pixel(logits, pixels) - goal).norm() < 0.3


def test_an_expected_point_ignores_holes_and_what_they_hold() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(2, 30, 3, generator=generator)
    logits = torch.randn(2, 4, 30, generator=generator)
    valid = torch.rand(2, 30, generator=generator) > 0.4
    expected = torch.stack(
        [torch.softmax(logits[b][:, valid[b]], dim=-1) @ points[b][valid[b]] for b in range(2)]
    )
    for rubbish in (0.0, float("nan"), float("inf"), 1e6):
        dirty = points.masked_fill(~valid[..., None], rubbish)
        torch.testing.assert_close(expected_point(logits, dirty, valid), expected)


def test_a_strong_hole_has_no_say() -> None:
    points = torch.tensor([[[1.0, 2.0, 3.0], [9.0, 9.0, 9.0]]])
    logits = torch.tensor([[[0.0, 1000.0]]])
    valid = torch.tensor([[True, False]])
    torch.testing.assert_close(expected_point(logits, points, valid)[0, 0], points[0, 0])


def test_without_a_valid_point_the_expectation_is_nan() -> None:
    points = torch.zeros(2, 5, 3)
    valid = torch.zeros(2, 5, dtype=torch.bool)
    valid[1] = True
    result = expected_point(torch.zeros(2, 1, 5), points, valid)
    assert result[0].isnan().all()
    assert result[1].isfinite().all()


def test_gradients_pass_holes_without_nan() -> None:
    logits = torch.zeros(1, 2, 6, requires_grad=True)
    points = torch.arange(18.0).reshape(1, 6, 3)
    points[0, 2] = float("nan")
    valid = points.isfinite().all(-1)
    expected_point(logits, points, valid).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


def spread_out(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities (2, 3, 40) over points (2, 40, 3) within a metre."""
    generator = torch.Generator().manual_seed(seed)
    p = torch.softmax(3 * torch.randn(2, 3, 40, generator=generator), dim=-1)
    return p, torch.rand(2, 40, 3, generator=generator)


def test_without_a_neighbourhood_it_is_the_plain_expectation() -> None:
    p, points = spread_out()
    for radius in (0.0, 1e3):
        found, mass = local_expectation(p, points, radius)
        torch.testing.assert_close(found, p @ points, atol=1e-5, rtol=0)
        torch.testing.assert_close(mass, torch.ones(2, 3), atol=1e-5, rtol=0)


def test_a_local_expectation_moves_with_the_points() -> None:
    """Even far from the origin, where squares of distances lose digits."""
    p, points = spread_out()
    found, mass = local_expectation(p, points, 0.1)
    shift = torch.tensor([30.0, -20.0, 5.0])
    moved, same = local_expectation(p, points + shift, 0.1)
    torch.testing.assert_close(moved - shift, found, atol=1e-4, rtol=0)
    torch.testing.assert_close(same, mass, atol=1e-3, rtol=0)
    turned, _ = local_expectation(p, points.flip(-1), 0.1)
    torch.testing.assert_close(turned.flip(-1), found, atol=1e-5, rtol=0)


def two_heaps(share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of a heap about (0, 0) with this share of the probability, and of one a unit away."""
    around = 0.02 * torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1], [0, 0]])
    points = torch.cat([around, around + torch.tensor([1.0, 0.0])])
    heap = torch.tensor([0.15, 0.15, 0.15, 0.15, 0.4])
    return torch.cat([share * heap, (1 - share) * heap])[None, None], points[None]


def test_the_smaller_heap_has_no_say_and_the_mass_tells_of_it() -> None:
    for share in (0.9, 0.6, 0.51):
        p, points = two_heaps(share)
        found, mass = local_expectation(p, points, 0.1)
        torch.testing.assert_close(found[0, 0], torch.zeros(2), atol=1e-4, rtol=0)
        assert 0.95 * share < float(mass) < share + 1e-6
        assert float((p @ points)[0, 0, 0]) > 0.09, "the plain one is pulled"
        other, _ = local_expectation(p.flip(-1), points.flip(1), 0.1)
        torch.testing.assert_close(other, found, atol=1e-5, rtol=0)


def test_a_local_expectation_can_be_learned() -> None:
    """Gradients pass where one point has everything, and lead to a place between points."""
    points = cell_pixels(6, 8, 4)[None]
    logits = torch.zeros(1, 1, 48)
    logits[..., 17] = 200.0
    logits.requires_grad_()
    local_expectation(torch.softmax(logits, -1), points, 8.0)[0].sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    goal = torch.tensor([20.0, 6.0])
    logits = (-0.02 * (points - torch.tensor([14.0, 10.0])).square().sum(-1))[:, None].detach()
    logits.requires_grad_()
    optimiser = torch.optim.Adam([logits], 0.1)
    for _ in range(150):
        optimiser.zero_grad()
        found = local_expectation(torch.softmax(logits, -1), points, 8.0)[0][0, 0]
        (found - goal).square().sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert (found - goal).norm() < 0.3


def test_places_keep_their_digits_within_autocast() -> None:
    generator = torch.Generator().manual_seed(3)
    logits, pixels = torch.randn(2, 4, 300, generator=generator), torch.rand(300, 2) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        inside = expected_pixel(logits, pixels)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, expected_pixel(logits, pixels), atol=1e-6, rtol=0.0)
