"""The labelling page: what a browser asks for, and what its keys do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from visuomotor.console.server import Action, Reply, Route, json_reply, page_file, whole_number
from visuomotor.errors import DataError
from visuomotor.labelling import LabelSession
from visuomotor.recording.compression import compress_color

FILES = ("labels.css", "labels.js", "label_queue.js", "label_tiles.js")
NOTHING = "nothing to undo in this run: go to the picture and give it its right label"
_SMALLEST_PX, _LARGEST_PX = 64, 1600


class LabelPage:
    """Answers from a LabelSession; title: what is labelled, for a person."""

    def __init__(self, session: LabelSession, title: str) -> None:
        self._session, self._title = session, title

    @property
    def routes(self) -> dict[str, Route]:
        """What the page asks for, and the page."""
        return {
            "/": page_file("labels.html"),
            **{f"/{name}": page_file(name) for name in FILES},
            "/state": self.state,
            "/image": self.image,
        }

    @property
    def actions(self) -> dict[str, Action]:
        """What its keys post."""
        return {"/label": self.label, "/skip": self.skip, "/undo": self.undo}

    def state(self, query: Mapping[str, str]) -> Reply:
        """All pictures in order, and what is known of each."""
        entries = [self._session.entry(key) for key in self._session.pictures]
        start = {"title": self._title, "labels": self._session.labels, "pictures": entries}
        return json_reply({**start, **self._counted()})

    def image(self, query: Mapping[str, str]) -> Reply:
        """A picture: ?id=0a1b..., its longest side at most ?px=480."""
        px = whole_number("px", query.get("px", ""), _SMALLEST_PX, _LARGEST_PX)
        rgb = self._session.look(query.get("id", ""), px)
        return "image/jpeg", compress_color(rgb, "jpeg", 85)

    def label(self, values: Mapping[str, Any]) -> Reply:
        """{"pictures": ["0a1b..."], "label": "with"}; what could not be read is told in "said"."""
        pictures, label = _names(values), values.get("label")
        if not isinstance(label, str):
            raise DataError(f"label: got {label!r}, expected text")
        return self._changed(pictures, lambda: self._session.label(pictures, label))

    def skip(self, values: Mapping[str, Any]) -> Reply:
        """{"pictures": ["0a1b..."]}: not asked again."""
        pictures = _names(values)
        return self._changed(pictures, lambda: self._session.skip(pictures))

    def undo(self, values: Mapping[str, Any]) -> Reply:
        """{}: takes back what was done last; "pictures" are as they were."""
        pictures = self._session.undo()
        return self._told(pictures, "" if pictures else NOTHING)

    def _changed(self, pictures: list[str], change: Callable[[], None]) -> Reply:
        try:
            change()
        except DataError as error:
            return self._told(pictures, str(error))
        return self._told(pictures, "")

    def _told(self, pictures: list[str], said: str) -> Reply:
        entries = [self._session.entry(key) for key in pictures if key in self._session.pictures]
        return json_reply({"pictures": entries, "said": said, **self._counted()})

    def _counted(self) -> dict[str, Any]:
        counts = self._session.counts()
        folder = str(self._session.folder.path)
        return {"counts": counts, "warning": self._session.warning(), "folder": folder}


def _names(values: Mapping[str, Any]) -> list[str]:
    names = values.get("pictures")
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise DataError(f"pictures: got {names!r}, expected a list of their names")
    return names
