"""A pixel of one picture in others: heatmap, best match, how sure, and where it truly is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from visuomotor.console.gallery import Picture
from visuomotor.contracts import UInt8
from visuomotor.descriptors.ground_truth import OCCLUDED, OUT_OF_VIEW, VISIBLE, true_places
from visuomotor.descriptors.heatmap import squared_distances
from visuomotor.descriptors.masks import points_in_base

TRUTHS = {VISIBLE: "visible", OCCLUDED: "hidden", OUT_OF_VIEW: "out of view"}


@dataclass(frozen=True)
class Match:
    """Where a pixel is found in a picture.

    heat: (H, W) uint8, 255 at full likeness. pixel: (u, v) of the best match. likeness: of it, in
    [0, 1]. truth: where depth and calibration say it is, with "visible", "hidden" or "out of
    view"; None in pictures of another moment, or without depth at the queried pixel.
    """

    heat: UInt8
    pixel: tuple[int, int]
    likeness: float
    truth: tuple[float, float, str] | None


@torch.inference_mode()
def match(
    source: Picture, pixel: tuple[int, int], target: Picture, sharpness: float, spread: float = 1.0
) -> Match:
    """The match of a source's pixel (u, v).

    The heat is exp(-sharpness |d - q|^2 / spread^2): with a spread of 1 it is the likeness that
    keypoints are found by.
    """
    width, height = target.size
    query = source.descriptors[pixel[1] * source.size[0] + pixel[0]]
    distances = squared_distances(query[None], target.descriptors)[0]  # (H*W,)
    heat = torch.exp(distances * (-sharpness / spread**2)).mul(255).round().to(torch.uint8)
    best = int(distances.argmin())
    return Match(
        heat.reshape(height, width).numpy(),
        (best % width, best // width),
        float(torch.exp(-sharpness * distances[best])),
        _truth(source, pixel, target) if source.instant == target.instant else None,
    )


def _truth(
    source: Picture, pixel: tuple[int, int], target: Picture
) -> tuple[float, float, str] | None:
    views = source.views
    u, v = pixel
    if float(views.depth_m[0, v, u]) <= 0:
        return None
    points, _ = points_in_base(views.depth_m, views.K, views.T_base_camera)
    places = true_places(points[:, v, u][:, None], target.views)
    what = int(places.visibility[0, 0])
    if what not in TRUTHS:
        return None
    at: Tensor = places.pixels[0, 0]
    return float(at[0]), float(at[1]), TRUTHS[what]


def heat_colors() -> UInt8:
    """The colour (256, 3) RGB of every degree of heat."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    colors = cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[:, 0, ::-1]
    return np.ascontiguousarray(colors).astype(np.uint8)
