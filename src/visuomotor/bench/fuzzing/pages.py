"""What a browser or a phone may send: requests to our pages, and the phone's messages."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np

from visuomotor.bench.fuzzing.checkpoints import json_text
from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.target import Target, Violation
from visuomotor.bench.fuzzing.values import strange
from visuomotor.console.box_page import BoxPage
from visuomotor.console.episode_list import EpisodeList
from visuomotor.console.label_page import LabelPage
from visuomotor.console.operator_page import OperatorPage
from visuomotor.console.server import PageServer
from visuomotor.errors import DataError
from visuomotor.geometry import is_pose
from visuomotor.labelling import LabelFolder, LabelSession, Picture
from visuomotor.teleop.phone.message import parse
from visuomotor.teleop.phone.phone import Phone

_MS_NS = 1_000_000
_POSTS: dict[str, tuple[int, Any]] = {
    "/boxes": (0, {"frame": 1, "boxes": {"hand": [1, 2, 30, 40], "moved": [5, 5, 20, 20.5]}}),
    "/label": (1, {"pictures": ["0a1b"], "label": "with"}),
    "/skip": (1, {"pictures": ["0a1b"]}),
    "/undo": (1, {}),
    "/call": (2, {"service": "recorder/stop"}),
    "/record": (2, {"task": "lift", "operator": "ada"}),
    "/scene": (2, {"seed": 7}),
    "/episode": (2, {"name": "lift/2025", "do": "label", "outcome": "success"}),
    "/enable": (2, {"do": "press", "hold": ""}),
}
"""What our pages post: path -> (which page's, a proper value)."""
_GETS = ((0, "/frame", "n"), (1, "/image", "id"), (1, "/image", "px"), (2, "/image", "view"),
         (2, "/cloud", "view"), (2, "/state", "overlay"), (1, "/state", "x"))  # fmt: skip
_MESSAGE = {
    "clutch": True, "gripper": False, "policy": False, "position": [0.1, 0.2, 0.3],
    "quat_xyzw": [0.0, 0.0, 0.0, 1.0], "echo": 5000,
}  # fmt: skip


def requests(folder: Path) -> Target:
    """Well-formed requests to three pages: [page, method, address, body in hex] in JSON."""
    servers = _Servers(folder)

    def make(rng: Random) -> bytes:
        if rng.random() < 0.3:
            page, path, name = rng.choice(_GETS)
            text = rng.choice(("1", "-1", "²", "9" * 5000, "٣", "a" * 9000, str(strange(rng))))
            query = f"{path}?{name}={quote(text[:20_000], errors='replace')}&px=64"
            return json.dumps([page, "GET", query, ""]).encode()
        path = rng.choice(sorted(_POSTS))
        page, values = _POSTS[path]
        return json.dumps([page, "POST", path, json_text(values, rng).hex()]).encode()

    def use(data: bytes) -> None:
        page, method, address, body = json.loads(data)
        servers.ask(page, method, address, bytes.fromhex(body))

    return Target(make, use)


def connection(folder: Path) -> Target:
    """Whatever may come over a connection to a page."""
    servers = _Servers(folder)

    def make(rng: Random) -> bytes:
        path = rng.choice(("/", "/frame?n=1", "/boxes", "//[", "/frame?n=%ff&n=", "http://[::1]x/"))
        method = rng.choice(("GET", "POST", "POST", "PUT", "OPTIONS", ""))
        body = json.dumps(_POSTS["/boxes"][1]).encode()
        length = rng.choice((str(len(body)), "²", "-1", "1e3", "", "9" * 30, "0", "65537"))
        headers = [
            f"Host: {rng.choice(('127.0.0.1', '127.0.0.1', 'localhost:x', '[::1', 'elsewhere'))}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
            rng.choice(("Origin: null", "Cookie: a=b; =;;\x01", "Sec-Fetch-Site: none", "X: \xff")),
            rng.choice(("Transfer-Encoding: chunked", "Connection: keep-alive", "a" * 70_000)),
        ]
        text = "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", ""])
        whole = text.encode("latin-1") + body
        return mutated(whole, rng) if rng.random() < 0.5 else whole

    return Target(make, lambda data: servers.send(0, data))


