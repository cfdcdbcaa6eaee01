"""The exact shapes of a simulated episode's objects: its world made again from its seed.

A bag holds the objects' poses but not how large they are, which in the class-general variants the
seed decides. The simulation itself is asked, so nothing is estimated; that it is the episode's
own is checked by where the objects start.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.recording import Sidecar
from visuomotor.recording.bag_reader import open_bag

if TYPE_CHECKING:
    from visuomotor.sim import SimWorld

_START_M, _START_RAD = 0.01, 0.05  # more than an object settles, less than seeds differ


@dataclass(frozen=True)
class Shapes:
    """The P rigid parts of an episode's objects, one for each simulated body.

    names: the bodies. T_object_part (P, 4, 4): the part's middle in its body. half_m (P, 3): half
    extents. cylinder (P,): upright cylinders, the others are boxes. start: initial T_base_object.
    instance: what tells one instance of a category from another.
    """

    names: tuple[str, ...]
    T_object_part: Float64
    half_m: Float64
    cylinder: NDArray[np.bool_]
    start: dict[str, Float64]

    @property
    def instance(self) -> tuple[float, ...]:
        """Equal for scenes that show the same object."""
        return tuple(float(v) for v in self.half_m.reshape(-1))

    def check_start(self, poses: dict[str, Float64], where: str) -> None:
        """Raises DataError if an episode's objects start elsewhere than the simulation's."""
        for name, T in poses.items():
            offset = float(np.linalg.norm(T[:3, 3] - self.start[name][:3, 3]))
            turn = float(np.abs(T[:3, :3] - self.start[name][:3, :3]).max())
            if offset > _START_M or turn > _START_RAD:
                raise DataError(
                    f"{where}: {name} starts {1e3 * offset:.1f} mm from where the simulation puts "
                    "it for the episode's seed, so how large it is cannot be told: another version "
                    "of the task recorded it, or after it had moved; record it anew with "
                    "`visuomotor demos`, or leave it out"
                )


def true_shapes(episode: Path, sidecar: Sidecar) -> Shapes | None:
    """The shapes in an episode; None if it is not simulated or there is no simulation here."""
    if sidecar.seed is None or importlib.util.find_spec("mujoco") is None:
        return None
    from visuomotor.sim.tasks import TASKS

    if sidecar.task not in TASKS:
        return None
    world = _world(sidecar.task, *_region_and_variant(sidecar))
    with open_bag(episode) as bag:
        topics = set(bag.topics)
    shown = [n for n in world.task.objects if f"/sim/objects/{n}/pose" in topics]
    world.reset(sidecar.seed)
    return _shapes(world, [n for n in shown if _has_geom(world.model, n)])


def _region_and_variant(sidecar: Sidecar) -> tuple[str, str]:
    from visuomotor.sim.config import Region, Variant

    regions = [t for t in sidecar.tags if t in get_args(Region)]
    variants = [t for t in sidecar.tags if t in get_args(Variant)]
    return (regions or ["interpolation"])[0], (variants or ["plain"])[0]


@lru_cache(maxsize=4)
def _world(task: str, region: str, variant: str) -> SimWorld:
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig, SimWorld

    values = {"task": task, "region": region, "variant": variant}
    return SimWorld(from_mapping(SimConfig, values, "true shapes"))


def _has_geom(model: Any, name: str) -> bool:
    return any(model.geom(i).name == name for i in range(model.ngeom))


def _shapes(world: SimWorld, names: list[str]) -> Shapes | None:
    """Of the bodies that have a geom of their own name; landmarks have none."""
    import mujoco

    from visuomotor.geometry import matrix_from_quat_xyzw, pose

    if not names:
        return None
    poses, half, cylinder = [], [], []
    for name in names:
        geom = world.model.geom(name)
        w, x, y, z = geom.quat
        poses.append(pose(matrix_from_quat_xyzw(np.array([x, y, z, w])), geom.pos))
        kind, size = int(geom.type[0]), np.array(geom.size)
        cylinder.append(kind != int(mujoco.mjtGeom.mjGEOM_BOX))
        if kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE):
            size = np.array([size[0], size[0], size[0] + size[1]])
        elif kind == int(mujoco.mjtGeom.mjGEOM_CYLINDER):
            size = np.array([size[0], size[0], size[1]])
        elif not cylinder[-1]:
            size = size[:3]
        else:
            return None  # a shape whose points on it cannot be told from those beside it
        half.append(size)
    start = {n: T for n, T in world.object_poses().items() if n in names}
    return Shapes(tuple(names), np.stack(poses), np.stack(half), np.array(cylinder), start)
