"""Recovery beside franka_ros2: the right order on Humble and Jazzy, from any state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.control.backends.recovery import recover, recovery_steps
from visuomotor.errors import RobotError

CONTROLLER = "cartesian_impedance_controller"
BROADCASTERS = ("joint_state_broadcaster", "franka_robot_state_broadcaster", "pose_broadcaster")
NAMES = (*BROADCASTERS, CONTROLLER)


class Manager:
    """controller_manager's and franka_ros2's documented rules.

    After an error Jazzy deactivates the controllers by itself, Humble does not; neither activates
    hardware before the error is cleared, nor a controller before its hardware; and a strict switch
    to the state that a controller has fails.
    """

    def __init__(self, states, hardware="active", error=False) -> None:
        self.states, self.hardware, self.error = dict(states), hardware, error
        self.log: list[str] = []
        self.sent = 0

    def controllers(self):
        return dict(self.states)

    def hardware_state(self):
        return self.hardware

    def switch(self, activate, deactivate) -> None:
        for name in deactivate:
            if self.states[name] != "active":
                raise RobotError(f"{name} is not active")
            self.states[name] = "inactive"
            self.log.append(f"-{name}")
        for name in activate:
            if self.states[name] == "active":
                raise RobotError(f"{name} is active")
            if self.hardware != "active":
                raise RobotError(f"{name} has no hardware")
            self.states[name] = "active"
            self.log.append(f"+{name}")

    def clear_error(self) -> None:
        if "active" in self.states.values() and self.hardware != "active":
            raise RobotError("controllers are still active")
        self.error = False
        self.log.append("clear")

    def activate_hardware(self) -> None:
        if self.error:
            raise RobotError("the robot is in reflex mode")
        self.hardware = "active"
        self.log.append("hardware")

    def anchor(self) -> None:
        """The target at the present pose, while the controller does not follow it yet."""
        assert self.hardware == "active"
        assert self.states[CONTROLLER] == "inactive"
        assert all(self.states[b] == "active" for b in BROADCASTERS if b in self.states)
        self.sent += 1


def run(manager) -> list[str]:
    recover(manager, CONTROLLER, BROADCASTERS, manager.anchor)
    return manager.log


def test_jazzy_after_a_reflex() -> None:
    manager = Manager(dict.fromkeys(NAMES, "inactive"), "unconfigured", error=True)
    assert run(manager) == ["clear", "hardware", *(f"+{n}" for n in NAMES)]
    assert manager.sent == 1


def test_humble_after_a_reflex_lets_go_of_the_controllers_first() -> None:
    manager = Manager(dict.fromkeys(NAMES, "active"), "unconfigured", error=True)
    log = run(manager)
    assert log[:4] == [f"-{n}" for n in reversed(NAMES)]
    assert log[4:] == ["clear", "hardware", *(f"+{n}" for n in NAMES)]


def test_an_arm_that_is_well_is_left_alone() -> None:
    manager = Manager(dict.fromkeys(NAMES, "active"))
    assert run(manager) == []
    assert manager.sent == 0


states = st.sampled_from(["active", "inactive"])


@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, states)),
    st.sampled_from(["active", "inactive", "unconfigured"]),
    st.booleans(),
    st.sets(st.sampled_from(BROADCASTERS)),
)
def test_whatever_was_active_all_is_in_the_end_and_the_controller_last(
    controllers, hardware, error, unloaded
) -> None:
    present = {n: s for n, s in controllers.items() if n not in unloaded}
    manager = Manager(present, hardware, error and hardware != "active")
    log = run(manager)
    assert set(manager.states.values()) == {"active"}
    assert manager.hardware == "active"
    assert not manager.error
    started = f"+{CONTROLLER}" in log
    assert manager.sent == started
    if started:
        assert log[-1] == f"+{CONTROLLER}"
    assert recovery_steps(manager.states, "active", CONTROLLER, BROADCASTERS) == []


def test_what_cannot_be_recovered_is_said() -> None:
    with pytest.raises(RobotError, match="unknown controller 'cartesian_impedance_controller'"):
        recovery_steps({"joint_state_broadcaster": "active"}, "active", CONTROLLER, BROADCASTERS)
    with pytest.raises(RobotError, match="is unconfigured; configure it"):
        recovery_steps({CONTROLLER: "unconfigured"}, "active", CONTROLLER, BROADCASTERS)
    stubborn = Manager(dict.fromkeys(NAMES, "inactive"), "unconfigured")
    stubborn.activate_hardware = lambda: None  # it says yes and does nothing
    with pytest.raises(RobotError, match="has no hardware"):
        run(stubborn)
    relapsing = Manager(dict.fromkeys(NAMES, "inactive"))
    relapsing.switch = lambda activate, deactivate: None
    with pytest.raises(RobotError, match="activate joint_state_broadcaster is due again"):
        recover(relapsing, CONTROLLER, BROADCASTERS, lambda: None)
