"""What stands about on the table and is not what the task is about; nothing touches it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.palette import draw_rgb

KINDS = ("box", "cylinder", "ellipsoid", "capsule", "box", "ellipsoid")
"""The shape of each one's lower part."""
FEWEST = 3
_TOPS = ("ellipsoid", "capsule", "box", "cylinder", "cylinder", "box")
_LARGEST_M = 0.045
_LOW, _HIGH = np.array([0.24, -0.30]), np.array([0.74, 0.30])
_APART_M = 0.09


def add_distractors(world: ET.Element) -> None:
    """Adds one of every kind, each a lower part and a top."""
    for i, kinds in enumerate(zip(KINDS, _TOPS, strict=True)):
        body = ET.SubElement(world, "body", name=f"distractor_{i}", pos="0.3 0 0.05")
        for part, kind in zip(("base", "top"), kinds, strict=True):
            ET.SubElement(
                body,
                "geom",
                name=f"distractor_{i}_{part}",
                type=kind,
                size=" ".join([str(_LARGEST_M)] * 3),
                pos="0.001 0.002 0.03",
                rgba=".5 .4 .3 1",
                contype="0",
                conaffinity="0",
            )


def enter_distractors(model: mujoco.MjModel, number: int) -> None:
    """Gives those of an environment their sizes and colours, and leaves the others undrawn."""
    rng = np.random.default_rng([number, 93])
    shown = rng.permutation(len(KINDS))[: int(rng.integers(FEWEST, len(KINDS) + 1))]
    for i, (kind, top) in enumerate(zip(KINDS, _TOPS, strict=True)):
        half = rng.uniform((0.014, 0.014, 0.010), (0.034, 0.034, 0.028))
        base = _shape(model, f"distractor_{i}_base", kind, half, draw_rgb(rng, (0, 1), (0.15, 1)))
        size = half * rng.uniform(0.3, 0.95, 3)
        over = _shape(model, f"distractor_{i}_top", top, size, draw_rgb(rng, (0, 1), (0.15, 1)))
        model.geom(f"distractor_{i}_base").pos[:] = (0, 0, base)
        lift = 2 * base + (0.6 * over if rng.random() < 0.7 else 0.003 - over)
        model.geom(f"distractor_{i}_top").pos[:] = (0, 0, lift)
        for part in ("base", "top"):
            model.geom(f"distractor_{i}_{part}").rgba[3] = float(i in shown)


def place_distractors(
    model: mujoco.MjModel,
    rng: np.random.Generator,
    free: Callable[[NDArray[np.float64]], bool],
) -> list[NDArray[np.float64]]:
    """Places them for one start where `free((2,) m)` allows; what finds no room is not drawn.

    Returns the places (2,) of those that are drawn.
    """
    taken: list[NDArray[np.float64]] = []
    drawn: list[NDArray[np.float64]] = []
    for i in range(len(KINDS)):
        yaw = rng.uniform(-np.pi, np.pi)
        body = model.body(f"distractor_{i}")
        body.quat[:] = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        for place in rng.uniform(_LOW, _HIGH, (100, 2)):
            if free(place) and all(np.linalg.norm(place - t) > _APART_M for t in taken):
                taken.append(place)
                body.pos[:] = (*place, 0.0)
                if model.geom(f"distractor_{i}_base").rgba[3] > 0:
                    drawn.append(place)
                break
        else:
            for part in ("base", "top"):
                model.geom(f"distractor_{i}_{part}").rgba[3] = 0.0
    return drawn


def clear_of(
    path: NDArray[np.float64], seen: NDArray[np.float64], margin_m: float = 0.11
) -> Callable[[NDArray[np.float64]], bool]:
    """Whether a place (2,) is off a path (N, 2) and hides none of the places seen (M, 2).

    The front camera looks along -x from above: what stands a little nearer to it hides things.
    """

    def free(place: NDArray[np.float64]) -> bool:
        a, b = path[:-1], path[1:]
        along = np.clip(
            ((place - a) * (b - a)).sum(1) / np.maximum(((b - a) ** 2).sum(1), 1e-12), 0.0, 1.0
        )
        off = float(np.linalg.norm(a + along[:, None] * (b - a) - place, axis=1).min())
        before = place - seen
        hides = (np.abs(before[:, 1]) < 0.08) & (before[:, 0] > 0.0) & (before[:, 0] < 0.20)
        return off > margin_m and not hides.any()

    return free


def _shape(
    model: mujoco.MjModel,
    name: str,
    kind: str,
    half: NDArray[np.float64],
    rgb: tuple[float, float, float],
) -> float:
    """Sets size and colour of a geom; returns half its height."""
    geom = model.geom(name)
    geom.rgba[:3] = rgb
    if kind == "cylinder":
        geom.size[:2] = half[0], half[2]
    elif kind == "capsule":
        geom.size[:2] = 0.7 * half[0], 0.6 * half[2]
        return float(geom.size[0] + geom.size[1])
    else:
        geom.size[:] = half
    return float(half[2])
