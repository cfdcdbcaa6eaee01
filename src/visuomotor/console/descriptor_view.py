"""The page on which a pixel of one picture is found in others while the mouse moves."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Mapping
from typing import Any

import cv2

from visuomotor.console.gallery import LIVE, Gallery, Picture
from visuomotor.console.matches import heat_colors, match
from visuomotor.console.server import Reply, Route, json_reply, page_file, whole_number
from visuomotor.errors import DataError

_MOST_TARGETS = 24
_LARGEST = 10**9


class DescriptorView:
    """Answers the page's requests; `routes` by path.

    first: the episode whose pictures are shown first. running: live sets come, or will.
    """

    def __init__(self, gallery: Gallery, title: str, first: int = 0, running: bool = False) -> None:
        self._gallery, self._title, self._first = gallery, title, first
        self._running = running
        self._computing = threading.Lock()  # two cores: one match at a time

    @property
    def routes(self) -> dict[str, Route]:
        """What the page asks for, and the page."""
        return {
            "/": page_file("descriptors.html"),
            "/descriptors.js": page_file("descriptors.js"),
            "/descriptors.css": page_file("descriptors.css"),
            "/about": self.about,
            "/episode": self.episode,
            "/image": self.image,
            "/match": self.match,
        }

    def about(self, query: Mapping[str, str]) -> Reply:
        """What there is to look at."""
        gallery = self._gallery
        return json_reply(
            {
                "title": self._title,
                "cameras": gallery.cameras,
                "episodes": [p.name for p in gallery.paths],
                "first": self._first,
                "running": self._running,
                "live": gallery.live_step,
                "colors": heat_colors().tolist(),
            }
        )

    def episode(self, query: Mapping[str, str]) -> Reply:
        """How many steps an episode has: ?number=3."""
        return json_reply({"steps": len(self._gallery.episode(_number(query, "number")))})

    def image(self, query: Mapping[str, str]) -> Reply:
        """A picture as PNG: ?id=3/0/front."""
        picture = self._gallery.picture(query.get("id", ""))
        return "image/png", _encoded(picture, ".png")

    def match(self, query: Mapping[str, str]) -> Reply:
        """A pixel's matches: ?source=3/0/front&u=80&v=60&targets=3/0/side,4/0/front.

        spread: of the heat, in percent. A target live/CAMERA is of the newest set and comes with
        its image.
        """
        start = time.perf_counter()
        names = [n for n in query.get("targets", "").split(",") if n]
        if len(names) > _MOST_TARGETS:
            raise DataError(f"got {len(names)} targets, expected at most {_MOST_TARGETS}")
        spread = float(_number(query, "spread", 100)) / 100
        with self._computing:
            source = self._gallery.picture(query.get("source", ""))
            width, height = source.size
            u, v = _number(query, "u"), _number(query, "v")
            if not (0 <= u < width and 0 <= v < height) or spread <= 0:
                raise DataError(
                    f"got pixel ({u}, {v}) and spread {spread}, expected one inside {width}x"
                    f"{height} and more than 0"
                )
            step = self._gallery.live_step  # one for all of them
            found = [self._match(source, (u, v), name, step, spread) for name in names]
        ms = 1e3 * (time.perf_counter() - start)
        return json_reply({"matches": found, "ms": round(ms, 1)})

    def _match(
        self,
        source: Picture,
        pixel: tuple[int, int],
        name: str,
        live_step: int | None,
        spread: float,
    ) -> dict[str, Any]:
        live = name.startswith(f"{LIVE}/") and name.count("/") == 1
        if live and live_step is None:
            return {"id": name, "waiting": True}
        gallery = self._gallery
        picture = gallery.picture(name.replace("/", f"/{live_step}/") if live else name)
        found = match(source, pixel, picture, gallery.model.config.sharpness, spread)
        answer = {
            "id": name,
            "heat": base64.b64encode(found.heat.tobytes()).decode(),
            "size": picture.size,
            "pixel": found.pixel,
            "likeness": round(found.likeness, 4),
            "truth": found.truth,
        }
        if live:
            answer["image"] = base64.b64encode(_encoded(picture, ".jpg")).decode()
            answer["set"] = picture.id
        return answer


def _encoded(picture: Picture, kind: str) -> bytes:
    rgb = picture.views.color[0].numpy()
    _, data = cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return bytes(data.tobytes())


def _number(query: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = query.get(name, "" if default is None else str(default))
    return whole_number(name, text, -_LARGEST, _LARGEST)
