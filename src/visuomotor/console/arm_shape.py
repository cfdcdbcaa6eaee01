"""What the arm looks like: the simulation's own meshes, or a plain skeleton without them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.console.arm import JOINT_ORIGINS, LINKS
from visuomotor.contracts import Float32
from visuomotor.errors import MissingDependencyError

Shape = dict[str, Float32]
"""Link -> its triangles' corners (3 F, 3) in m, in its own frame."""

_STL_HEADER = 84
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("flags", "<u2")])


def arm_shape() -> Shape:
    """The links' triangles: franky-sim's collision meshes where it is installed, else a skeleton.

    The fingers are boxes in both.
    """
    try:
        links = _meshes()
    except MissingDependencyError:
        links = skeleton()
    pad = box((-0.0105, 0.0, 0.0), (0.0105, 0.014, 0.0536))
    return {**links, "left_finger": pad, "right_finger": pad}


def skeleton() -> Shape:
    """A drum at every joint, a bar to the next one, a box for the hand."""
    shape: Shape = {}
    for i, name in enumerate(LINKS[:8]):
        parts = [prism((0, 0, 0 if i == 0 else -0.07), (0, 0, 0.07), 0.06)]
        following = JOINT_ORIGINS[i][0] if i < 7 else (0.0, 0.0, 0.107)
        if np.linalg.norm(following) > 0.15:
            parts.append(prism((0, 0, 0), following, 0.045))
        shape[name] = np.concatenate(parts)
    shape["hand"] = box((-0.03, -0.1, -0.005), (0.03, 0.1, 0.066))
    return shape


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Float32:
    """The triangles (36, 3) of an upright box."""
    corners = np.array(
        [[(low, high)[i >> k & 1][k] for k in range(3)] for i in range(8)], np.float32
    )
    quads = [(0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6)]
    return _faces(corners, quads)


def prism(
    start: tuple[float, float, float], end: tuple[float, float, float], radius_m: float
) -> Float32:
    """The triangles (N, 3) of a bar with twelve sides from one point to another."""
    axis = np.subtract(end, start)
    z = axis / np.linalg.norm(axis)
    x = np.cross(z, np.eye(3)[np.argmin(np.abs(z))])
    x /= np.linalg.norm(x)
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)[:, None]
    ring = radius_m * (np.cos(turns) * x + np.sin(turns) * np.cross(z, x))
    corners = np.concatenate([ring + start, ring + end, [start, end]]).astype(np.float32)
    quads = []
    for i in range(12):
        j = (i + 1) % 12
        quads += [(i, j, 12 + j, 12 + i), (24, j, i, i), (25, 12 + i, 12 + j, 12 + j)]
    return _faces(corners, quads)


def read_stl(data: bytes) -> Float32:
    """The corners (3 F, 3) of a binary STL's triangles."""
    count = int.from_bytes(data[80:84], "little")
    facets = np.frombuffer(data, _FACET, count, _STL_HEADER)
    return np.ascontiguousarray(facets["corners"].reshape(-1, 3))


def _meshes() -> Shape:
    from visuomotor.sim.robot import load_robot

    folder = load_robot("light").mesh_folder
    return {name: read_stl((folder / f"{name}_coll.stl").read_bytes()) for name in LINKS[:9]}


def _faces(corners: Float32, quads: list[tuple[int, int, int, int]]) -> Float32:
    """Two triangles of each quad; one where its last two corners are the same."""
    found: list[NDArray[np.float32]] = []
    for a, b, c, d in quads:
        found.append(corners[[a, b, c]])
        if c != d:
            found.append(corners[[a, c, d]])
    return np.concatenate(found)
