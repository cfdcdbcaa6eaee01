"""How far points are beyond the nearest of a convex body's strips, with a gradient by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor


def beyond_strips(normal: Tensor, middle: Tensor, half: Tensor, grid: Tensor) -> Tensor:
    """(B, P): the largest over E strips of |<x, normal> - middle| - half, for points x.

    normal (B, E, 2), middle (B, E), half (B, E), grid (P, 2), or (B, P, 2) for points of each. A
    point's gradient goes to its largest strip alone. Strip by strip on (B, P) numbers that stay in
    the processor's cache: autograd would keep (B, E, P) of them several times, and takes four times
    as long.
    """
    strips = torch.stack((*normal.unbind(-1), middle, half)).transpose(1, 2).contiguous()
    points = grid.expand(len(normal), -1, -1).permute(2, 0, 1).contiguous()
    found: Tensor = _Beyond.apply(strips, points)  # type: ignore[no-untyped-call]
    return found


class _Beyond(torch.autograd.Function):
    """strips (4, E, B): normals' x and y, middles, half widths; points (2, B, P)."""

    @staticmethod
    def forward(
        context: torch.autograd.function.FunctionCtx, strips: Tensor, points: Tensor
    ) -> Tensor:
        best = torch.full_like(points[0], -math.inf)
        for _, half, offset in _offsets(strips, points):
            torch.maximum(best, offset.abs_().sub_(half), out=best)
        context.save_for_backward(strips, points, best)
        return best

    @staticmethod
    def backward(
        context: torch.autograd.function.FunctionCtx, gradient: Tensor
    ) -> tuple[Tensor, None]:
        strips, points, best = context.saved_tensors  # type: ignore[attr-defined]
        found, share = torch.empty_like(strips), torch.empty_like(best)
        for e, half, offset in _offsets(strips, points):
            # The gradient where this strip is the largest, else 0; comparisons are slower.
            torch.abs(offset, out=share).sub_(half).sub_(best).sign_().add_(1.0).mul_(gradient)
            torch.sum(share, 1, out=found[3, e]).neg_()
            share.mul_(offset.sign_())
            torch.sum(share, 1, out=found[2, e]).neg_()
            for axis in (0, 1):
                torch.sum(torch.mul(share, points[axis], out=offset), 1, out=found[axis, e])
        return found, None


def _offsets(strips: Tensor, points: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Each strip's number, half width (B, 1), and <x, normal> - middle (B, P) in one buffer."""
    buffer = torch.empty_like(points[0])
    for e in range(strips.shape[1]):
        nx, ny, middle, half = strips[:, e, :, None]
        torch.mul(nx, points[0], out=buffer)
        yield e, half, buffer.addcmul_(ny, points[1]).sub_(middle)
