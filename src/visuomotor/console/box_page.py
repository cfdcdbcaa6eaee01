"""The page on which a person draws a box around each body in one frame of a video."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from visuomotor.console.server import Action, Reply, Route, json_reply, page_file, whole_number
from visuomotor.contracts import UInt8
from visuomotor.errors import DataError, shown
from visuomotor.recording.compression import compress_color

Box = tuple[float, float, float, float]
_SMALLEST_PX = 4


class BoxPage:
    """Shows images (T, H, W, 3) and takes a box per body, in the frame that is shown.

    needed, optional: names of the bodies, in the order in which they are asked for.
    """

    def __init__(
        self, images: UInt8, needed: Sequence[str], optional: Sequence[str], title: str
    ) -> None:
        self._images, self._title = images, title
        self._needed, self._optional = tuple(needed), tuple(optional)
        self._done = threading.Event()
        self._frame, self._boxes = 0, dict[str, Box]()

    @property
    def routes(self) -> dict[str, Route]:
        """What the page asks for, and the page."""
        names = ("boxes.css", "boxes.js")
        pages = {"/": page_file("boxes.html"), **{f"/{n}": page_file(n) for n in names}}
        return {**pages, "/state": self.state, "/frame": self.frame}

    @property
    def actions(self) -> dict[str, Action]:
        """What its button posts."""
        return {"/boxes": self.take}

    def wait(self, timeout_s: float | None = None) -> tuple[int, dict[str, Box]] | None:
        """The frame and its boxes in px once they are there; None after timeout_s."""
        return (self._frame, dict(self._boxes)) if self._done.wait(timeout_s) else None

    def state(self, query: Mapping[str, str]) -> Reply:
        """How many frames there are, how large, and which bodies are asked for."""
        count, height, width = self._images.shape[:3]
        return json_reply(
            {
                "title": self._title,
                "frames": count,
                "size": [width, height],
                "bodies": [*self._needed, *self._optional],
                "needed": list(self._needed),
                "done": self._done.is_set(),
            }
        )

    def frame(self, query: Mapping[str, str]) -> Reply:
        """One frame: ?n=12."""
        return "image/jpeg", compress_color(self._images[self._number(query.get("n"))], "jpeg", 92)

    def take(self, values: Mapping[str, Any]) -> Reply:
        """{"frame": 3, "boxes": {"hand": [x1, y1, x2, y2], ...}}."""
        frame = self._number(values.get("frame"))
        given = values.get("boxes")
        if not isinstance(given, dict) or not set(given) <= {*self._needed, *self._optional}:
            raise DataError(f"boxes: got {shown(given)}, expected some of {self._needed} by name")
        boxes = {name: self._box(name, box) for name, box in given.items()}
        lacking = [name for name in self._needed if name not in boxes]
        if lacking:
            raise DataError(f"draw a box around: {', '.join(lacking)}")
        self._frame, self._boxes = frame, boxes
        self._done.set()
        return json_reply({"said": "taken; you may close this page"})

    def _number(self, text: Any) -> int:
        return whole_number("frame", text, 0, len(self._images) - 1)

    def _box(self, name: str, box: Any) -> Box:
        numbers = isinstance(box, list) and len(box) == 4
        if not numbers or not all(isinstance(v, int | float) and abs(v) < 1e6 for v in box):
            raise DataError(f"box of {name}: got {shown(box)}, expected [x1, y1, x2, y2]")
        height, width = self._images.shape[1:3]
        x1, x2 = sorted(min(max(0.0, float(v)), float(width)) for v in (box[0], box[2]))
        y1, y2 = sorted(min(max(0.0, float(v)), float(height)) for v in (box[1], box[3]))
        if min(x2 - x1, y2 - y1) < _SMALLEST_PX:
            raise DataError(f"box of {name}: smaller than {_SMALLEST_PX} px; draw it again")
        return x1, y1, x2, y2
