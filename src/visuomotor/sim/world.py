"""The simulated world: physics, robot, cameras and task, stepped by whoever owns it."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import STEP_NS, CameraFrame, RobotState, SyncedFrame
from visuomotor.errors import ConfigError
from visuomotor.geometry import PinholeCamera, pose
from visuomotor.sim.arm import SimArm
from visuomotor.sim.as_compiled import AsCompiled
from visuomotor.sim.config import SimConfig
from visuomotor.sim.departures import Departures
from visuomotor.sim.disturbances import Interference
from visuomotor.sim.environments import environment_of
from visuomotor.sim.placing import put, straighten
from visuomotor.sim.rendering import Renderer
from visuomotor.sim.robot import PREFIX
from visuomotor.sim.scene import CameraMount, build_scene, mount_of, standing_pose
from visuomotor.sim.sensors import degrade_depth
from visuomotor.sim.tasks import make_task
from visuomotor.sim.tasks.goals import GoalWatch, draw_in, episode_pair, goal_test
from visuomotor.sim.tasks.task import InEnvironments
from visuomotor.sim.wrenches import Pulses

CONTROL_S = 0.01
"""The arm's controller takes a new reference at 100 Hz."""


@dataclass(frozen=True)
class Snapshot:
    """What a render needs of one instant, so that the world can move on meanwhile."""

    qpos: NDArray[np.float64]
    robot: RobotState


