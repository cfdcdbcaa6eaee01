"""The scene as MJCF: robot, table, lights, cameras and what the task adds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.geometry import matrix_from_quat_xyzw, pose
from visuomotor.sim.config import SimConfig
from visuomotor.sim.robot import PREFIX, TCP_OFFSET_M, load_robot

TABLE_CENTRE_M = (0.5, 0.0)
"""Where the tasks' regions are centred, on the table's surface z = 0."""


@dataclass(frozen=True)
class CameraMount:
    """Where a camera is: T_parent_camera (4, 4), x right, y down, z forward; fovy in rad.

    parent: "base" for a camera that stands still, "ee" for one on the hand (fr3_hand_tcp).
    """

    parent: str
    T_parent_camera: NDArray[np.float64]
    fovy_rad: float


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> CameraMount:
    """A standing camera at `eye` whose axis goes through `target`, its image upright."""
    z = np.subtract(target, eye)
    z = z / np.linalg.norm(z)
    x = np.cross(z, (0.0, 0.0, 1.0))
    x = x / np.linalg.norm(x)
    return CameraMount(
        "base", pose(np.stack([x, np.cross(z, x), z], axis=1), eye), float(np.deg2rad(36))
    )


MOUNTS: dict[str, CameraMount] = {
    "front": look_at((1.2, 0.0, 0.55), (0.5, 0.0, 0.06)),
    "side": look_at((0.72, -0.78, 0.5), (0.5, 0.0, 0.06)),
    "wrist": CameraMount(
        "ee",
        pose(
            np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
            @ np.array(
                [
                    [1.0, 0.0, 0.0],
                    [0.0, np.cos(0.25), np.sin(0.25)],
                    [0.0, -np.sin(0.25), np.cos(0.25)],
                ]
            ),
            (0.07, 0.0, -0.06),
        ),
        float(np.deg2rad(62)),
    ),
}

_GL_FROM_CV = pose(np.diag([1.0, -1.0, -1.0]))


def build_scene(
    config: SimConfig,
    add_objects: Callable[[ET.Element, ET.Element], None],
    gravity_compensation: bool = True,
) -> ET.Element:
    """The <mujoco> element. `add_objects(worldbody, asset)` is the task's part."""
    robot = load_robot(config.appearance, gravity_compensation)
    root = ET.Element("mujoco", model="visuomotor")
    ET.SubElement(root, "compiler", angle="radian", meshdir=str(robot.mesh_folder))
    ET.SubElement(
        root,
        "option",
        integrator="implicitfast",
        cone="elliptic",
        impratio="10",
        timestep=str(config.timestep_s),
    )
    visual = ET.SubElement(root, "visual")
    ET.SubElement(
        visual, "headlight", diffuse=".35 .35 .35", ambient=".35 .35 .35", specular="0 0 0"
    )
    ET.SubElement(visual, "quality", shadowsize="2048", offsamples=str(config.multisamples))
    ET.SubElement(visual, "map", znear="0.02", zfar="8")
    ET.SubElement(visual, "global", offwidth=str(config.width), offheight=str(config.height))
    ET.SubElement(root, "statistic", extent="1", center="0.5 0 0.2")
    root.append(robot.default)
    asset = robot.asset
    root.append(asset)
    world = ET.SubElement(root, "worldbody")
    _add_room(world, asset)
    world.append(robot.body)
    hand = next(b for b in robot.body.iter("body") if b.get("name") == f"{PREFIX}hand")
    for name in config.cameras:
        _add_camera(name, world, hand)
    add_objects(world, asset)
    root.extend(robot.sections)
    return root


def mount_of(camera: str) -> CameraMount:
    """The camera's mount; ConfigError names the cameras there are."""
    if camera not in MOUNTS:
        raise ConfigError(unknown_name("camera", camera, MOUNTS))
    return MOUNTS[camera]


def standing_pose(
    position: NDArray[np.float64], quat_wxyz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """T_base_camera (4, 4) of a camera that stands at a position (3,), in MuJoCo's axes."""
    return pose(matrix_from_quat_xyzw(np.roll(quat_wxyz, -1)), position) @ _GL_FROM_CV


def _add_camera(name: str, world: ET.Element, hand: ET.Element) -> None:
    mount = mount_of(name)
    T = mount.T_parent_camera @ _GL_FROM_CV
    if mount.parent == "ee":
        T = pose(position=(0, 0, TCP_OFFSET_M)) @ T
    axes = " ".join(f"{v:.9g}" for v in (*T[:3, 0], *T[:3, 1]))
    ET.SubElement(
        world if mount.parent == "base" else hand,
        "camera",
        name=name,
        pos=" ".join(f"{v:.9g}" for v in T[:3, 3]),
        xyaxes=axes,
        fovy=f"{np.rad2deg(mount.fovy_rad):.9g}",
    )


def _add_room(world: ET.Element, asset: ET.Element) -> None:
    """Table, floor and lights. The table's grain gives correspondence something to hold on to."""
    ET.SubElement(
        asset,
        "texture",
        name="table",
        type="2d",
        builtin="flat",
        mark="random",
        random="0.04",
        rgb1=".58 .50 .41",
        markrgb=".48 .40 .32",
        width="512",
        height="512",
    )
    ET.SubElement(asset, "material", name="table", texture="table", specular="0", shininess="0")
    ET.SubElement(asset, "material", name="floor", rgba=".30 .33 .36 1", specular="0")
    ET.SubElement(
        world,
        "geom",
        name="table",
        type="box",
        size="0.45 0.6 0.02",
        pos=f"{TABLE_CENTRE_M[0] + 0.05} 0 -0.02",
        material="table",
        friction="0.9 0.01 0.0005",
    )
    ET.SubElement(
        world,
        "geom",
        name="floor",
        type="plane",
        size="4 4 0.1",
        pos="0 0 -0.75",
        material="floor",
        contype="0",
        conaffinity="0",
    )
    for name, place in (("wall_x", "-1.2 0 0.25"), ("wall_y", "0 1.6 0.25")):
        ET.SubElement(
            world,
            "geom",
            name=name,
            type="box",
            size="0.02 4 1.5" if name == "wall_x" else "4 0.02 1.5",
            pos=place,
            rgba=".62 .64 .66 1",
            contype="0",
            conaffinity="0",
        )
    ET.SubElement(
        world,
        "geom",
        name="pedestal",
        type="box",
        size="0.1 0.12 0.375",
        pos="-0.02 0 -0.375",
        rgba=".25 .25 .27 1",
        contype="0",
        conaffinity="0",
    )
    ET.SubElement(
        world,
        "light",
        name="key",
        pos="1.2 -1.0 2.0",
        dir="-0.4 0.5 -1",
        directional="true",
        diffuse=".55 .53 .48",
        specular=".1 .1 .1",
        castshadow="true",
    )
    ET.SubElement(
        world,
        "light",
        name="fill",
        pos="0 1.5 2",
        dir="0.3 -0.6 -1",
        directional="true",
        diffuse=".2 .2 .22",
        specular="0 0 0",
        castshadow="false",
    )
