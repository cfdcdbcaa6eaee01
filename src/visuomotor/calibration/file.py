"""Writes what was measured into the calibration file, beside what stands there already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.calibration.board import Board
from visuomotor.calibration.extrinsics import CameraResult
from visuomotor.config import load_yaml, read_yaml, save_yaml
from visuomotor.errors import CalibrationError, ConfigError
from visuomotor.sync.calibration import INTRINSICS
from visuomotor.sync.latency import LATENCY, Latency, read_latency

DEFAULT_FILE = Path("calibration.yaml")


def load_board(path: Path | None) -> Board:
    """The board of a file, without one the default board; ConfigError names what is wrong."""
    if path is None:
        return Board()
    if not path.is_file():
        raise ConfigError(
            f"{path}: no such file; write one with `visuomotor calibrate board`, or by hand: "
            "columns, rows, square_m, marker_m, dictionary"
        )
    return load_yaml(Board, path)


def write_extrinsics(path: Path, cameras: Mapping[str, CameraResult], date: str) -> None:
    """Sets the cameras' poses and errors; other cameras, intrinsics and latencies stay.

    date: ISO 8601, of the measurement. What the file said before is kept as `<name>.old`.
    Raises CalibrationError for a file that cannot be read, or a camera called `latency`.
    """
    values = _existing(path)
    for name, result in cameras.items():
        if name == LATENCY:
            raise CalibrationError(f"got a camera called {LATENCY!r}, which is a key of the file")
        before = values.get(name)
        known = before if isinstance(before, Mapping) else {}
        values[name] = {
            f"T_{result.parent}_camera": np.round(result.T_parent_camera, 9).tolist(),
            **{key: known[key] for key in INTRINSICS if key in known},
            "date": date,
            "views": result.views,
            "reprojection_px": round(result.reprojection_px, 3),
            "error_mm": round(result.error_mm, 2),
            **(
                {}
                if result.depth_error_mm is None
                else {"depth_error_mm": round(result.depth_error_mm, 2)}
            ),
            "std_mm": round(result.std_mm, 2),
            "std_deg": round(result.std_deg, 3),
        }
    _write(path, values)


def write_latency(path: Path, measured: Latency, add: bool = False) -> Latency:
    """Sets the latencies that were measured (others stay); returns all that the file then has.

    add: the images were corrected already by what the file has of their cameras, so what was
    measured comes on top of it.
    """
    values = _existing(path)
    before = read_latency(values.get(LATENCY), f"{path}: {LATENCY}")
    cameras = {
        **before.cameras,
        **{
            n: s + (before.cameras.get(n, 0.0) if add else 0.0) for n, s in measured.cameras.items()
        },
    }
    now = Latency(
        {name: round(seconds, 4) for name, seconds in cameras.items()},
        round(measured.command_s or before.command_s, 4),
        round(measured.reference_s or before.reference_s, 4),
        measured.date or before.date,
    )
    section: dict[str, Any] = {"cameras": dict(now.cameras)}
    section |= {"command": now.command_s} if now.command_s else {}
    section |= {"reference": now.reference_s} if now.reference_s else {}
    values[LATENCY] = section | ({"date": now.date} if now.date else {})
    _write(path, values)
    return now


def _existing(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return read_yaml(path)
    except ConfigError as error:
        raise CalibrationError(str(error)) from error


def _write(path: Path, values: Mapping[str, Any]) -> None:
    """All or nothing: a node that starts meanwhile reads the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    save_yaml(values, fresh)
    if path.exists():
        path.with_name(f"{path.name}.old").write_bytes(path.read_bytes())
    os.replace(fresh, path)
