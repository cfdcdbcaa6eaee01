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
    flip: with what probability left and right change places, which no policy's image survives.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    tint: float = 0.0
    convolution: float = 0.0
    cutout: float = 0.0
    shift: float = 0.0
    flip: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= value <= 1 for value in astuple(self)):
            raise ValueError(f"image augmentation: got {self}, expected values in [0, 1]")

    @property
    def off(self) -> bool:
        """Whether nothing is changed."""
        return not any(astuple(self))


UNCHANGED = ImageAugmentation()

STRONG = ImageAugmentation(0.3, 0.4, 0.5, 0.2, 0.3, 0.3, 0.04)
"""All that a policy's image may survive, at once."""

WEAK = ImageAugmentation(0.3, 0.4, 0.5, 0.2, 0.1, 0.0, 0.05, 0.5)
"""Of images of which only the label counts; nothing is cut out, it might be the object."""


def augment_images(
    images: Tensor, config: ImageAugmentation, generator: torch.Generator, alike: int = 1
) -> Tensor:
    """Images (B, 3, H, W) in [-1, 1] changed at random, in the same range.

    alike: so many images in a row, those of a sequence, are changed in the same way.
    """
    if config.off:
        return images
    if config.flip > 0:
        images = _flipped(images, config.flip, generator, alike)
    if config.shift > 0:
        images = _shifted(images, config.shift, generator, alike)
    if config.convolution > 0:
        images = _convolved(images, config.convolution, generator, alike)
    if max(config.brightness, config.contrast, config.saturation, config.tint) > 0:
        images = _coloured(images, config, generator, alike)
    if config.cutout > 0:
        images = _cut(images, config.cutout, generator, alike)
    return images


def _draw(n: int, low: float, high: float, generator: torch.Generator, channels: int = 1) -> Tensor:
    """(n, channels, 1, 1), uniform."""
    return low + (high - low) * torch.rand(n, channels, 1, 1, generator=generator)


def _flipped(images: Tensor, probability: float, generator: torch.Generator, alike: int) -> Tensor:
    chosen = _draw(len(images) // alike, 0, 1, generator) < probability
    chosen = chosen.repeat_interleave(alike, 0).to(images.device)
    return torch.where(chosen, images.flip(-1), images)


def _shifted(images: Tensor, share: float, generator: torch.Generator, alike: int) -> Tensor:
    """By whole pixels along both axes."""
    b, _, h, w = images.shape
    most = (round(share * h), round(share * w))
    starts = [torch.randint(2 * m + 1, (b // alike,), generator=generator).tolist() for m in most]
    padded = F.pad(images, (most[1], most[1], most[0], most[0]), mode="replicate")
    moved = torch.empty_like(images)
    for i, (row, column) in enumerate(zip(*starts, strict=True)):
        same = slice(i * alike, (i + 1) * alike)
        moved[same] = padded[same, :, row : row + h, column : column + w]
    return moved


def _convolved(
    images: Tensor, probability: float, generator: torch.Generator, alike: int
) -> Tensor:
    b, c, h, w = images.shape
    weight = torch.randn(b // alike * c, c, 3, 3, generator=generator) / (9 * c) ** 0.5
    weight = weight.reshape(-1, c, c, 3, 3).repeat_interleave(alike, 0).reshape(b * c, c, 3, 3)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate").reshape(1, b * c, h + 2, w + 2)
    other = F.conv2d(padded, weight.to(images.device), groups=b).reshape(b, c, h, w)
    chosen = torch.rand(b // alike, 1, 1, 1, generator=generator) < probability
    chosen = chosen.repeat_interleave(alike, 0).to(images.device)
    return torch.where(chosen, other.clamp(-1, 1), images)


def _coloured(
    images: Tensor, config: ImageAugmentation, generator: torch.Generator, alike: int
) -> Tensor:
    n = len(images) // alike
    saturation = _draw(n, 1 - config.saturation, 1 + config.saturation, generator)
    contrast = _draw(n, 1 - config.contrast, 1 + config.contrast, generator)
    gain = contrast * _draw(n, 1 - config.tint, 1 + config.tint, generator, 3)
    brightness = _draw(n, -config.brightness, config.brightness, generator)
    saturation, gain, brightness = (
        x.repeat_interleave(alike, 0).to(images.device) for x in (saturation, gain, brightness)
    )
    if config.saturation > 0:
        grey = (images * images.new_tensor(_GREY)[:, None, None]).sum(1, keepdim=True)
        images = grey + saturation * (images - grey)
    return (gain * images + brightness).clamp(-1, 1)


def _cut(images: Tensor, probability: float, generator: torch.Generator, alike: int) -> Tensor:
    n = len(images) // alike
    inside = torch.rand(n, 1, 1, generator=generator) < probability
    for axis, side in enumerate(images.shape[-2:]):
        length = torch.rand(n, 1, generator=generator) * 0.5 * side
        first = torch.rand(n, 1, generator=generator) * (side - length)
        place = torch.arange(side)
        within = (place >= first) & (place < first + length)  # (n, side)
        inside = inside & (within[:, :, None] if axis == 0 else within[:, None, :])
    colour = _draw(n, -1, 1, generator, 3).repeat_interleave(alike, 0)
    inside = inside.repeat_interleave(alike, 0)[:, None]
    return torch.where(inside.to(images.device), colour.to(images.device), images)
