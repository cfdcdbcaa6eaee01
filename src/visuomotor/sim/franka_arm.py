"""franky-sim's arm with less to compute in a millisecond, so that two cores keep up with it."""

from __future__ import annotations

import functools
import struct
from typing import Any

import numpy as np
from franky_sim.base_simulator import InnerRobotState
from franky_sim.franka_robot_state import FrankaRobotState
from franky_sim.mujoco_simulator import FrankaMujocoRobot, MujocoSimulator
from numpy.typing import NDArray


class LeanRobot(FrankaMujocoRobot):
    """Derives desired poses and time derivatives when somebody asks for its state.

    franky-sim derives them in every millisecond, which costs as much as the physics six times
    over; under torque control nobody reads them.
    """

    _due = False

    def _attach_to_scene(self, model: Any, data: Any, prefix: str) -> None:
        super()._attach_to_scene(model, data, prefix)
        self._timing = model.opt
        self._q, self._v = np.array(self._qpos_addrs), np.array(self._dof_addrs)
        self._low, self._high = super().torque_limit_low, super().torque_limit_high

    def _get_state(self) -> InnerRobotState:
        if self._data is None:
            return super()._get_state()
        return InnerRobotState(
            tuple(self._data.qpos[self._q].tolist()),
            tuple(self._data.qvel[self._v].tolist()),
            tuple(self._applied_torques.tolist()),
        )

    def _torque_control(self, torques: NDArray[np.float64]) -> None:
        self._applied_torques = np.minimum(np.maximum(torques, self._low), self._high)
        self._data.qfrc_applied[self._v] = self._applied_torques

    def _post_step(self) -> None:
        self._BaseRobot__prev_t = self._BaseRobot__t
        self._BaseRobot__t += self._timing.timestep
        self._due = True

    @property
    def state(self) -> FrankaRobotState:
        """franky-sim's whole state."""
        if self._due:
            now, inner = self._BaseRobot__prev_t, self._get_state()
            self._tracked_state_components["tau_J"].set(now, np.array(inner.tau_j))
            for component in self._tracked_state_components.values():
                component.finalize(now, inner)
            self._due = False
        return super().state

    def hold_torques(self) -> None:
        """In a millisecond without a command the torques of the last one act on."""
        held = self._tracked_state_components["tau_J_d"]
        held.set(self._BaseRobot__t, held._TrackedStateComponent__explicit_value, False)

    @property
    def desired_torques(self) -> tuple[float, ...]:
        """What the client commanded last, in Nm, within the limits and without gravity."""
        torques = self._tracked_state_components["tau_J_d"]._TrackedStateComponent__explicit_value
        return tuple(torques.tolist())


class LeanSimulator(MujocoSimulator):
    """franky-sim's simulator, with lean robots."""

    def add_robot(self, *args: Any, **kwargs: Any) -> LeanRobot:
        """As franky-sim's, which names the class of its robots itself."""
        robot = super().add_robot(*args, **kwargs)
        robot.__class__ = LeanRobot
        lean: LeanRobot = robot
        return lean


class StateBytes:
    """A whole state as it goes over the network, in which single fields are written anew."""

    def __init__(self, state: FrankaRobotState) -> None:
        self._bytes = bytearray(state.pack_state())

    def write(self, **fields: tuple[float, ...]) -> bytes:
        """The bytes with these fields of FrankaRobotState."""
        for name, values in fields.items():
            struct.pack_into(f"<{len(values)}f", self._bytes, _offset(name, len(values)), *values)
        return bytes(self._bytes)


@functools.cache
def _offset(name: str, n: int) -> int:
    """Where a field of n floats begins, found in what franky-sim itself writes."""
    zero, one = (
        FrankaRobotState(**{name: struct.unpack("<f", byte * 4) * n}).pack_state()
        for byte in (b"\0", b"\1")
    )
    return next(i for i, (a, b) in enumerate(zip(zero, one, strict=True)) if a != b)
