"""A bag's messages handed to whoever takes the drivers' streams, images only where wanted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from visuomotor.contracts import Float64, StampedImage
from visuomotor.errors import DataError
from visuomotor.geometry import PinholeCamera
from visuomotor.recording import messages, open_bag
from visuomotor.recording.bag_reader import Bag
from visuomotor.recording.images import color_of, depth_of

POSE_TOPICS = ("current_pose", "synced/current_pose")
COMMANDS = ("command/target_pose", "command/reference")


class Sink(Protocol):
    """What a bag feeds: a part of what the drivers' streams feed."""

    def wants(self, camera: str, stamp_ns: int) -> bool:
        """Whether an image with this stamp is to be decoded."""

    def add_color(self, camera: str, image: StampedImage) -> None:
        """Takes a colour image."""

    def add_depth(self, camera: str, image: StampedImage) -> None:
        """Takes a depth image."""

    def set_camera(self, camera: str, intrinsics: PinholeCamera) -> None:
        """Takes a camera's intrinsics."""

    def add_pose(self, stamp_ns: int, T_base_ee: Float64, receipt_ns: int = 0) -> None:
        """Takes the end effector's pose."""


def feed(
    episode: Path,
    cameras: tuple[str, ...],
    sink: Sink,
    after: Callable[[], None] = lambda: None,
    depth: bool = True,
    commands: Callable[[str, int, Float64], None] | None = None,
) -> bool:
    """Reads an episode, or a bag of the drivers' own topics, in the order of its log.

    cameras: which. after: called after every message. commands(topic, stamp_ns, T): gets the
    targets and references. Returns whether the stamps are the drivers' own; an episode's were
    made common (and may have been corrected) when it was recorded. Raises DataError for a bag
    without robot state, without one of the cameras, or with images that cannot be read.
    """
    with open_bag(episode) as bag:
        routes, raw = _routes(bag, cameras, depth)
        for topic, message in bag.read(set(routes) | set(_commands(bag) if commands else ())):
            stamp = messages.stamp_of(message)
            if topic in routes:
                kind, camera = routes[topic]
                _take(sink, kind, camera, stamp, message, f"{episode}: {topic}")
            elif commands is not None:
                name = next(c for c in COMMANDS if topic.endswith(c))
                commands(name, stamp, messages.pose_of(message))
            after()
        return raw


def _take(sink: Sink, kind: str, camera: str, stamp: int, message: Any, where: str) -> None:
    try:
        if kind == "pose":
            sink.add_pose(stamp, messages.pose_of(message))
        elif kind == "info":
            sink.set_camera(camera, messages.camera_of(message))
        elif sink.wants(camera, stamp):
            data: Any = color_of(message, where) if kind == "color" else depth_of(message, where)
            add = sink.add_color if kind == "color" else sink.add_depth
            add(camera, StampedImage(stamp, np.asarray(data)))
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def _routes(
    bag: Bag, cameras: tuple[str, ...], depth: bool
) -> tuple[dict[str, tuple[str, str]], bool]:
    """Topic -> (kind, camera), and whether they are the drivers' own topics."""
    raw = all(_find(bag, rf"{c}/color/image_raw(/compressed)?") for c in cameras)
    routes: dict[str, tuple[str, str]] = {}
    for camera in cameras:
        base = camera if raw else f"synced/{camera}"
        wanted = {
            "color": rf"{base}/color/image_raw(/compressed)?"
            if raw
            else f"{base}/color/compressed",
            "info": f"{base}/color/camera_info" if raw else f"{base}/camera_info",
        }
        if depth:
            wanted["depth"] = (
                rf"{base}/aligned_depth_to_color/image_raw(/compressedDepth)?"
                if raw
                else f"{base}/depth/compressedDepth"
            )
        for kind, pattern in wanted.items():
            topic = _find(bag, pattern)
            if topic is not None:
                routes[topic] = kind, camera
            elif kind != "depth":
                some = ", ".join(sorted(t for t in bag.topics if "/color" in t)) or "none"
                raise DataError(
                    f"{bag.episode}: no {kind} of camera {camera} in this bag, expected "
                    f"/synced/{camera}/... or /{camera}/color/...; images in it: {some}"
                )
    pose = next((t for name in POSE_TOPICS if (t := _find(bag, name)) is not None), None)
    if pose is None:
        raise DataError(
            f"{bag.episode}: no robot state in this bag, expected "
            f"{' or '.join('/' + name for name in POSE_TOPICS)}; record it beside the cameras"
        )
    routes[pose] = "pose", ""
    return routes, raw


def _find(bag: Bag, pattern: str) -> str | None:
    """The topic with messages that matches, whatever its namespace."""
    known = [t for t in bag.topics if re.fullmatch(rf"(/\w+)*?/{pattern}", t) and bag.count(t)]
    return min(known, key=len) if known else None


def _commands(bag: Bag) -> list[str]:
    return [topic for name in COMMANDS if (topic := _find(bag, name)) is not None]
