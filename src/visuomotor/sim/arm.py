"""The simulated arm's Cartesian controller: differential inverse kinematics on joint servos."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import RobotError
from visuomotor.geometry import pose
from visuomotor.sim.robot import HOME_Q, PREFIX

_DAMPING_MATRIX = 0.01**2 * np.eye(6)
_MAX_STEP_RAD = 0.1
_POSTURE_GAIN = 0.05
_SERVO_LAG_S = 0.1  # kv / kp of the joint servos
_GRIPPER_SPEED_M_S = 0.1  # of the full width: both fingers at the Franka hand's 0.05 m/s
_SQUEEZE_M = 0.002  # by so much less the fingers are told than what is between them


class SimArm:
    """Follows a Cartesian reference with the joint position servos of the MJCF.

    The joint reference is integrated on a kinematic copy of the world (damped least squares with
    a pull towards the home posture in the null space), so contact forces never disturb it.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data
        self._shadow = mujoco.MjData(model)
        joints = [model.joint(f"{PREFIX}fr3_joint{i}") for i in range(1, 8)]
        self.qpos = np.array([j.qposadr[0] for j in joints])
        self.dofs = np.array([j.dofadr[0] for j in joints])
        self._low, self._high = np.array([j.range for j in joints]).T
        self.fingers = np.array(
            [model.joint(f"{PREFIX}finger_joint{i}").qposadr[0] for i in (1, 2)]
        )
        self._servos = np.array([model.actuator(f"{PREFIX}fr3_joint{i}").id for i in range(1, 8)])
        self._hand = model.actuator(f"{PREFIX}hand").id
        self._site = model.site(f"{PREFIX}tcp").id
        self._jacobian = np.zeros((6, model.nv))
        self._home = np.array(HOME_Q)
        self._q_ref, self.held = self._home.copy(), False
        self._reference = self._wanted = np.eye(4)
        self._width_target = self._width_ref = self._width_wanted = 0.08
        self.held = False
        """While this is set, arm and hand stay where they are; then they follow the newest."""

    def reset(self, T_base_ee: NDArray[np.float64]) -> None:
        """Puts the arm at a pose (solved from home) with an open hand; the reference stays there.

        Raises RobotError for a pose out of reach.
        """
        self._q_ref, self.held = self._home.copy(), False
        self._reference = self._wanted = np.array(T_base_ee)
        for _ in range(100):
            error = self._solve()
            if float(np.abs(error).max()) < 1e-4:
                break
        else:
            raise RobotError(
                f"the arm cannot reach {np.round(T_base_ee[:3, 3], 3)}: still "
                f"{np.abs(error[:3]).max():.4f} m off; start from a pose inside its workspace"
            )
        self._data.qpos[self.qpos] = self._q_ref
        self._data.qpos[self.fingers] = 0.04
        self._width_target = self._width_ref = self._width_wanted = 0.08
        self._data.ctrl[self._servos] = self._q_ref
        self._data.ctrl[self._hand] = 0.04

    def measured_pose(self) -> NDArray[np.float64]:
        """T_base_ee (4, 4) of fr3_hand_tcp, from the physics' state."""
        return self._site_pose(self._data)

    def set_reference(self, T_base_ee: NDArray[np.float64]) -> None:
        """The pose (4, 4) that the next steps drive to."""
        self._wanted = np.array(T_base_ee)

    def set_gripper(self, width_m: float) -> None:
        """The full width that the hand moves to at its own speed."""
        self._width_wanted = float(np.clip(width_m, 0.0, 0.08))

    @property
    def gripper_width_m(self) -> float:
        """The measured full width."""
        return float(self._data.qpos[self.fingers].sum())

    def control(self, dt_s: float) -> None:
        """Sets the servos for the next `dt_s` seconds of physics."""
        if self.held:
            self._width_target = self._width_ref
        else:
            self._reference, self._width_target = self._wanted, self._width_wanted
        before = self._q_ref
        self._solve()
        ctrl = self._q_ref + (_SERVO_LAG_S / dt_s) * (self._q_ref - before)
        self._data.ctrl[self._servos] = np.clip(ctrl, self._low, self._high)
        travel = _GRIPPER_SPEED_M_S * dt_s
        if self._width_target > self._width_ref:  # what is held keeps the fingers apart: let go now
            held = min(self._width_target, self.gripper_width_m - _SQUEEZE_M)
            self._width_ref = max(self._width_ref, held)
        self._width_ref += min(max(self._width_target - self._width_ref, -travel), travel)
        self._data.ctrl[self._hand] = 0.5 * self._width_ref

    def _solve(self) -> NDArray[np.float64]:
        """One Newton step of the joint reference; returns the pose error (6,) it started from."""
        shadow = self._shadow
        shadow.qpos[self.qpos] = self._q_ref
        mujoco.mj_kinematics(self._model, shadow)
        mujoco.mj_comPos(self._model, shadow)
        mujoco.mj_jacSite(self._model, shadow, self._jacobian[:3], self._jacobian[3:], self._site)
        J = self._jacobian[:, self.dofs]
        T = self._reference
        M = T[:3, :3] @ shadow.site_xmat[self._site].reshape(3, 3).T
        error = np.empty(6)
        error[:3] = T[:3, 3] - shadow.site_xpos[self._site]
        error[3:] = 0.5 * (M[2, 1] - M[1, 2]), 0.5 * (M[0, 2] - M[2, 0]), 0.5 * (M[1, 0] - M[0, 1])
        posture = _POSTURE_GAIN * (self._home - self._q_ref)
        step = posture + J.T @ np.linalg.solve(J @ J.T + _DAMPING_MATRIX, error - J @ posture)
        longest = float(np.abs(step).max())
        if longest > _MAX_STEP_RAD:
            step *= _MAX_STEP_RAD / longest
        self._q_ref = np.clip(self._q_ref + step, self._low, self._high)
        return error

    def _site_pose(self, data: mujoco.MjData) -> NDArray[np.float64]:
        return pose(data.site_xmat[self._site].reshape(3, 3), data.site_xpos[self._site])
