"""The camera of a video: it stands still and looks at the origin of the table."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FOCAL_PER_WIDTH = 443.0 / 427.0
"""Focal length by the image's width: 443 px for videos of 427 x 240, 30.3 degrees high."""


@dataclass(frozen=True)
class OrbitCamera:
    """R cameras around the origin of a world with z up and the table at z = 0.

    distance (R,) m of the camera from the origin, azimuth (R,) rad from the -y axis, elevation (R,)
    rad above the table; focal_px and size (width, height) px are shared.
    """

    distance: Tensor
    azimuth: Tensor
    elevation: Tensor
    focal_px: float
    size: tuple[int, int]

    def axes(self) -> tuple[Tensor, Tensor]:
        """Rows right, down, forward (R, 3, 3), and the camera's centre (R, 3), in the world."""
        ca, sa = torch.cos(self.azimuth), torch.sin(self.azimuth)
        ce, se = torch.cos(self.elevation), torch.sin(self.elevation)
        zero = torch.zeros_like(ca)
        forward = torch.stack((-sa * ce, ca * ce, -se), -1)
        right = torch.stack((ca, sa, zero), -1)
        down = torch.stack((sa * se, -ca * se, -ce), -1)
        return torch.stack((right, down, forward), -2), -self.distance[:, None] * forward

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points (R, ..., 3) m to pixels (R, ..., 2) and depths (R, ...) m, at least 2 cm."""
        rows, centre = self.axes()
        lead = points.dim() - 2
        centre = centre.reshape(len(centre), *[1] * lead, 3)
        seen = (points - centre).flatten(1, -2) @ rows.transpose(1, 2)
        seen = seen.reshape(points.shape)
        depth = seen[..., 2].clamp_min(0.02)
        u = self.focal_px * seen[..., 0] / depth + self.size[0] / 2
        v = self.focal_px * seen[..., 1] / depth + self.size[1] / 2
        return torch.stack((u, v), -1), depth

    def rays(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (R, N, 2) to the camera's centre (R, 3) and directions (R, N, 3) of depth 1."""
        rows, centre = self.axes()
        x = (pixels[..., 0] - self.size[0] / 2) / self.focal_px
        y = (pixels[..., 1] - self.size[1] / 2) / self.focal_px
        return centre, torch.stack((x, y, torch.ones_like(x)), -1) @ rows

    def cast(self, pixels: Tensor, height: Tensor) -> Tensor:
        """Pixels (R, N, 2) onto the planes z = height (R, N); (R, N, 3) m.

        Rays that do not come down are cut at 3 m of depth.
        """
        centre, directions = self.rays(pixels)
        fall = (-directions[..., 2]).clamp_min(1e-3)
        depth = ((centre[:, None, 2] - height) / fall).clamp(0.05, 3.0)
        return centre[:, None] + depth[..., None] * directions
