"""What real depth cameras do to a perfect image: noise that grows with distance, and holes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.config import SimConfig


def degrade_depth(
    depth_mm: NDArray[np.uint16], config: SimConfig, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """(H, W) uint16 mm with the config's noise (sigma = depth_noise * z²) and patchy holes."""
    if config.depth_noise == 0 and config.depth_holes == 0:
        return depth_mm
    metres = depth_mm.astype(np.float32) * 1e-3
    if config.depth_noise > 0:
        noise = rng.standard_normal(metres.shape).astype(np.float32)
        metres = np.where(metres > 0, metres + config.depth_noise * metres**2 * noise, 0)
    if config.depth_holes > 0:
        field = cv2.GaussianBlur(rng.standard_normal(metres.shape).astype(np.float32), (0, 0), 1.5)
        metres[field < np.quantile(field, config.depth_holes)] = 0
    noisy: NDArray[np.uint16] = np.rint(np.clip(metres, 0, 65.5) * 1e3).astype(np.uint16)
    return noisy
