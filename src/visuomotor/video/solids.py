"""Solids drawn as shaded faces, seen by a camera or straight from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from visuomotor.contracts import Float64, UInt8
from visuomotor.video.camera import OrbitCamera
from visuomotor.video.silhouette import RING, cuboid_vertices, hand_vertices

Colour = tuple[int, int, int]

_CUBOID = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))
_HAND = (
    tuple(range(RING)),
    tuple(range(RING, 2 * RING)),
    *((k, (k + 1) % RING, RING + (k + 1) % RING, RING + k) for k in range(RING)),
)
_LIGHT = np.array([0.35, -0.5, 0.8]) / np.linalg.norm([0.35, -0.5, 0.8])
_SHARP = 16
"""Subpixels of OpenCV's polygons: 2 to the 4th."""


@dataclass(frozen=True)
class Solid:
    """A convex body: vertices (V, 3) m, its faces as indices around them, and an RGB colour."""

    vertices: Float64
    faces: tuple[tuple[int, ...], ...]
    colour: Colour


def hand_solid(
    end: Float64, azimuth: float, elevation: float, length_m: float, colour: Colour
) -> Solid:
    """A hand's cylinder of 4 cm radius that ends at end (3,) m and points along its angles."""
    angles = torch.tensor(azimuth, dtype=torch.float64), torch.tensor(elevation).double()
    points = hand_vertices(torch.as_tensor(end), *angles, 0.04, torch.tensor(length_m).double())
    return Solid(points.numpy(), _HAND, colour)


def cuboid_solid(position: Float64, rotation: Float64, size: Float64, colour: Colour) -> Solid:
    """A cuboid with its centre at position (3,), rotation (3, 3) and sides (3,) m."""
    parts = (torch.as_tensor(np.asarray(v, float)) for v in (position, rotation, size))
    return Solid(cuboid_vertices(*parts).numpy(), _CUBOID, colour)


@dataclass(frozen=True)
class View:
    """From where solids are seen, on an image of size (width, height) px.

    rows (3, 3): right, down and forward in the world; centre (3,) m, what is in the image's middle
    if flat, else the eye. scale: px per metre if flat, else the focal length in px.
    """

    rows: Float64
    centre: Float64
    scale: float
    size: tuple[int, int]
    flat: bool = False

    def pixels(self, points: Float64) -> Float64:
        """Where points (N, 3) m are seen, (N, 2) px; those behind the eye far outside."""
        seen = (points - self.centre) @ self.rows.T
        depth = 1.0 if self.flat else np.maximum(seen[:, 2:], 0.02)
        found: Float64 = self.scale * seen[:, :2] / depth + np.array(self.size) / 2
        return found

    def towards(self, point: Float64) -> Float64:
        """The direction (3,) in which a point is seen, its length growing with the distance."""
        if not self.flat:
            return point - self.centre
        found: Float64 = self.rows[2] * (10.0 + (point - self.centre) @ self.rows[2])
        return found


def camera_view(
    distance_m: float, azimuth: float, elevation: float, focal_px: float, size: tuple[int, int]
) -> View:
    """What a camera sees that looks at the origin, as `VideoStates.camera` says, angles in rad."""
    distance, across, up = torch.tensor([[distance_m], [azimuth], [elevation]]).double()
    rows, centre = OrbitCamera(distance, across, up, focal_px, size).axes()
    return View(rows[0].numpy(), centre[0].numpy(), focal_px, size)


def view_from_above(points: Float64, azimuth: float, size: tuple[int, int]) -> View:
    """A view straight down that holds points (N, 3) m, with the camera of that azimuth below it."""
    c, s = np.cos(azimuth), np.sin(azimuth)
    rows = np.array([[c, s, 0.0], [s, -c, 0.0], [0.0, 0.0, -1.0]])
    flat = points @ rows[:2].T
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = float((np.array(size) / (high - low + 0.22)).min())
    centre = (low + high) / 2 @ rows[:2]
    return View(rows, np.array([centre[0], centre[1], 0.0]), scale, size, flat=True)


def scaled(view: View, size: tuple[int, int]) -> View:
    """The same view on a smaller or larger image of the same shape."""
    return replace(view, scale=view.scale * size[1] / view.size[1], size=size)


def paint(image: UInt8, view: View, solids: Sequence[Solid], opacity: float = 1.0) -> None:
    """Draws solids into an image (H, W, 3), the farthest faces first."""
    faces = []
    for solid in solids:
        middle = solid.vertices.mean(axis=0)
        for face in solid.faces:
            corners = solid.vertices[list(face)]
            normal = np.cross(corners[1] - corners[0], corners[2] - corners[1])
            normal = normal / max(float(np.linalg.norm(normal)), 1e-12)
            at = corners.mean(axis=0)
            normal = normal if normal @ (at - middle) > 0 else -normal
            towards = view.towards(at)
            if normal @ towards < 0:
                shade = 0.55 + 0.45 * max(0.0, float(normal @ _LIGHT))
                colour = tuple(shade * c for c in solid.colour)
                faces.append((float(np.linalg.norm(towards)), corners, colour))
    drawn, mask = image.copy(), np.zeros(image.shape[:2], np.uint8)
    for _, corners, colour in sorted(faces, key=lambda f: -f[0]):
        polygon = _fixed(view.pixels(corners))
        cv2.fillPoly(drawn, [polygon], colour, cv2.LINE_AA, 4)
        dark = tuple(0.6 * c for c in colour)
        cv2.polylines(drawn, [polygon], True, dark, 1, cv2.LINE_AA, 4)
        cv2.fillPoly(mask, [polygon], 255, cv2.LINE_AA, 4)
    share = opacity * mask[..., None] / 255.0
    image[:] = np.rint(image + share * (drawn.astype(float) - image)).astype(np.uint8)


def paint_path(image: UInt8, view: View, path: Float64, colour: Colour, thick: int = 2) -> None:
    """Draws a way (T, 3) m into an image."""
    if len(path) > 1:
        points = _fixed(view.pixels(path))
        cv2.polylines(image, [points], False, colour, thick, cv2.LINE_AA, 4)


def paint_table(image: UInt8, view: View, reach_m: float = 0.5) -> None:
    """Draws lines on the table, 10 cm apart, as far from what the view is centred on."""
    middle = np.round(view.centre[:2], 1) if view.flat else np.zeros(2)
    steps = np.round(np.arange(-reach_m, reach_m + 0.01, 0.1), 3)
    for step in steps:
        for along in (0, 1):
            ends = np.zeros((2, 3))
            ends[:, along] = middle[along] + np.array([-reach_m, reach_m])
            ends[:, 1 - along] = middle[1 - along] + step
            paint_path(image, view, ends, (205, 208, 212), 1)


def _fixed(pixels: Float64) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Pixels in OpenCV's fixed point, bounded so that they cannot overflow."""
    return np.rint(np.clip(pixels, -4000, 8000) * _SHARP).astype(np.int32)
