"""What the sides of the simulators' comparison share: 20 Hz control steps with images."""

from __future__ import annotations

import time
from typing import Any, Protocol

from visuomotor.bench.peers.sides import serve


class World(Protocol):
    """A simulated Panda that lifts a cube, with cameras."""

    def open(self) -> None:
        """Makes it, and draws its first images."""

    def turn(self, steps: int) -> float:
        """Mean milliseconds of so many control steps of 50 ms, each with every camera's image."""

    def about(self) -> dict[str, Any]:
        """What is simulated and drawn, once it is open."""


def serve_world(world: World) -> None:
    """Serves open, turn and about."""

    def open_() -> float:
        start = time.perf_counter()
        world.open()
        return time.perf_counter() - start

    serve({"open": open_, "turn": world.turn, "about": world.about})
