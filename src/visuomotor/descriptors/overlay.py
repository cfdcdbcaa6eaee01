"""Keypoints drawn into a camera's image, for people."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from visuomotor.contracts import CameraFrame, Float64, UInt8
from visuomotor.geometry import inverse, transform_points


def draw_keypoints(
    frame: CameraFrame, points: Float64, confidence: Float64, scale: int = 2
) -> UInt8:
    """The image `scale` times as large (H, W, 3) with points (K, 3) in base, one hue each.

    Unsure keypoints are drawn smaller; those behind the camera or not finite are left out.
    """
    size = (frame.color.shape[1] * scale, frame.color.shape[0] * scale)
    image = np.asarray(cv2.resize(frame.color, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    camera = frame.camera.resized(*size)
    pixels = camera.project(transform_points(inverse(frame.T_base_camera), points))
    for k, (pixel, sure) in enumerate(zip(pixels, confidence, strict=True)):
        if not np.isfinite(pixel).all():
            continue
        hue = colorsys.hsv_to_rgb(k / len(pixels), 0.9, 1.0)
        centre = (round(float(pixel[0])), round(float(pixel[1])))
        radius = 2 + round(2 * float(np.clip(sure, 0, 1)))
        cv2.circle(image, centre, radius + 1, (0, 0, 0), -1, cv2.LINE_AA)
        color = tuple(round(255 * c) for c in hue)
        cv2.circle(image, centre, radius, color, -1, cv2.LINE_AA)
    return image
