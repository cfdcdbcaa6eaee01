"""How late cameras' stamps are and how long a command takes, from the calibration file."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visuomotor.config import read_yaml
from visuomotor.errors import CalibrationError, ConfigError, shown, unknown_name

LATENCY = "latency"
"""The file's key beside the cameras' names."""
KEYS = ("cameras", "command", "reference", "date")
LONGEST_S = 1.0


@dataclass(frozen=True)
class Latency:
    """Seconds. cameras: by name, how much later than the robot's states an image is stamped.

    command_s: from the stamp of an accepted command/target_pose until the arm is there;
    reference_s: the same for command/reference; 0 where it was not measured. date: when (ISO).
    """

    cameras: Mapping[str, float] = field(default_factory=dict)
    command_s: float = 0.0
    reference_s: float = 0.0
    date: str = ""

    @property
    def known(self) -> bool:
        """Whether anything was measured."""
        return bool(self.cameras or self.command_s or self.reference_s)


def load_latency(path: Path | str) -> Latency:
    """Reads `latency: {cameras: {front: 0.031}, command: 0.058}` of a calibration file.

    A file without that key gives zeros. Raises CalibrationError, which names file and key, for a
    file that cannot be read or a latency of more than a second.
    """
    try:
        values = read_yaml(path)
    except ConfigError as error:
        raise CalibrationError(str(error)) from error
    return read_latency(values.get(LATENCY), f"{path}: {LATENCY}")


def read_latency(values: Any, where: str) -> Latency:
    """The file's value below `latency`; None gives zeros."""
    if values is None:
        return Latency()
    if not isinstance(values, Mapping):
        raise CalibrationError(f"{where}: got {shown(values)}, expected cameras: and command: in s")
    for key in values:
        if key not in KEYS:
            name = key if isinstance(key, str) else shown(key)
            raise CalibrationError(f"{where}: {unknown_name('key', name, KEYS)}")
    cameras = values.get("cameras") or {}
    if not isinstance(cameras, Mapping):
        raise CalibrationError(
            f"{where}: cameras: got {shown(cameras)}, expected seconds by camera"
        )
    date = values.get("date", "")
    named = {n if isinstance(n, str) else shown(n): v for n, v in cameras.items()}
    return Latency(
        {name: _seconds(v, f"{where}: camera {name}") for name, v in named.items()},
        _seconds(values.get("command", 0.0), f"{where}: command"),
        _seconds(values.get("reference", 0.0), f"{where}: reference"),
        str(date) if isinstance(date, (str, datetime.date)) else shown(date),
    )


def _seconds(value: Any, where: str) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and abs(value) < LONGEST_S):  # a NaN fails too
        raise CalibrationError(
            f"{where}: got {shown(value)}, expected seconds, less than {LONGEST_S:g}; measure it "
            "again with `visuomotor calibrate latency`"
        )
    return float(value)
