"""Expectations of pixels and points."""

import torch

from visuomotor.networks import cell_pixels, expected_pixel, expected_point


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
        (expected_pixel(logits, pixels) - goal).square().sum().backward()
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
    expected_point(logits, points, valid).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0
