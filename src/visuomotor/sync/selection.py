"""The next set that could go out, and whether a tighter one is worth waiting for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visuomotor.sync.camera import CameraStream, View
from visuomotor.sync.config import SyncConfig, ns
from visuomotor.sync.matching import Match, match
from visuomotor.sync.rate import RateGate

WORTH_WAITING_NS = 2_000_000
"""A complete set waits for a tighter one only if its spread shrinks by more than this."""

HOLD_SLACK_NS = 5_000_000
"""How much later than its stamp predicts an awaited image may come."""


@dataclass
class Candidate:
    """The next set.

    views: by camera. since_ns: when its last image was received. hold_ns: how long after that it
    waits for a tighter set, or for an optional camera.
    """

    stamp_ns: int
    views: dict[str, View]
    since_ns: int
    hold_ns: int


class Selector:
    """Chooses among the views that the cameras hold."""

    def __init__(
        self, config: SyncConfig, cameras: Mapping[str, CameraStream], gate: RateGate
    ) -> None:
        self._cameras = cameras
        self._required = [cameras[name] for name in config.required_cameras]
        self._optional = [cameras[name] for name in config.optional_cameras]
        self._gate = gate
        self._tolerance_ns = ns(config.tolerance_ms)
        self._max_wait_ns = ns(config.max_wait_ms)
        self._dead_after_ns = ns(config.dead_after_ms)

    def select(self, previous: Candidate | None, now_ns: int) -> Candidate | None:
        """The next set, None if there is none yet; `previous` keeps its age if it is the same."""
        stamps = [camera.views.stamps for camera in self._required]
        found = match(stamps, 2 * self._tolerance_ns, self._gate.earliest_ns)
        for indices in found.skipped:
            for camera, i in zip(self._required, indices, strict=True):
                camera.views.items[i].complete = True
        if found.indices is None:
            return None
        views = {
            camera.name: camera.views.items[i]
            for camera, i in zip(self._required, found.indices, strict=True)
        }
        hold = self._hold(found)
        for camera in self._optional:
            view = self._nearest(camera, found.stamp_ns)
            if view is not None:
                views[camera.name] = view
            elif self._awaited(camera, found.stamp_ns):
                hold = self._max_wait_ns
        since = max(view.receipt_ns for view in views.values())
        if since <= 0:  # receipts are not known
            same = previous is not None and previous.stamp_ns == found.stamp_ns
            since = previous.since_ns if previous is not None and same else now_ns
        return Candidate(found.stamp_ns, views, since, hold)

    def forget_early(self) -> None:
        """Drops the images that lie too early for any set the gate still admits."""
        if self._gate.earliest_ns is not None:
            for camera in self._cameras.values():
                camera.too_early(self._gate.earliest_ns - self._tolerance_ns)

    def _hold(self, found: Match) -> int:
        """How long until a tighter set that shares a view with this one should be there, in ns."""
        if found.spread_ns <= WORTH_WAITING_NS:
            return 0
        expected = [c.views.stamps + c.expected_stamps() for c in self._required]
        best = match(expected, 2 * self._tolerance_ns, self._gate.earliest_ns)
        if best.indices is None or best.spread_ns > found.spread_ns - WORTH_WAITING_NS:
            return 0
        newest = max(s[i] for s, i in zip(expected, best.indices, strict=True))
        wait = newest - (found.stamp_ns + found.spread_ns // 2) + HOLD_SLACK_NS
        return min(max(wait, 0), self._max_wait_ns)

    def _nearest(self, camera: CameraStream, stamp_ns: int) -> View | None:
        views = camera.views
        if not views:
            return None
        i = min(range(len(views)), key=lambda j: abs(views.stamps[j] - stamp_ns))
        near = abs(views.stamps[i] - stamp_ns) <= self._tolerance_ns
        return views.items[i] if near else None

    def _awaited(self, camera: CameraStream, stamp_ns: int) -> bool:
        """Whether a living optional camera may still send a view for this stamp."""
        newest = camera.color.newest_ns
        if newest is None or newest < stamp_ns - self._dead_after_ns:
            return False
        return not camera.views or camera.views.stamps[-1] < stamp_ns + self._tolerance_ns