def phone(folder: Path) -> Target:
    """Messages to a phone's connection, one a line; what is held must be a pose."""

    def make(rng: Random) -> bytes:
        lines = [json_text(_MESSAGE, rng) for _ in range(rng.choice((1, 1, 3)))]
        return b"\n".join(line.replace(b"\n", b" ") for line in lines)

    def use(data: bytes) -> None:
        device, refused = Phone(), None
        number = device.connect(5000 * _MS_NS)
        for line in data.split(b"\n"):
            try:
                parse(line)
            except DataError as error:
                refused = error
            device.take(number or 0, line, 5100 * _MS_NS)
            reading = device.read(5110 * _MS_NS)
            if reading.held and not (reading.pose is not None and is_pose(reading.pose)):
                raise Violation("a phone that is held without a pose")
        json.loads(device.stamp(5120 * _MS_NS))
        if refused is not None:
            raise refused

    return Target(make, use)


class _Servers:
    """The page of boxes, that of labels, and the operator's, each served on this machine."""

    def __init__(self, folder: Path) -> None:
        image = np.zeros((48, 64, 3), np.uint8)
        encoded = bytes(cv2.imencode(".png", image)[1])
        picture = Picture("0a1b", ("a",), "a picture", lambda: encoded)
        labels = LabelSession(LabelFolder(folder / "labels"), ("with", "without"), [picture])
        pages = (
            BoxPage(np.zeros((3, 48, 64, 3), np.uint8), ("hand", "moved"), ("static",), "fuzz"),
            LabelPage(labels, "fuzz"),
            _operator_page(folder / "episodes"),
        )
        self._failed: list[str] = []
        self._servers = [PageServer(p.routes, actions=p.actions) for p in pages]
        for server in self._servers:
            # what a handler lets through is printed and forgotten by default
            server._server.handle_error = self._fail  # type: ignore[assignment]
            server.start()

    def ask(self, page: int, method: str, address: str, body: bytes) -> None:
        """Sends a proper request; a DataError where the page refuses it."""
        head = (
            f"{method} {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.send(page, head.encode() + body)

    def send(self, page: int, data: bytes) -> None:
        """Sends bytes and reads the answer; a DataError unless it is 200."""
        self._failed.clear()
        address = self._servers[page]._server.server_address
        with socket.create_connection((str(address[0]), int(address[1])), 20.0) as link:
            answer = b""
            try:
                link.sendall(data)
                link.shutdown(socket.SHUT_WR)
                while part := link.recv(1 << 16):
                    answer += part
            except OSError:
                pass  # it has heard enough and hung up
        if self._failed:
            raise Violation(self._failed[0])
        status = answer.split(b" ", 2)[1:2]
        if status == [b"500"]:
            raise Violation(f"status 500 of page {page}")
        if status != [b"200"]:
            raise DataError(f"status {status}")

    def _fail(self, request: Any, address: Any) -> None:
        import sys
        import traceback

        kind, error, trace = sys.exc_info()
        if isinstance(error, (BrokenPipeError, ConnectionResetError)):
            return
        frames = [f for f in traceback.extract_tb(trace) if "/visuomotor/" in f.filename]
        frame = frames[-1] if frames else traceback.extract_tb(trace)[-1]
        name = kind.__name__ if kind else ""
        self._failed.append(f"{name} in {frame.name}, {Path(frame.filename).name}:{frame.lineno}")


def _operator_page(episodes: Path) -> OperatorPage:
    """With a node of its own that nobody else sees."""
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "OFF"
    import rclpy
    from rclpy.node import Node
    from rclpy.signals import SignalHandlerOptions

    from visuomotor.console.graph_view import GraphView

    if not rclpy.ok():
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    graph = GraphView(Node("fuzzed_page"), ("front",), "synced/", 64)
    return OperatorPage(graph, EpisodeList(episodes), lambda held: None)
