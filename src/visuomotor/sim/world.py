"""The simulated world: physics, robot, cameras and task, stepped by whoever owns it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import STEP_NS, CameraFrame, RobotState, SyncedFrame
from visuomotor.errors import ConfigError
from visuomotor.geometry import PinholeCamera, pose, quat_xyzw_from_matrix
from visuomotor.sim.arm import SimArm
from visuomotor.sim.config import SimConfig
from visuomotor.sim.rendering import Renderer
from visuomotor.sim.scene import build_scene, mount_of
from visuomotor.sim.sensors import degrade_depth
from visuomotor.sim.tasks import make_task

CONTROL_S = 0.01
"""The arm's controller takes a new reference at 100 Hz."""


class SimWorld:
    """An FR3 with hand over a table, the task's objects and cameras with known calibration.

    Deterministic: the same config, seed and commands give the same states and images. Not safe
    across threads; rendering must stay in the thread that renders first.
    """

    def __init__(self, config: SimConfig) -> None:
        self.config = config
        self.task = make_task(config.task)
        scene = build_scene(config, self.task.add_objects)
        self._attach(mujoco.MjModel.from_xml_string(ET.tostring(scene, encoding="unicode")))

    def _attach(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        self.arm = SimArm(model, self.data)
        self._renderer: Renderer | None = None
        self._start_ns = 0
        self._rng = np.random.default_rng(0)
        self.seed = 0
        self.reset(0)

    def reset(self, seed: int, start_ns: int = 0) -> None:
        """The initial state of `seed`: the same one every time.

        start_ns: the stamp that the world's clock starts from.
        """
        if seed < 0:
            raise ConfigError(f"got seed {seed}, expected a number >= 0")
        self.seed = seed
        self._start_ns = start_ns
        rng = np.random.default_rng([seed, 0])
        self._rng = np.random.default_rng([seed, 1])
        objects, T_base_ee = self.task.draw(rng, self.config.region)
        mujoco.mj_resetData(self.model, self.data)
        for name, T in objects.items():
            x, y, z, w = quat_xyzw_from_matrix(T[:3, :3])
            self.data.joint(name).qpos[:] = (*T[:3, 3], w, x, y, z)
        self.arm.reset(T_base_ee)
        mujoco.mj_forward(self.model, self.data)

    # --- time ---------------------------------------------------------------------------------

    @property
    def time_ns(self) -> int:
        """The world's clock."""
        return self._start_ns + round(float(self.data.time) * 1e9)

    def advance(self, duration_s: float = CONTROL_S) -> None:
        """Moves the world on, the arm's controller at 100 Hz."""
        for _ in range(max(1, round(duration_s / CONTROL_S))):
            self.arm.control(CONTROL_S)
            mujoco.mj_step(self.model, self.data, round(CONTROL_S / self.model.opt.timestep))

    def step(self) -> None:
        """One control step of 50 ms with the reference as it is."""
        self.advance(STEP_NS * 1e-9)

    # --- robot --------------------------------------------------------------------------------

    def set_reference(self, T_base_ee: NDArray[np.float64]) -> None:
        """The end-effector pose (4, 4) that the arm's controller follows."""
        self.arm.set_reference(T_base_ee)

    def set_gripper(self, width_m: float) -> None:
        """The full width that the hand moves to."""
        self.arm.set_gripper(width_m)

    def robot_state(self) -> RobotState:
        """The arm as its sensors would report it now."""
        return RobotState(
            self.time_ns,
            self.arm.measured_pose(),
            self.data.qpos[self.arm.qpos].copy(),
            self.data.qvel[self.arm.dofs].copy(),
            self.arm.gripper_width_m,
        )

    # --- cameras ------------------------------------------------------------------------------

    def camera(self, name: str) -> PinholeCamera:
        """The intrinsics of a camera's images."""
        return PinholeCamera.from_fovy(
            self.config.width, self.config.height, mount_of(name).fovy_rad
        )

    def camera_pose(self, name: str) -> NDArray[np.float64]:
        """T_base_camera (4, 4) now: x right, y down, z forward."""
        mount = mount_of(name)
        if mount.parent == "base":
            return mount.T_parent_camera
        T: NDArray[np.float64] = self.arm.measured_pose() @ mount.T_parent_camera
        return T

    def render(self, camera: str) -> CameraFrame:
        """Colour and depth of one camera, from one render."""
        if camera not in self.config.cameras:
            raise ConfigError(f"camera {camera!r} is not in this world: {self.config.cameras}")
        if self._renderer is None:
            c = self.config
            self._renderer = Renderer(self.model, c.width, c.height, c.shadows)
        color, depth_mm = self._renderer.render(self.data, camera)
        return CameraFrame(
            color,
            degrade_depth(depth_mm, self.config, self._rng),
            self.camera(camera),
            self.camera_pose(camera),
        )

    def frame(self) -> SyncedFrame:
        """All cameras and the robot at this instant."""
        cameras = {name: self.render(name) for name in self.config.cameras}
        return SyncedFrame(self.time_ns, cameras, self.robot_state())

    # --- task ---------------------------------------------------------------------------------

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """T_base_object (4, 4) of the task's objects, the truth."""
        return {
            name: pose(self.data.body(name).xmat.reshape(3, 3), self.data.body(name).xpos)
            for name in self.task.objects
        }

    def success(self) -> bool:
        """Whether the task is solved in this state."""
        return self.task.success(self.object_poses())

    def close(self) -> None:
        """Frees the OpenGL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
