"""Visual meshes with fewer triangles, made once and kept: without a GPU, triangles cost time."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, MissingDependencyError

MAX_ERROR_M = 0.001
"""Square root of the quadric error that a collapsed edge may have: it sums the squared distances
to the planes of all triangles that went into a vertex, so a surface moves much less than this."""

FEWEST_FACES = 200
"""Meshes with fewer triangles stay as they are."""

_RECIPE = "1"  # raise it when the same mesh would be decimated differently
_WELD_M = 2e-4  # the mesh files repeat vertices, and engrave finer than a pixel
_CREASE_RAD = float(np.deg2rad(38))
_PASSES = 3  # each one measures from the last one's result, which frees edges that were stuck
_LIBRARY_LOCK = threading.Lock()  # fast-simplification keeps its mesh in globals

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]


def decimated(path: Path, folder: Path | None = None) -> Path:
    """An .obj like `path`'s with far fewer triangles; `path` itself if it has few.

    folder: where results are kept, by content; by default visuomotor/meshes in XDG_CACHE_HOME.
    Processes may share it. Raises MissingDependencyError without fast-simplification, ConfigError
    if the folder cannot be written.
    """
    folder = folder or _cache_folder()
    source = path.read_bytes()
    recipe = f"{_RECIPE} {MAX_ERROR_M} {FEWEST_FACES} ".encode()
    key = hashlib.blake2b(recipe + source, digest_size=12).hexdigest()
    kept = folder / f"{path.stem}-{key}.obj"
    if kept.is_file():
        return kept
    vertices, faces = _parse_obj(source.decode())
    if len(faces) < FEWEST_FACES:
        return path
    vertices, faces = decimate(vertices, faces)
    text = _obj_text(vertices, faces, crease_normals(vertices, faces))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False) as file:
            file.write(text)
        os.replace(file.name, kept)
    except OSError as error:
        raise ConfigError(
            f"cannot keep decimated meshes in {folder}: {error}; set XDG_CACHE_HOME to a folder "
            "that can be written, or take appearance light or original"
        ) from error
    logging.getLogger(__name__).info("decimated %s, once: %s", path.name, kept)
    return kept


def decimate(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """Vertices (V, 3) in m and triangles (F, 3) of nearly the same surface; its borders stay.

    By quadric edge collapses (Garland & Heckbert 1997), up to MAX_ERROR_M.
    """
    try:
        import fast_simplification
    except ImportError as error:
        raise MissingDependencyError(
            "appearance full needs fast-simplification: pip install 'visuomotor[sim]' (appearance "
            "original draws the same arm without it, several times slower where there is no GPU)"
        ) from error
    vertices, faces = _weld(vertices, faces)
    aggressiveness = 5.0  # the library's last of 100 thresholds is 1e-9 * 102**aggressiveness
    scale = (1e-9 * 102**aggressiveness) ** 0.5 / MAX_ERROR_M
    for _ in range(_PASSES):
        with _LIBRARY_LOCK:
            points, triangles = fast_simplification.simplify(
                vertices * scale,
                faces.astype(np.int32),
                target_count=0,
                agg=aggressiveness,
                preserve_border=True,
            )
        vertices, faces = points / scale, triangles.astype(np.int64)
    _, area = _normals_and_areas(vertices, faces)
    return vertices, faces[area > 0]


def crease_normals(vertices: Vertices, faces: Faces) -> NDArray[np.float64]:
    """Unit normals (F, 3, 3) of the triangles' corners: smooth, but for edges sharper than 38°."""
    normals, area = _normals_and_areas(vertices, faces)
    corner, face = faces.reshape(-1), np.repeat(np.arange(len(faces)), 3)
    order, valence = np.argsort(corner, kind="stable"), np.bincount(corner)
    first, repeats = (np.cumsum(valence) - valence)[corner], valence[corner]
    here = np.repeat(np.arange(len(corner)), repeats)  # pairs of corners that share a vertex
    nth = np.arange(len(here)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    there = face[order[first[here] + nth]]
    smooth = (normals[face[here]] * normals[there]).sum(axis=1) > np.cos(_CREASE_RAD)
    weighted = (normals * area[:, None])[there[smooth]]
    total = np.stack(
        [np.bincount(here[smooth], weighted[:, axis], len(corner)) for axis in range(3)], axis=1
    )
    unit: NDArray[np.float64] = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit.reshape(-1, 3, 3)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "visuomotor" / "meshes"


def _normals_and_areas(
    vertices: Vertices, faces: Faces
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    length = np.linalg.norm(cross, axis=1)
    return cross / np.maximum(length, 1e-300)[:, None], 0.5 * length


def _weld(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """One vertex where several lie together; without the triangles that then are lines or twins."""
    grid = np.round(vertices / _WELD_M).astype(np.int64)
    _, first, index = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    faces = index.reshape(-1)[faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    _, once = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return vertices[first], faces[np.sort(once)]


def _parse_obj(text: str) -> tuple[Vertices, Faces]:
    vertices: list[list[str]] = []
    faces: list[tuple[int, int, int]] = []
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append(words[:3])
        elif kind == "f":
            index = [int(word.split("/")[0]) - 1 for word in words]
            faces += [(index[0], index[k], index[k + 1]) for k in range(1, len(index) - 1)]
    return np.array(vertices, float).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)


def _obj_text(vertices: Vertices, faces: Faces, normals: NDArray[np.float64]) -> str:
    distinct, index = np.unique(np.round(normals.reshape(-1, 3), 4), axis=0, return_inverse=True)
    corners = np.stack([faces, index.reshape(-1, 3)], axis=2) + 1
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in distinct.tolist()]
    lines += [f"f {a}//{i} {b}//{j} {c}//{k}" for (a, i), (b, j), (c, k) in corners.tolist()]
    return "\n".join(lines) + "\n"
