"""What LeRobot's datasets and policies are given of an observation, and what they answer.

The exported dataset and the policy at run time both make it here, from images that `observe` made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import Float32, Float64, UInt8
from visuomotor.errors import CheckpointError
from visuomotor.observations import ObservationSpec

STATE, ACTION = "observation.state", "action"
SUCCESS = "next.success"
NAMES = ("x_m", "y_m", "z_m", "r00", "r10", "r20", "r01", "r11", "r21", "gripper_width_m")
"""Entries of a state or an action: place in base, the rotation's first two columns, full width."""
DEPTH_RANGE_M = 2.0
"""What depth of white is; darker is nearer, and black was not measured."""

_PARALLEL = 1e-6
"""The sine of two columns' angle below which there is no telling the rotation."""
_IMAGES, _DEPTH = "observation.images.", "_depth"


def color_key(camera: str) -> str:
    """The feature of a camera's colour image."""
    return _IMAGES + camera


def depth_key(camera: str) -> str:
    """The feature of a camera's depth as a grey image."""
    return _IMAGES + camera + _DEPTH


def vectors(T_base_ee: ArrayLike, width_m: ArrayLike) -> Float32:
    """(..., 10) of poses (..., 4, 4) and widths (...), in the order of NAMES.

    The rotation is its first two columns, which has no jumps (Zhou et al. 2019, section 4.2).
    """
    T, width = np.asarray(T_base_ee, np.float64), np.asarray(width_m, np.float64)
    parts = (T[..., :3, 3], T[..., :3, 0], T[..., :3, 1], width[..., None])
    return np.concatenate(parts, axis=-1).astype(np.float32)


def poses(values: ArrayLike) -> tuple[Float64, Float64]:
    """Poses (..., 4, 4) and widths (...) m of vectors (..., 10); what has no rotation is NaN.

    The two columns are made orthonormal (Gram and Schmidt), so that whatever a network answers is
    a pose, or is refused.
    """
    v = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = (
            a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (v[..., 3:6], v[..., 6:9])
        )
        second = second - (first * second).sum(-1, keepdims=True) * first
        length = np.linalg.norm(second, axis=-1, keepdims=True)
        second = second / np.where(length > _PARALLEL, length, np.nan)
    T = np.zeros((*v.shape[:-1], 4, 4))
    T[..., :3, :3] = np.stack([first, second, np.cross(first, second)], axis=-1)
    T[..., :3, 3], T[..., 3, 3] = v[..., :3], 1.0
    return T, v[..., 9]


def depth_image(depth_m: Float32) -> UInt8:
    """(..., 3) grey of depths (...) in m: 0 where none was measured, else 1 to 255, 8 mm each."""
    grey = np.clip(np.rint(depth_m * (255 / DEPTH_RANGE_M)), 1, 255)
    grey = np.where(depth_m > 0, grey, 0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def depth_m_of_image(image: UInt8) -> Float32:
    """(...) depths in m of such an image (..., 3), to 4 mm up to DEPTH_RANGE_M."""
    depth_m: Float32 = image[..., 0].astype(np.float32) * np.float32(DEPTH_RANGE_M / 255)
    return depth_m


def feature_shapes(spec: ObservationSpec) -> dict[str, tuple[int, int, int]]:
    """The images' features, (H, W, 3) each, in the order of the cameras."""
    shapes: dict[str, tuple[int, int, int]] = {}
    for camera in spec.cameras:
        shapes[color_key(camera.name)] = (camera.height, camera.width, 3)
        if camera.depth:
            shapes[depth_key(camera.name)] = (camera.height, camera.width, 3)
    return shapes


def narrowed(
    spec: ObservationSpec, inputs: Mapping[str, tuple[int, ...]], where: str
) -> ObservationSpec:
    """What of `spec` a policy with these inputs (name -> shape, images (3, H, W)) looks at.

    CheckpointError for inputs that an observation of `spec` does not have, or not so.
    """
    offered = {k: (c, h, w) for k, (h, w, c) in feature_shapes(spec).items()}
    known: dict[str, tuple[int, ...]] = {STATE: (len(NAMES),), **offered}
    for name, shape in inputs.items():
        if known.get(name) != shape:
            raise CheckpointError(
                f"{where}: got the input {name} {shape}; expected some of {known}, which is what "
                "its observation.yaml gives: train it on a dataset of `visuomotor export lerobot`"
            )
    cameras = tuple(
        replace(c, depth=depth_key(c.name) in inputs)
        for c in spec.cameras
        if color_key(c.name) in inputs or depth_key(c.name) in inputs
    )
    if not cameras:
        raise CheckpointError(f"{where}: got no image among the inputs, expected at least one")
    return ObservationSpec(cameras)
