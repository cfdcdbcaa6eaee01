"""Finds keypoints in every synchronised set, for people and for other nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, PointCloud2

from visuomotor.contracts import SyncedFrame
from visuomotor.errors import ConfigError
from visuomotor.observations import observe
from visuomotor.ros import messages, topics
from visuomotor.ros.feed import LatestFrameWorker
from visuomotor.ros.markers import keypoint_cloud
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.ros.streams import FrameStreams
from visuomotor.sync import FrameSynchroniser, SyncConfig

if TYPE_CHECKING:
    from visuomotor.descriptors.model import DescriptorModel


@dataclass(frozen=True)
class Config:
    """Which descriptor checkpoint, on which streams. overlay: also draw them into the images."""

    checkpoint: str = ""
    source: Literal["synced", "raw"] = "synced"
    overlay: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"got threads {self.threads}, expected 1 or more")


class Descriptors(Node):
    """Publishes descriptors/keypoints and, where somebody looks, descriptors/overlay."""

    def __init__(self) -> None:
        super().__init__("descriptors")
        self.config = declare(self, Config)
        self.model = _load(self.config)
        spec = self.model.spec
        self._keypoints = self.create_publisher(PointCloud2, topics.KEYPOINTS, topics.RELIABLE)
        self._overlay = self.create_publisher(CompressedImage, topics.OVERLAY, topics.RELIABLE)
        self.sync = FrameSynchroniser(SyncConfig(spec.names))
        self._worker = LatestFrameWorker(self._find, self._failed)
        prefix = topics.SYNCED if self.config.source == "synced" else ""
        self.streams = FrameStreams(self, self.sync, spec.names, True, prefix, self._poll)

    def _poll(self) -> None:
        for frame in self.sync.poll(self.get_clock().now().nanoseconds):
            self._worker.put(frame)

    def _find(self, frame: SyncedFrame) -> None:
        from visuomotor.descriptors.model import views_of
        from visuomotor.descriptors.overlay import draw_keypoints

        seen = observe(frame, self.model.spec)
        found = self.model.locate([views_of([seen.views[n]]) for n in self.model.spec.names])
        points = found.points[0].double().numpy()
        confidence = found.confidence[0].double().numpy()
        self._keypoints.publish(keypoint_cloud(points, confidence, frame.stamp_ns))
        if self.config.overlay and self._overlay.get_subscription_count():
            drawn = [draw_keypoints(frame.cameras[n], points, confidence) for n in seen.views]
            msg = CompressedImage(format="rgb8; jpeg compressed bgr8")
            msg.header.stamp = messages.time_msg(frame.stamp_ns)
            _, jpeg = cv2.imencode(".jpg", np.hstack(drawn)[..., ::-1])
            msg.data = jpeg.tobytes()
            self._overlay.publish(msg)

    def _failed(self, error: Exception) -> None:
        self.get_logger().error(str(error), throttle_duration_sec=2.0)

    def close(self) -> None:
        """Ends the threads."""
        self.streams.close()
        self._worker.stop()


def _load(config: Config) -> DescriptorModel:
    if not config.checkpoint:
        raise ConfigError("descriptors: set the parameter `checkpoint` to a checkpoint's folder")
    import torch

    from visuomotor.descriptors.model import load_descriptors

    torch.set_num_threads(config.threads)
    return load_descriptors(config.checkpoint)


def main() -> None:
    """Runs the node."""
    run_node(Descriptors)


if __name__ == "__main__":
    main()
