"""SyncedFrame -> Observation: the one function that resizes and crops.

The dataset and the policy node both call `observe`; nothing else may change an image's size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from visuomotor.contracts import (
    CameraFrame,
    CameraView,
    Float32,
    Float64,
    Observation,
    SyncedFrame,
    UInt8,
    UInt16,
)
from visuomotor.errors import DataError, unknown_name
from visuomotor.geometry import PinholeCamera

MOST_PX = 8192
"""Of a view's height and width; no camera of ours has as many."""


@dataclass(frozen=True)
class CameraSpec:
    """How one camera is seen.

    crop = (x0, y0, width, height) in *fractions* of the image, then resized to height x width.
    depth: whether the policy needs depth.
    """

    name: str
    height: int = 120
    width: int = 160
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    depth: bool = True

    def __post_init__(self) -> None:
        x0, y0, w, h = self.crop
        if not (min(x0, y0) >= 0 and min(w, h) > 0 and x0 + w <= 1 and y0 + h <= 1):
            raise ValueError(
                f"camera {self.name}: got crop {self.crop}, expected (x0, y0, width, height) "
                "as fractions inside [0, 1]"
            )
        if min(self.height, self.width) < 8 or max(self.height, self.width) > MOST_PX:
            raise ValueError(
                f"camera {self.name}: got {self.height}x{self.width}, expected at least 8x8 and at "
                f"most {MOST_PX}x{MOST_PX}"
            )


@dataclass(frozen=True)
class ObservationSpec:
    """The cameras a policy sees, in order; saved as a checkpoint's observation.yaml.

    objects: whose true poses it is told instead, which only a simulation knows: for baselines.
    """

    cameras: tuple[CameraSpec, ...] = ()
    objects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, names in (("cameras", self.names), ("objects", self.objects)):
            if len(set(names)) != len(names):
                raise ValueError(f"observation spec: got {what} {names}, expected distinct names")
        if not self.names and not self.objects:
            raise ValueError("observation spec: got no camera and no object, expected one at least")

    @property
    def names(self) -> tuple[str, ...]:
        """The cameras' names."""
        return tuple(c.name for c in self.cameras)


def observe(frame: SyncedFrame, spec: ObservationSpec) -> Observation:
    """What a policy with `spec` sees of a set.

    Raises DataError for a missing camera, missing depth or an object of unknown pose.
    """
    views = {c.name: _view(_camera(frame, c), c) for c in spec.cameras}
    robot = frame.robot
    return Observation(
        frame.stamp_ns,
        views,
        robot.T_base_ee,
        float(robot.gripper_width_m),
        robot.q,
        {name: _object(frame, name) for name in spec.objects},
    )


def view_camera(camera: PinholeCamera, spec: CameraSpec) -> PinholeCamera:
    """The intrinsics of the view that `spec` makes of a camera; DataError where it has none."""
    x0, y0, w, h = _crop_px(spec, camera.width, camera.height)
    try:
        return camera.cropped(x0, y0, w, h).resized(spec.width, spec.height)
    except ValueError as error:  # focal lengths at the edge of what a float holds
        raise DataError(f"camera {spec.name}: {error}") from error


def view_color(color: UInt8, spec: CameraSpec) -> UInt8:
    """The view (height, width, 3) that `spec` makes of a camera's image (H, W, 3) of any size."""
    height, width = color.shape[:2]
    x0, y0, w, h = _crop_px(spec, width, height)
    seen = color[y0 : y0 + h, x0 : x0 + w]
    if (w, h) != (spec.width, spec.height):
        shrink = spec.width <= w and spec.height <= h
        seen = cv2.resize(
            seen,
            (spec.width, spec.height),
            interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR,
        ).astype(np.uint8, copy=False)
    return np.ascontiguousarray(seen)


def depth_m_from_mm(depth_mm: UInt16) -> Float32:
    """(H, W) float32 metres from uint16 millimetres; 0 stays 0 (no measurement)."""
    metres: Float32 = depth_mm.astype(np.float32) * np.float32(1e-3)
    return metres


def check_cameras(available: Iterable[str], spec: ObservationSpec, where: str) -> None:
    """Raises DataError if a camera of the spec is not among those available."""
    known = list(available)
    for name in spec.names:
        if name not in known:
            raise DataError(f"{where}: {unknown_name('camera', name, known)}")


def _object(frame: SyncedFrame, name: str) -> Float64:
    if name not in frame.objects:
        raise DataError(
            f"set {frame.stamp_ns}: {unknown_name('object', name, frame.objects)}; true poses are "
            "known in simulation only: record there, with extra_topics 'sim/objects/*/pose'"
        )
    return frame.objects[name]


def _camera(frame: SyncedFrame, spec: CameraSpec) -> CameraFrame:
    check_cameras(frame.cameras, ObservationSpec((spec,)), f"set {frame.stamp_ns}")
    return frame.cameras[spec.name]


def _crop_px(spec: CameraSpec, width: int, height: int) -> tuple[int, int, int, int]:
    x0, y0, w, h = spec.crop
    left, top = round(x0 * width), round(y0 * height)
    right, bottom = round((x0 + w) * width), round((y0 + h) * height)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _view(frame: CameraFrame, spec: CameraSpec) -> CameraView:
    height, width = frame.color.shape[:2]
    if (width, height) != (frame.camera.width, frame.camera.height):
        raise DataError(
            f"camera {spec.name}: got a {width}x{height} image, expected the "
            f"{frame.camera.width}x{frame.camera.height} of its camera_info"
        )
    x0, y0, w, h = _crop_px(spec, width, height)
    size = (spec.width, spec.height)
    depth_m = None
    if spec.depth:
        if frame.depth_mm is None:
            raise DataError(
                f"camera {spec.name}: no depth in this set, but the policy needs it; "
                "record with depth or train with `depth: false`"
            )
        if frame.depth_mm.shape != (height, width):
            raise DataError(
                f"camera {spec.name}: got depth {frame.depth_mm.shape}, expected {(height, width)}"
                " aligned to color; enable the driver's align_depth"
            )
        depth_mm = frame.depth_mm[y0 : y0 + h, x0 : x0 + w]
        if (w, h) != size:  # nearest: a mean of two surfaces is a point in mid-air
            depth_mm = cv2.resize(depth_mm, size, interpolation=cv2.INTER_NEAREST_EXACT).astype(
                np.uint16, copy=False
            )
        depth_m = depth_m_from_mm(depth_mm)
    return CameraView(
        view_color(frame.color, spec),
        depth_m,
        view_camera(frame.camera, spec).matrix,
        frame.T_base_camera,
    )
