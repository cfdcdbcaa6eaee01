"""Every node killed, frozen and started again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from visuomotor.bench.faults.cell import NODES
from visuomotor.bench.faults.fault import Act, Fault
from visuomotor.bench.faults.rig import Rig
from visuomotor.ros import topics

FROZEN_S = 3.0
LEASE_S = 20.0
"""Fast DDS's own: a participant that is silent for longer is gone for the others."""


@dataclass(frozen=True)
class Role:
    """What the arm owes to a node: its source ("stops"), or nothing ("goes on").

    step: what an operator does after the node ended; frozen_step: after it was frozen.
    """

    arm: Any = "stops"
    seen_by: Any = "arm"
    late_s: float = 0.15
    step: tuple[str, Act] | None = None
    frozen_step: tuple[str, Act] | None = None
    offers: str = ""


def press(rig: Rig) -> None:
    """The operator presses the dead-man's button anew."""
    rig.operator.press()


ROLES = {
    "sim": Role(seen_by="reference", late_s=0.35),
    "rgbd_sync": Role(late_s=0.3),
    "recorder": Role(arm="goes on"),
    "policy": Role(step=("policy/start", Rig.start_policy), offers=topics.POLICY_START),
    "cartesian_bridge": Role(step=("the button let go and pressed anew", Rig.press_anew)),
    "console": Role(
        late_s=0.5,
        step=("the button pressed anew", press),
        frozen_step=("the button pressed anew", press),
    ),
}


def ended(node: str, role: Role, number: signal.Signals) -> Fault:
    """SIGKILL, or SIGINT as of an operator; the launch starts the node again after 2 s."""
    killed = number == signal.SIGKILL
    name, act = role.step or ("", None)
    return Fault(
        f"{node} {'killed' if killed else 'restarted'}",
        f"{number.name} to {node}, which the launch starts again after 2 s",
        lambda rig: rig.signal(node, number),
        _back(role.offers),
        role.arm,
        role.seen_by,
        role.late_s + (0.0 if killed else 0.3),
        step=act,
        step_name=name,
        episode=("repaired",) if node == "recorder" and killed else ("kept",),
        may_lose_s=(1.5 if killed else 0.5) if node == "recorder" else 0.0,
    )


def frozen(node: str, role: Role, seconds: float = FROZEN_S, tells: str = "") -> Fault:
    """SIGSTOP, and SIGCONT after so long."""
    name, act = role.frozen_step or ("", None)
    return Fault(
        f"{node} frozen for {seconds:g} s",
        f"SIGSTOP to {node}, SIGCONT after {seconds:g} s{tells}",
        lambda rig: rig.signal(node, signal.SIGSTOP),
        lambda rig: rig.signal(node, signal.SIGCONT),
        role.arm,
        role.seen_by,
        role.late_s,
        lasts_s=seconds,
        step=act,
        step_name=name,
    )


def _back(offers: str) -> Callable[[Rig], None]:
    """Waits until the node's new process is there, and offers its service."""

    def wait(rig: Rig) -> None:
        rig.wait_for_nodes()
        if offers:
            rig.wait_for_service(offers)

    return wait


def faults() -> Iterator[Fault]:
    """All of them."""
    for node in NODES:
        role = ROLES[node]
        yield ended(node, role, signal.SIGKILL)
        yield frozen(node, role)
        yield ended(node, role, signal.SIGINT)
    lease = f": the others' lease of it, {LEASE_S:g} s, has run out"
    yield frozen("policy", ROLES["policy"], LEASE_S + 5.0, lease)
    yield frozen("recorder", ROLES["recorder"], LEASE_S + 5.0, lease)
