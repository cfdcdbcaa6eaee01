"""What a recording achieved: rates, skew, calibration; for the sidecar."""

from __future__ import annotations

import functools
import hashlib
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

import visuomotor
from visuomotor.contracts import CameraFrame, SyncedFrame
from visuomotor.recording.schema import parse_camera_topic
from visuomotor.recording.sidecar import Marker, Sidecar


class EpisodeStatistics:
    """Collects while an episode is written; `describe` fills a sidecar."""

    def __init__(self) -> None:
        self.sets = 0
        self._first_ns = self._last_ns = 0
        self._counts: Counter[str] = Counter()
        self._spans: dict[str, tuple[int, int]] = {}
        self._skews: dict[str, list[int]] = {}
        self._markers: list[Marker] = []
        self._cameras: tuple[str, ...] = ()
        self._calibrated = False
        self._calibration = hashlib.sha256()

    def add_set(self, frame: SyncedFrame) -> None:
        """Counts a set and its skews."""
        if not self.sets:
            self._first_ns = frame.stamp_ns
            self._cameras = tuple(frame.cameras)
        self.sets += 1
        self._last_ns = frame.stamp_ns
        for stream, skew in frame.skew_ns.items():
            self._skews.setdefault(stream, []).append(abs(skew))

    @property
    def last_ns(self) -> int | None:
        """The newest set's stamp; None before the first."""
        return self._last_ns if self.sets else None

    def noted(self, sidecar: Sidecar) -> Sidecar:
        """The sidecar with the instants that were named so far."""
        return replace(sidecar, markers=(*sidecar.markers, *self._markers))

    def add_calibration(self, name: str, camera: CameraFrame) -> None:
        """Takes a camera's intrinsics and extrinsics into the calibration's hash."""
        self._calibrated = True
        self._calibration.update(name.encode())
        self._calibration.update(np.round(camera.camera.matrix, 6).tobytes())
        self._calibration.update(np.round(camera.T_base_camera, 9).tobytes())

    def add_marker(self, name: str, stamp_ns: int) -> None:
        """Names an instant."""
        self._markers.append(Marker(name, stamp_ns))

    def count(self, topic: str, stamp_ns: int) -> None:
        """Counts a message that was written."""
        self._counts[topic] += 1
        first, last = self._spans.get(topic, (stamp_ns, stamp_ns))
        self._spans[topic] = (min(first, stamp_ns), max(last, stamp_ns))

    def count_sets(self) -> None:
        """Takes the sets from the messages counted (where no set was added)."""
        cameras = set()
        for topic, count in self._counts.items():
            if (parsed := parse_camera_topic(topic)) is not None:
                cameras.add(parsed[1])
                if parsed[2] == "camera_info":
                    self.sets = count if not self.sets else min(self.sets, count)
                    self._first_ns, self._last_ns = self._spans[topic]
        self._cameras = tuple(sorted(cameras))

    def describe(self, sidecar: Sidecar) -> Sidecar:
        """The sidecar with everything that was measured."""
        rates = {
            topic: round((self._counts[topic] - 1) / ((last - first) * 1e-9), 2)
            for topic, (first, last) in sorted(self._spans.items())
            if last > first
        }
        skews = {s: round(float(np.percentile(v, 95)) * 1e-6, 3) for s, v in self._skews.items()}
        return replace(
            self.noted(sidecar),
            sets=self.sets,
            duration_s=round((self._last_ns - self._first_ns) * 1e-9, 3),
            cameras=self._cameras,
            rates_hz=rates,
            skew_ms=skews or sidecar.skew_ms,
            calibration=self._calibration.hexdigest()[:16]
            if self._calibrated
            else sidecar.calibration,
            commit=sidecar.commit or software_commit(),
        )


@functools.cache
def software_commit() -> str:
    """The short commit of this checkout, or the installed version."""
    here = Path(__file__).parent
    try:
        git = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True
        )
    except OSError:  # no git on this machine
        return f"visuomotor {visuomotor.__version__}"
    return git.stdout.strip() or f"visuomotor {visuomotor.__version__}"
