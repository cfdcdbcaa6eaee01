"""Frames of a video file, of a folder of pictures, or of a recorded episode, at one rate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError, unknown_name
from visuomotor.recording import open_bag, read_frames
from visuomotor.recording.compression import decoded
from visuomotor.recording.images import color_of
from visuomotor.recording.messages import stamp_of

RATE_HZ, HEIGHT = 12.0, 240
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
BAGS = (".mcap", ".db3")
IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
FEWEST = 3


@dataclass(frozen=True)
class Frames:
    """images (T, H, W, 3) RGB, rate_hz apart; source: where they come from, for messages."""

    images: UInt8
    rate_hz: float
    source: str


def read_video(
    source: Path,
    rate_hz: float = RATE_HZ,
    height: int = HEIGHT,
    camera: str = "front",
    topic: str | None = None,
) -> Frames:
    """Reads a file that OpenCV can decode (mp4), a folder of pictures, or a bag.

    At rate_hz, the nearest frame to each instant, scaled to `height` px (never enlarged). Pictures
    of a folder, in the order of the numbers in their names, are rate_hz apart already. camera: of
    an episode; topic: of any other rosbag2, raw or compressed images, by the stamps of their
    headers. Raises DataError naming file or frame for what cannot be read or is too short.
    """
    if rate_hz <= 0 or height < 16:
        raise DataError(f"video: got {rate_hz} Hz and {height} px; expected > 0 and 16 or more")
    if not source.exists():
        raise DataError(f"{source}: no such file; expected a video, a folder of pictures or a bag")
    if source.suffix in BAGS and source.is_file():
        source = source.parent
    bag = (source / "metadata.yaml").is_file() or any(source.glob("*.mcap"))
    if topic is not None and not bag:
        raise DataError(f"{source}: got topic {topic}, expected a bag: no metadata.yaml here")
    if topic is not None:
        pictures = _topic(source, topic, rate_hz)
    elif source.is_dir():
        pictures = _episode(source, camera, rate_hz) if bag else _folder(source)
    else:
        pictures = _file(source, rate_hz)
    images = [_scaled(p, height) for p in pictures]
    if len(images) < FEWEST:
        raise DataError(
            f"{source}: got {len(images)} frames at {rate_hz:g} Hz, expected {FEWEST} or more: "
            "is it a video, and long enough?"
        )
    shapes = {i.shape for i in images}
    if len(shapes) > 1:
        odd = next(t for t, i in enumerate(images) if i.shape != images[0].shape)
        raise DataError(f"{source}: frame {odd} has another size than the first; expected one size")
    return Frames(np.stack(images), rate_hz, str(source))


def _file(path: Path, rate_hz: float) -> Iterator[UInt8]:
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise DataError(
                f"{path}: cannot be decoded as a video ({path.stat().st_size} bytes); expected "
                "mp4, mov or avi, or a folder of its frames"
            )
        own_hz = float(capture.get(cv2.CAP_PROP_FPS))
        own_hz = own_hz if 0.5 < own_hz < 1000 else rate_hz
        _fast_enough(str(path), own_hz, rate_hz)
        number = wanted = 0
        while True:
            there, image = capture.read()
            if not there:
                return
            if number >= round(wanted * own_hz / rate_hz):
                yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
                while round(wanted * own_hz / rate_hz) <= number:
                    wanted += 1
            number += 1
    finally:
        capture.release()


def _folder(folder: Path) -> Iterator[UInt8]:
    for path in sorted((p for p in folder.iterdir() if p.suffix.lower() in PICTURES), key=_order):
        image = decoded(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{path}: cannot be decoded as a picture; delete it or replace it")
        yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _episode(folder: Path, camera: str, rate_hz: float) -> Iterator[UInt8]:
    with open_bag(folder) as bag:
        try:
            cameras = bag.layout().cameras
        except DataError as error:
            images = ", ".join(t for t, kind in bag.topics.items() if kind in IMAGES) or "none"
            raise DataError(f"{error}; or say --topic, of the images here: {images}") from error
        if camera not in cameras:
            raise DataError(f"{folder}: {unknown_name('camera', camera, cameras)}")
        first_ns, wanted = None, 0
        for frame in read_frames(bag, cameras=(camera,)):
            first_ns = frame.stamp_ns if first_ns is None else first_ns
            if (frame.stamp_ns - first_ns) * 1e-9 * rate_hz >= wanted - 0.25:
                wanted += 1
                yield frame.cameras[camera].color


def _topic(folder: Path, topic: str, rate_hz: float) -> Iterator[UInt8]:
    """Frames of one topic of a bag; those whose stamps go back are left out."""
    with open_bag(folder) as bag:
        known = {t: kind for t, kind in bag.topics.items() if kind in IMAGES}
        if topic not in known:
            raise DataError(f"{folder}: {unknown_name('topic of images', topic, known)}")
        first_ns, wanted, used, now_s = None, 0, 0, 0.0
        for number, (_, message) in enumerate(bag.read({topic})):
            first_ns = stamp_of(message) if first_ns is None else first_ns
            now_s = max(now_s, (stamp_of(message) - first_ns) * 1e-9)
            if now_s * rate_hz >= wanted - 0.25:
                used, wanted = used + 1, int(now_s * rate_hz + 0.25) + 1
                yield color_of(message, f"{folder}: {topic}, frame {number}")
        if used > 1:
            _fast_enough(f"{folder}: {topic}", (used - 1) / max(now_s, 1e-9), rate_hz)


def _fast_enough(source: str, own_hz: float, rate_hz: float) -> None:
    if own_hz < 0.85 * rate_hz:
        raise DataError(
            f"{source}: {own_hz:.3g} frames a second, expected {rate_hz:g} or more: say --rate-hz "
            f"{own_hz:.3g}, so that motions keep their speed"
        )


def _order(path: Path) -> tuple[list[int], str]:
    return [int(n) for n in re.findall(r"\d+", path.stem)], path.name


def _scaled(image: UInt8, height: int) -> UInt8:
    if image.shape[0] <= height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
