"""Random views of a view: geometry in one `grid_sample`, background and colour per image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class AugmentationConfig:
    """Ranges of the random changes; all are drawn anew for each image."""

    rotation_deg: float = 20.0
    scale: tuple[float, float] = (0.8, 1.2)
    shear_deg: float = 10.0
    shift: float = 0.1  # share of the image's size
    brightness: float = 0.2
    contrast: float = 0.2
    tint: float = 0.1  # each colour channel's gain
    background: float = 0.3  # probability of a random background where the mask is False

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"augmentation: got scale {self.scale}, expected 0 < low <= high")


@dataclass(frozen=True)
class Augmented:
    """images (B, 3, H, W) in [-1, 1] and how pixels of the original moved."""

    images: Tensor
    matrix: Tensor  # (B, 2, 3): new pixel = matrix @ (u, v, 1)
    replaced: Tensor  # (B,) bool: the background is no longer what the camera saw

    def move(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, N, 2) after the augmentation, and whether they are still in the image."""
        moved = pixels @ self.matrix[:, :, :2].transpose(1, 2) + self.matrix[:, None, :, 2]
        h, w = self.images.shape[-2:]
        low, high = moved.new_tensor([0.0, 0.0]), moved.new_tensor([w - 1.0, h - 1.0])
        return moved, ((moved >= low) & (moved <= high)).all(-1)

    def origin(self, pixels: Tensor) -> Tensor:
        """Where pixels (B, N, 2) of the augmented image came from; the inverse of `move`."""
        inverse = _invert(self.matrix)
        return pixels @ inverse[:, :, :2].transpose(1, 2) + inverse[:, None, :, 2]


def augment(
    images: Tensor, foreground: Tensor, config: AugmentationConfig, generator: torch.Generator
) -> Augmented:
    """Augments images (B, 3, H, W) in [-1, 1] whose foreground is (B, H, W) bool."""
    b, _, h, w = images.shape
    matrix = _random_affine(b, h, w, config, generator).to(images.device)
    images, replaced = _random_background(images, foreground, config, generator)
    inverse = _invert(matrix)  # original pixel = inverse @ (new pixel, 1)
    u = torch.arange(w, dtype=images.dtype, device=images.device)
    v = torch.arange(h, dtype=images.dtype, device=images.device)
    vv, uu = torch.meshgrid(v, u, indexing="ij")
    new = torch.stack([uu, vv, torch.ones_like(uu)], dim=-1).reshape(-1, 3)
    original = new @ inverse.transpose(1, 2)  # (B, H*W, 2)
    grid = (original + 0.5) * images.new_tensor([2.0 / w, 2.0 / h]) - 1.0
    moved = F.grid_sample(
        images, grid.reshape(b, h, w, 2), align_corners=False, padding_mode="reflection"
    )
    return Augmented(_random_color(moved, config, generator), matrix, replaced)


def unchanged(images: Tensor) -> Augmented:
    """No augmentation, for evaluation."""
    matrix = torch.eye(2, 3, device=images.device).expand(len(images), 2, 3)
    return Augmented(images, matrix, torch.zeros(len(images), dtype=torch.bool))


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def _random_affine(
    n: int, h: int, w: int, config: AugmentationConfig, generator: torch.Generator
) -> Tensor:
    angle = math.radians(1.0) * _uniform(n, -config.rotation_deg, config.rotation_deg, generator)
    scale = _uniform(n, *config.scale, generator)
    shear = torch.tan(
        math.radians(1.0) * _uniform(n, -config.shear_deg, config.shear_deg, generator)
    )
    cos, sin = angle.cos() * scale, angle.sin() * scale
    linear = torch.stack([cos, -sin + cos * shear, sin, cos + sin * shear], -1).reshape(n, 2, 2)
    centre = torch.tensor([(w - 1) / 2, (h - 1) / 2])
    size = torch.tensor([float(w), float(h)])
    shift = (2 * torch.rand(n, 2, generator=generator) - 1) * config.shift * size
    offset = centre + shift - linear @ centre
    return torch.cat([linear, offset[..., None]], dim=-1)


def _invert(matrix: Tensor) -> Tensor:
    linear = torch.linalg.inv(matrix[:, :, :2])
    return torch.cat([linear, -linear @ matrix[:, :, 2:]], dim=-1)


def _random_background(
    images: Tensor, foreground: Tensor, config: AugmentationConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Smooth random colours plus pixel noise behind the foreground of some images (B,) bool."""
    b, _, h, w = images.shape
    chosen = torch.rand(b, generator=generator) < config.background
    coarse = 2 * torch.rand(b, 3, 4, 5, generator=generator) - 1
    noise = 0.2 * torch.randn(b, 3, h, w, generator=generator)
    texture = F.interpolate(coarse, size=(h, w), mode="bilinear", align_corners=False) + noise
    chosen = chosen.to(images.device)
    replace = chosen[:, None, None, None] & ~foreground[:, None]
    return torch.where(replace, texture.to(images.device).clamp(-1, 1), images), chosen


def _random_color(images: Tensor, config: AugmentationConfig, generator: torch.Generator) -> Tensor:
    b = len(images)
    brightness = _uniform(b, -config.brightness, config.brightness, generator)[:, None, None, None]
    contrast = _uniform(b, 1 - config.contrast, 1 + config.contrast, generator)[:, None, None, None]
    tint = 1 + config.tint * (2 * torch.rand(b, 3, 1, 1, generator=generator) - 1)
    gain = (contrast * tint).to(images.device)
    return (images * gain + brightness.to(images.device)).clamp(-1, 1)
