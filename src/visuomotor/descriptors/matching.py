"""Correspondences between two views from their depth, calibration and nothing else.

Florence, Manuelli and Tedrake 2019, section IV-D: pixel pairs of two time-synchronised cameras
that see the same point in space.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.networks import sample_map


@dataclass(frozen=True)
class Views:
    """A batch of B RGBD views on one device.

    color (B, H, W, 3) uint8, depth_m (B, H, W) float32 (0: none), K (B, 3, 3) and
    T_base_camera (B, 4, 4) float32.
    """

    color: Tensor
    depth_m: Tensor
    K: Tensor
    T_base_camera: Tensor


@dataclass(frozen=True)
class Matches:
    """N candidate matches for each of B pairs: pixels (B, N, 2) as (u, v), and which hold.

    only_a: a's pixel shows what b certainly does not (hidden there, or out of its view); only_b:
    the other way round. None: not known of any.
    """

    pixels_a: Tensor
    pixels_b: Tensor
    valid: Tensor  # (B, N) bool
    points: Tensor  # (B, N, 3) in base, m
    only_a: Tensor | None = None  # (B, N) bool
    only_b: Tensor | None = None  # (B, N) bool

    def flipped(self) -> Matches:
        """The same matches from b to a."""
        return Matches(
            self.pixels_b, self.pixels_a, self.valid, self.points, self.only_b, self.only_a
        )

    def known_only(self) -> tuple[Tensor, Tensor]:
        """only_a and only_b, all False where nothing is known of it."""
        nothing = torch.zeros_like(self.valid)
        return (
            nothing if self.only_a is None else self.only_a,
            nothing if self.only_b is None else self.only_b,
        )

    def joined(self, more: Matches) -> Matches:
        """These and `more` of the same pairs."""
        parts = zip(
            (self.pixels_a, self.pixels_b, self.valid, self.points, *self.known_only()),
            (more.pixels_a, more.pixels_b, more.valid, more.points, *more.known_only()),
            strict=True,
        )
        return Matches(*(torch.cat(part, dim=1) for part in parts))


@dataclass(frozen=True)
class MatchTolerances:
    """What a match must satisfy; lengths in m, colour in units of 0 to 255."""

    occlusion_m: float = 0.003  # something this much nearer to b may hide the point: no match
    hidden_m: float = 0.01  # something this much nearer to b certainly hides it
    behind_m: float = 0.01  # b measures this much farther: the point is not on its surface
    edge_m: float = 0.02  # neighbouring depths that differ by more are never interpolated
    photometric: float = 60.0  # mean absolute difference of the colours


def draw_pixels(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Integer pixels (B, count, 2) as (u, v), drawn with replacement by weights (B, H, W) >= 0.

    A view of all-zero weights draws uniformly; its matches are then for the checks to refuse.
    """
    b, _, w = weights.shape
    flat = weights.reshape(b, -1).float()
    flat = flat + (flat.sum(1, keepdim=True) <= 0).float()
    cdf = flat.double().cumsum(1)
    uniform = torch.rand(b, count, generator=generator, dtype=torch.float64).to(cdf.device)
    index = torch.searchsorted(cdf, uniform * cdf[:, -1:], right=True)
    index = index.clamp_max(flat.shape[1] - 1)
    return torch.stack([index % w, index // w], dim=-1)


def find_matches(a: Views, b: Views, pixels_a: Tensor, tolerances: MatchTolerances) -> Matches:
    """Where integer pixels_a (B, N, 2) of views a are seen in views b (sub-pixel).

    Refused are pixels without depth, points outside b's image or behind it, points that b has
    no depth for, that something hides from b, or whose colours disagree. Of these, what is
    certainly hidden from b or out of its view is `only_a`.
    """
    depth_a = _at(a.depth_m, pixels_a)  # (B, N)
    points = _deproject(pixels_a.float(), depth_a, a.K)
    in_base = _transform(a.T_base_camera, points)
    pixels_b, z_b = project(in_base, b)
    h, w = b.depth_m.shape[1:]
    u, v = pixels_b.unbind(-1)
    in_view = (z_b > 0) & (u >= 0) & (v >= 0) & (u <= w - 1) & (v <= h - 1)
    valid = (depth_a > 0) & in_view
    pixels_b = torch.where(valid[..., None], pixels_b, torch.zeros_like(pixels_b))
    seen = surface_depth(b.depth_m, pixels_b, tolerances.edge_m)
    hidden = (seen > 0) & (seen < z_b - tolerances.hidden_m)
    only_a = (depth_a > 0) & (~in_view | hidden)
    valid &= (seen > 0) & (seen > z_b - tolerances.occlusion_m)
    valid &= seen < z_b + tolerances.behind_m
    color_a = _at(a.color, pixels_a).float()  # (B, N, 3)
    color_b = sample_map(b.color.permute(0, 3, 1, 2).float(), pixels_b)
    valid &= (color_a - color_b).abs().mean(-1) < tolerances.photometric
    return Matches(pixels_a.float(), pixels_b, valid, in_base, only_a)


def project(points: Tensor, views: Views) -> tuple[Tensor, Tensor]:
    """Pixels (B, N, 2) and depths (B, N) in views of points (B, N, 3) in base."""
    T = views.T_base_camera
    p = (points - T[:, None, :3, 3]) @ T[:, :3, :3]  # R^T (p - t), rows
    z = p[..., 2]
    safe = torch.where(z > 1e-6, z, torch.ones_like(z))[..., None]
    K = views.K
    focal = torch.stack([K[:, 0, 0], K[:, 1, 1]], -1)[:, None]
    centre = torch.stack([K[:, 0, 2], K[:, 1, 2]], -1)[:, None]
    return p[..., :2] / safe * focal + centre, torch.where(z > 1e-6, z, torch.zeros_like(z))


def _at(image: Tensor, pixels: Tensor) -> Tensor:
    rows = torch.arange(len(image), device=image.device)[:, None]
    return image[rows, pixels[..., 1].long(), pixels[..., 0].long()]


def _deproject(pixels: Tensor, depth: Tensor, K: Tensor) -> Tensor:
    focal = torch.stack([K[:, 0, 0], K[:, 1, 1]], -1)[:, None]
    centre = torch.stack([K[:, 0, 2], K[:, 1, 2]], -1)[:, None]
    xy = (pixels - centre) / focal * depth[..., None]
    return torch.cat([xy, depth[..., None]], dim=-1)


def _transform(T: Tensor, points: Tensor) -> Tensor:
    return points @ T[:, :3, :3].transpose(1, 2) + T[:, None, :3, 3]


def surface_depth(depth: Tensor, pixels: Tensor, edge_m: float) -> Tensor:
    """Depth (B, N) at sub-pixel positions: bilinear on a surface, the nearest pixel at edges."""
    h, w = depth.shape[1:]
    corner = pixels.floor()
    u0, v0 = corner[..., 0].clamp(0, w - 2), corner[..., 1].clamp(0, h - 2)
    a, b = pixels[..., 0] - u0, pixels[..., 1] - v0
    z = torch.stack(
        [_at(depth, torch.stack([u0 + i, v0 + j], -1)) for j in (0, 1) for i in (0, 1)], dim=-1
    )  # (B, N, 4)
    weights = torch.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b], dim=-1)
    smooth = (z.amin(-1) > 0) & (z.amax(-1) - z.amin(-1) < edge_m)
    nearest = z.gather(-1, weights.argmax(-1, keepdim=True))[..., 0]
    return torch.where(smooth, (z * weights).sum(-1), nearest)
