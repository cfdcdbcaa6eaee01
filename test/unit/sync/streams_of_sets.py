"""Message streams for the synchroniser's tests, and its accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import StampedImage, SyncedFrame
from visuomotor.geometry import PinholeCamera, matrix_from_rotvec, pose
from visuomotor.sync import FrameSynchroniser, SyncConfig

MS = 1_000_000
START = 1_000_000 * MS
HEIGHT, WIDTH = 4, 6
COLOR = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
DEPTH = np.zeros((HEIGHT, WIDTH), np.uint16)


@dataclass(frozen=True, order=True)
class Message:
    """One message: when it arrives, on which stream, with which stamp, all in ns."""

    arrival_ns: int
    stream: str
    stamp_ns: int


def true_pose(stamp_ns: int) -> np.ndarray:
    """A steady screw motion, so that interpolation is exact."""
    t = (stamp_ns - START) / 1e9
    return pose(matrix_from_rotvec([0, 0, 0.3 * t]), [0.1 * t, 0.2, 0.3])


def true_q(stamp_ns: int) -> np.ndarray:
    return np.arange(7) * (stamp_ns - START) / 1e9


def synchroniser(*cameras: str, **options: object) -> FrameSynchroniser:
    """A calibrated one."""
    sync = FrameSynchroniser(SyncConfig(cameras=cameras, **options))  # type: ignore[arg-type]
    for camera in cameras:
        sync.set_camera(camera, PinholeCamera.from_fovy(WIDTH, HEIGHT, 0.8))
        sync.set_extrinsics(camera, np.eye(4))
    return sync


def deliver(sync: FrameSynchroniser, message: Message) -> None:
    """Hands one message over."""
    stamp, receipt = message.stamp_ns, message.arrival_ns
    if message.stream == "pose":
        sync.add_pose(stamp, true_pose(stamp), receipt)
    elif message.stream == "joints":
        sync.add_joints(stamp, true_q(stamp), np.ones(7), receipt)
    elif message.stream == "gripper":
        sync.add_gripper(stamp, 0.04, receipt)
    else:
        camera, kind = message.stream.split("/")
        if kind == "color":
            sync.add_color(camera, StampedImage(stamp, COLOR, camera, receipt))
        else:
            sync.add_depth(camera, StampedImage(stamp, DEPTH, camera, receipt))


def play(sync: FrameSynchroniser, messages: Iterable[Message]) -> list[SyncedFrame]:
    """Delivers in the order of arrival, polling after each; then once more, much later."""
    frames: list[SyncedFrame] = []
    now = 0
    for message in sorted(messages):
        deliver(sync, message)
        now = message.arrival_ns
        frames += sync.poll(now)
    return frames + sync.poll(now + 300 * MS)


def ticks(
    streams: Iterable[str], rate_hz: float, count: int, phase_ms: float = 0.0, delay_ms: float = 0.0
) -> list[Message]:
    """Regular messages on every stream, with equal stamps."""
    stamps = [START + round(phase_ms * MS + i * 1e9 / rate_hz) for i in range(count)]
    return [Message(s + round(delay_ms * MS), name, s) for s in stamps for name in streams]


def robot(seconds: float, rate_hz: float = 100.0) -> list[Message]:
    """The robot's streams, beginning before the cameras and ending after them."""
    return ticks(("pose", "joints", "gripper"), rate_hz, round((seconds + 0.2) * rate_hz), -100.0)


def images(*cameras: str) -> tuple[str, ...]:
    """The image streams of the cameras."""
    return tuple(f"{camera}/{kind}" for camera in cameras for kind in ("color", "depth"))


def assert_accounts_balance(sync: FrameSynchroniser, now_ns: int = START) -> None:
    """Received == used + dropped + buffered, for every stream."""
    for name, s in sync.stats(now_ns).streams.items():
        assert s.received == s.used + sum(s.dropped.values()) + s.buffered, (name, s)
