"""The running graph's synchronised sets, for a page."""

from __future__ import annotations

from collections.abc import Callable

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from visuomotor.contracts import Observation, SyncedFrame
from visuomotor.observations import ObservationSpec, observe
from visuomotor.ros import topics
from visuomotor.ros.feed import LatestFrameWorker
from visuomotor.ros.streams import FrameStreams
from visuomotor.sync import FrameSynchroniser, SyncConfig


class LiveSets:
    """Calls `use` with what `spec` sees of the newest set on synced/*, in a thread of its own.

    Needs no executor: its streams are polled. A set that cannot be used is logged.
    """

    def __init__(self, spec: ObservationSpec, use: Callable[[Observation], None]) -> None:
        self._spec, self._use = spec, use
        self._started = not rclpy.ok()
        if self._started:
            rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("descriptor_view")
        depth = any(c.depth for c in spec.cameras)
        self._sync = FrameSynchroniser(SyncConfig(spec.names, depth=depth))
        self._worker = LatestFrameWorker(self._see, self._failed)
        self._streams = FrameStreams(
            self._node, self._sync, spec.names, depth, topics.SYNCED, self._poll
        )

    def _poll(self) -> None:
        for frame in self._sync.poll(self._node.get_clock().now().nanoseconds):
            self._worker.put(frame)

    def _see(self, frame: SyncedFrame) -> None:
        self._use(observe(frame, self._spec))

    def _failed(self, error: Exception) -> None:
        self._node.get_logger().error(str(error), throttle_duration_sec=2.0)

    def close(self) -> None:
        """Ends the threads and leaves the graph."""
        self._streams.close()
        self._worker.stop()
        self._node.destroy_node()
        if self._started:
            rclpy.try_shutdown()
