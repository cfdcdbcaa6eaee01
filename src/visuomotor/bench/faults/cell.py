"""The complete graph, watched: what the arm did, what was accepted, which sets came."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context

from visuomotor.bench.control.cell import ControlCell, launched_cell
from visuomotor.bench.control.log import Track
from visuomotor.bench.stages import Launched
from visuomotor.ros import messages, topics

NODES = ("sim", "rgbd_sync", "recorder", "policy", "cartesian_bridge", "console")
"""Of launch/cell.launch.xml."""

SILENT_S = 0.5
"""It says its state ten times a second."""

SHIFT_S = 10.0
"""Stamps that a fault shifts are off by this; what is so far off is put right here."""


class CompleteCell(ControlCell):
    """A ControlCell that also hears sets, accepted targets and what the nodes report.

    sets: their stamps in ns. accepted: when, in s of the ROS clock. told: /diagnostics by name,
    told_s: their stamps in s.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.sets: list[int] = []
        self.accepted: list[float] = []
        self.told: dict[str, dict[str, str]] = {}
        self.told_s: dict[str, float] = {}
        reliable = topics.RELIABLE
        self.create_subscription(PoseStamped, topics.SYNCED_POSE, self._on_set, topics.STATE)
        self.create_subscription(PoseStamped, topics.COMMAND_POSE, self._on_accepted, reliable)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_told, reliable)

    @property
    def says(self) -> tuple[str, str]:
        """State and reason of the bridge; `silent` where it says nothing for SILENT_S."""
        heard = self.states[-1][0] if self.states else -SILENT_S
        return ("silent", "") if self.now_s - heard > SILENT_S else (self.state, self.reason)

    def forget(self) -> None:
        """Begins a new log."""
        self.measured, self.reference = Track(), Track()
        self.states, self.physics = [], []
        self.sets, self.accepted = [], []

    def _on_pose(self, msg: PoseStamped) -> None:
        self._pose = messages.pose_from_msg(msg)
        stamp_s = messages.stamp_ns_of(msg) * 1e-9
        stamp_s -= SHIFT_S * round((stamp_s - self.now_s) / SHIFT_S)
        self.measured.add(stamp_s, self._pose[:3, 3])

    def _on_set(self, msg: PoseStamped) -> None:
        self.sets.append(messages.stamp_ns_of(msg))

    def _on_accepted(self, msg: PoseStamped) -> None:
        self.accepted.append(messages.stamp_ns_of(msg) * 1e-9)

    def _on_told(self, msg: DiagnosticArray) -> None:
        told = messages.diagnostics_from_msg(msg)
        self.told |= told
        self.told_s |= dict.fromkeys(told, messages.stamp_ns_of(msg) * 1e-9)


@contextmanager
def complete_cell(
    policy: Path, dataset: Path, log: Path, **arguments: Any
) -> Iterator[tuple[CompleteCell, Launched, int]]:
    """launch/cell.launch.xml with a policy; also the port of its page."""
    port = free_port()
    words = {"policy": policy, "dataset": dataset, "port": port, **arguments}
    with launched_cell(CompleteCell, "cell", words, log) as (cell, launched):
        yield cell, launched, port


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
