"""Streams recorded while the arm wiggled -> how late each camera and each command path is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from visuomotor.calibration.delay import Delay, Signal, delay_of
from visuomotor.contracts import Float64, StampedImage, UInt8
from visuomotor.errors import CalibrationError
from visuomotor.geometry import PinholeCamera
from visuomotor.sync.latency import Latency

PATHS = {"command/target_pose": "command", "command/reference": "reference"}
"""Topic of a command path -> its key in the calibration file."""
WIDTH_PX = 64
MAX_IMAGES = 1500
COMPONENTS = 20
LEAST_MOTION_M = 0.004
UNSURE_S, USELESS_S = 0.005, 0.015


@dataclass(frozen=True)
class Latencies:
    """cameras: an image is stamped so much later than the robot's state of what it shows.

    paths: by key ("command", "reference"), from the stamp of a command until the arm is there.
    """

    cameras: dict[str, Delay]
    paths: dict[str, Delay]
    warnings: tuple[str, ...] = ()

    def values(self, date: str) -> Latency:
        """As the calibration file holds them."""
        seconds = {key: delay.seconds for key, delay in self.paths.items()}
        return Latency(
            {name: delay.seconds for name, delay in self.cameras.items()},
            seconds.get("command", 0.0),
            seconds.get("reference", 0.0),
            date,
        )


@dataclass
class _Samples:
    stamps_ns: list[int] = field(default_factory=list)
    values: list[Float64] = field(default_factory=list)

    def add(self, stamp_ns: int, value: Float64) -> None:
        """Only what is newer than all before: a repeated stamp says nothing."""
        if not self.stamps_ns or stamp_ns > self.stamps_ns[-1]:
            self.stamps_ns.append(stamp_ns)
            self.values.append(value)

    def signal(self, origin_ns: int) -> Signal:
        times = np.array([s - origin_ns for s in self.stamps_ns], np.float64) * 1e-9
        return Signal(times, np.stack(self.values))


class MotionRecord:
    """Takes the drivers' messages, as a synchroniser does, while the arm moves.

    Of an image it keeps a small grey copy; `measure` looks at how the copies change, whatever
    they show. Needs no calibration.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self.cameras = tuple(cameras)
        self._images = {name: _Samples() for name in cameras}
        self._poses = _Samples()
        self._commands = {key: _Samples() for key in PATHS.values()}

    def wants(self, camera: str, stamp_ns: int) -> bool:
        """Whether an image is to be decoded."""
        return len(self._images[camera].stamps_ns) < MAX_IMAGES if camera in self._images else False

    def add_color(self, camera: str, image: StampedImage) -> None:
        """Takes a colour image, (H, W, 3) uint8 RGB."""
        if not self.wants(camera, image.stamp_ns):
            return
        color = cast(UInt8, image.data)
        height = max(round(WIDTH_PX * color.shape[0] / color.shape[1]), 2)
        small = cv2.resize(color, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float64).ravel()
        self._images[camera].add(image.stamp_ns, grey - grey.mean())

    def add_depth(self, camera: str, image: StampedImage) -> None:
        """Depth shares its camera's latency."""

    def set_camera(self, camera: str, intrinsics: PinholeCamera) -> None:
        """Of no use here."""

    def set_extrinsics(self, camera: str, T_base_camera: Float64) -> None:
        """Of no use here."""

    def set_mount(self, camera: str, T_ee_camera: Float64) -> None:
        """Of no use here."""

    def add_pose(self, stamp_ns: int, T_base_ee: Float64, receipt_ns: int = 0) -> None:
        """Takes the end effector's pose (4, 4)."""
        self._poses.add(stamp_ns, T_base_ee[:3, 3])

    def add_joints(self, stamp_ns: int, q: Float64, dq: Float64, receipt_ns: int = 0) -> None:
        """The pose says it already, and has the stamp that sets are made by."""

    def add_gripper(self, stamp_ns: int, width_m: float, receipt_ns: int = 0) -> None:
        """Of no use here."""

    def add_command(self, topic: str, stamp_ns: int, T_base_ee: Float64) -> None:
        """Takes a target or a reference (4, 4) of one of PATHS."""
        self._commands[PATHS[topic]].add(stamp_ns, T_base_ee[:3, 3])

    def commands(self, key: str) -> int:
        """How many commands a path has had."""
        return len(self._commands[key].stamps_ns)

    def images(self, camera: str) -> int:
        """How many images of a camera came."""
        return len(self._images[camera].stamps_ns)

    def measure(self) -> Latencies:
        """Every camera's latency, and that of every path that had commands.

        Raises CalibrationError where the arm's state is missing or it did not move, and for a
        camera that has no images or sees nothing of the motion.
        """
        if len(self._poses.values) < 2:
            raise CalibrationError(
                "no state of the arm (current_pose): is the bridge or the robot's driver running, "
                "was it recorded?"
            )
        origin = self._poses.stamps_ns[0]
        poses = self._poses.signal(origin)
        motion = float(np.sqrt(poses.values.var(axis=0).sum()))
        if motion < LEAST_MOTION_M:
            raise CalibrationError(
                f"the hand moved by {1e3 * motion:.1f} mm (rms), expected more than "
                f"{1e3 * LEAST_MOTION_M:g}; wiggle it, and see whether the bridge holds it"
            )
        cameras = {name: self._camera(name, origin, poses) for name in self.cameras}
        paths = {
            key: _negated(delay_of(samples.signal(origin), poses, key))
            for key, samples in self._commands.items()
            if len(samples.values) > 1
        }
        for name, delay in {**cameras, **paths}.items():
            if delay.deviation_s > USELESS_S:
                raise CalibrationError(
                    f"{name}: {delay}, expected to know it within {1e3 * USELESS_S:g} ms; was the "
                    "machine too busy, or did something else move? Record again, longer"
                )
        unsure = [
            f"{name}: known to {1e3 * d.deviation_s:.0f} ms only; record longer, move more"
            for name, d in {**cameras, **paths}.items()
            if d.deviation_s > UNSURE_S
        ]
        return Latencies(cameras, paths, tuple(unsure))

    def _camera(self, name: str, origin: int, poses: Signal) -> Delay:
        samples = self._images[name]
        if len(samples.values) < 2:
            raise CalibrationError(f"camera {name}: no images; is its driver running?")
        signal = samples.signal(origin)
        return delay_of(Signal(signal.times_s, _components(signal.values)), poses, f"camera {name}")


def _components(images: Float64) -> Float64:
    """Principal components (N, K) of images (N, P): what changes most, the moving arm above all."""
    centred = images - images.mean(axis=0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    strong = values > 1e-9 * max(float(values[-1]), 1e-12)
    components: Float64 = (vectors * np.sqrt(np.maximum(values, 0)))[:, strong][:, -COMPONENTS:]
    return components


def _negated(delay: Delay) -> Delay:
    """A command tells of where the arm is *later*: it leads by what it takes."""
    return Delay(-delay.seconds, delay.deviation_s, delay.correlation, delay.samples)
