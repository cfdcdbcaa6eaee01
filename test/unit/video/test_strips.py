"""Distances beyond strips are those of the formula, and so are their gradients."""

from __future__ import annotations

import pytest
import torch

from visuomotor.video.strips import beyond_strips


@pytest.mark.parametrize("shared", [True, False])
def test_values_and_gradients_are_those_of_the_formula(shared: bool) -> None:
    torch.manual_seed(0)
    normal = torch.nn.functional.normalize(torch.randn(3, 5, 2), dim=-1).requires_grad_()
    middle = (3 * torch.randn(3, 5)).requires_grad_()
    half = torch.rand(3, 5).requires_grad_()
    grid, weight = 10 * torch.randn(*(() if shared else (3,)), 40, 2), torch.randn(3, 40)
    got = beyond_strips(normal, middle, half, grid)
    far = (normal @ grid.transpose(-1, -2) - middle[..., None]).abs() - half[..., None]
    expected = far.amax(1)
    torch.testing.assert_close(got, expected)
    leaves = (normal, middle, half)
    ours = torch.autograd.grad((got * weight).sum(), leaves)
    for one, other in zip(
        ours, torch.autograd.grad((expected * weight).sum(), leaves), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
