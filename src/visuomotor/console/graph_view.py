"""The running graph as a page sees it: cameras, scene, reports, and what can be asked of whom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from visuomotor.console.cameras import CameraTile, OverlayTile
from visuomotor.console.operations import Operations
from visuomotor.console.scene import SceneState
from visuomotor.console.status import Report, StatusBoard
from visuomotor.console.wanted import Watch
from visuomotor.ros import topics
from visuomotor.ros.polled import PolledSubscription
from visuomotor.ros.remote_parameters import RemoteParameters

WORKSPACE = ("workspace_min", "workspace_max", "table_z_m")


class GraphView:
    """Listens while a page asks; `poll` is one thread's, the rest is for any.

    cameras, prefix and width_px as for `CameraTile`. Without a page open it takes no image off
    the network and converts nothing.
    """

    def __init__(self, node: Node, cameras: Sequence[str], prefix: str, width_px: int) -> None:
        self.watch = Watch()
        self.cameras = {name: CameraTile(node, name, prefix, width_px) for name in cameras}
        self.overlay = OverlayTile(node)
        self.scene = SceneState(node, self.watch)
        self.operations = Operations(node)
        self._node = node
        self._board = StatusBoard()
        self._bridge = RemoteParameters(node, "cartesian_bridge", WORKSPACE)
        self._recorder = RemoteParameters(node, "recorder", ("task", "operator", "dataset"))
        self._reports = [
            PolledSubscription(node, DiagnosticArray, topic, topics.RELIABLE, self._take)
            for topic in (topics.DIAGNOSTICS, topics.COMMAND_STATUS, topics.SIM_STATUS)
        ]

    def poll(self) -> None:
        """Takes what waits for whoever looks."""
        for tile in self.cameras.values():
            tile.poll()
        self.overlay.poll()
        self.scene.poll()
        if self.watch.now:
            for reports in self._reports:
                reports.drain()
            self._bridge.poll()
            self._recorder.poll()

    def close(self) -> None:
        """Leaves the topics."""
        for tile in self.cameras.values():
            tile.close()
        self.overlay.close()
        self.scene.close()

    def state(self, overlay_too: bool = False) -> dict[str, Any]:
        """All that changes, as JSON has it; whoever asks wants the cameras' pictures, too."""
        watched = [self.watch, *(tile.watch for tile in self.cameras.values())]
        for watch in (*watched, self.overlay.watch) if overlay_too else watched:
            watch.touch()
        hand = self.scene.T_base_ee
        tiles = {name: tile.state(hand) for name, tile in self.cameras.items()}
        overlay = self.overlay.state()
        overlay["offered"] = self._node.count_publishers(topics.OVERLAY) > 0
        return {
            **self._board.state(time.monotonic_ns()),
            "cameras": tiles,
            "overlay": overlay,
            "scene": {**self.scene.state(), "workspace": self._workspace()},
            "services": self.operations.ready(),
            "recording_as": self._recorder.values,
        }

    def jpeg(self, view: str) -> bytes:
        """The newest picture of a camera or of `overlay`; empty where there is none."""
        if view == "overlay":
            return self.overlay.jpeg()
        tile = self.cameras.get(view)
        return tile.jpeg() if tile else b""

    def cloud(self, camera: str) -> bytes:
        """The newest points of a camera (`packed_cloud`); empty where there are none."""
        tile = self.cameras.get(camera)
        return tile.cloud(self.scene.T_base_ee) if tile else b""

    def _workspace(self) -> list[list[float]] | None:
        """The box that the bridge keeps the hand in: its lower and its upper corner in m."""
        low, high, table_z_m = (self._bridge.values.get(name) for name in WORKSPACE)
        if low is None or high is None:
            return None
        return [[*low[:2], max(low[2], table_z_m or low[2])], list(high)]

    def _take(self, msg: DiagnosticArray) -> None:
        now_ns = time.monotonic_ns()
        for status in msg.status:
            level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
            values = {v.key: v.value for v in status.values}
            self._board.add(status.name, Report(level, status.message, values, now_ns))
