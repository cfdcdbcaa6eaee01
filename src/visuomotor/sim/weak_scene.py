"""A task's objects in its environments without the robot, seen from anywhere."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.geometry import pose, quat_xyzw_from_matrix
from visuomotor.sim.as_compiled import AsCompiled
from visuomotor.sim.config import SimConfig, Variant
from visuomotor.sim.environments import environment_of
from visuomotor.sim.rendering import Renderer
from visuomotor.sim.robot import PREFIX
from visuomotor.sim.scene import build_scene
from visuomotor.sim.tasks import TASKS, make_task
from visuomotor.sim.tasks.distractors import place_distractors
from visuomotor.sim.tasks.task import InEnvironments

_CAMERA = "front"
_LOW, _HIGH = np.array([0.22, -0.40]), np.array([0.84, 0.40])
_CLEAR_M = 0.09
_FAR_M = (0.7, 1.15)
"""Of the camera: an object is about as large as a policy sees it, a third more or less."""
_OTHERS_SHOWN = 0.5
_FEWEST_PIXELS = 0.0025
"""Of the image, that show the object of interest: a mug 7 pixels wide in 160 x 120."""


class WeakScene:
    """Draws scenes with and without the object of interest; raises ConfigError for other tasks."""

    def __init__(self, task: str, variant: Variant, width: int, height: int) -> None:
        made = make_task(task, variant)
        if not isinstance(made, InEnvironments):
            known = [n for n in TASKS if isinstance(make_task(n), InEnvironments)]
            raise ConfigError(unknown_name("task with an object of interest", task, known))
        self._task, self._variant = made, variant
        self._interest: str = made.interest
        config = SimConfig(
            task=task, variant=variant, cameras=(_CAMERA,), width=width, height=height
        )
        scene = build_scene(config, made.add_objects)
        _without_robot(scene)
        _with_walls(scene)
        self._model = mujoco.MjModel.from_xml_string(ET.tostring(scene, encoding="unicode"))
        self._data = mujoco.MjData(self._model)
        self._compiled = AsCompiled(self._model)
        self._renderer = Renderer(self._model, width, height, shadows=False)
        self._fewest = _FEWEST_PIXELS * width * height
        self._painted: int | None = None
        self._paintings = 0

    def environment(self, seed: int) -> int:
        """The number of the environment that this seed is drawn in."""
        return environment_of(self._variant, seed)

    def draw(
        self, rng: np.random.Generator, seed: int, shown: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """RGB (H, W, 3) of one scene, and where (H, W) in it the object of interest is seen.

        Where it is shown, draws again until enough of it is in view.
        """
        for _ in range(100):
            self._arrange(rng, seed, shown)
            if not shown:
                color, _ = self._render()
                return color, np.zeros(color.shape[:2], bool)
            color, depth_mm = self._render()
            self._hide(self._interest)
            _, behind_mm = self._render()
            seen = depth_mm != behind_mm
            if seen.sum() >= self._fewest:
                return color, seen
        raise AssertionError(f"found no view of {self._interest} in environment {seed}")

    def close(self) -> None:
        """Frees the OpenGL context."""
        self._renderer.close()

    def _arrange(self, rng: np.random.Generator, seed: int, shown: bool) -> None:
        model, number = self._model, self.environment(seed)
        mujoco.mj_resetData(model, self._data)
        self._compiled.restore()
        self._task.enter(model, number)
        if number != self._painted:
            self._painted, self._paintings = number, self._paintings + 1
        poses, _ = self._task.draw(rng, "interpolation")
        free = self._task.dress(model, rng, poses)
        places: dict[str, NDArray[np.float64]] = {}
        for name in self._task.objects:
            place, yaw = _apart(rng, list(places.values())), float(rng.uniform(-np.pi, np.pi))
            there = shown if name == self._interest else rng.random() < _OTHERS_SHOWN
            quat = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
            if name in free:
                self._data.joint(name).qpos[:] = (*place, free[name][2, 3], *quat)
            else:
                model.body(name).pos[:2], model.body(name).quat[:] = place, quat
            if there:
                places[name] = place
            else:
                self._hide(name)
        taken = np.array(list(places.values())).reshape(-1, 2)
        others = place_distractors(
            model, rng, lambda p: bool((np.linalg.norm(taken - p, axis=1) > _CLEAR_M).all())
        )
        # without what counts something else is in the middle, or the middle would tell the label
        other = others[int(rng.integers(len(others)))] if others else _apart(rng, [])
        self._look(rng, places[self._interest] if shown else other)

    def _hide(self, name: str) -> None:
        """Leaves a body undrawn."""
        body = self._model.body(name).id
        self._model.geom_rgba[self._model.geom_bodyid == body, 3] = 0.0

    def _look(self, rng: np.random.Generator, place: NDArray[np.float64]) -> None:
        """Puts the camera near the front one, looking beside a place (2,).

        The paper's weak images have "small variations in the viewpoint".
        """
        azimuth, elevation = rng.uniform(-0.4, 0.4), rng.uniform(0.5, 0.85)
        out = np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        target = np.array([*(place + rng.uniform(-0.16, 0.16, 2)), 0.03])
        roll = rng.uniform(-0.08, 0.08)
        right = np.cross((0.0, 0.0, 1.0), out)
        right /= np.linalg.norm(right)
        up = np.cross(out, right)
        x, y = (
            np.cos(roll) * right + np.sin(roll) * up,
            np.cos(roll) * up - np.sin(roll) * right,
        )
        T = pose(np.stack([x, y, out], axis=1), target + rng.uniform(*_FAR_M) * out)
        camera = self._model.camera(_CAMERA)
        camera.pos[:] = T[:3, 3]
        camera.quat[:] = np.roll(quat_xyzw_from_matrix(T[:3, :3]), 1)

    def _render(self) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._renderer.take_textures(self._paintings)
        return self._renderer.render(self._data, _CAMERA)


def _without_robot(scene: ET.Element) -> None:
    """Takes arm, hand, pedestal and all that refers to them out of a scene."""
    world, asset = scene.find("worldbody"), scene.find("asset")
    assert world is not None
    assert asset is not None
    for element in list(world):
        name = element.get("name") or ""
        if name == "pedestal" or (element.tag == "body" and name.startswith(PREFIX)):
            world.remove(element)
    for mesh in asset.findall("mesh"):
        asset.remove(mesh)
    for section in ("actuator", "tendon", "equality", "contact"):
        for element in scene.findall(section):
            scene.remove(element)


def _with_walls(scene: ET.Element) -> None:
    """Adds the two walls that the standing cameras have their backs to."""
    world = scene.find("worldbody")
    assert world is not None
    for name, place in (("wall_x", "2.2 0 0.25"), ("wall_y", "0 -1.6 0.25")):
        wall = next(g for g in world.findall("geom") if g.get("name") == name)
        ET.SubElement(world, "geom", {**wall.attrib, "name": f"{name}_behind", "pos": place})


def _apart(rng: np.random.Generator, taken: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    while True:
        place = rng.uniform(_LOW, _HIGH)
        if all(np.linalg.norm(place - t) > 2 * _CLEAR_M for t in taken):
            return place
