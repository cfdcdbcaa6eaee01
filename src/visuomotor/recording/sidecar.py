"""`episode.yaml`: what is known about an episode beside its bag, and may change later."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from visuomotor.config import load_yaml, save_yaml
from visuomotor.errors import ConfigError, DataError

Outcome = Literal["success", "failure", "unknown"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
SIDECAR = "episode.yaml"
LONGEST_S = 1e7
"""No episode is as long (115 days); a moment after it is no moment of an episode."""


@dataclass(frozen=True)
class Marker:
    """A named instant of an episode."""

    name: str
    stamp_ns: int


@dataclass(frozen=True)
class Sidecar:
    """An episode's description.

    trim_s: (start, end) in seconds after the first set; what lies outside is ignored, never
    deleted. rates_hz: achieved, per topic. drops: lost messages or sets by reason. skew_ms: 95th
    percentile per stream. calibration: hash over every camera's intrinsics and extrinsics.
    """

    task: str
    operator: str = ""
    outcome: Outcome = "unknown"
    tags: tuple[str, ...] = ()
    trim_s: tuple[float, float] | None = None
    markers: tuple[Marker, ...] = ()
    utc: str = ""
    seed: int | None = None
    cameras: tuple[str, ...] = ()
    color: str = ""
    sets: int = 0
    duration_s: float = 0.0
    rates_hz: dict[str, float] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    skew_ms: dict[str, float] = field(default_factory=dict)
    calibration: str = ""
    commit: str = ""

    def __post_init__(self) -> None:
        if not self.task or "/" in self.task or self.task.startswith("."):
            raise ValueError(f"task: got {self.task!r}, expected a plain name such as 'lift'")
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome: got {self.outcome!r}, expected one of {OUTCOMES}")
        if self.trim_s is not None and not 0 <= self.trim_s[0] < self.trim_s[1] <= LONGEST_S:
            raise ValueError(
                f"trim: got {self.trim_s}, expected 0 <= start < end in seconds after the first "
                f"set, at most {LONGEST_S:.0f}"
            )


def load_sidecar(episode: Path) -> Sidecar:
    """Reads an episode's sidecar; DataError names the file if it is unreadable.

    A bag without one (recorded by `ros2 bag`) is an unlabelled episode of its folder's task.
    """
    if not (episode / SIDECAR).exists():
        return Sidecar(task=episode.resolve().parent.name)
    try:
        return load_yaml(Sidecar, episode / SIDECAR)
    except ConfigError as error:
        raise DataError(f"{error}; correct it by hand (`task: NAME` is enough)") from error


def save_sidecar(sidecar: Sidecar, episode: Path) -> None:
    """Replaces an episode's sidecar in one step: a reader sees the old or the new one."""
    temporary = episode / f".{SIDECAR}.{os.getpid()}"
    save_yaml(sidecar, temporary)
    os.replace(temporary, episode / SIDECAR)
