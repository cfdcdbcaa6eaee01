"""What reaches the bridge: spoilt targets, two sources, and the operator's hands."""

from __future__ import annotations

import time
from collections.abc import Iterator

from visuomotor.bench.control.spoilt import SPOILT
from visuomotor.bench.faults.fault import Fault
from visuomotor.bench.faults.node_faults import press
from visuomotor.bench.faults.rig import BACK_S, Rig
from visuomotor.control.senders import QUIET_S
from visuomotor.errors import RobotError
from visuomotor.ros import topics

RELEASED_S = 0.35
"""The page is heard of 0.2 s longer than it is held."""


def spoilt(name: str) -> Fault:
    """Every target becomes one of SPOILT."""
    what, alter = SPOILT[name]

    def inject(rig: Rig) -> None:
        rig.stand_in.alter = alter

    def heal(rig: Rig) -> None:
        """The arm has stood meanwhile: a policy goes on from where it is."""
        rig.stand_in.start()

    return Fault(what, "instead of the policy's", inject, heal, streamed=True)


def second_policy(rig: Rig) -> None:
    """Another process of the same node, which acts at once."""
    rig.add("policy", checkpoint=str(rig.checkpoint), autostart="true")
    rig.wait_holding(lambda: "two nodes" in rig.cell.reason, "the bridge to hear both")


def second_bridge(rig: Rig) -> None:
    """Another process of the bridge's node, which leads the same arm."""
    rig.add("cartesian_bridge", anchor_on_teleport="true", require_policy_enable="true")
    rig.wait_holding(lambda: "two bridges" in rig.cell.reason, "the bridges to hear each other")


def hold(rig: Rig) -> None:
    """The operator's bridge/hold."""
    rig.ask(topics.BRIDGE_HOLD)


def reset(rig: Rig) -> None:
    """The operator's bridge/reset, after which what was held before does not count."""
    rig.ask(topics.BRIDGE_RESET)
    rig.press_anew()


def end_one(rig: Rig) -> None:
    """The operator ends the second bridge."""
    rig.remove_added()
    time.sleep(QUIET_S)
    reset(rig)


def nonsense(rig: Rig) -> None:
    """Values that no node may take, to three nodes; RobotError where one takes them."""
    for node, values in (
        ("cartesian_bridge", {"max_speed": -1.0}),
        ("recorder", {"jpeg_quality": 1000}),
        ("policy", {"replan_steps": -5}),
    ):
        try:
            rig.set(node, **values)
        except RobotError as error:
            if "refused" in str(error):
                continue
            raise
        raise RobotError(f"{node} took {values}, expected a refusal")


def faults() -> Iterator[Fault]:
    """All of them."""
    for name in SPOILT:
        yield spoilt(name)
    yield Fault(
        "two policies",
        "a second process of the policy's node sends targets, until it is ended",
        second_policy,
        late_s=BACK_S,
        step=Rig.remove_added,
        step_name="one of them ended",
    )
    yield Fault(
        "two bridges",
        "a second process of the bridge's node leads the arm, until it is ended",
        second_bridge,
        late_s=BACK_S,
        step=end_one,
        step_name="one of them ended, bridge/reset, the button pressed anew",
    )
    yield Fault(
        "dead-man released",
        "the operator lets the page's button go, and the policy goes on",
        lambda rig: rig.operator.release(),
        late_s=RELEASED_S,
        step=press,
        step_name="the button pressed anew",
    )
    yield Fault(
        "dead-man lost",
        "the operator's browser falls silent with the button held",
        lambda rig: rig.operator.vanish(),
        late_s=RELEASED_S + 0.3,
        step=press,
        step_name="the button pressed anew",
    )
    yield Fault(
        "bridge/hold",
        "the operator's, with the button held on and the policy going on",
        hold,
        late_s=0.25,
        step=reset,
        step_name="bridge/reset, the button pressed anew",
    )
    yield Fault(
        "parameters out of range",
        "a negative speed to the bridge, and as much to recorder and policy: refused",
        nonsense,
        arm="goes on",
    )