class SimWorld:
    """An FR3 with hand over a table, the task's objects and cameras with known calibration.

    Deterministic: the same config, seed and commands give the same states and images. Not safe
    across threads, but for this: one other thread may render snapshots, always the same one.
    """

    tick_s = CONTROL_S
    """The step in which a real-time owner moves this world on."""
    max_lag_s = 0.1
    """How far this world may fall behind real time before its clock is set on: what it can make up
    for by stepping faster. An arm whose client steps with it cannot."""

    def __init__(self, config: SimConfig) -> None:
        self.config = config
        self.task = make_task(config.task, config.variant)
        self.model, self.data = self._build()
        self._compiled = AsCompiled(self.model)
        self.arm = SimArm(self.model, self.data)
        self._drawn = mujoco.MjData(self.model)
        self._renderer: Renderer | None = None
        self._start_ns = 0
        self._reset_s = 0.0
        self._watching, self._goal_test = GoalWatch(), goal_test(self.task)
        self._pulses: Pulses | None = None
        self._departures = Departures()
        self._resets = 0
        self._rng = np.random.default_rng(0)
        self.seed = 0
        self.pair = episode_pair(self.task, config.start, config.goal, 0)
        """This episode's start and goal."""
        self._interference = Interference(config.disturbance, self.task, 0)
        self.reset(0)

    def _build(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        scene = build_scene(self.config, self.task.add_objects)
        model = mujoco.MjModel.from_xml_string(ET.tostring(scene, encoding="unicode"))
        return model, mujoco.MjData(model)

    def reset(self, seed: int, start_ns: int = 0) -> None:
        """The initial state of `seed`: the same one every time.

        start_ns: the stamp that the world's clock starts from.
        """
        mujoco.mj_resetData(self.model, self.data)
        self.arm.reset(self._place(seed, start_ns))
        mujoco.mj_forward(self.model, self.data)

    def _place(self, seed: int, start_ns: int) -> NDArray[np.float64]:
        """Places the objects of `seed`; returns the T_base_ee that goes with them."""
        if seed < 0:
            raise ConfigError(f"got seed {seed}, expected a number >= 0")
        self.seed, self._start_ns = seed, start_ns
        self._rng = np.random.default_rng([seed, 1])
        self.pair = episode_pair(self.task, self.config.start, self.config.goal, seed)
        rng = np.random.default_rng([seed, 0])
        objects, T_base_ee = draw_in(self.task, rng, self.config.region, self.pair.start)
        self._compiled.restore()
        if isinstance(self.task, InEnvironments):
            self.task.enter(self.model, environment_of(self.config.variant, seed))
        objects = self.task.dress(self.model, np.random.default_rng([seed, 2]), objects)
        self._reset_s, self._watching = float(self.data.time), GoalWatch()
        self._interference = Interference(self.config.disturbance, self.task, seed)
        self._draw_wrenches(np.random.default_rng([seed, 3]))
        self._departures = Departures.draw(self.config, seed, self._longest_s)
        self._resets += 1
        straighten(self.model, self.data)
        put(self.model, self.data, objects)
        return T_base_ee

    def _draw_wrenches(self, rng: np.random.Generator) -> None:
        pulses, scale = self.task.wrenches, self.config.wrenches
        self._pulses = None if pulses is None else pulses.draw(rng, scale, self._longest_s)
        self.data.xfrc_applied[:] = 0
        self._push, self._push_until_s = np.zeros(6), 0.0

    @property
    def _longest_s(self) -> float:
        return 2 * self.task.horizon_steps * STEP_NS * 1e-9

    # --- time ---------------------------------------------------------------------------------

    @property
    def time_ns(self) -> int:
        """The world's clock."""
        return self._start_ns + round(float(self.data.time) * 1e9)

    def shift_clock(self, offset_ns: int) -> None:
        """Sets the world's clock on, for an owner that could not keep up with real time."""
        self._start_ns += offset_ns

    def advance(self, duration_s: float = CONTROL_S) -> None:
        """Moves the world on, the arm's controller at 100 Hz."""
        for _ in range(max(1, round(duration_s / CONTROL_S))):
            self._grip()
            self.arm.control(CONTROL_S)
            self._disturb()
            mujoco.mj_step(self.model, self.data, round(CONTROL_S / self.model.opt.timestep))
            self._watch()

    @property
    def elapsed_s(self) -> float:
        """What the physics has lived through since the reset, in s."""
        return float(self.data.time) - self._reset_s

    def push_hand(self, wrench: NDArray[np.float64], duration_s: float) -> None:
        """From now on this wrench (6,), force N and torque Nm in base, acts on the hand."""
        self._push, self._push_until_s = np.array(wrench, float), self.data.time + duration_s

    @property
    def hand_wrench(self) -> NDArray[np.float64]:
        """The wrench (6,) in base that acts on the hand now, beside its contacts."""
        return self._push if self.data.time < self._push_until_s else np.zeros(6)

    def _disturb(self) -> None:
        """Sets the wrenches that act during the next physics step, and what else disturbs."""
        self.arm.held = self._interference.holds(self.elapsed_s)
        if self._interference.due(self.elapsed_s):
            moved = self._interference.move(self.robot_state(), self.object_poses())
            put(self.model, self.data, moved)
        if self._push_until_s > 0:
            self.data.body(f"{PREFIX}hand").xfrc_applied[:] = self.hand_wrench
        if self._pulses is not None and self.task.wrenches is not None:
            body = self.data.body(self.task.wrenches.body)
            body.xfrc_applied[:] = self._pulses.at(self.elapsed_s)

    def _watch(self) -> None:
        """Notes since when the goal state lasts, for tasks that ask it to."""
        if self.task.hold_s > 0:
            goal = self._goal_test(self.robot_state(), self.object_poses())
            self._watching.look(goal, self.elapsed_s)

    def step(self) -> None:
        """One control step of 50 ms with the reference as it is."""
        self.advance(STEP_NS * 1e-9)

    # --- robot --------------------------------------------------------------------------------

    def set_reference(self, T_base_ee: NDArray[np.float64]) -> None:
        """The end-effector pose (4, 4) that the arm's controller follows, as far as it is to."""
        elapsed_s, measured = self.elapsed_s, self.arm.measured_pose
        self.arm.set_reference(self._departures.reference(T_base_ee, elapsed_s, measured))

    def set_gripper(self, width_m: float) -> None:
        """The full width that the hand moves to, until it is told another."""
        self._departures.told_m = width_m
        self._grip()

    def _grip(self) -> None:
        width_m = self._departures.width(self.elapsed_s)
        if width_m is not None:
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

    def mount(self, name: str) -> CameraMount:
        """Where a camera is in this episode; an environment may have moved those that stand."""
        mount = mount_of(name)
        camera = self.model.camera(name)
        if mount.parent != "base" or not self._compiled.moved(camera.id):
            return mount
        return replace(mount, T_parent_camera=standing_pose(camera.pos, camera.quat))

    def camera_pose(self, name: str, T_base_ee: NDArray[np.float64]) -> NDArray[np.float64]:
        """T_base_camera (4, 4) with the end effector at T_base_ee: x right, y down, z forward."""
        mount = self.mount(name)
        T = mount.T_parent_camera
        return T if mount.parent == "base" else T_base_ee @ T

    def snapshot(self) -> Snapshot:
        """This instant, to be rendered later or elsewhere."""
        return Snapshot(self.data.qpos.copy(), self.robot_state())

    @property
    def renderer(self) -> Renderer:
        """The renderer, made when it is first needed, by the thread that will render."""
        if self._renderer is None:
            config = self.config
            self._renderer = Renderer(self.model, config.width, config.height, config.shadows)
        return self._renderer

    def frame(self, snapshot: Snapshot | None = None) -> SyncedFrame:
        """All cameras, the robot and the objects at a snapshot, by default this instant.

        Colour and depth of a camera come from one render. Raises MissingDependencyError where no
        off-screen OpenGL is to be had.
        """
        config, snapshot = self.config, snapshot or self.snapshot()
        self._drawn.qpos[:] = snapshot.qpos
        mujoco.mj_kinematics(self.model, self._drawn)
        mujoco.mj_camlight(self.model, self._drawn)
        cameras = {}
        if config.cameras:
            self.renderer.take_textures(self._resets)
        for name in config.cameras:
            color, depth_mm = self.renderer.render(self._drawn, name)
            depth_mm = degrade_depth(depth_mm, config, self._rng)
            T_base_camera = self.camera_pose(name, snapshot.robot.T_base_ee)
            cameras[name] = CameraFrame(color, depth_mm, self.camera(name), T_base_camera)
        objects = self._poses_in(self._drawn)
        return SyncedFrame(snapshot.robot.stamp_ns, cameras, snapshot.robot, objects=objects)

    # --- task ---------------------------------------------------------------------------------

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """T_base_object (4, 4) of the task's objects, the truth."""
        return self._poses_in(self.data)

    def _poses_in(self, data: mujoco.MjData) -> dict[str, NDArray[np.float64]]:
        bodies = {name: data.body(name) for name in self.task.objects}
        return {n: pose(b.xmat.reshape(3, 3), b.xpos) for n, b in bodies.items()}

    def fingerprint(self) -> str:
        """Eight hexadecimal digits of joints, bodies' places, sizes and colours, to three digits.

        Rollouts from one seed have the same, whoever acts in them and with whatever cameras.
        Between machines some may differ, where the last bits of a number decide how it is rounded.
        """
        model = self.model
        parts = (self.data.qpos, model.body_pos, model.geom_size, model.geom_rgba)
        digest = hashlib.blake2b(digest_size=4)
        for part in parts:
            digest.update((np.round(part, 3) + 0.0).tobytes())
        return digest.hexdigest()

    def success(self) -> bool:
        """Whether the task is solved in this state, and has been for as long as it asks.

        Where SimConfig.goal asks for a goal, in that one.
        """
        goal = self._goal_lasting()
        return goal == self.pair.goal if self.pair.asked else bool(goal)

    def reached(self) -> str:
        """The goal that this state is in for as long as the task asks; "" for none."""
        return self._goal_lasting() if self.pair.start else ""

    def _goal_lasting(self) -> str:
        if self.task.hold_s > 0:
            return self._watching.lasting(self.elapsed_s, self.task.hold_s)
        return self._goal_test(self.robot_state(), self.object_poses())

    def choose_pair(self, start: str = "", goal: str = "") -> None:
        """From the next reset on, SimConfig's start and goal are these; ConfigError names them."""
        episode_pair(self.task, start, goal, 0)
        self.config = replace(self.config, start=start, goal=goal)

    def close(self) -> None:
        """Frees the OpenGL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
