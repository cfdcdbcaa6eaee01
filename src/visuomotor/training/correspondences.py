"""Batches of image pairs with what corresponds in them, made from recorded views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.augmentation import Augmented, augment
from visuomotor.descriptors.losses import CellScene
from visuomotor.descriptors.matching import Matches, draw_pixels, find_matches
from visuomotor.networks import Grid, cell_pixels, normalise_color
from visuomotor.training.descriptor_config import DescriptorTrainingConfig
from visuomotor.training.scenes import Scene


@dataclass(frozen=True)
class PairBatch:
    """images (2 B, 3, H, W): first all of a, then all of b; matches of a and b in their pixels."""

    images: Tensor
    matches: Matches
    scenes: tuple[Scene, Scene]
    seen: tuple[Augmented, Augmented]

    def cell_scenes(self, size: Sequence[int], grid: Grid) -> tuple[CellScene, CellScene]:
        """What the cells (h, w) of both views' maps show."""
        one, other = (
            _cell_scene(scene, seen, size, grid)
            for scene, seen in zip(self.scenes, self.seen, strict=True)
        )
        return one, other


def pair_batch(
    a: Scene, b: Scene, config: DescriptorTrainingConfig, generator: torch.Generator
) -> PairBatch:
    """Draws pixels in both views, finds them in the other one, then augments the images.

    Colours are compared before the augmentation, and no pixel of a background that was replaced
    has a match.
    """
    pixels_a, pixels_b = (
        draw_pixels(_weights(scene, config), config.matches // 2, generator) for scene in (a, b)
    )
    matches = find_matches(a.views, b.views, pixels_a, config.tolerances).joined(
        find_matches(b.views, a.views, pixels_b, config.tolerances).flipped()
    )
    with torch.no_grad():
        seen_a, seen_b = (
            augment(
                normalise_color(scene.views.color),
                scene.foreground,
                config.augmentation,
                generator,
            )
            for scene in (a, b)
        )
    moved_a, kept_a = _moved(seen_a, a, matches.pixels_a)
    moved_b, kept_b = _moved(seen_b, b, matches.pixels_b)
    only_a, only_b = matches.known_only()
    moved = Matches(
        moved_a,
        moved_b,
        matches.valid & kept_a & kept_b,
        matches.points,
        only_a & kept_a,
        only_b & kept_b,
    )
    return PairBatch(torch.cat([seen_a.images, seen_b.images]), moved, (a, b), (seen_a, seen_b))


def _weights(scene: Scene, config: DescriptorTrainingConfig) -> Tensor:
    """Drawing weights (B, H, W): object_share on objects, the rest shared by robot and table."""
    share = config.object_share

    def each(mask: Tensor, total: float) -> Tensor:
        count = mask.flatten(1).sum(1).clamp_min(1).float()
        return mask.float() * (total / count)[:, None, None]

    rest = (1 - share) / 2
    robot = scene.foreground & ~scene.objects
    return each(scene.objects, share) + each(robot, rest) + each(~scene.foreground, rest)


def _moved(seen: Augmented, scene: Scene, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (B, N, 2) in the augmented image, and which are still there to be seen."""
    moved, inside = seen.move(pixels)
    shown = ~seen.replaced[:, None] | _nearest(scene.foreground, pixels)[0]
    return moved, inside & shown


def _cell_scene(scene: Scene, seen: Augmented, size: Sequence[int], grid: Grid) -> CellScene:
    cells = cell_pixels(size[0], size[1], grid).to(scene.points)
    pixels = seen.origin(cells.expand(len(seen.images), -1, -1))
    points, inside = _nearest(scene.points, pixels)
    measured, objects = (
        _nearest(mask, pixels)[0] & inside for mask in (scene.measured, scene.objects)
    )
    return CellScene(points, measured, objects)


def _nearest(image: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest pixels' values (B, N, ...) of (B, H, W, ...), and which are in the image."""
    h, w = image.shape[1:3]
    u, v = pixels.round().long().unbind(-1)
    inside = (u >= 0) & (u < w) & (v >= 0) & (v < h)
    rows = torch.arange(len(image), device=image.device)[:, None]
    return image[rows, v.clamp(0, h - 1), u.clamp(0, w - 1)], inside
