"""One line that says whether sets come, and if not, what is to blame."""

from __future__ import annotations

import math
from collections.abc import Mapping

from visuomotor.sync.config import SyncConfig
from visuomotor.sync.statistics import REASONS, StreamStats


def describe(
    config: SyncConfig,
    streams: Mapping[str, StreamStats],
    uncalibrated: Mapping[str, str],
    flowing: bool,
    refused: Mapping[str, int],
) -> tuple[str, bool]:
    """The line, and whether all is as it should be.

    streams: by name ("front/color", ..., "pose"). uncalibrated: camera -> what it lacks.
    flowing: whether a set came lately. refused: complete sets that were not emitted, by reason.
    """
    silent = {name: _silence(s) for name, s in streams.items() if s.dead}
    blocking = {n: t for n, t in silent.items() if n.split("/")[0] not in config.optional_cameras}
    if blocking:
        named = ", ".join(f"{name} ({text})" for name, text in blocking.items())
        return f"no sets: {_owners(blocking)} dead: {named}", False
    waiting = {n: w for n, w in uncalibrated.items() if n not in config.optional_cameras}
    if waiting:
        named = ", ".join(f"{what} of camera {name}" for name, what in waiting.items())
        return f"no sets: {named} never came", False
    if not flowing and refused:
        worst = max(refused, key=lambda reason: refused[reason])
        return f"no sets: {refused[worst]} refused as {worst}: {REASONS[worst]}", False
    if not flowing:
        return (
            "no sets: all streams live, but no stamps of all cameras lie within "
            f"tolerance_ms {config.tolerance_ms:g} of one another's middle; "
            "look at the drops by reason and at the cameras' clocks",
            False,
        )
    if silent:
        named = ", ".join(f"{name} ({text})" for name, text in silent.items())
        return f"sets come without {_owners(silent)}, dead: {named}", False
    return "ok", True


def _owners(names: Mapping[str, str]) -> str:
    """The cameras, or robot streams, that the streams belong to."""
    owners = dict.fromkeys(n.split("/")[0] if "/" in n else f"robot stream {n}" for n in names)
    return ", ".join(o if o.startswith("robot") else f"camera {o}" for o in owners)


def _silence(stream: StreamStats) -> str:
    never = math.isinf(stream.age_s)
    return "never received" if never else f"silent for {stream.age_s:.1f} s"
