"""The operator's page: what a browser asks for, and what its buttons do."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

from visuomotor.console.arm_shape import arm_shape
from visuomotor.console.episode_list import EpisodeList
from visuomotor.console.graph_view import GraphView
from visuomotor.console.held_button import HeldButton
from visuomotor.console.server import Action, Reply, Route, json_reply, page_file, whole_number
from visuomotor.errors import DataError
from visuomotor.ros import topics

FILES = (
    "operator.css",
    *(f"{name}.js" for name in ("operator", "cameras", "drawing", "episodes", "matrices", "scene")),
    "tables.js",
)


class OperatorPage:
    """Answers from a GraphView and a dataset; `enable(held)` passes the policy's dead-man on."""

    def __init__(
        self, graph: GraphView, episodes: EpisodeList, enable: Callable[[bool], None]
    ) -> None:
        self._graph, self._episodes, self._enable = graph, episodes, enable
        self._button = HeldButton()
        self._arm = arm_shape()

    @property
    def routes(self) -> dict[str, Route]:
        """What the page asks for, and the page."""
        return {
            "/": page_file("operator.html"),
            **{f"/{name}": page_file(name) for name in FILES},
            "/arm": self.arm,
            "/state": self.state,
            "/image": self.image,
            "/cloud": self.cloud,
            "/episodes": lambda _: json_reply(self._episodes.rows()),
        }

    @property
    def actions(self) -> dict[str, Action]:
        """What its buttons post."""
        return {
            "/call": self.call,
            "/record": self.record,
            "/scene": self.reset_scene,
            "/episode": self.change_episode,
            "/enable": self.hold_enable,
        }

    def arm(self, query: Mapping[str, str]) -> Reply:
        """The links' names in the order of the state's poses, and their triangles (float32)."""
        links = [
            {"name": name, "corners": base64.b64encode(corners.tobytes()).decode()}
            for name, corners in self._arm.items()
        ]
        return json_reply(links)

    def state(self, query: Mapping[str, str]) -> Reply:
        """All that changes; ?overlay=1 for a page that shows the overlay, too."""
        return json_reply(self._graph.state(query.get("overlay") == "1"))

    def image(self, query: Mapping[str, str]) -> Reply:
        """A camera's newest picture: ?view=front, ?view=overlay."""
        return "image/jpeg", self._graph.jpeg(query.get("view", ""))

    def cloud(self, query: Mapping[str, str]) -> Reply:
        """A camera's newest points (`packed_cloud`): ?view=front."""
        return "application/octet-stream", self._graph.cloud(query.get("view", ""))

    def call(self, values: Mapping[str, Any]) -> Reply:
        """Calls a service: {"service": "recorder/stop"}."""
        service = _text(values, "service")
        return json_reply({"said": f"{service}: {self._graph.operations.call(service)}"})

    def record(self, values: Mapping[str, Any]) -> Reply:
        """Begins an episode: {"task": "lift", "operator": "ada"}, empty: as the recorder has it."""
        given = {name: _text(values, name, "") for name in ("task", "operator")}
        parameters = {name: text for name, text in given.items() if text}
        said = self._graph.operations.call(topics.RECORDER_START, parameters)
        return json_reply({"said": f"{topics.RECORDER_START}: {said}"})

    def reset_scene(self, values: Mapping[str, Any]) -> Reply:
        """Another initial state of the simulation: {"seed": 7}; the bridge is anchored there."""
        seed = whole_number("seed", values.get("seed"), 0, 2**63 - 1)
        said = self._graph.operations.call(topics.SIM_RESET, {"seed": seed})
        self._graph.operations.call(topics.BRIDGE_RESET)
        return json_reply({"said": f"{topics.SIM_RESET}: {said}"})

    def change_episode(self, values: Mapping[str, Any]) -> Reply:
        """{"name": "lift/2025...", "do": "label", "outcome": "success"}, or discard, restore."""
        said = self._episodes.change(
            _text(values, "name"), _text(values, "do"), _text(values, "outcome", "")
        )
        return json_reply({"said": said})

    def hold_enable(self, values: Mapping[str, Any]) -> Reply:
        """The dead-man: {"do": "press"} names a hold; then keep and release with {"hold": name}."""
        what, hold = _text(values, "do"), _text(values, "hold", "")
        if what == "press":
            hold = self._button.press(time.monotonic_ns())
        elif what == "keep":
            self._button.keep(hold, time.monotonic_ns())
            self._enable(True)
        elif what != "release":
            raise DataError(f"do: got {what!r}, expected press, keep or release")
        elif self._button.release(hold):
            self._enable(False)
        return json_reply({"hold": hold})


def _text(values: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str):
        raise DataError(f"{name}: got {value!r}, expected text")
    return value
