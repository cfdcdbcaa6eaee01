"""The paper's two benchmarks of start states: drawn by seed, or read from a table of columns.

Appendix B, table 3; the ranges are those of the code published with it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visuomotor.errors import DataError, unknown_name
from visuomotor.sim.gripper.starts import Starts
from visuomotor.sim.gripper.worlds import GripperWorlds

_HAND = ("hazi", "hele", "hposx", "hposy", "hposz")
_OBJECTS = ("o0posx", "o0posy", "o0hei", "o0rad", "o1hei", "o1rad")
COLUMNS = (*_HAND, "o0posx", "o0posy", "o0posz", "o0hei", "o0rad", "o1hei", "o1rad")
"""Of a table of starts: the hand's azimuth, elevation and position, the first object's place and
size, the size of the one in the hand; rad and m."""


@dataclass(frozen=True)
class Ranges:
    """What starts are drawn from, evenly: low and high of each, rad and m."""

    x: tuple[float, float]
    y: tuple[float, float]
    z: tuple[float, float]
    elevation: tuple[float, float]
    height: tuple[float, float]
    azimuth: tuple[float, float] = (-np.pi, np.pi)
    radius: tuple[float, float] = (0.04, 0.05)


_STEEP = float(np.deg2rad(80))
BENCHMARKS = {
    "easy": Ranges((-0.1, 0.1), (-0.1, 0.0), (0.1, 0.2), (0.0, _STEEP), (0.06, 0.08)),
    "hard": Ranges((-0.25, 0.25), (-0.25, 0.25), (0.0, 0.25), (-_STEEP, _STEEP), (0.04, 0.10)),
}


def draw_starts(name: str, n: int, seed: int) -> Starts:
    """Draws n starts of a benchmark, a name of BENCHMARKS, in which nothing touches.

    Neither with both fingers open nor with the second object between them, so that the same starts
    serve actions with one object and with two. Raises DataError for another name.
    """
    if name not in BENCHMARKS:
        raise DataError(unknown_name("benchmark", name, BENCHMARKS))
    rng = np.random.default_rng([seed, *name.encode()])
    size = 32
    worlds = [GripperWorlds(size, objects, threads=0) for objects in (1, 2)]
    found: list[Starts] = []
    while sum(len(s) for s in found) < n:
        starts = _drawn(BENCHMARKS[name], size, rng)
        free = np.ones(size, bool)
        for world in worlds:
            world.reset(starts, rng)
            free &= ~world.colliding()
        found.append(starts.take(free))
    for world in worlds:
        world.close()
    return _joined(found).take(slice(n))


def read_starts(path: Path) -> Starts:
    """Starts from a CSV file with COLUMNS; DataError names the column or the row that is wrong."""
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table of starts: {error}") from error
    missing = [c for c in (*_HAND, *_OBJECTS) if not rows or c not in rows[0]]
    if missing:
        raise DataError(
            f"{path}: lacks {', '.join(missing)}; expected a CSV file with {', '.join(COLUMNS)} "
            "and one row at least"
        )
    values: dict[str, list[float]] = {c: [] for c in (*_HAND, *_OBJECTS)}
    for number, row in enumerate(rows, start=2):
        for column, kept in values.items():
            try:
                kept.append(float(row[column]))
            except (TypeError, ValueError):
                raise DataError(
                    f"{path}:{number}: {column} is {row[column]!r}, expected a number"
                ) from None
    table = {c: np.array(v) for c, v in values.items()}

    def columns(*names: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.stack([table[c] for c in names], axis=1)

    try:
        return Starts(
            table["hazi"],
            table["hele"],
            columns("hposx", "hposy", "hposz"),
            columns("o0posx", "o0posy"),
            columns("o0hei", "o1hei"),
            columns("o0rad", "o1rad"),
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def write_starts(path: Path, starts: Starts) -> None:
    """Writes a CSV file that `read_starts` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    s = starts
    hand = (s.azimuth, s.elevation, *s.position.T)
    first = (*s.place.T, s.heights[:, 0] / 2, s.heights[:, 0], s.radii[:, 0])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        table = np.stack([*hand, *first, s.heights[:, 1], s.radii[:, 1]], axis=1)
        writer.writerows([repr(float(v)) for v in row] for row in table)


def _drawn(ranges: Ranges, n: int, rng: np.random.Generator) -> Starts:
    position = np.stack([rng.uniform(*r, n) for r in (ranges.x, ranges.y, ranges.z)], axis=1)
    return Starts(
        rng.uniform(*ranges.azimuth, n),
        rng.uniform(*ranges.elevation, n),
        position,
        np.zeros((n, 2)),
        rng.uniform(*ranges.height, (n, 2)),
        rng.uniform(*ranges.radius, (n, 2)),
    )


def _joined(parts: list[Starts]) -> Starts:
    names = ("azimuth", "elevation", "position", "place", "heights", "radii")
    return Starts(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
