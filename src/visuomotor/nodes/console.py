"""Serves the operator's page: what the graph does, in a browser, and the buttons for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rclpy.node import Node
from std_msgs.msg import Bool

from visuomotor.console.access import LOCAL
from visuomotor.console.episode_list import EpisodeList
from visuomotor.console.graph_view import GraphView
from visuomotor.console.operator_page import OperatorPage
from visuomotor.console.server import PageServer
from visuomotor.ros import topics
from visuomotor.ros.parameters import declare
from visuomotor.ros.periodic import PeriodicThread
from visuomotor.ros.run import run_node


@dataclass(frozen=True)
class Config:
    """Which streams are shown, which dataset is listed, and to whom the page is served.

    source: "synced" shows what rgbd_sync publishes, "raw" the drivers' topics. host: anything but
    this machine's own address shows the page to the network, and then it asks for `token`; empty:
    one is made and printed.
    """

    cameras: tuple[str, ...] = ("front", "side", "wrist")
    source: Literal["synced", "raw"] = "synced"
    dataset: str = "dataset"
    host: str = "127.0.0.1"
    port: int = 8010
    token: str = ""
    rate_hz: float = 5.0  # of everything that moves on the page
    image_width_px: int = 480  # larger pictures are made smaller

    def __post_init__(self) -> None:
        if not (0.5 <= self.rate_hz <= 5.0 and 64 <= self.image_width_px <= 1280):
            raise ValueError(
                f"got rate_hz {self.rate_hz} and image_width_px {self.image_width_px}, expected "
                "0.5 to 5 and 64 to 1280: the page must not take from the control loop"
            )
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: got {self.port}, expected 0 (any that is free) to 65535")


class Console(Node):
    """Shows the graph to browsers, and passes on what their buttons ask for."""

    def __init__(self) -> None:
        super().__init__("console")
        config = self.config = declare(self, Config)
        prefix = topics.SYNCED if config.source == "synced" else ""
        self._enable = self.create_publisher(Bool, topics.POLICY_ENABLE, topics.COMMAND)
        self._graph = GraphView(self, config.cameras, prefix, config.image_width_px)
        page = OperatorPage(self._graph, EpisodeList(Path(config.dataset)), self._pass_on)
        token = config.token
        if config.host not in LOCAL:
            token = token or secrets.token_urlsafe(16)
        self.server = PageServer(page.routes, config.port, config.host, page.actions, token)
        self.server.start()
        self._looking = PeriodicThread(self, 1.0 / config.rate_hz, self._graph.poll, "looking")
        self._tell(token)

    def _tell(self, token: str) -> None:
        address = self.server.url + (f"?token={token}" if token else "")
        self.get_logger().info(f"look at {address}")
        if not self.server.local_only:
            self.get_logger().warning(
                f"the page is served at {self.config.host}: whoever has its token can move the "
                "arm, and who listens on the network can read it; `ssh -L 8010:127.0.0.1:8010` to "
                "this machine needs neither"
            )

    def _pass_on(self, held: bool) -> None:
        self._enable.publish(Bool(data=held))

    def close(self) -> None:
        """Ends the page; a dead-man that was held on it falls silent."""
        self.server.close()
        self._looking.stop()
        self._graph.close()


def main() -> None:
    """Runs the node."""
    run_node(Console)


if __name__ == "__main__":
    main()
