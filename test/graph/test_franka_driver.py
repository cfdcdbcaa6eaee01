"""franka_gripper's actions and a robot's recovery with the documented types, where they are.

franka_msgs and controller_manager_msgs are not on PyPI: this runs in a workspace of a distribution
that has them. The stand-ins keep the rules of franka_ros2 v2.5.0 and v3.4.0: every goal is taken, a
cancelled motion is stopped, what fails is aborted with the reason, and hardware is active only
after the error is cleared.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time

import pytest
import rclpy
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from std_srvs.srv import Trigger

from visuomotor.control.backends.gripper import GripperWorker
from visuomotor.control.backends.gripper_config import GripperConfig
from visuomotor.control.backends.recovery import recover
from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.ros.franka_driver import FrankaDriver
from visuomotor.ros.franka_gripper import ActionHand
from visuomotor.ros.side_node import SideNode

REASON = "not on PyPI; in a workspace with franka_ros2 (visuomotor.repos)"
NAMES = ("joint_state_broadcaster", "pose_broadcaster", "cartesian_impedance_controller")


class Stand:
    """A node of the other side, spun by a thread of its own."""

    def __init__(self, name: str) -> None:
        self.node = rclpy.create_node(name, use_global_arguments=False)
        self.group = ReentrantCallbackGroup()
        self._executor = MultiThreadedExecutor(4)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def start(self) -> None:
        self._thread.start()

    def serve(self, kind, name, answer) -> None:
        self.node.create_service(kind, name, answer, callback_group=self.group)

    def act(self, kind, name, execute) -> None:
        ActionServer(
            self.node, kind, name, execute,
            cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=self.group,
        )  # fmt: skip

    def close(self) -> None:
        self._executor.shutdown(2.0)
        self._thread.join(5.0)
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

    def __init__(self, active: bool) -> None:
        super().__init__("controller_manager")
        from controller_manager_msgs.msg import ControllerState, HardwareComponentState
        from controller_manager_msgs.srv import (
            ListControllers,
            ListHardwareComponents,
            SetHardwareComponentState,
            SwitchController,
        )
        from franka_msgs.action import ErrorRecovery

        self.states = dict.fromkeys(NAMES, "active" if active else "inactive")
        self.hardware, self.error, self.log = "unconfigured", True, []
        self._kinds = ControllerState, HardwareComponentState
        self._result = ErrorRecovery.Result
        self.serve(ListControllers, "~/list_controllers", self._list)
        self.serve(ListHardwareComponents, "~/list_hardware_components", self._list_hardware)
        self.serve(SwitchController, "~/switch_controller", self._switch)
        self.serve(SetHardwareComponentState, "~/set_hardware_component_state", self._set)
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


@pytest.fixture
def side():
    rclpy.init()
    owner = rclpy.create_node("bridge", use_global_arguments=False)
    made = SideNode(owner)
    yield made
    made.close()
    owner.destroy_node()
    rclpy.try_shutdown()


def wait(condition, what, timeout_s=15.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def test_the_hand_moves_grasps_and_gives_way_to_the_newest_wish(side) -> None:
    pytest.importorskip("franka_msgs.action", reason=REASON)
    stand = GripperStand()
    worker = GripperWorker(ActionHand(side, "franka_gripper", lambda: stand.width), GripperConfig())
    try:
        worker.grip(0.05)
        wait(lambda: stand.width == 0.05, "the move")
        worker.grip(0.0)
        wait(lambda: stand.width == 0.03, "the grasp")
        (_, move), (name, grasp) = stand.goals
        assert name == "Grasp"
        assert (move.width, move.speed) == (0.05, 0.1)
        assert (grasp.width, grasp.force) == (0.0, 20.0)
        assert (grasp.epsilon.inner, grasp.epsilon.outer) == (0.08, 0.08)
        stand.slow = True
        worker.grip(0.07)
        wait(lambda: len(stand.goals) == 3, "the slow move")
        stand.slow = False
        worker.grip(0.06)
        wait(lambda: stand.width == 0.06, "the newest wish")
        stand.object = -1.0
        worker.grip(0.0)
        wait(lambda: "aborted: libfranka gripper" in worker.problem, "the problem")
        worker.home()
        wait(lambda: stand.goals[-1][0] == "Homing" and stand.width == 0.08, "homing")
    finally:
        worker.close(5.0)
        stand.close()


def test_without_a_gripper_node_the_problem_names_it(side) -> None:
    pytest.importorskip("franka_msgs.action", reason=REASON)
    hand = ActionHand(side, "fr3_gripper", lambda: math.nan)
    with pytest.raises(RobotError, match="no action fr3_gripper/move"):
        hand.move(0.05, 0.1)


@pytest.mark.parametrize("active", [False, True], ids=["jazzy", "humble"])
def test_a_reflex_is_recovered_over_the_services(side, active) -> None:
    pytest.importorskip("controller_manager_msgs.srv", reason=REASON)
    pytest.importorskip("franka_msgs.action", reason=REASON)
    stand = ManagerStand(active)
    driver = FrankaDriver(side, "controller_manager", "action_server/error_recovery", "", 5.0)
    try:
        recover(driver, NAMES[-1], NAMES[:-1], lambda: stand.log.append("anchor"))
        away = [f"-{n}" for n in reversed(NAMES)] if active else []
        assert stand.log == [
            *away, "clear", "hardware", *(f"+{n}" for n in NAMES[:-1]), "anchor", f"+{NAMES[-1]}",
        ]  # fmt: skip
    finally:
        stand.close()


def test_a_controller_manager_that_is_gone_is_explained(side) -> None:
    driver = FrankaDriver(side, "controller_manager", "action_server/error_recovery", "", 0.3)
    try:
        import controller_manager_msgs  # noqa: F401
    except ImportError:
        with pytest.raises(MissingDependencyError, match=r"controller_manager_msgs.*repos"):
            driver.controllers()
    else:
        with pytest.raises(RobotError, match="start its launch file again"):
            driver.controllers()
