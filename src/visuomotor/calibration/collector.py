"""Streams of cameras and arm -> views of the board, one per place where the arm stood still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from visuomotor.calibration.board import Board
from visuomotor.calibration.detection import BoardDetector, Detection
from visuomotor.calibration.stillness import Stillness, moved
from visuomotor.calibration.views import View, depth_at
from visuomotor.contracts import Float64, StampedImage, UInt8, UInt16
from visuomotor.errors import CalibrationError
from visuomotor.geometry import PinholeCamera

HOLD_NS = 500_000_000
SETTLE_NS = 250_000_000
"""An image this long after the arm came to rest shows it at rest, whatever the camera's latency."""
WAIT_NS = 1_000_000_000
"""How long a place waits for the cameras whose image has not come."""


@dataclass(frozen=True)
class Shot:
    """What one camera gave at one place: its image and the detection, or why there is none.

    K: (3, 3) of the image.
    """

    camera: str
    color: UInt8
    K: Float64
    found: Detection | str


class ViewCollector:
    """Takes the drivers' messages, as a synchroniser does, and keeps views of the board.

    `poll` takes a view of every camera once the arm has stood still for half a second at a new
    place; `capture` does so at once. views: what was found; refused: why not, by camera.
    Needs no calibration, no gripper and no common stamps: the arm stands still meanwhile.
    """

    def __init__(self, board: Board, cameras: Sequence[str]) -> None:
        if not cameras or len(set(cameras)) != len(cameras):
            raise CalibrationError(f"cameras: got {tuple(cameras)}, expected distinct names")
        self.cameras = tuple(cameras)
        self.views: list[View] = []
        self.refused: dict[str, Counter[str]] = {name: Counter() for name in cameras}
        self.places = 0
        self.poses = 0
        self.images: Counter[str] = Counter()
        self._detector = BoardDetector(board)
        self._infos: dict[str, PinholeCamera] = {}
        self._colors: dict[str, StampedImage] = {}
        self._depths: dict[str, StampedImage] = {}
        self._still = Stillness()
        self._taken: Float64 | None = None

    def wants(self, camera: str, stamp_ns: int) -> bool:
        """Whether an image with this stamp could make a view; a bag decodes only those."""
        at = self._still.pose
        return camera in self.cameras and (
            at is not None
            and self._still.still_for(stamp_ns) >= SETTLE_NS
            and moved(self._taken, at)
        )

    def add_color(self, camera: str, image: StampedImage) -> None:
        """Takes a colour image, (H, W, 3) uint8 RGB."""
        self.images[camera] += 1
        self._colors[camera] = image

    def add_depth(self, camera: str, image: StampedImage) -> None:
        """Takes a depth image aligned to colour, (H, W) uint16 mm."""
        self._depths[camera] = image

    def set_camera(self, camera: str, intrinsics: PinholeCamera) -> None:
        """Takes a camera's intrinsics."""
        self._infos[camera] = intrinsics

    def set_extrinsics(self, camera: str, T_base_camera: Float64) -> None:
        """What was known of the camera's pose is of no use here."""

    def set_mount(self, camera: str, T_ee_camera: Float64) -> None:
        """Nor of its mounting."""

    def add_pose(self, stamp_ns: int, T_base_ee: Float64, receipt_ns: int = 0) -> None:
        """Takes the end effector's pose (4, 4) in base."""
        if np.isfinite(T_base_ee).all():
            self.poses += 1
            self._still.add(stamp_ns, T_base_ee)

    def add_joints(self, stamp_ns: int, q: Float64, dq: Float64, receipt_ns: int = 0) -> None:
        """The pose says it already."""

    def add_gripper(self, stamp_ns: int, width_m: float, receipt_ns: int = 0) -> None:
        """Of no use here."""

    def poll(self) -> list[Shot]:
        """The shots of a new place, once; empty while the arm moves or images are still to come."""
        at = self._still.pose
        still_ns = self._still.still_for(self._still.newest_ns)
        if at is None or still_ns < HOLD_NS or not moved(self._taken, at):
            return []
        ready = [c for c in self.cameras if self._shows_rest(c)]
        if len(ready) < len(self.cameras) and still_ns < HOLD_NS + WAIT_NS:
            return []
        if not ready:
            return []
        return self._shoot(at, ready)

    def capture(self) -> list[Shot]:
        """The shots of this place now; CalibrationError while the arm moves or nothing came."""
        at = self._still.pose
        if at is None:
            raise CalibrationError(self.why_nothing())
        ready = [c for c in self.cameras if self._shows_rest(c)]
        if not ready:
            raise CalibrationError(
                "no image since the arm came to rest; wait a moment, or see whether it moves"
            )
        return self._shoot(at, ready)

    def why_nothing(self) -> str:
        """Why there is no view at all."""
        if not self.poses:
            return (
                "no pose of the arm (current_pose): expected the robot's state beside the images; "
                "is the bridge or the robot's driver running, was it recorded?"
            )
        lacking = [c for c in self.cameras if c not in self._infos]
        if lacking:
            return f"no camera_info of {', '.join(lacking)}; expected it beside the images"
        if not self.places:
            return (
                "the arm never stood still for half a second while images of "
                f"{' or '.join(self.cameras)} came; stop at every pose"
            )
        reasons = [
            f"camera {name}: {reason} ({count} times)"
            for name, counts in self.refused.items()
            for reason, count in counts.most_common(1)
        ]
        return "; ".join(reasons)

    def _shows_rest(self, camera: str) -> bool:
        image = self._colors.get(camera)
        return (
            image is not None
            and camera in self._infos
            and self._still.still_for(image.stamp_ns) >= SETTLE_NS
        )

    def _shoot(self, at: Float64, cameras: Sequence[str]) -> list[Shot]:
        self._taken = at
        self.places += 1
        shots = []
        for name in cameras:
            color, camera = cast(UInt8, self._colors[name].data), self._infos[name]
            found = self._detector.detect(color, camera)
            shots.append(Shot(name, color, camera.matrix, found))
            if isinstance(found, str):
                self.refused[name][found] += 1
            else:
                depth_m = self._depth(name, found.pixels, color.shape[:2])
                self.views.append(View(name, at, camera, found, depth_m))
        return shots

    def _depth(self, camera: str, pixels: Float64, shape: tuple[int, ...]) -> Float64 | None:
        image = self._depths.get(camera)
        if image is None or self._still.still_for(image.stamp_ns) < SETTLE_NS:
            return None
        depth = cast(UInt16, image.data)
        return depth_at(depth, pixels) if depth.shape == shape else None
