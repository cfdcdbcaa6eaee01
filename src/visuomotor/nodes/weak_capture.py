"""Snaps labelled pictures from running cameras: at weak/snap, and at intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from visuomotor.errors import VisuomotorError
from visuomotor.labelling import LabelFolder, check_labels
from visuomotor.labelling.snapping import Snapper
from visuomotor.recording.compression import ColorFormat
from visuomotor.ros import topics
from visuomotor.ros.next_image import NextImages
from visuomotor.ros.parameters import declare, read
from visuomotor.ros.run import run_node
from visuomotor.ros.services import trigger


@dataclass(frozen=True)
class Config:
    """Whose pictures get which label, and where they go.

    label may be set before every picture. cameras: names, or whole topics of images; source:
    "raw" takes the drivers' streams, "synced" those of rgbd_sync. every_s: also by itself, 0:
    when told only. longest_px: larger pictures are made smaller, 0: none is.
    """

    folder: str = "weak"
    label: str = "with"
    cameras: tuple[str, ...] = ("front",)
    source: Literal["raw", "synced"] = "raw"
    every_s: float = 0.0
    timeout_s: float = 2.0
    longest_px: int = 640
    color: ColorFormat = "jpeg"
    min_free_mb: float = 100.0

    def __post_init__(self) -> None:
        check_labels([self.label])
        if not self.cameras or len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"cameras: got {self.cameras}, expected one or more, each once")
        if self.longest_px and self.longest_px < 64:
            raise ValueError(f"longest_px: got {self.longest_px}, expected 64 or more, or 0")
        if not (0 <= self.every_s < 1e6 and 0 < self.timeout_s <= 60 and self.min_free_mb >= 0):
            raise ValueError(
                f"got every_s {self.every_s:g}, timeout_s {self.timeout_s:g} and min_free_mb "
                f"{self.min_free_mb:g}, expected 0 or more, above 0 up to 60, and 0 or more"
            )


class WeakCapture(Node):
    """Takes the next image of each camera and puts it under its label."""

    def __init__(self) -> None:
        super().__init__("weak_capture")
        config = self.config = declare(self, Config, live=("label",))
        prefix = topics.SYNCED if config.source == "synced" else ""
        self.images = NextImages(self, config.cameras, prefix)
        folder = LabelFolder(Path(config.folder))
        self._snapper = Snapper(folder, config.color, config.longest_px, config.min_free_mb)
        trigger(self, topics.WEAK_SNAP, self.snap)
        if config.every_s:
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self.create_timer(config.every_s, self._by_itself, clock=steady)

    def snap(self) -> str:
        """A picture of each camera as it is now, or none and an error; says what there is now."""
        label = read(self, Config).label
        images = self.images.take(self.config.timeout_s)
        now_ns = self.get_clock().now().nanoseconds
        said = self._snapper.snap(images, label, now_ns)
        self.get_logger().info(said)
        return said

    def _by_itself(self) -> None:
        try:
            self.snap()
        except VisuomotorError as error:
            self.get_logger().error(str(error), throttle_duration_sec=5.0)

    def close(self) -> None:
        """Leaves the cameras."""
        self.images.close()


def main() -> None:
    """Runs the node."""
    run_node(WeakCapture)


if __name__ == "__main__":
    main()
