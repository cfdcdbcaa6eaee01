"""franka_gripper's actions as a hand: it moves, grasps, finds its ends and stops.

Written against franka_ros2 v2.5.0 (Humble) and v3.4.0 (Jazzy): `move`, `grasp` and `homing` of
franka_msgs below the gripper's node, and its service `stop`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.ros.goals import GoalClient
from visuomotor.ros.services import ServiceCaller
from visuomotor.ros.side_node import SideNode

STOP_S = 1.0


@dataclass(frozen=True)
class HandState:
    """width: the full opening in m."""

    width: float


class ActionHand:
    """Blocking motions of the hand; `stop` comes from another thread.

    width: the newest full width in m, NaN before the first. Raises MissingDependencyError
    without franka_msgs.
    """

    def __init__(self, node: SideNode, gripper_node: str, width: Callable[[], float]) -> None:
        try:
            from franka_msgs.action import Grasp, Homing, Move
        except ImportError as error:
            raise MissingDependencyError(
                f"the hand's actions need franka_msgs ({error}): source the workspace with "
                "franka_ros2 (visuomotor.repos), or unset has_gripper"
            ) from error
        name = gripper_node.rstrip("/")
        self._move = GoalClient(node, Move, f"{name}/move")
        self._grasp = GoalClient(node, Grasp, f"{name}/grasp")
        self._homing = GoalClient(node, Homing, f"{name}/homing")
        self._stop = f"{name}/stop"
        self._services = ServiceCaller(node, STOP_S)
        self._width = width

    @property
    def state(self) -> HandState:
        """The newest width."""
        return HandState(self._width())

    def move(self, width: float, speed: float) -> bool:
        """Opens or closes to the width in m at the speed in m/s, without pressing."""
        return _reached(self._move, width=width, speed=speed)

    def grasp(self, width: float, speed: float, force: float, inner: float, outer: float) -> bool:
        """Closes with a force in N; inner and outer: how far the held width may be off, in m."""
        goal = self._grasp.kind.Goal(width=width, speed=speed, force=force)
        goal.epsilon.inner, goal.epsilon.outer = inner, outer
        return bool(self._grasp.execute(goal).success)

    def homing(self) -> bool:
        """Closes and opens fully."""
        return _reached(self._homing)

    def stop(self) -> bool:
        """Cancels what moves; where that does not help, calls the gripper's own stop."""
        actions = (self._move, self._grasp, self._homing)
        if all([action.cancel(STOP_S / 2) for action in actions]):
            return True
        try:
            self._services.trigger(self._stop)
        except RobotError as error:
            raise RobotError(f"the hand does not stop: {error}") from error
        return True


def _reached(action: GoalClient, **goal: float) -> bool:
    return bool(action.execute(action.kind.Goal(**goal)).success)
