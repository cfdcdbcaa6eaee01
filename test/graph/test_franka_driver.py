"""franka_gripper's actions and a robot's recovery with the documented types, where they are.

franka_msgs and controller_manager_msgs are not on PyPI: this runs in a workspace of a distribution
that has them.
"""

from __future__ import annotations

import math
import time

import pytest
import rclpy
from franka_stand_in import GripperStand, ManagerStand

from visuomotor.control.backends.gripper import GripperWorker
from visuomotor.control.backends.gripper_config import GripperConfig
from visuomotor.control.backends.recovery import recover
from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.ros.franka_driver import FrankaDriver
from visuomotor.ros.franka_gripper import ActionHand
from visuomotor.ros.side_node import SideNode

REASON = "not on PyPI; in a workspace with franka_ros2 (visuomotor.repos)"
NAMES = ("joint_state_broadcaster", "pose_broadcaster", "cartesian_impedance_controller")


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
    stand = ManagerStand(NAMES, active, error=True)
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
