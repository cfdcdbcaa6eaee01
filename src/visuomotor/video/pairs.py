"""Two objects: how deep one is in the other, whether it lies on it, which one is in front."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.video.scene import Scene, Still


def growing(excess: Tensor) -> Tensor:
    """Squares up to 1, straight lines beyond: far off still pulls, and does not drown the rest."""
    size = excess.abs()
    return torch.where(size < 1, size.square(), 2 * size - 1)


def overlap_depth(scene: Scene, still: Still) -> Tensor:
    """(R, T) m: how deep the moved object is in the static one; negative when they are apart.

    Along the best of the six normals of their faces.
    """
    own, other = scene.moved_rotation, still.rotation[:, None].expand_as(scene.moved_rotation)
    axes = torch.cat((own, other), -1)  # columns
    away = still.position[:, None] - scene.moved
    gap = (away[..., None, :] @ axes).squeeze(-2).abs()
    reach = 0.5 * (
        (scene.moved_size[:, None, :, None] * (own.transpose(-1, -2) @ axes).abs()).sum(-2)
        + (still.size[:, None, :, None] * (other.transpose(-1, -2) @ axes).abs()).sum(-2)
    )
    return (reach - gap).amin(-1)


def over_the_edge(scene: Scene, still: Still) -> Tensor:
    """(R,), (1 cm)^2 at first: how far what rests on the static object leans over its edge.

    Its centre shall be within 0.8 of the static object's top.
    """
    away = scene.moved[:, -1, None, :2] - still.position[:, None, :2]
    local = (away @ still.rotation[:, :2, :2])[:, 0].abs()
    outside = (local - 0.4 * still.size[:, :2]).clamp_min(0)
    return growing(outside / 0.01).sum(-1)


def seen_behind(scene: Scene, still: Still, pixels: Tensor, frames: Tensor) -> Tensor:
    """(R,): how far the moved object is behind the static one where it is seen, mean.

    Along the rays of pixels (N, 2) at frames (N,); rays that miss one of the two do not count: the
    boxes' own errors move them.
    """
    starts, count = len(scene.hand), len(frames)
    centre, rays = scene.camera.rays(pixels.expand(starts, -1, -1))
    entry, hit = _enter(
        centre, rays, scene.moved[:, frames], scene.moved_rotation[:, frames], scene.moved_size
    )
    entry_still, hit_still = _enter(
        centre,
        rays,
        still.position[:, None].expand(starts, count, 3),
        still.rotation[:, None].expand(starts, count, 3, 3),
        still.size,
    )
    late = growing((entry - entry_still + 0.01).clamp_min(0) / 0.02)
    return (late * (hit & hit_still)).mean(-1)


def _enter(
    centre: Tensor, rays: Tensor, position: Tensor, rotation: Tensor, size: Tensor
) -> tuple[Tensor, Tensor]:
    """(R, N) depth where rays enter cuboids, and whether they do."""
    origin = ((centre[:, None] - position)[..., None, :] @ rotation).squeeze(-2)
    along = (rays[..., None, :] @ rotation).squeeze(-2)
    along = torch.where(along.abs() < 1e-6, torch.full_like(along, 1e-6), along)
    half = 0.5 * size[:, None]
    one, two = (-half - origin) / along, (half - origin) / along
    entry, leave = torch.minimum(one, two).amax(-1), torch.maximum(one, two).amin(-1)
    return entry, (entry < leave) & (entry > 0)
