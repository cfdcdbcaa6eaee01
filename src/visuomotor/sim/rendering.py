"""Colour and depth of a camera from one render."""

from __future__ import annotations

import importlib
import os
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import MissingDependencyError
from visuomotor.sim.culling import Culling

MAX_DEPTH_M = 6.0
"""Farther than this a depth camera of this kind measures nothing."""


class Renderer:
    """Draws a model's cameras off screen.

    Belongs to the thread that made it (OpenGL contexts do). Raises MissingDependencyError where
    no off-screen OpenGL is to be had.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, shadows: bool) -> None:
        self._model = model
        self._culling = None if shadows else Culling(model, width / height)
        try:
            self._context = _context(width, height)
            self._context.make_current()
            self._mjr = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        except Exception as error:
            raise MissingDependencyError(
                f"no off-screen OpenGL (MUJOCO_GL={os.environ.get('MUJOCO_GL')}): {error}; install "
                "EGL (apt-get install libegl1 libgl1-mesa-dri), or set MUJOCO_GL=osmesa or glfw"
            ) from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._mjr)
        self._mjr.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = False
        self._option = mujoco.MjvOption()
        self._option.geomgroup[3] = 0
        self._option.sitegroup[:] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._textures = model.tex_data.copy()
        self._taken = 0
        self._rgb = np.empty((height, width, 3), np.uint8)
        self._depth = np.empty((height, width), np.float32)

    def render(
        self, data: mujoco.MjData, camera: str
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """RGB (H, W, 3) uint8 and depth along the axis (H, W) uint16 in mm, 0 beyond reach."""
        self.draw(data, camera)
        return self.read()

    def draw(self, data: mujoco.MjData, camera: str) -> None:
        """Hands a camera's view to OpenGL, which may draw it later."""
        self._context.make_current()  # another world may have drawn meanwhile
        self._camera.fixedcamid = camera_id = self._model.camera(camera).id
        groups = self._model.geom_group.copy()
        if self._culling is not None:
            self._model.geom_group[:] = self._culling.groups(data, camera_id)
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._option,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        self._model.geom_group[:] = groups
        mujoco.mjr_render(self._viewport, self._scene, self._mjr)

    def segment(self, data: mujoco.MjData, camera: str) -> NDArray[np.int32]:
        """The geom (H, W) that each pixel of a camera shows, -1 for none."""
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = True
        try:
            self.draw(data, camera)
            mujoco.mjr_readPixels(self._rgb, self._depth, self._viewport, self._mjr)
        finally:
            flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = False
        number = self._rgb[::-1].astype(np.int32) @ np.array([1, 256, 65536], np.int32)
        geoms = np.full(self._scene.ngeom + 1, -1, np.int32)
        for drawn in self._scene.geoms[: self._scene.ngeom]:
            if drawn.segid >= 0 and drawn.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                geoms[drawn.segid + 1] = drawn.objid
        return geoms[np.where(number < len(geoms), number, 0)]

    def take_textures(self, version: int) -> None:
        """Hands changed textures to OpenGL; version: another number whenever they may have changed.

        OpenGL keeps copies of its own, so a texture painted in the model is not seen otherwise.
        """
        if version == self._taken:
            return
        self._taken, model = version, self._model
        self._context.make_current()
        for i, start in enumerate(model.tex_adr):
            end = start + model.tex_width[i] * model.tex_height[i] * model.tex_nchannel[i]
            if not np.array_equal(self._textures[start:end], model.tex_data[start:end]):
                self._textures[start:end] = model.tex_data[start:end]
                mujoco.mjr_uploadTexture(model, self._mjr, i)

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """Waits for what was drawn; the images as `render` gives them."""
        mujoco.mjr_readPixels(self._rgb, self._depth, self._viewport, self._mjr)
        return np.ascontiguousarray(self._rgb[::-1]), self._depth_mm()

    def _depth_mm(self) -> NDArray[np.uint16]:
        """Undoes the reversed-z projection of MuJoCo's mjDEPTH_ZEROFAR depth map."""
        near = self._model.vis.map.znear * self._model.stat.extent
        far = self._model.vis.map.zfar * self._model.stat.extent
        # in place: arrays of this size are pages fresh from the system, dearer than the arithmetic
        metres = np.multiply(self._depth[::-1], far - near, dtype=np.float64)
        metres += near
        np.divide(near * far, metres, out=metres)
        within = metres < MAX_DEPTH_M
        metres *= 1e3
        depth_mm: NDArray[np.uint16] = np.rint(metres, out=metres).astype(np.uint16)
        depth_mm *= within
        return depth_mm

    def close(self) -> None:
        """Frees the OpenGL context."""
        self._mjr.free()
        self._context.free()


def _context(width: int, height: int) -> Any:
    """The OpenGL context that MUJOCO_GL names, also where mujoco was imported before it was set."""
    backend = os.environ.get("MUJOCO_GL", "")
    if backend in ("egl", "osmesa"):
        return importlib.import_module(f"mujoco.{backend}").GLContext(width, height)
    return mujoco.GLContext(width, height)
