"""Many gripper worlds that step together, in threads of MuJoCo's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from numpy.typing import NDArray

from visuomotor.geometry import matrix_from_quat_xyzw, quat_xyzw_from_matrix
from visuomotor.sim.gripper.collisions import below_table, touching
from visuomotor.sim.gripper.model import (
    CONTROL_HZ,
    HAND_KG,
    HAND_KG_M2,
    LEFT,
    OPENING_M,
    RIGHT,
    SUBSTEPS,
    copies,
    dress,
    gripper_model,
)
from visuomotor.sim.gripper.poses import ALONG_X, hand_angles, hand_rotation
from visuomotor.sim.gripper.starts import Starts

Float64 = NDArray[np.float64]
Leave = Literal["open", "close", "free"]

ACTIONS = 7
"""Of an action: velocity, angular velocity, opening."""
SPEED_M_S, TURN_RAD_S = 0.3, np.pi
LEAVE_S = 7.0
TABLE_FRICTION = 0.05
"""At most; drawn anew at every reset."""
_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
_CONTROL = mujoco.mjtState.mjSTATE_CTRL | mujoco.mjtState.mjSTATE_QFRC_APPLIED
_WXYZ_FROM_XYZW, _XYZW_FROM_WXYZ = [3, 0, 1, 2], [1, 2, 3, 0]


@dataclass(frozen=True)
class GripperState:
    """N worlds at one moment; K cylinders, the first one and the one in the hand.

    time (N,) s since the reset; position (N, 3) m, rotation (N, 3, 3), azimuth, elevation (N,) rad
    of the hand; opening (N,) m of each finger; objects (N, K, 3) m, the cylinders' centres;
    rotations (N, K, 3, 3); heights, radii (N, K) m.
    """

    time: Float64
    position: Float64
    rotation: Float64
    azimuth: Float64
    elevation: Float64
    opening: Float64
    objects: Float64
    rotations: Float64
    heights: Float64
    radii: Float64

    @property
    def hand_on_table(self) -> NDArray[np.bool_]:
        """Whether (N,) some part of the hand is below the table's surface."""
        return below_table(self.position, self.rotation, self.opening)


