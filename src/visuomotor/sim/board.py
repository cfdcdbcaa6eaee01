"""A world with a calibration board, and cameras that stand where one puts them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import unknown_name
from visuomotor.geometry import PinholeCamera, pose, quat_xyzw_from_matrix
from visuomotor.sim.config import SimConfig
from visuomotor.sim.robot import PREFIX, TCP_OFFSET_M
from visuomotor.sim.scene import build_scene, mount_of
from visuomotor.sim.world import SimWorld

THICKNESS_M = 0.004
_GL_FROM_CV = pose(np.diag([1.0, -1.0, -1.0]))


@dataclass(frozen=True)
class Plate:
    """A printed plate. picture: (H, W) uint8 of its whole face; size_m: width and height.

    on: "hand" (T_parent_plate in fr3_hand_tcp) or "table" (in base). The plate's frame is in the
    face's first pixel's outer corner: x along its rows, y down its columns, z into the plate.
    """

    picture: NDArray[np.uint8]
    size_m: tuple[float, float]
    on: Literal["hand", "table"]
    T_parent_plate: NDArray[np.float64]


@dataclass(frozen=True)
class PlacedCamera:
    """A camera somewhere else than the scene's: T_parent_camera (4, 4), its parent as there."""

    T_parent_camera: NDArray[np.float64]
    camera: PinholeCamera


class BoardWorld(SimWorld):
    """A SimWorld with a plate, and some of its cameras elsewhere.

    placed: by name; their images have the world's size, which their intrinsics must share.
    Raises ValueError for another size or a camera that the world does not have.
    """

    def __init__(
        self, config: SimConfig, plate: Plate, placed: Mapping[str, PlacedCamera] | None = None
    ) -> None:
        self._plate, self._placed = plate, dict(placed or {})
        for name, p in self._placed.items():
            if name not in config.cameras:
                raise ValueError(unknown_name("camera", name, config.cameras))
            if (p.camera.width, p.camera.height) != (config.width, config.height):
                raise ValueError(
                    f"camera {name}: got {p.camera.width}x{p.camera.height}, expected the world's "
                    f"{config.width}x{config.height}"
                )
        super().__init__(config)

    def _build(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        scene = build_scene(self.config, self.task.add_objects)
        spec = mujoco.MjSpec.from_string(ET.tostring(scene, encoding="unicode"))
        _add_plate(spec, self._plate)
        for name, placed in self._placed.items():
            _place(spec, name, placed)
        model = spec.compile()
        return model, mujoco.MjData(model)

    def camera(self, name: str) -> PinholeCamera:
        """The intrinsics of a camera's images."""
        return self._placed[name].camera if name in self._placed else super().camera(name)

    def camera_pose(self, name: str, T_base_ee: NDArray[np.float64]) -> NDArray[np.float64]:
        """T_base_camera (4, 4) with the end effector at T_base_ee."""
        if name not in self._placed:
            return super().camera_pose(name, T_base_ee)
        T = self._placed[name].T_parent_camera
        return T if mount_of(name).parent == "base" else T_base_ee @ T

    def stand(self, T_base_ee: NDArray[np.float64]) -> None:
        """Puts the arm at a pose (4, 4), at rest; RobotError where it does not reach."""
        self.arm.reset(T_base_ee)
        mujoco.mj_forward(self.model, self.data)


def _add_plate(spec: mujoco.MjSpec, plate: Plate) -> None:
    """A box of eight corners whose face shows the picture; it touches nothing and weighs nothing.

    Only a mesh says which point of a picture lies where; a box of MuJoCo's own does not.
    """
    spec.assets["plate.png"] = cv2.imencode(".png", plate.picture)[1].tobytes()
    texture = spec.add_texture(
        name="plate", type=mujoco.mjtTexture.mjTEXTURE_2D, file="plate.png", nchannel=3
    )
    material = spec.add_material(name="plate", specular=0, shininess=0, emission=0.35)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
    w, h = plate.size_m
    face = np.array([[0, 0, 0], [w, 0, 0], [w, h, 0], [0, h, 0]], float)
    vertices = np.vstack([face, face + np.array([0, 0, THICKNESS_M])])
    seen = [[0, 2, 1], [0, 3, 2]]  # counter-clockwise for who looks along z
    others = [[4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5],
              [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7]]  # fmt: skip
    spec.add_mesh(
        name="plate",
        uservert=vertices.ravel(),
        userface=np.array(seen + others).ravel(),
        usertexcoord=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float).ravel(),
        userfacetexcoord=np.array(seen + [[0, 0, 0]] * len(others)).ravel(),
    )
    body = spec.worldbody
    T = plate.T_parent_plate
    if plate.on == "hand":
        body, T = spec.body(f"{PREFIX}hand"), pose(position=(0, 0, TCP_OFFSET_M)) @ T
    body.add_geom(
        name="plate",
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname="plate",
        material="plate",
        pos=T[:3, 3],
        quat=_wxyz(T),
        contype=0,
        conaffinity=0,
        mass=0,
    )


def _place(spec: mujoco.MjSpec, name: str, placed: PlacedCamera) -> None:
    T = placed.T_parent_camera @ _GL_FROM_CV
    if mount_of(name).parent == "ee":
        T = pose(position=(0, 0, TCP_OFFSET_M)) @ T
    camera, made = placed.camera, spec.camera(name)
    made.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
    made.pos, made.quat = T[:3, 3], _wxyz(T)
    made.resolution = [camera.width, camera.height]
    made.sensor_size = [camera.width, camera.height]  # in a unit of which a pixel has one
    made.focal_pixel = [camera.fx, camera.fy]
    # the image's middle, seen from the axis: to the right and down
    made.principal_pixel = [
        (camera.width - 1) / 2 - camera.cx,
        (camera.height - 1) / 2 - camera.cy,
    ]


def _wxyz(T: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z, w = quat_xyzw_from_matrix(T[:3, :3])
    return np.array([w, x, y, z])
