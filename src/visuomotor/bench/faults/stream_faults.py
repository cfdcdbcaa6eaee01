"""Cameras and robot that die, stutter, or whose clocks are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from visuomotor.bench.faults.cell import SHIFT_S
from visuomotor.bench.faults.fault import Fault
from visuomotor.bench.faults.rig import Rig

SWITCHED_S = 0.3
"""The simulation looks at its faults four times a second."""
SEEN_S = SWITCHED_S + 0.3
"""Until the last set's command is accepted."""


def stream(
    name: str, *what: str, lasts_s: float = 2.0, arm: Any = "stops", seen_by: Any = "arm"
) -> Fault:
    """The simulation's streams are made to err, and made well again."""
    return Fault(
        name,
        f"the simulation's `stream_faults`: {', '.join(what)}; none after {lasts_s:g} s",
        lambda rig: rig.set("sim", stream_faults=what),
        _well,
        arm,
        seen_by,
        SEEN_S,
        lasts_s,
    )


def _well(rig: Rig) -> None:
    rig.set("sim", stream_faults=("",))


def faults() -> Iterator[Fault]:
    """All of them."""
    yield stream("a camera's colour dies", "front/color dead")
    yield stream("a camera's depth dies", "front/depth dead")
    yield stream("a camera dies", "front dead")
    yield stream("all cameras die", "front dead", "side dead")
    yield stream("a camera's stamps stand still", "front frozen")
    yield stream("a camera at a third of its rate", "front every 3", arm="goes on")
    yield stream("a camera at an eighth of its rate", "front every 8", lasts_s=3.0, arm="goes on")
    yield stream("robot's state lost", "robot dead", seen_by="reference")
    yield stream("robot's stamps stand still", "robot frozen", seen_by="reference")
    for sign, where in ((-1, "behind"), (1, "ahead")):
        shift = f"shift {sign * SHIFT_S:g}"
        yield stream(f"a camera's clock 10 s {where}", f"front {shift}")
        yield stream(f"the robot's clock 10 s {where}", f"robot {shift}")
        yield stream(f"all clocks but the policy's 10 s {where}", f"all {shift}")
