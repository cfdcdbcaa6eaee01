"""docs/results/control.md, made of `control.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from visuomotor.bench.results import measured
from visuomotor.bench.study.markdown import grid

Figures = Mapping[str, Any]

HEAD = """# How the arm follows, and what it does when something fails

`visuomotor bench control` writes this page. A policy streams targets at 20 Hz; the bridge makes
references of them at 100 Hz, a backend makes the simulated arm follow. `mujoco`: the world takes
the references. `libfranka`: franky's impedance tracking over the arm's network protocol, in the
world's own process on the other side. No real arm was measured.
"""

FOLLOWING = """
## A sinusoid of 5 cm and 0.25 Hz

Lag and gain are of the sinusoid fitted to the arm's measured position; the error is the distance
from the target at the same instant; the acceleration's ideal is {ideal:.3f} m/s². Speeds are over
60 ms, by the messages' stamps.

"""

FAULTS = """
## Faults

The arm goes at 0.1 m/s when the fault comes. Overshoot: beyond the farthest accepted target. Each
row is a test (test/graph/test_faults.py), which also sees the arm follow again afterwards. A push
moves the hand by its own force, however the bridge brakes: the limit there is the reference's.

"""


def page(result: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    figures = result["figures"]
    backends = [b for b in figures if isinstance(figures[b], dict)]
    parts = [HEAD, FOLLOWING.format(ideal=figures["ideal_acceleration_rms"])]
    parts.append(grid(_FOLLOWING_HEAD, [_following(b, figures[b]) for b in backends]) + "\n")
    parts.append("\n" + grid(_BREAKS_HEAD, [_breaks(b, figures[b]) for b in backends]) + "\n")
    parts.append(FAULTS)
    rows = [_fault(b, row) for b in backends for row in figures[b]["faults"]]
    parts.append(grid(_FAULT_HEAD, rows) + "\n")
    parts.append(f"\n{measured(result)}\n")
    return "".join(parts)


_FOLLOWING_HEAD = (
    *("backend", "lag of the arm, ms", "of the reference", "rms error, mm", "gain"),
    *("acceleration rms, arm", "reference", "cpu of sim", "of the bridge", "real-time factor"),
)


def _following(backend: str, f: Figures) -> list[str]:
    arm, reference = f["arm"], f["reference"]
    return [
        backend,
        f"{arm['lag_ms']:.0f}",
        f"{reference['lag_ms']:.0f}",
        f"{arm['rms_mm']:.1f}",
        f"{arm['gain']:.2f}",
        f"{arm['acceleration_rms']:.3f}",
        f"{reference['acceleration_rms']:.3f}",
        f"{f['sim_cpu']:.2f}",
        f"{f['cartesian_bridge_cpu']:.2f}",
        f"{f['real_time_factor']:.2f}",
    ]


_BREAKS_HEAD = (
    *("backend", "10 cm jump: refused targets", "peak speed, m/s"),
    *("1.5 s stall: at rest after, s", "peak speed afterwards", "policy killed: at rest after, s"),
    "way, mm",
)


def _breaks(backend: str, f: Figures) -> list[str]:
    return [
        backend,
        f"{f['jump']['refused']}",
        f"{f['jump']['peak_speed']:.2f}",
        _seconds(f["stall"]["rest_after_s"]),
        f"{f['stall']['peak_speed']:.2f}",
        _seconds(f["killed"]["rest_after_s"]),
        f"{f['killed']['way_mm']:.0f}",
    ]


_FAULT_HEAD = (
    *("backend", "fault", "the bridge then", "because", "peak speed of the arm, m/s"),
    *("of the reference", "overshoot, mm", "at rest after, s", "and then"),
)


def _fault(backend: str, row: Figures) -> list[str]:
    return [
        backend,
        row["fault"],
        row["state"],
        row["reason"].split(";")[0],
        f"{row['peak_speed']:.2f}",
        f"{row['reference_speed']:.2f}",
        f"{row['overshoot_mm']:.1f}",
        _seconds(row["rest_after_s"]),
        row["back"],
    ]


def _seconds(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "not"
