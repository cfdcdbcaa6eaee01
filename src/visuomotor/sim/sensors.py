"""What real depth cameras do to a perfect image: noise that grows with distance, and holes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.config import SimConfig

NOISY_DEPTH = (0.006, 0.15)
"""depth_noise and depth_holes of the variant `noisy_depth`: a stereo camera on a poor day."""


def depth_faults(config: SimConfig) -> tuple[float, float]:
    """depth_noise and depth_holes of a world: what is asked for, or more by its variant."""
    least = NOISY_DEPTH if config.variant == "noisy_depth" else (0.0, 0.0)
    return max(config.depth_noise, least[0]), max(config.depth_holes, least[1])


def degrade_depth(
    depth_mm: NDArray[np.uint16], config: SimConfig, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """(H, W) uint16 mm with the world's noise (sigma = depth_noise * z²) and patchy holes."""
    depth_noise, depth_holes = depth_faults(config)
    if depth_noise == 0 and depth_holes == 0:
        return depth_mm
    metres = depth_mm.astype(np.float32) * 1e-3
    if depth_noise > 0:
        noise = rng.standard_normal(metres.shape).astype(np.float32)
        metres = np.where(metres > 0, metres + depth_noise * metres**2 * noise, 0)
    if depth_holes > 0:
        field = cv2.GaussianBlur(rng.standard_normal(metres.shape).astype(np.float32), (0, 0), 1.5)
        metres[field < np.quantile(field, depth_holes)] = 0
    noisy: NDArray[np.uint16] = np.rint(np.clip(metres, 0, 65.5) * 1e3).astype(np.uint16)
    return noisy


@dataclass(frozen=True)
class StreamFaults:
    """What happens to the images between a camera and its subscribers.

    drop_fraction of the messages is lost, a camera's stamps are off by up to stamp_jitter_s, and
    dead_camera falls silent dead_after_s after the start. Raises ValueError for impossible values.
    """

    drop_fraction: float = 0.0
    stamp_jitter_s: float = 0.0
    dead_camera: str = ""
    dead_after_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.drop_fraction < 1 or self.stamp_jitter_s < 0:
            raise ValueError(
                f"got drop_fraction {self.drop_fraction}, stamp_jitter_s {self.stamp_jitter_s}; "
                "expected 0 <= drop_fraction < 1 and stamp_jitter_s >= 0"
            )

    def dead(self, camera: str, elapsed_s: float) -> bool:
        """Whether this camera has fallen silent."""
        return camera == self.dead_camera and elapsed_s >= self.dead_after_s

    def lost(self, rng: np.random.Generator) -> bool:
        """Whether one message is lost."""
        return self.drop_fraction > 0 and bool(rng.random() < self.drop_fraction)

    def jitter_ns(self, rng: np.random.Generator) -> int:
        """How far the stamp of one exposure is off."""
        return round(float(rng.uniform(-1, 1)) * self.stamp_jitter_s * 1e9)
