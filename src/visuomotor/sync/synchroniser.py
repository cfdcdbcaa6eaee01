"""Stamped streams of cameras and robot in, sets with one stamp out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import (
    CameraFrame,
    Float64,
    RobotState,
    StampedImage,
    SyncedFrame,
    UInt8,
    UInt16,
)
from visuomotor.errors import CalibrationError, ConfigError, unknown_name
from visuomotor.geometry import PinholeCamera, interpolate_pose, is_pose
from visuomotor.sync.calibration import CameraCalibration, Parent
from visuomotor.sync.camera import CameraStream
from visuomotor.sync.config import SyncConfig, ns
from visuomotor.sync.rate import RateGate
from visuomotor.sync.robot import InterpolatedStream
from visuomotor.sync.selection import Candidate, Selector
from visuomotor.sync.statistics import StreamCounter, SyncStats, percentiles_ms, rate_hz
from visuomotor.sync.status import describe

CLOCK_JUMP_NS = 1_000_000_000
"""Stamps that leap further than this start a new time."""

Joints = tuple[Float64, Float64]
V = TypeVar("V")


class FrameSynchroniser:
    """Makes `SyncedFrame`s from the streams of N cameras and the robot.

    A set is one view (colour with its own depth) per camera, within tolerance of the set's
    stamp, which is the middle between the oldest and the newest colour of the required cameras;
    equal stamps stay what they are. The robot is interpolated to that stamp between two samples,
    never extrapolated. A set goes out at the `poll` after its last piece came; it waits only
    where a camera's next frame will make a tighter set (`match`), and at most max_wait_ms. When
    all stamps are equal nothing waits. Sets come in the order of their stamps, at most rate_hz
    (`RateGate`), and an image is in one set at most. Every message that is in none is counted
    with one of `REASONS`.

    A camera's stamps are made earlier by the latency that `calibration` holds of it, before all
    else: a set's stamp, skews and robot are of the moment that its images show. Who takes sets
    that were synchronised already passes no calibration, so none is corrected twice.

    Stamps that go back by more than a second on their stream, or ahead of all streams by more,
    are a jump of the clock: what waits is dropped and counted, and the sets begin anew.
    Memory is bounded by max_buffered images per stream. No clock is read here: `poll` and
    `stats` take the time on the clock of the stamps. Not thread-safe.
    """

    def __init__(
        self, config: SyncConfig, calibration: Mapping[str, CameraCalibration] | None = None
    ) -> None:
        """What `calibration` holds of a camera stays, whatever `set_...` brings later."""
        self.config = config
        self._cameras = {name: CameraStream(name, config) for name in config.cameras}
        self._calibration = dict(calibration or {})
        for name, known in self._calibration.items():
            stream = self._camera(name)
            stream.camera, stream.T_parent_camera = known.camera, known.T_parent_camera
            stream.on_hand = known.parent == "ee"
        self._late_ns = {n: round(known.latency_s * 1e9) for n, known in self._calibration.items()}
        robot = 4 * ns(config.buffer_ms), 4096
        bracket, gripper = ns(config.max_bracket_ms), ns(config.max_gripper_bracket_ms)
        self._pose = InterpolatedStream[Float64]("pose", bracket, *robot, interpolate_pose)
        self._joints = InterpolatedStream[Joints]("joints", bracket, *robot, _interpolate_joints)
        self._gripper = InterpolatedStream[float]("gripper", gripper, *robot, _interpolate_width)
        self._robot = (self._pose, self._joints, self._gripper)
        self._gate = RateGate(config.rate_hz)
        self._selector = Selector(config, self._cameras, self._gate)
        self._max_wait_ns = ns(config.max_wait_ms)
        self._dead_after_ns = ns(config.dead_after_ms)
        self._newest_ns: int | None = None
        self._candidate: Candidate | None = None
        self._dirty = False
        self._emitted = 0
        self._refused: Counter[str] = Counter()
        self._clock_jumps = 0
        self._latencies: deque[int] = deque(maxlen=400)
        self._stamps: deque[int] = deque(maxlen=101)

    def add_color(self, camera: str, image: StampedImage) -> None:
        """Takes a colour image, (H, W, 3) uint8 RGB."""
        stream, image = self._camera(camera), self._in_time(camera, image)
        self._receive(stream.color, image.stamp_ns, image.receipt_ns)
        data = image.data
        if data.ndim != 3 or data.shape[2] != 3 or data.dtype != np.uint8:
            stream.color.drop("bad_size")
        elif stream.add_color(image):
            self._dirty = True

    def add_depth(self, camera: str, image: StampedImage) -> None:
        """Takes a depth image aligned to colour, (H, W) uint16 in mm."""
        stream = self._camera(camera)
        if stream.depth is None:
            raise ConfigError(f"camera {camera}: got depth, but the synchroniser has depth=False")
        image = self._in_time(camera, image)
        self._receive(stream.depth, image.stamp_ns, image.receipt_ns)
        if image.data.ndim != 2 or image.data.dtype != np.uint16:
            stream.depth.drop("bad_size")
        elif stream.add_depth(image):
            self._dirty = True

    def set_camera(self, camera: str, intrinsics: PinholeCamera) -> None:
        """The camera's intrinsics at the size of its colour image, until set again."""
        stream = self._camera(camera)
        known = self._calibration.get(camera)
        stream.camera = known.camera if known is not None and known.camera else intrinsics

    def set_extrinsics(self, camera: str, T_base_camera: ArrayLike) -> None:
        """The pose (4, 4) in base of a camera that stands; CalibrationError if it is none."""
        self._set_parent(camera, T_base_camera, "base")

    def set_mount(self, camera: str, T_ee_camera: ArrayLike) -> None:
        """The pose (4, 4) of a camera on the hand, in the end effector's frame.

        Every set gets T_base_camera from its own end-effector pose. Raises as set_extrinsics.
        """
        self._set_parent(camera, T_ee_camera, "ee")

    def add_pose(self, stamp_ns: int, T_base_ee: ArrayLike, receipt_ns: int = 0) -> None:
        """Takes the measured end-effector pose (4, 4) in base."""
        T = np.asarray(T_base_ee, float)
        self._add(self._pose, stamp_ns, T, receipt_ns, _looks_like_pose(T))

    def add_joints(self, stamp_ns: int, q: ArrayLike, dq: ArrayLike, receipt_ns: int = 0) -> None:
        """Takes joint positions (7,) in rad and velocities (7,) in rad/s."""
        p, v = np.asarray(q, float), np.asarray(dq, float)
        good = p.shape == v.shape == (7,) and bool(np.isfinite(p).all() and np.isfinite(v).all())
        self._add(self._joints, stamp_ns, (p, v), receipt_ns, good)

    def add_gripper(self, stamp_ns: int, width_m: float, receipt_ns: int = 0) -> None:
        """Takes the gripper's full width in m."""
        good = -1.0 < width_m < 1.0  # false for NaN
        self._add(self._gripper, stamp_ns, float(width_m), receipt_ns, good)

    def poll(self, now_ns: int) -> list[SyncedFrame]:
        """The sets that are ready now, oldest first; to be called after every message."""
        frames: list[SyncedFrame] = []
        while True:
            if self._dirty:
                self._dirty = False
                self._candidate = self._selector.select(self._candidate, now_ns)
            candidate = self._candidate
            if candidate is None:
                return frames
            candidate.since_ns = min(candidate.since_ns, now_ns)  # the clock may go back
            waited = now_ns - candidate.since_ns
            if waited < candidate.hold_ns:
                return frames
            lacks, hopeless = self._lacks(candidate)
            if lacks is None:
                frames.append(self._emit(candidate, now_ns))
            elif hopeless or waited >= self._max_wait_ns:
                self._refuse(candidate, lacks)
            else:
                return frames

    def stats(self, now_ns: int) -> SyncStats:
        """Rates, ages, skews and drops of every stream, and one line that names what is dead."""
        streams = {
            counter.name: counter.stats(buffered, now_ns, self._dead_after_ns)
            for counter, buffered in self._counters()
        }
        uncalibrated = {
            name: "camera_info" if stream.camera is None else "extrinsics"
            for name, stream in self._cameras.items()
            if stream.camera is None or stream.T_parent_camera is None
        }
        flowing = bool(self._stamps) and now_ns - self._stamps[-1] <= self._dead_after_ns
        status, ok = describe(self.config, streams, uncalibrated, flowing, self._refused)
        return SyncStats(
            emitted=self._emitted,
            rate_hz=rate_hz(self._stamps) if flowing else 0.0,
            latency_ms=percentiles_ms(self._latencies),
            refused=dict(self._refused),
            clock_jumps=self._clock_jumps,
            streams=streams,
            dead=tuple(name for name, s in streams.items() if s.dead),
            status=status,
            ok=ok,
        )

    def reset(self) -> None:
        """Drops all that waits, as after a jump of the clock; calibration and counts stay."""
        for camera in self._cameras.values():
            camera.clear("clock_jump")
        for stream in self._robot:
            stream.clear("clock_jump")
        self._gate.reset()
        self._stamps.clear()
        self._newest_ns = self._candidate = None
        self._dirty = False

    def _set_parent(self, camera: str, T_parent_camera: ArrayLike, parent: Parent) -> None:
        stream = self._camera(camera)
        T = np.array(T_parent_camera, float)
        if not is_pose(T):
            raise CalibrationError(
                f"camera {camera}: got extrinsics {T.tolist()}, expected a (4, 4) rigid "
                f"T_{parent}_camera; calibrate the camera again"
            )
        if camera not in self._calibration:
            stream.T_parent_camera, stream.on_hand = T, parent == "ee"

    def _in_time(self, camera: str, image: StampedImage) -> StampedImage:
        """The image with the stamp of what it shows, on the clock of the robot's states."""
        late_ns = self._late_ns.get(camera)
        return replace(image, stamp_ns=image.stamp_ns - late_ns) if late_ns else image

    def _camera(self, name: str) -> CameraStream:
        try:
            return self._cameras[name]
        except KeyError:
            raise ConfigError(unknown_name("camera", name, self._cameras)) from None

    def _add(
        self, stream: InterpolatedStream[V], stamp_ns: int, value: V, receipt_ns: int, good: bool
    ) -> None:
        self._receive(stream.counter, stamp_ns, receipt_ns)
        if good:
            stream.add(stamp_ns, value)
        else:
            stream.counter.drop("bad_value")

    def _receive(self, counter: StreamCounter, stamp_ns: int, receipt_ns: int) -> None:
        """Counts the message and begins anew where its stamp shows that the clock jumped."""
        back = counter.newest_ns is not None and stamp_ns < counter.newest_ns - CLOCK_JUMP_NS
        ahead = self._newest_ns is not None and stamp_ns > self._newest_ns + CLOCK_JUMP_NS
        if back or ahead:
            self._clock_jumps += 1
            self.reset()
        if self._newest_ns is None or stamp_ns > self._newest_ns:
            self._newest_ns = stamp_ns
        counter.received += 1
        counter.receipts.append(receipt_ns or stamp_ns)

    def _lacks(self, candidate: Candidate) -> tuple[str | None, bool]:
        """The reason why a set cannot go out now, and whether waiting is in vain."""
        for name, view in candidate.views.items():
            stream = self._cameras[name]
            if stream.camera is None or stream.T_parent_camera is None:
                return "no_calibration", False
            if (stream.camera.height, stream.camera.width) != view.color.data.shape[:2]:
                return "bad_size", False
        covered = [stream.covers(candidate.stamp_ns) for stream in self._robot]
        if all(covered):
            return None, False
        return "no_robot", False in covered

    def _emit(self, candidate: Candidate, now_ns: int) -> SyncedFrame:
        stamp = candidate.stamp_ns
        cameras: dict[str, CameraFrame] = {}
        skew: dict[str, int] = {}
        T_base_ee, pose_skew = self._pose.at(stamp)
        for name, view in candidate.views.items():
            stream = self._cameras[name]
            assert stream.camera is not None
            assert stream.T_parent_camera is not None
            T = stream.T_parent_camera
            cameras[name] = CameraFrame(
                cast(UInt8, view.color.data),
                None if view.depth is None else cast(UInt16, view.depth.data),
                stream.camera,
                T_base_ee @ T if stream.on_hand else T,
            )
            skew[f"{name}/color"] = view.color.stamp_ns - stamp
            if view.depth is not None:
                skew[f"{name}/depth"] = view.depth.stamp_ns - stamp
        skew["pose"] = pose_skew
        (q, dq), skew["joints"] = self._joints.at(stamp)
        width_m, skew["gripper"] = self._gripper.at(stamp)
        self._gate.pass_(stamp)
        self._finish(candidate, None)
        self._emitted += 1
        self._stamps.append(stamp)
        self._latencies.append(now_ns - stamp)
        return SyncedFrame(stamp, cameras, RobotState(stamp, T_base_ee, q, dq, width_m), skew)

    def _refuse(self, candidate: Candidate, reason: str) -> None:
        self._refused[reason] += 1
        self._finish(candidate, reason)

    def _finish(self, candidate: Candidate, reason: str | None) -> None:
        for name, view in candidate.views.items():
            self._cameras[name].pass_view(view, candidate.stamp_ns, reason)
        self._selector.forget_early()
        self._candidate = None
        self._dirty = True

    def _counters(self) -> list[tuple[StreamCounter, int]]:
        """Every stream's counter and how many of its messages wait."""
        images = [(n, c.buffered(n)) for c in self._cameras.values() for n in c.counters]
        return images + [(s.counter, s.buffered) for s in self._robot]


def _looks_like_pose(T: Float64) -> bool:
    return T.shape == (4, 4) and bool(np.isfinite(T).all()) and abs(float(T[3, 3]) - 1) < 1e-6


def _interpolate_joints(a: Joints, b: Joints, alpha: float) -> Joints:
    return a[0] + alpha * (b[0] - a[0]), a[1] + alpha * (b[1] - a[1])


def _interpolate_width(a: float, b: float, alpha: float) -> float:
    return a + alpha * (b - a)
