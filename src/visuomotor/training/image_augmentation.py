"""Strong random changes of images: what a lab would try first for a policy that survives new looks.

Random shifts as in Yarats et al. 2021, random convolutions as in Lee et al. 2020, cutout as in
DeVries and Taylor 2017, colour jitter.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class ImageAugmentation:
    """Ranges of the changes, drawn anew for each image; all 0: none.

    brightness, contrast, saturation, tint (each colour channel's gain): up to so much more or less.
    convolution, cutout: with what probability the image passes a random 3x3 layer, or loses a
    rectangle of up to half its sides. shift: up to so much of its sides, borders are replicated.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    tint: float = 0.0
    convolution: float = 0.0
    cutout: float = 0.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= value <= 1 for value in astuple(self)):
            raise ValueError(f"image augmentation: got {self}, expected values in [0, 1]")

    @property
    def off(self) -> bool:
        """Whether nothing is changed."""
        return not any(astuple(self))


STRONG = ImageAugmentation(0.3, 0.4, 0.5, 0.2, 0.3, 0.3, 0.04)
"""All of them at once."""


def augment_images(images: Tensor, config: ImageAugmentation, generator: torch.Generator) -> Tensor:
    """Images (B, 3, H, W) in [-1, 1] changed at random, in the same range."""
    if config.off:
        return images
    if config.shift > 0:
        images = _shifted(images, config.shift, generator)
    if config.convolution > 0:
        images = _convolved(images, config.convolution, generator)
    if max(config.brightness, config.contrast, config.saturation, config.tint) > 0:
        images = _coloured(images, config, generator)
    if config.cutout > 0:
        images = _cut(images, config.cutout, generator)
    return images


def _draw(n: int, low: float, high: float, generator: torch.Generator, channels: int = 1) -> Tensor:
    """(n, channels, 1, 1), uniform."""
    return low + (high - low) * torch.rand(n, channels, 1, 1, generator=generator)


def _shifted(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """By whole pixels along both axes."""
    b, _, h, w = images.shape
    most = (round(share * h), round(share * w))
    rows, columns = (
        torch.arange(n) + torch.randint(-m, m + 1, (b, 1), generator=generator)
        for n, m in zip((h, w), most, strict=True)
    )
    rows, columns = rows.clamp(0, h - 1), columns.clamp(0, w - 1)
    last = images.permute(0, 2, 3, 1)
    moved = last[torch.arange(b)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _convolved(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    b, c, h, w = images.shape
    weight = torch.randn(b * c, c, 3, 3, generator=generator) / (9 * c) ** 0.5
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate").reshape(1, b * c, h + 2, w + 2)
    other = F.conv2d(padded, weight, groups=b).reshape(b, c, h, w)
    chosen = torch.rand(b, 1, 1, 1, generator=generator) < probability
    return torch.where(chosen, other.clamp(-1, 1), images)


def _coloured(images: Tensor, config: ImageAugmentation, generator: torch.Generator) -> Tensor:
    b = len(images)
    grey = (images * images.new_tensor(_GREY)[:, None, None]).sum(1, keepdim=True)
    saturation = _draw(b, 1 - config.saturation, 1 + config.saturation, generator)
    images = grey + saturation * (images - grey)
    contrast = _draw(b, 1 - config.contrast, 1 + config.contrast, generator)
    gain = contrast * _draw(b, 1 - config.tint, 1 + config.tint, generator, 3)
    brightness = _draw(b, -config.brightness, config.brightness, generator)
    return (gain * images + brightness).clamp(-1, 1)


def _cut(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    b, _, h, w = images.shape
    inside = torch.rand(b, 1, 1, generator=generator) < probability
    for axis, n in enumerate((h, w)):
        length = torch.rand(b, 1, generator=generator) * 0.5 * n
        first = torch.rand(b, 1, generator=generator) * (n - length)
        place = torch.arange(n)
        within = (place >= first) & (place < first + length)  # (b, n)
        inside = inside & (within[:, :, None] if axis == 0 else within[:, None, :])
    colour = _draw(b, -1, 1, generator, 3)
    return torch.where(inside[:, None], colour, images)
