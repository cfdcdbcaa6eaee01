"""The scene's parameters, R starts at once, and the hand, objects and camera that they mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.video.camera import OrbitCamera

LARGEST_M = 0.3
"""Of an object's sides."""

AZIMUTH = math.pi / 4
ELEVATION = math.radians(75.0)
"""Bounds of the camera's angles."""

RAMP = 4
"""Frames over which an object that is lifted may begin to tilt."""


@dataclass(frozen=True)
class Supposition:
    """What each of R starts supposes; the best of them by the same loss is kept.

    lifted (R,) in {0, 1}: the moved object leaves the table while it is touched. onto (R,) in
    {0, 1}: it comes to rest on the static object, not on the table. kept (R,) in {0, 1}: the hand
    does not let it go. length (R,) m, of the hand: from the wrist onwards, or with the forearm.
    """

    lifted: Tensor
    onto: Tensor
    kept: Tensor
    length: Tensor


@dataclass(frozen=True)
class Contact:
    """When the moved object is touched: frames first to last - 1 of T.

    brought: it comes in with the hand. left: it is let go before the video ends.
    """

    frames: int
    first: int
    last: int
    brought: bool
    left: bool


@dataclass(frozen=True)
class Still:
    """The object that nobody touches."""

    position: Tensor  # (R, 3)
    rotation: Tensor  # (R, 3, 3)
    size: Tensor  # (R, 3)


@dataclass(frozen=True)
class Scene:
    """R scenes of T frames in the world, m and rad; the static body where there is one."""

    camera: OrbitCamera
    hand: Tensor  # (R, T, 3) its end
    azimuth: Tensor  # (R, T)
    elevation: Tensor  # (R, T)
    moved: Tensor  # (R, T, 3)
    moved_rotation: Tensor  # (R, T, 3, 3)
    moved_size: Tensor  # (R, 3)
    held: Tensor  # (R, T, 3) where contact wants the moved object's centre: hand less grip
    grip: Tensor  # (R, 3) the hand's end from the moved object's centre, in half sizes
    tilt: Tensor  # (R, T, 2)
    touch: Tensor  # (R, T) bool
    static: Still | None


@dataclass
class Parameters:
    """Leaves that are optimised; K knots in time."""

    camera: Tensor  # (R, 3) log distance, azimuth, elevation (before tanh and sigmoid)
    hand: Tensor  # (R, K, 3) m
    angles: Tensor  # (R, K, 2) azimuth, elevation (before tanh)
    moved_size: Tensor  # (R, 3) before sigmoid
    turn: Tensor  # (R, K, 3) yaw, tilts
    grip: Tensor  # (R, 3) before tanh
    static: Tensor  # (R, 3) x, y, yaw
    static_size: Tensor  # (R, 3) before sigmoid

    def leaves(self) -> list[Tensor]:
        """All of them."""
        return list(vars(self).values())


def side(raw: Tensor) -> Tensor:
    """Object sides in m."""
    return LARGEST_M * torch.sigmoid(raw)


def turned(yaw: Tensor) -> Tensor:
    """(..., 3, 3) rotations about z."""
    c, s, zero, one = torch.cos(yaw), torch.sin(yaw), torch.zeros_like(yaw), torch.ones_like(yaw)
    return torch.stack((c, -s, zero, s, c, zero, zero, zero, one), -1).reshape(*yaw.shape, 3, 3)


def tilted(tilt: Tensor) -> Tensor:
    """(..., 3, 3) rotations by rotation vectors (a, b, 0), tilt (..., 2)."""
    angle = (tilt.square().sum(-1) + 1e-12).sqrt()
    a, b = (tilt / angle[..., None]).unbind(-1)
    c, s = torch.cos(angle), torch.sin(angle)
    k = 1 - c
    rows = (c + a * a * k, a * b * k, b * s, a * b * k, c + b * b * k, -a * s, -b * s, a * s, c)
    return torch.stack(rows, -1).reshape(*angle.shape, 3, 3)


def compose(
    parameters: Parameters,
    supposition: Supposition,
    contact: Contact,
    basis: Tensor,
    focal_px: float,
    size: tuple[int, int],
) -> Scene:
    """The scene that parameters mean, with inertia built in.

    An object that is not touched does not move: before the contact the moved object is where it is
    touched first, after it where it is let go, at its support's height. While it is touched it goes
    with the hand; a start that does not lift it keeps it on the table. basis (T, K).
    """
    p, s = parameters, supposition
    camera = OrbitCamera(
        torch.exp(p.camera[:, 0]),
        AZIMUTH * torch.tanh(p.camera[:, 1]),
        ELEVATION * torch.sigmoid(p.camera[:, 2]),
        focal_px,
        size,
    )
    moved_size, static_size = side(p.moved_size), side(p.static_size)
    hand = basis @ p.hand
    angles = basis @ p.angles
    turn = basis @ p.turn
    grip = torch.tanh(p.grip)
    held = hand - (0.5 * moved_size * grip)[:, None]

    time = torch.arange(contact.frames)
    kept = s.kept[:, None] > 0
    before = (time < contact.first) & (not contact.brought)
    after = (time >= contact.last) & contact.left & ~kept  # (R, T)
    released = time.clamp(contact.first, contact.last - 1)
    frame = torch.where(kept, time.clamp(contact.first), released)
    rows = torch.arange(len(frame))[:, None]
    place = held[rows, frame]
    ground = 0.5 * moved_size[:, 2:3]
    support = ground + s.onto[:, None] * static_size[:, 2:3]
    height = torch.where(s.lifted[:, None] > 0, place[..., 2], ground)
    height = torch.where(before, ground, torch.where(after, support, height))
    moved = torch.cat((place[..., :2], height[..., None]), -1)

    touch = ~(before | after)
    never = torch.full_like(frame, RAMP)
    edge = torch.minimum(
        never if contact.brought else time - contact.first,
        torch.where(kept, never, contact.last - 1 - time) if contact.left else never,
    )
    aloft = s.lifted[:, None] * touch * (edge.to(basis) / RAMP).clamp(0, 1)
    tilt = turn[..., 1:] * aloft[..., None]
    yaw = turn[rows, frame, 0]
    still = None
    if p.static.shape[-1] > 0:
        place = torch.cat((p.static[:, :2], 0.5 * static_size[:, 2:3]), -1)
        still = Still(place, turned(p.static[:, 2]), static_size)
    return Scene(
        camera=camera,
        hand=hand,
        azimuth=angles[..., 0],
        elevation=0.5 * math.pi * torch.tanh(angles[..., 1]),
        moved=moved,
        moved_rotation=turned(yaw) @ tilted(tilt),
        moved_size=moved_size,
        held=held,
        grip=grip,
        tilt=tilt,
        touch=touch,
        static=still,
    )
