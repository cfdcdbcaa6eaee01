"""franka_gripper and controller_manager, by the rules of franka_ros2 v2.5.0 and v3.4.0.

Every goal is taken, a cancelled motion is stopped, what fails is aborted with the reason; hardware
is active only after the error is cleared, a controller only on active hardware. Their messages are
imported when one is made: PyPI does not have them.
"""

import contextlib
import time

import rclpy
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from std_srvs.srv import Trigger

from visuomotor.ros.executor_thread import ExecutorThread


class Stand:
    """A node of the other side, spun by a thread of its own."""

    def __init__(self, name: str) -> None:
        self.node = rclpy.create_node(name, use_global_arguments=False)
        self.group = ReentrantCallbackGroup()
        self._executor = MultiThreadedExecutor(4)
        self._executor.add_node(self.node)

    def start(self) -> None:
        self._thread = ExecutorThread(self._executor)

    def serve(self, kind, name, answer) -> None:
        self.node.create_service(kind, name, answer, callback_group=self.group)

    def act(self, kind, name, execute) -> None:
        ActionServer(
            self.node, kind, name, execute,
            cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=self.group,
        )  # fmt: skip

    def close(self) -> None:
        self._thread.close(5.0)
        self.node.destroy_node()


class GripperStand(Stand):
    """franka_gripper with an object of 30 mm between its fingers."""

    def __init__(self) -> None:
        super().__init__("franka_gripper")
        from franka_msgs.action import Grasp, Homing, Move

        self.width, self.object, self.goals = 0.08, 0.03, []
        self.slow = False
        self.act(Move, "~/move", lambda h: self._work(h, Move, h.request.width))
        self.act(Grasp, "~/grasp", lambda h: self._work(h, Grasp, self.object))
        self.act(Homing, "~/homing", lambda h: self._work(h, Homing, 0.08))
        self.serve(Trigger, "~/stop", lambda _, answer: answer)
        self.start()

    def _work(self, handle, kind, width):
        self.goals.append((kind.__name__, handle.request))
        result = kind.Result()
        end = time.monotonic() + 20.0
        while self.slow and not handle.is_cancel_requested and time.monotonic() < end:
            time.sleep(0.01)
        if handle.is_cancel_requested:
            handle.canceled()
        elif width < 0.0:
            result.error = "libfranka gripper: command failed"
            handle.abort()
        else:
            self.width, result.success = width, True
            handle.succeed()
        return result


class ManagerStand(Stand):
    """controller_manager, and the recovery action beside it."""

    def __init__(self, names, active: bool, error: bool) -> None:
        super().__init__("controller_manager")
        from controller_manager_msgs.msg import ControllerState, HardwareComponentState
        from controller_manager_msgs.srv import (
            ListControllers,
            ListHardwareComponents,
            SetHardwareComponentState,
            SwitchController,
        )

        self.states = dict.fromkeys(names, "active" if active else "inactive")
        self.hardware, self.error, self.log = "unconfigured" if error else "active", error, []
        self._kinds = ControllerState, HardwareComponentState
        self.serve(ListControllers, "~/list_controllers", self._list)
        self.serve(ListHardwareComponents, "~/list_hardware_components", self._list_hardware)
        self.serve(SwitchController, "~/switch_controller", self._switch)
        self.serve(SetHardwareComponentState, "~/set_hardware_component_state", self._set)
        with contextlib.suppress(ImportError):
            from franka_msgs.action import ErrorRecovery

            self._result = ErrorRecovery.Result
            self.act(ErrorRecovery, "/action_server/error_recovery", self._recover)
        self.start()

    def _list(self, _, answer):
        kind = self._kinds[0]
        answer.controller = [kind(name=n, state=s) for n, s in self.states.items()]
        return answer

    def _list_hardware(self, _, answer):
        component = self._kinds[1](name="FrankaHardwareInterface", type="system")
        component.state.label = self.hardware
        answer.component = [component]
        return answer

    def _switch(self, request, answer):
        assert request.strictness == request.STRICT
        answer.ok = self.hardware == "active" or not request.activate_controllers
        if answer.ok:
            self.states |= dict.fromkeys(request.deactivate_controllers, "inactive")
            self.states |= dict.fromkeys(request.activate_controllers, "active")
            self.log += [f"-{n}" for n in request.deactivate_controllers]
            self.log += [f"+{n}" for n in request.activate_controllers]
        return answer

    def _set(self, request, answer):
        answer.ok = not self.error and request.target_state.label == "active"
        self.hardware = "active" if answer.ok else self.hardware
        answer.state.label = self.hardware
        self.log.append("hardware")
        return answer

    def _recover(self, handle):
        self.error = False
        self.log.append("clear")
        handle.succeed()
        return self._result()
