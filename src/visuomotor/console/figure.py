"""The paper's figure: points of one picture, and where they are found in others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from visuomotor.console.gallery import Gallery, Picture
from visuomotor.console.matches import heat_colors, match
from visuomotor.contracts import Float64, UInt8
from visuomotor.descriptors.config import Workspace
from visuomotor.descriptors.keypoints import select_pixels
from visuomotor.descriptors.masks import above_table, of_robot, points_in_base
from visuomotor.errors import DataError

GREEN, RED = (57, 211, 83), (255, 65, 54)
_SCALE = 3
_GAP, _HEAD = 6, 30  # px of the figure


def object_pixels(
    picture: Picture, workspace: Workspace, T_base_ee: Float64, width_m: float, count: int
) -> list[tuple[int, int]]:
    """`count` pixels (u, v) spread over the objects of a picture.

    Objects stand above the table and are not the robot, whose hand is at T_base_ee (4, 4) with
    its gripper open by width_m. Raises DataError if there are none.
    """
    views = picture.views
    points, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
    mask = above_table(points, valid, workspace)
    hand, width = torch.from_numpy(T_base_ee)[None], points.new_tensor([width_m])
    mask &= ~of_robot(points, hand, width)
    eroded = cv2.erode(mask[0].numpy().astype(np.uint8), np.ones((3, 3), np.uint8))
    inner = mask[0] & mask.new_tensor(eroded.astype(bool))  # an edge's pixel shows two surfaces
    chosen = select_pixels(points[0], inner if bool(inner.any()) else mask[0], count)
    return [(int(u), int(v)) for u, v in chosen]


def write_figure(
    file: Path,
    gallery: Gallery,
    episode: int,
    camera: str | None = None,
    pixels: Sequence[tuple[int, int]] = (),
    points: int = 4,
    spread: float = 2.0,
) -> None:
    """Writes the figure of points in an episode's first picture as PNG.

    Found by the other cameras at the same moment, by the same one in the middle of the episode, and
    by it and another in the first pictures of an episode that follows. Without pixels, `points`
    are spread over the objects. Raises DataError for a camera that the descriptors do not know.
    """
    camera = camera or gallery.cameras[0]
    source = gallery.picture(f"{episode}/0/{camera}")
    arrays = gallery.episode(episode)
    if not pixels:
        hand, width_m = arrays.T_base_ee[0], float(arrays.gripper_width_m[0])
        pixels = object_pixels(source, gallery.model.config.workspace, hand, width_m, points)
    others = [c for c in gallery.cameras if c != camera]
    columns = [(episode, 0, c, "same moment") for c in others]
    columns += [(episode, len(arrays) // 2, camera, "later")]
    if episode + 1 < len(gallery.paths):
        columns += [(episode + 1, 0, c, f"episode {episode + 1}") for c in (camera, *others[:1])]
    figure = draw_figure(
        source,
        pixels,
        [gallery.picture(f"{e}/{step}/{c}") for e, step, c, _ in columns],
        [f"episode {episode}, {camera}", *(f"{what}, {c}" for _, _, c, what in columns)],
        gallery.model.config.sharpness,
        spread,
    )
    if file.suffix != ".png":
        raise DataError(f"{file}: cannot be written; expected a name that ends with .png")
    file.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(".png", figure[..., ::-1])
    file.write_bytes(data.tobytes())


def draw_figure(
    source: Picture,
    pixels: Sequence[tuple[int, int]],
    targets: Sequence[Picture],
    titles: Sequence[str],
    sharpness: float,
    spread: float = 1.0,
) -> UInt8:
    """The figure (H, W, 3): a row for each pixel, the source and then every target.

    Green reticle: the point. Heat: how alike each pixel is. Red reticle: the best match. titles:
    above the columns, the source's first. Raises DataError for pixels outside the source.
    """
    width, height = source.size
    for u, v in pixels:
        if not (0 <= u < width and 0 <= v < height):
            raise DataError(f"got pixel ({u}, {v}), expected one inside {width}x{height}")
    rows = []
    for pixel in pixels:
        cells = [with_reticle(_enlarged(source), pixel, GREEN)]
        for target in targets:
            found = match(source, pixel, target, sharpness, spread)
            cells.append(with_reticle(heated(_enlarged(target), found.heat), found.pixel, RED))
        rows.append(_joined(cells, axis=1))
    widths = [_SCALE * p.size[0] for p in (source, *targets)]
    return np.concatenate([_head(titles, widths), _joined(rows, axis=0)], axis=0)


def heated(image: UInt8, heat: UInt8) -> UInt8:
    """The image (H, W, 3), dimmed, under the heat (h, w)."""
    size = (image.shape[1], image.shape[0])
    smooth = np.asarray(cv2.resize(heat, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    grey = image.mean(axis=2, keepdims=True)
    dim = 0.85 * (0.4 * image + 0.6 * grey)
    share = np.clip(smooth[..., None] / 120.0, 0, 1)
    return np.asarray(np.rint(dim + share * (heat_colors()[smooth] - dim)), np.uint8)


def with_reticle(image: UInt8, pixel: tuple[int, int], color: tuple[int, int, int]) -> UInt8:
    """A copy of an enlarged image with a cross around a pixel of the original."""
    drawn: UInt8 = image.copy()
    x, y = (round((p + 0.5) * _SCALE - 0.5) for p in pixel)
    for line, thickness in (((0, 0, 0), 4), (color, 2)):
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            a, b = (x + 4 * dx, y + 4 * dy), (x + 14 * dx, y + 14 * dy)
            cv2.line(drawn, a, b, line, thickness, cv2.LINE_AA)
    return drawn


def _enlarged(picture: Picture) -> UInt8:
    size = (_SCALE * picture.size[0], _SCALE * picture.size[1])
    image = cv2.resize(picture.views.color[0].numpy(), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(image, np.uint8)


def _joined(parts: Sequence[UInt8], axis: int) -> UInt8:
    """Side by side (axis 1) or below one another (axis 0), white between."""
    largest = max(p.shape[1 - axis] for p in parts)
    spaced: list[UInt8] = []
    for part in parts:
        missing = largest - part.shape[1 - axis]
        bottom, right = (missing, _GAP) if axis == 1 else (_GAP, missing)
        spaced.append(np.pad(part, ((0, bottom), (0, right), (0, 0)), constant_values=255))
    joined: UInt8 = np.concatenate(spaced, axis=axis)
    return joined


def _head(titles: Sequence[str], widths: Sequence[int]) -> UInt8:
    head = np.full((_HEAD, sum(widths) + _GAP * len(widths), 3), 255, np.uint8)
    x = 0
    for title, width in zip(titles, widths, strict=True):
        at = (x + 4, _HEAD - 10)
        cv2.putText(head, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
        x += width + _GAP
    return head
