"""One camera's colour and depth, paired into views that wait for the other cameras."""

from __future__ import annotations

from collections import deque

from visuomotor.contracts import Float64, StampedImage
from visuomotor.geometry import PinholeCamera
from visuomotor.sync.buffer import StampedBuffer
from visuomotor.sync.config import SyncConfig, ns
from visuomotor.sync.statistics import StreamCounter

PERIOD_GAIN = 0.1
"""How fast the estimate of a camera's frame period follows its stamps."""


class View:
    """A colour image with its depth. complete: it stood in a complete set that came too early."""

    __slots__ = ("color", "complete", "depth")

    def __init__(self, color: StampedImage, depth: StampedImage | None) -> None:
        self.color = color
        self.depth = depth
        self.complete = False

    @property
    def receipt_ns(self) -> int:
        """When the later of the two was received, 0 if that is not known."""
        return max(self.color.receipt_ns, 0 if self.depth is None else self.depth.receipt_ns)


class CameraStream:
    """Takes one camera's images and keeps those that may still come into a set.

    views: complete colour + depth pairs, by the stamp of the colour. camera, T_parent_camera: its
    calibration, None until known; on_hand: whether its parent is the end effector, not the base.
    """

    def __init__(self, name: str, config: SyncConfig) -> None:
        self.name = name
        self.camera: PinholeCamera | None = None
        self.T_parent_camera: Float64 | None = None
        self.on_hand = False
        self.color = StreamCounter(f"{name}/color")
        self.depth = StreamCounter(f"{name}/depth") if config.depth else None
        self.views: StampedBuffer[View] = StampedBuffer()
        self._colors: StampedBuffer[StampedImage] = StampedBuffer()
        self._depths: StampedBuffer[StampedImage] = StampedBuffer()
        self._view_depths: deque[int] = deque(maxlen=config.max_buffered)
        self._pair_ns = ns(config.depth_tolerance_ms)
        self._buffer_ns = ns(config.buffer_ms)
        self._max_buffered = config.max_buffered
        self._passed_color_ns: int | None = None
        self._passed_depth_ns: int | None = None
        self._too_early_ns: int | None = None
        self._period_ns = 0.0
        self._odd_intervals = 0

    @property
    def counters(self) -> tuple[StreamCounter, ...]:
        """Its streams, colour first."""
        return (self.color,) if self.depth is None else (self.color, self.depth)

    def buffered(self, counter: StreamCounter) -> int:
        """Messages of one of its streams that wait."""
        return len(self.views) + len(self._colors if counter is self.color else self._depths)

    def add_color(self, image: StampedImage) -> bool:
        """Takes a colour image; whether it completed a view."""
        stamp = image.stamp_ns
        newest = self.color.newest_ns
        if newest is not None and stamp > newest:
            self._learn_period(stamp - newest)
        known = stamp in self.views or stamp in self._colors
        if not self._admit(self.color, stamp, self._passed_color_ns, self._too_early_ns, known):
            return False
        if self.depth is None:
            return self._add_view(View(image, None))
        depth = self._depths.take_nearest(stamp, self._pair_ns)
        if depth is None:
            self._colors.insert(stamp, image)
            self._trim(self._colors, self.color)
            return False
        return self._pair(image, depth)

    def add_depth(self, image: StampedImage) -> bool:
        """Takes a depth image; whether it completed a view."""
        assert self.depth is not None
        stamp = image.stamp_ns
        early = None if self._too_early_ns is None else self._too_early_ns - self._pair_ns
        known = stamp in self._depths or stamp in self._view_depths
        if not self._admit(self.depth, stamp, self._passed_depth_ns, early, known):
            return False
        color = self._colors.take_nearest(stamp, self._pair_ns)
        if color is None:
            self._depths.insert(stamp, image)
            self._trim(self._depths, self.depth)
            return False
        return self._pair(color, image)

    def expected_stamps(self) -> list[int]:
        """Where the next views should lie: waiting colours first, then one period on."""
        newest = self.views.stamps[-1] if self.views else None
        stamps = [s for s in self._colors.stamps if newest is None or s > newest]
        last = self.color.newest_ns
        if self._period_ns > 0 and last is not None:
            stamps.append(round(last + self._period_ns))
        return stamps

    def pass_view(self, view: View, set_stamp_ns: int, reason: str | None) -> None:
        """The view went into a set (reason None), or was given up; so is all before it."""
        color = view.color.stamp_ns
        self._give_up(color, view.depth.stamp_ns if view.depth is not None else color)
        taken = self.views.take_first(1)
        assert taken == [view]
        self._passed_color_ns = color
        if view.depth is not None:
            self._passed_depth_ns = view.depth.stamp_ns
        if reason is not None:
            self._drop_view(view, reason)
            return
        self.color.use(color - set_stamp_ns)
        if view.depth is not None and self.depth is not None:
            self.depth.use(view.depth.stamp_ns - set_stamp_ns)

    def too_early(self, stamp_ns: int) -> None:
        """No set to come can have colour before this stamp."""
        self._too_early_ns = stamp_ns
        self._give_up(stamp_ns, stamp_ns - self._pair_ns)

    def clear(self, reason: str) -> None:
        """Drops all that waits and forgets what has passed; keeps the calibration."""
        for view in self.views.take_first(len(self.views)):
            self._drop_view(view, reason)
        for _ in self._colors.take_first(len(self._colors)):
            self.color.drop(reason)
        for counter in self.counters:
            counter.newest_ns = None
        if self.depth is not None:
            for _ in self._depths.take_first(len(self._depths)):
                self.depth.drop(reason)
        self._view_depths.clear()
        self._passed_color_ns = self._passed_depth_ns = self._too_early_ns = None

    def _admit(
        self,
        counter: StreamCounter,
        stamp: int,
        passed: int | None,
        early: int | None,
        known: bool,
    ) -> bool:
        newest = counter.newest_ns
        in_order = newest is None or stamp > newest
        if in_order:
            counter.newest_ns = stamp
        if known or stamp == passed:
            counter.drop("duplicate")
        elif passed is not None and stamp < passed:
            counter.drop("late" if in_order else "out_of_order")
        elif early is not None and stamp < early:
            counter.drop("rate" if in_order else "out_of_order")
        else:
            return True
        return False

    def _pair(self, color: StampedImage, depth: StampedImage) -> bool:
        if color.data.shape[:2] != depth.data.shape[:2]:
            for counter in self.counters:
                counter.drop("bad_size")
            return False
        self._view_depths.append(depth.stamp_ns)
        return self._add_view(View(color, depth))

    def _add_view(self, view: View) -> bool:
        self.views.insert(view.color.stamp_ns, view)
        self._trim(self.views, self.color)
        return True

    def _trim(
        self, buffer: StampedBuffer[View] | StampedBuffer[StampedImage], counter: StreamCounter
    ) -> None:
        """Keeps one buffer within buffer_ms and max_buffered."""
        taken: list[tuple[View | StampedImage, str]] = []
        if buffer.stamps[-1] - buffer.stamps[0] > self._buffer_ns:
            old = buffer.take_before(buffer.stamps[-1] - self._buffer_ns)
            taken += [(item, "no_partner") for item in old]
        if len(buffer) > self._max_buffered:
            taken += [(item, "buffer_full") for item in buffer.take_first(1)]
        for item, reason in taken:
            if isinstance(item, View):
                self._drop_view(item, reason)
            else:
                counter.drop(reason)

    def _give_up(self, color_ns: int, depth_ns: int) -> None:
        for view in self.views.take_before(color_ns):
            self._drop_view(view, "rate" if view.complete else "no_partner")
        for _ in self._colors.take_before(color_ns):
            self.color.drop("no_partner")
        if self.depth is not None:
            for _ in self._depths.take_before(depth_ns):
                self.depth.drop("no_partner")

    def _drop_view(self, view: View, reason: str) -> None:
        for counter in self.counters:
            counter.drop(reason)

    def _learn_period(self, interval_ns: int) -> None:
        if self._period_ns > 0 and interval_ns > 1.5 * self._period_ns and self._odd_intervals < 10:
            self._odd_intervals += 1  # lost frames; many in a row are a new rate
            return
        self._odd_intervals = 0
        gain = PERIOD_GAIN if 0 < interval_ns <= 1.5 * self._period_ns else 1.0
        self._period_ns += gain * (interval_ns - self._period_ns)
