"""What the synchroniser may be told; every time is a tolerance on header stamps."""

from __future__ import annotations

from dataclasses import dataclass

from visuomotor.errors import unknown_name


@dataclass(frozen=True)
class SyncConfig:
    """Which streams make a set and how far apart they may be.

    cameras: every camera of a set, in order. optional_cameras: those of them without which a set
    is emitted all the same (after at most max_wait_ms while the camera still lives); a set
    always has the others. depth: whether every camera has a depth stream.
    rate_hz: most sets per second.
    tolerance_ms: a camera's colour may be this far from the set's stamp. depth_tolerance_ms:
    depth may be this far from its own camera's colour; keep it below half a frame period.
    max_bracket_ms, max_gripper_bracket_ms: the two robot samples around a set's stamp may be
    this far apart. max_wait_ms: longest wait of a complete set for its robot samples or its
    calibration; then it is refused and counted.
    buffer_ms, max_buffered: images older than this, or more than this, are given up.
    dead_after_ms: a stream silent for so long is reported dead.
    Raises ValueError for what contradicts itself.
    """

    cameras: tuple[str, ...]
    optional_cameras: tuple[str, ...] = ()
    depth: bool = True
    rate_hz: float = 20.0
    tolerance_ms: float = 12.5
    depth_tolerance_ms: float = 5.0
    max_bracket_ms: float = 100.0
    max_gripper_bracket_ms: float = 250.0
    max_wait_ms: float = 300.0
    buffer_ms: float = 500.0
    max_buffered: int = 64
    dead_after_ms: float = 1000.0

    def __post_init__(self) -> None:
        if not self.cameras or len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"cameras: got {self.cameras}, expected one or more distinct names")
        for name in self.optional_cameras:
            if name not in self.cameras:
                raise ValueError(
                    f"optional_cameras: {unknown_name('camera', name, self.cameras)}; "
                    "an optional camera stands in `cameras` too"
                )
        if not self.required_cameras:
            raise ValueError("optional_cameras: got every camera, expected to leave at least one")
        for key in ("rate_hz", "max_bracket_ms", "max_gripper_bracket_ms", "buffer_ms"):
            if not 0 < getattr(self, key) < 1e6:
                raise ValueError(f"{key}: got {getattr(self, key)}, expected more than 0")
        for key in ("tolerance_ms", "depth_tolerance_ms", "max_wait_ms", "dead_after_ms"):
            if not 0 <= getattr(self, key) < 1e6:
                raise ValueError(f"{key}: got {getattr(self, key)}, expected 0 or more")
        if self.max_buffered < 2:
            raise ValueError(f"max_buffered: got {self.max_buffered}, expected 2 or more")

    @property
    def required_cameras(self) -> tuple[str, ...]:
        """The cameras that every set has, in order."""
        return tuple(c for c in self.cameras if c not in self.optional_cameras)


def ns(milliseconds: float) -> int:
    """Milliseconds in whole nanoseconds."""
    return round(milliseconds * 1e6)
