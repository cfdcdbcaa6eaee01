"""Single frames of a bag's camera, fetched when they are looked at."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from visuomotor.errors import DataError, unknown_name
from visuomotor.recording import Bag, open_bag
from visuomotor.recording.compression import compress_color
from visuomotor.recording.images import color_of

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_CAMERA = re.compile(r"/(?:synced/)?([^/]+)/color(?:/image_raw)?(?:/compressed)?$")


class BagFrames:
    """Reads frames by their log times; the bag that was read last stays open. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._bag: Bag | None = None
        self._stack = ExitStack()

    def topic(self, path: Path, camera: str) -> tuple[str, str]:
        """The topic of a camera's images, and the camera's name.

        camera: a name (front) or a whole topic; "": the only camera of the bag. Raises DataError
        that tells which there are.
        """
        with self._lock:
            bag = self._opened(path)
            known = {
                name(topic): topic
                for topic, kind in sorted(bag.topics.items(), reverse=True)
                if kind in IMAGES and bag.count(topic) and "depth" not in topic.lower()
            }
        if camera.startswith("/") and camera in known.values():
            return camera, name(camera)
        if camera in known:
            return known[camera], camera
        if not known:
            raise DataError(f"{path}: no camera's images in this bag")
        if not camera and len(known) == 1:
            found = next(iter(known))
            return known[found], found
        if camera:
            raise DataError(f"{path}: {unknown_name('camera', camera, known)}")
        raise DataError(f"{path}: several cameras: say --camera {' or '.join(sorted(known))}")

    def span(self, path: Path) -> tuple[int, int]:
        """Log times (ns) from the bag's first message to after its last."""
        with self._lock:
            return self._opened(path).logged_ns

    def every(self, path: Path, topic: str, seconds: float) -> Iterator[int]:
        """Log times (ns) of the first frame in every so many seconds."""
        start, end = self.span(path)
        step = max(1, round(1e9 * seconds))
        for window in range(start, end, step):
            with self._lock:
                logged = self._opened(path).raw({topic}, (window, min(window + step, end)))
                first = next(logged, None)
            if first is not None:
                yield first[0]

    def read(self, path: Path, topic: str, log_ns: int) -> bytes:
        """An encoded image: as it was recorded where it was compressed, else JPEG."""
        where = f"{path}: {topic}"
        with self._lock:
            found = next(self._opened(path).read({topic}, (log_ns, log_ns + 1)), None)
        if found is None:
            raise DataError(f"{where}: no image at {log_ns} any more; was the bag changed?")
        message = found[1]
        if hasattr(message, "format"):
            return bytes(message.data)
        return compress_color(color_of(message, where), "jpeg")

    def close(self) -> None:
        """Lets the bag go."""
        with self._lock:
            self._stack.close()
            self._path = self._bag = None

    def _opened(self, path: Path) -> Bag:
        if self._bag is None or self._path != path:
            self._stack.close()
            self._path = self._bag = None
            self._bag = self._stack.enter_context(open_bag(path))
            self._path = path
        return self._bag


def name(topic: str) -> str:
    """A camera's name from the topic of its images; of other topics all their words."""
    found = _CAMERA.search(topic)
    return found[1] if found else topic.strip("/").replace("/", "_")
