"""After a robot error: which steps bring the controllers back, and in which order.

franka_ros2 keeps its process through a robot error since v2.4 (Humble) and v3.3 (Jazzy): the
hardware component becomes `unconfigured`. Jazzy's controller_manager then deactivates the
controllers by itself; Humble's leaves them `active` on hardware that is not, and refuses to go on
until somebody deactivates them. The order below does for both, because it looks at what is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from visuomotor.errors import RobotError, unknown_name

Kind = Literal["deactivate", "clear_error", "activate_hardware", "activate"]


@dataclass(frozen=True)
class Step:
    """One step; `names` are controllers for activate and deactivate."""

    kind: Kind
    names: tuple[str, ...] = ()


class Controllers(Protocol):
    """What a recovery needs of the robot's driver; every call is bounded and raises RobotError."""

    def controllers(self) -> Mapping[str, str]:
        """State of every loaded controller: active, inactive or unconfigured."""

    def hardware_state(self) -> str:
        """State of the arm's hardware component: active, inactive, unconfigured or finalized."""

    def switch(self, activate: Sequence[str], deactivate: Sequence[str]) -> None:
        """Activates and deactivates controllers, all or with an error."""

    def clear_error(self) -> None:
        """Ends the robot's reflex."""

    def activate_hardware(self) -> None:
        """Connects the control loop again."""


def recovery_steps(
    controllers: Mapping[str, str], hardware: str, controller: str, broadcasters: Sequence[str]
) -> list[Step]:
    """The steps from these states to an active controller; none when all is active.

    Broadcasters that are not loaded are left out; a controller that is not is a RobotError.
    """
    if controllers.get(controller) not in ("active", "inactive"):
        state = controllers.get(controller, "")
        raise RobotError(
            f"controller {controller!r} is {state}; configure it"
            if state
            else f"{unknown_name('controller', controller, controllers)}; is it loaded?"
        )
    wanted = [*(b for b in broadcasters if b in controllers), controller]
    steps: list[Step] = []
    running = {n for n in wanted if controllers[n] == "active"}
    if hardware != "active":
        if running:
            steps.append(Step("deactivate", tuple(n for n in reversed(wanted) if n in running)))
        steps += [Step("clear_error"), Step("activate_hardware")]
        running = set()
    # The controller comes last: it holds the arm where the broadcasters say it is.
    steps += [Step("activate", (n,)) for n in wanted if n not in running]
    return steps


def recover(
    driver: Controllers,
    controller: str,
    broadcasters: Sequence[str],
    anchor: Callable[[], None],
) -> list[Step]:
    """Does the steps and looks whether they led there; RobotError for the step that failed.

    anchor gives the controller the present pose as its target, just before it is activated: a
    target that reached it while it was inactive would pull the arm back to where it was.
    """
    steps = recovery_steps(driver.controllers(), driver.hardware_state(), controller, broadcasters)
    for step in steps:
        if step.kind == "deactivate":
            driver.switch((), step.names)
        elif step.kind == "clear_error":
            driver.clear_error()
        elif step.kind == "activate_hardware":
            driver.activate_hardware()
        else:
            if step.names == (controller,):
                anchor()
            driver.switch(step.names, ())
    left = recovery_steps(driver.controllers(), driver.hardware_state(), controller, broadcasters)
    if left:
        step = left[0]
        raise RobotError(f"after the recovery {step.kind} {' '.join(step.names)} is due again")
    return steps
