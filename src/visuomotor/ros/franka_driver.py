"""franka_ros2's error recovery and controller_manager, as blocking calls.

Written against franka_ros2 v2.5.0 (Humble) and v3.4.0 (Jazzy) and ros2_control of both: the action
`error_recovery` of franka_msgs, and controller_manager's services to list and switch.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from rclpy.duration import Duration

from visuomotor.errors import MissingDependencyError, RobotError, unknown_name
from visuomotor.ros.goals import GoalClient
from visuomotor.ros.services import ServiceCaller
from visuomotor.ros.side_node import SideNode

SYSTEM = "system"


class FrankaDriver:
    """States and recovery of the robot's driver.

    manager: controller_manager's name; recovery: the action's; component: the hardware
    component's, or "" for the only system. Every call is bounded by timeout_s and raises
    RobotError, or MissingDependencyError without controller_manager_msgs or franka_msgs.
    """

    def __init__(
        self, node: SideNode, manager: str, recovery: str, component: str, timeout_s: float
    ) -> None:
        self._node, self._manager, self._recovery = node, manager.rstrip("/"), recovery
        self._component, self._timeout_s = component, timeout_s
        self._services = ServiceCaller(node, timeout_s)
        self._action: GoalClient | None = None

    def controllers(self) -> dict[str, str]:
        """State of every loaded controller by name."""
        kind = _interface("controller_manager_msgs", "srv", "ListControllers")
        answer = self._call(kind, "list_controllers", kind.Request())
        return {c.name: c.state for c in answer.controller}

    def hardware_state(self) -> str:
        """State of the arm's hardware component."""
        return self._hardware()[1]

    def switch(self, activate: Sequence[str], deactivate: Sequence[str]) -> None:
        """Activates and deactivates controllers, all or with an error."""
        kind = _interface("controller_manager_msgs", "srv", "SwitchController")
        request = kind.Request()
        request.activate_controllers = list(activate)
        request.deactivate_controllers = list(deactivate)
        request.strictness = kind.Request.STRICT
        request.timeout = Duration(seconds=self._timeout_s / 2).to_msg()
        answer = self._call(kind, "switch_controller", request)
        if not answer.ok:
            why = getattr(answer, "message", "")  # Humble's answer has none
            raise RobotError(
                f"controller_manager did not switch {', '.join([*activate, *deactivate])}"
                f"{': ' if why else ''}{why}; its log says why"
            )

    def clear_error(self) -> None:
        """Ends a reflex by libfranka's automatic error recovery."""
        if self._action is None:
            kind = _interface("franka_msgs", "action", "ErrorRecovery")
            self._action = GoalClient(self._node, kind, self._recovery)
        self._action.execute(self._action.kind.Goal(), self._timeout_s)

    def activate_hardware(self) -> None:
        """The hardware component becomes active: the control loop is connected again."""
        kind = _interface("controller_manager_msgs", "srv", "SetHardwareComponentState")
        request = kind.Request(name=self._hardware()[0])
        request.target_state.label = "active"
        answer = self._call(kind, "set_hardware_component_state", request)
        if not answer.ok:
            raise RobotError(
                f"hardware {request.name} stayed {answer.state.label}; look at the arm and at Desk "
                "(emergency stop, brakes, FCI off), then try again"
            )

    def _hardware(self) -> tuple[str, str]:
        kind = _interface("controller_manager_msgs", "srv", "ListHardwareComponents")
        answer = self._call(kind, "list_hardware_components", kind.Request())
        states = {c.name: c.state.label for c in answer.component}
        systems = [c.name for c in answer.component if c.type == SYSTEM]
        name = self._component or (systems[0] if len(systems) == 1 else "")
        if name not in states:
            raise RobotError(
                unknown_name("hardware component", name, states)
                if name
                else f"got {len(systems)} systems ({', '.join(systems) or 'none'}), expected one; "
                "set hardware_component"
            )
        return name, states[name]

    def _call(self, kind: Any, service: str, request: Any) -> Any:
        try:
            return self._services.call(kind, f"{self._manager}/{service}", request)
        except RobotError as error:
            raise RobotError(
                f"{error} (before franka_ros2 v2.4 on Humble and v3.3 on Jazzy a robot error ends "
                "controller_manager: start its launch file again)"
            ) from error


def _interface(package: str, room: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"{package}.{room}"), name)
    except ImportError as error:
        raise MissingDependencyError(
            f"no {package} ({error}): install ros-$ROS_DISTRO-{package.replace('_', '-')}, or "
            "source the workspace with franka_ros2 (visuomotor.repos)"
        ) from error
