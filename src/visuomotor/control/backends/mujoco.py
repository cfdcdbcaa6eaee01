"""The in-process world as a backend, for lockstep evaluation."""

from __future__ import annotations

from typing import Protocol

from visuomotor.contracts import Float64, RobotState


class World(Protocol):
    """What the backend needs of a simulated world."""

    def set_reference(self, T_base_ee: Float64) -> None:
        """The pose (4, 4) that the simulated controller tracks."""

    def set_gripper(self, width_m: float) -> None:
        """The width in m that the simulated gripper goes to."""

    def robot_state(self) -> RobotState:
        """The simulated arm now."""


class MujocoBackend:
    """Hands references to a simulated world; time passes when the world is stepped."""

    fault = ""
    gripper_problem = ""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self) -> None:
        """Holds the arm where it is."""
        self._hold()

    def state(self) -> RobotState:
        """The simulated arm now."""
        return self._world.robot_state()

    def send(self, pose: Float64, twist: Float64, acceleration: Float64 | None = None) -> None:
        """The reference pose (4, 4); the rest is not needed."""
        self._world.set_reference(pose)

    def grip(self, width_m: float) -> None:
        """Opens or closes to this width in m."""
        self._world.set_gripper(width_m)

    def home_gripper(self) -> None:
        """The simulated hand knows its ends."""

    def recover(self) -> None:
        """Holds the arm where it is."""
        self._hold()

    def stop(self) -> None:
        """Holds the arm where it is."""
        self._hold()

    def _hold(self) -> None:
        self._world.set_reference(self._world.robot_state().T_base_ee)