class GripperWorlds:
    """n worlds, each a hand that is moved by its velocity among `objects` cylinders, at 12 Hz.

    leave: what the fingers do by themselves after 7 s: open, close, or what the action says.
    threads: of the physics; 0 is the caller's own. `mujoco.rollout` steps all worlds in its own
    threads without Python's lock: worker processes would add only the copying.
    """

    def __init__(self, n: int, objects: int, leave: Leave = "free", threads: int = 2) -> None:
        self.n, self.objects, self.leave = n, objects, leave
        model = gripper_model(objects)
        self._models = copies(model, n)
        self._scratch = mujoco.MjData(model)
        self._datas = [mujoco.MjData(model) for _ in range(max(threads, 1))]
        self._rollout = Rollout(nthread=threads)
        self._nq, self._nv = model.nq, model.nv
        size = mujoco.mj_stateSize(model, _STATE)
        mujoco.mj_forward(model, self._scratch)
        first = np.empty(size)
        mujoco.mj_getState(model, self._scratch, first, _STATE)
        self._state = np.tile(first, (n, 1))
        self._out = np.empty((n, SUBSTEPS, size))
        self._control = np.zeros((n, 1, model.nu + model.nv))
        self._twist = np.zeros((n, 6))
        self._mass_kg = HAND_KG + sum(float(model.body(b).mass[0]) for b in (LEFT, RIGHT))
        self._heights, self._radii = np.full((n, objects), 0.07), np.full((n, objects), 0.045)

    def reset(
        self,
        starts: Starts,
        rng: np.random.Generator,
        worlds: NDArray[np.int64] | None = None,
        held: Float64 | None = None,
    ) -> None:
        """Puts the worlds (all, or those of these indices, one start each) at their starts.

        held: rotations (W, 3, 3) of the objects in the hands, which otherwise lie along its x.
        """
        which = np.arange(self.n) if worlds is None else worlds
        if len(starts) != len(which):
            raise ValueError(f"got {len(starts)} starts for {len(which)} worlds")
        k = self.objects
        self._heights[which], self._radii[which] = starts.heights[:, :k], starts.radii[:, :k]
        friction = rng.uniform(1e-5, TABLE_FRICTION, len(which))
        for world, value in zip(which, friction, strict=True):
            model = self._models[world]
            dress(model, self._scratch, self._heights[world], self._radii[world], value)
        rotation = hand_rotation(starts.azimuth, starts.elevation)
        q = np.zeros((len(which), self._nq))
        q[:, :3], q[:, 3:7] = starts.position, _quat_wxyz(rotation)
        q[:, 7:9] = OPENING_M if k == 1 else starts.radii[:, 1:2]
        q[:, 9:11], q[:, 11], q[:, 12] = starts.place, starts.heights[:, 0] / 2, 1.0
        if k == 2:
            q[:, 16:19], q[:, 19:23] = (
                starts.position,
                _quat_wxyz(rotation @ ALONG_X if held is None else held),
            )
        self._state[which] = 0.0
        self._state[which, 1 : 1 + self._nq] = q
        self._twist[which] = 0.0

    def step(self, actions: NDArray[np.float32] | Float64) -> GripperState:
        """One step of 1/12 s with actions (n, 7), of any size: tanh bounds them.

        [0:3] velocity, at most 0.3 m/s along each axis; [3:6] angular velocity about the hand's
        point, at most pi rad/s, both along the world's axes and reached evenly in the step; [6] the
        opening that the fingers are driven to.
        """
        bounded = np.tanh(np.asarray(actions, float))
        twist = bounded[:, :6] * np.repeat([SPEED_M_S, TURN_RAD_S], 3)
        state, q, v = self._state, 1, 1 + self._nq
        turn = _rotations(state[:, None, q + 3 : q + 7])[:, 0]
        state[:, v : v + 3] = self._twist[:, :3]
        state[:, v + 3 : v + 6] = _into(turn, self._twist[:, 3:])
        gain = (twist - self._twist) * CONTROL_HZ
        control = self._control[:, 0]
        control[:, :2] = self._wanted_opening(bounded[:, 6])[:, None]
        control[:, 2:5] = self._mass_kg * gain[:, :3]
        control[:, 5:8] = HAND_KG_M2 * _into(turn, gain[:, 3:])
        self._rollout.rollout(
            self._models,
            self._datas,
            state,
            np.broadcast_to(self._control, (self.n, SUBSTEPS, self._control.shape[-1])),
            control_spec=int(_CONTROL),
            state=self._out,
        )
        self._state[:] = self._out[:, -1]
        self._twist[:] = twist
        return self.state()

    def state(self) -> GripperState:
        """The worlds as they are now; a copy."""
        s = self._state
        q = s[:, 1 : 1 + self._nq]
        bodies = q[:, 9:].reshape(self.n, self.objects, 7)
        poses = np.concatenate([q[:, None, :7], bodies], axis=1)
        rotations = _rotations(poses[..., 3:])
        azimuth, elevation = hand_angles(rotations[:, 0])
        return GripperState(
            s[:, 0].copy(),
            q[:, :3].copy(),
            rotations[:, 0],
            azimuth,
            elevation,
            np.clip(q[:, 7:9].mean(axis=1), 0.0, OPENING_M),
            bodies[..., :3].copy(),
            rotations[:, 1:],
            self._heights.copy(),
            self._radii.copy(),
        )

    def colliding(self, worlds: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Whether (W,) the hand touches table or first object, or what it holds one of them."""
        which = np.arange(self.n) if worlds is None else worlds
        state = self.state()
        hit = state.hand_on_table[which]
        for i in np.flatnonzero(~hit):
            world = which[i]
            mujoco.mj_setState(self._models[world], self._scratch, self._state[world], _STATE)
            hit[i] = touching(self._models[world], self._scratch)
        return hit

    def close(self) -> None:
        """Ends the threads."""
        self._rollout.close()

    def _wanted_opening(self, bounded: Float64) -> Float64:
        wanted = (bounded + 1) * OPENING_M / 2
        if self.leave == "free":
            return wanted
        ends = OPENING_M if self.leave == "open" else 0.0
        return np.where(self._state[:, 0] > LEAVE_S - 1e-6, ends, wanted)


def _rotations(quat_wxyz: Float64) -> Float64:
    """Rotations (N, K, 3, 3) of quaternions (N, K, 4)."""
    return matrix_from_quat_xyzw(quat_wxyz[..., _XYZW_FROM_WXYZ])


def _quat_wxyz(rotation: Float64) -> Float64:
    return quat_xyzw_from_matrix(rotation)[..., _WXYZ_FROM_XYZW]


def _into(rotation: Float64, vectors: Float64) -> Float64:
    """World vectors (N, 3) in the frames (N, 3, 3)."""
    turned: Float64 = np.einsum("nji,nj->ni", rotation, vectors)
    return turned
