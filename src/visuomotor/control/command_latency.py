"""How long a command takes to the arm, from the file that holds the calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visuomotor.config import read_yaml
from visuomotor.errors import CalibrationError, ConfigError


def read_command_latency(path: Path | str) -> float | None:
    """`latency: {command: seconds}` of a calibration file; None where it holds none.

    Raises CalibrationError for a file that is none, and for what is no latency below a second.
    """
    try:
        latency: Any = read_yaml(path).get("latency", {})
    except ConfigError as error:
        raise CalibrationError(str(error)) from error
    if not isinstance(latency, Mapping):
        raise CalibrationError(f"{path}: got latency {latency!r}, expected command: seconds")
    value = latency.get("command")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise CalibrationError(
            f"{path}: got latency.command {value!r}, expected seconds from 0 to 1; measure it again"
        )
    return float(value)
