"""The crisp backend's decisions, with the link and the driver in this test's hands."""

from __future__ import annotations

import time

import numpy as np
import pytest

from visuomotor.control.backends.crisp import CrispBackend, CrispConfig
from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.geometry import pose

HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.45, 0.0, 0.3])
AWAY = pose(np.diag([1.0, -1.0, -1.0]), [0.45, 0.2, 0.3])
CONFIG = CrispConfig(has_gripper=False, controller_timeout_s=0.3, recovery_timeout_s=1.0)
NAME = CONFIG.controller
STILL = np.zeros(6)


class Cell:
    """A link and a driver; `log` is what happened, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.sent: list[np.ndarray] = []
        self.rival_names: list[str] = []
        self.heard, self.own, self.pressed = 1, HOME.copy(), None
        self.states, self.hardware, self.typed = {NAME: "active"}, "active", True

    def publish(self, target) -> None:
        self.sent.append(target.copy())
        self.log.append("target")

    def rivals(self):
        return list(self.rival_names)

    def listeners(self) -> int:
        return self.heard

    def controller_pose(self):
        return self.own

    def wrench(self):
        return self.pressed

    def controllers(self):
        if not self.typed:
            raise MissingDependencyError("no controller_manager_msgs")
        return dict(self.states)

    def hardware_state(self) -> str:
        return self.hardware

    def switch(self, activate, deactivate) -> None:
        self.states |= dict.fromkeys(activate, "active") | dict.fromkeys(deactivate, "inactive")
        self.log += [*(f"+{n}" for n in activate), *(f"-{n}" for n in deactivate)]

    def clear_error(self) -> None:
        self.log.append("clear")

    def activate_hardware(self) -> None:
        self.hardware = "active"
        self.log.append("hardware")


@pytest.fixture
def cell():
    return Cell()


@pytest.fixture
def backend(cell):
    made = CrispBackend(CONFIG, cell, cell)
    made.start()
    yield made
    made.stop()


def wait(condition, what, timeout_s=10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)


def test_a_rival_is_named_and_the_controller_let_go(backend, cell) -> None:
    backend.send(HOME, STILL)
    cell.rival_names = ["/old_script", "/older_script"]
    wait(lambda: cell.states[NAME] == "inactive", "the controller to be let go")
    assert "/old_script and /older_script publish target_pose too" in backend.fault
    backend.send(AWAY, STILL)
    assert len(cell.sent) == 1
    with pytest.raises(RobotError, match="old_script"):
        backend.recover()
    cell.rival_names = []
    assert backend.fault
    cell.own, cell.log = AWAY.copy(), []
    backend.recover()
    assert cell.log == ["target", f"+{NAME}"]  # the present pose first: it must not go back
    np.testing.assert_array_equal(cell.sent[-1], AWAY)
    assert not backend.fault


def test_without_the_managers_messages_a_rival_still_mutes(backend, cell) -> None:
    cell.typed, cell.rival_names = False, ["/x"]
    wait(lambda: backend.fault, "the fault")
    cell.rival_names = []
    backend.recover()
    assert not backend.fault
    assert cell.log == []


def test_after_a_reflex_hardware_then_the_anchor_then_the_controller(backend, cell) -> None:
    cell.states[NAME], cell.hardware, cell.own = "inactive", "unconfigured", AWAY.copy()
    backend.recover()
    assert cell.log == ["clear", "hardware", "target", f"+{NAME}"]
    np.testing.assert_array_equal(cell.sent, [AWAY])


def test_no_pose_of_the_controllers_no_activation(backend, cell) -> None:
    cell.states[NAME], cell.own = "inactive", None
    with pytest.raises(RobotError, match="pose_broadcaster"):
        backend.recover()
    assert cell.states[NAME] == "inactive"
    assert cell.sent == []


def test_nothing_is_sent_before_the_frames_agree(backend, cell) -> None:
    backend.send(AWAY, STILL)
    assert cell.sent == []
    assert "20.0 cm" in backend.fault
    cell.own = AWAY.copy()
    backend.recover()
    backend.send(np.full((4, 4), np.nan), STILL)
    assert cell.sent == []
    backend.send(AWAY, STILL)
    backend.send(HOME, STILL)  # agreed once: from now on the bridge's limits are what bounds it
    assert len(cell.sent) == 2


def test_a_wrench_faults_but_the_braking_goes_out(backend, cell) -> None:
    backend.send(HOME, STILL)
    cell.pressed = np.array([0.0, 0.0, 30.0, 0.0, 0.0, 0.0])
    wait(lambda: "30 N" in backend.fault, "the fault")
    backend.send(HOME, STILL)
    assert len(cell.sent) == 2
    assert cell.states[NAME] == "active"


def test_a_controller_that_does_not_come_up_is_said(cell) -> None:
    cell.heard = 0
    with pytest.raises(RobotError, match="nobody listens on target_pose"):
        CrispBackend(CONFIG, cell, cell).start()
    cell.heard, cell.rival_names = 1, ["/x"]
    with pytest.raises(RobotError, match="/x publishes target_pose too"):
        CrispBackend(CONFIG, cell, cell).start()
    with pytest.raises(RobotError, match="not started"):
        CrispBackend(CONFIG, cell, cell).recover()
