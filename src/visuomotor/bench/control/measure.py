"""`bench control`: a streamed sinusoid through each backend that runs here, and what breaks it."""

from __future__ import annotations

import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.control.cell import ControlCell, control_cell
from visuomotor.bench.control.faults import faults_of
from visuomotor.bench.control.log import peak_speed, rest_after
from visuomotor.bench.control.processes import cpu_seconds, node_processes
from visuomotor.bench.control.sinusoid import IDEAL_ACCELERATION, following, offset_m
from visuomotor.bench.control.streamer import AXIS, along, streaming
from visuomotor.bench.results import save_result
from visuomotor.contracts import Float64

BACKENDS = ("mujoco", "libfranka")
WARM_UP_S, STREAM_S = 4.0, 24.0


def run(
    out: Path, backends: tuple[str, ...] = BACKENDS, stream_s: float = STREAM_S
) -> dict[str, Any]:
    """Measures and writes `control.json`."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    figures: dict[str, Any] = {"ideal_acceleration_rms": IDEAL_ACCELERATION}
    for backend in backends:
        log = Path(tempfile.mkdtemp()) / f"{backend}.log"
        with control_cell(backend, log, require_enable="true") as (cell, launched):
            processes = node_processes(launched.pid, ("sim", "cartesian_bridge"))
            figures[backend] = {
                **sinusoid(cell, stream_s, processes),
                "jump": jump(cell),
                "stall": stall(cell),
                "killed": killed(cell),
            }
            figures[backend]["faults"] = faults_of(backend, cell, launched.pid)
    return save_result(
        out / "control.json",
        figures,
        "the bridge's reference, which may not overshoot a target that stops; for libfranka also "
        "the impedance's spring and an arm in Python, its client at 500 Hz, on the same two cores",
        "visuomotor bench control",
        [],
    )


def sinusoid(cell: ControlCell, seconds: float, processes: dict[str, int]) -> dict[str, Any]:
    """Streams the sinusoid; lag, errors and smoothness of the arm and of its reference."""
    home = cell.pose
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    begin, lived = time.monotonic(), cell.physics[-1][1]
    start_s = cell.stream(lambda t: along(home, offset_m(t)), WARM_UP_S + seconds)
    wall_s = time.monotonic() - begin
    end_s = start_s + WARM_UP_S + seconds
    result: dict[str, Any] = {}
    for name, track in (("arm", cell.measured), ("reference", cell.reference)):
        times, positions = track.between(start_s + WARM_UP_S, end_s)
        result[name] = following(times, positions[:, AXIS] - home[AXIS, 3], start_s)
    for name, pid in processes.items():
        result[f"{name}_cpu"] = (cpu_seconds(pid) - before[name]) / wall_s
    result["real_time_factor"] = (cell.physics[-1][1] - lived) / wall_s
    return result


def settle(cell: ControlCell) -> Float64:
    """Stands still, and anchors anew."""
    cell.wait(lambda: cell.state != "policy", "the stream's end")
    cell.ready()
    return cell.pose


def jump(cell: ControlCell) -> dict[str, float]:
    """In the middle of the sinusoid every target is 10 cm off for half a second."""
    home, refused = settle(cell), cell.counter("refused/policy/jump")
    start_s = cell.stream(lambda t: along(home, offset_m(t) + 0.10 * (2.0 <= t < 2.5)), 4.0)
    return {
        "refused": cell.counter("refused/policy/jump") - refused,
        "peak_speed": peak_speed(cell.measured, start_s + 2.0, start_s + 4.0),
        "farthest_mm": 1e3 * _farthest(cell, home, start_s + 1.9, start_s + 4.0),
    }


def stall(cell: ControlCell) -> dict[str, float]:
    """The policy is silent for 1.5 s at full speed, and goes on where it would have been."""
    home = settle(cell)
    start_s = cell.stream(lambda t: None if 2.0 <= t < 3.5 else along(home, offset_m(t)), 6.0)
    return {
        "rest_after_s": rest_after(cell.measured, start_s + 2.0, start_s + 3.5),
        "peak_speed": peak_speed(cell.measured, start_s + 2.0, start_s + 6.0),
    }


def killed(cell: ControlCell) -> dict[str, float]:
    """The process that streams is killed at full speed; the operator goes on holding his button."""
    home = settle(cell)
    policy = streaming(home)
    try:
        cell.wait(lambda: cell.pose[AXIS, 3] > home[AXIS, 3] + 0.03, "motion", enable=True)
        cell.wait(lambda: abs(cell.pose[AXIS, 3] - home[AXIS, 3]) < 0.01, "its middle", enable=True)
    finally:
        killed_s = cell.now_s
        policy.kill()
        policy.wait()
    cell.wait(lambda: cell.state == "hold", "the hold", enable=True)
    time.sleep(1.0)
    positions = cell.measured.between(killed_s, killed_s + 2.0)[1]
    return {
        "rest_after_s": rest_after(cell.measured, killed_s, killed_s + 1.2),
        "peak_speed": peak_speed(cell.measured, killed_s, killed_s + 1.2),
        "way_mm": 1e3 * float(np.abs(positions[:, AXIS] - positions[0, AXIS]).max()),
    }


def _farthest(cell: ControlCell, home: Float64, start_s: float, end_s: float) -> float:
    positions = cell.measured.between(start_s, end_s)[1]
    return float(np.abs(positions[:, AXIS] - home[AXIS, 3]).max())
