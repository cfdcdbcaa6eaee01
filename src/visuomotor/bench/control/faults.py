"""What happens when something fails: each row of the table is one of these, and a test runs it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from visuomotor.bench.control.cell import PERIOD_S, ControlCell
from visuomotor.bench.control.log import peak_speed, rest_after
from visuomotor.bench.control.processes import node_processes
from visuomotor.bench.control.spoilt import SPOILT
from visuomotor.bench.control.streamer import along, streaming
from visuomotor.contracts import Float64
from visuomotor.errors import RobotError
from visuomotor.ros import topics

SPEED = 0.1
"""Of the target when the fault comes, m/s."""
BEFORE_S, WATCH_S, LONGEST_S = 1.3, 1.0, 8.0
"""The arm goes for so long before the fault, and is watched after it until it rests; at least and
at most for so long."""

RESTED_S = 0.3
"""So long the arm stands before it counts as at rest."""

ATTEMPTS = 3
"""To get the arm into motion: a machine that stalls stops it before any fault of ours."""

SETTLED = 10
"""So many statuses alike in a row."""

NOTICED_S = 0.1
"""Of the arm's own time, which a stalled machine stops: its watchdog bites long before."""


@dataclass(frozen=True)
class FaultRow:
    """One fault, and what the arm did from then on.

    state, reason: of the bridge afterwards. peak_speed in m/s of the arm, reference_speed of what
    it was told; overshoot_mm: how far beyond the farthest accepted target it went; rest_after_s:
    until it stood still, inf if it did not; back: what the operator did, and whether the arm then
    followed again.
    """

    fault: str
    state: str
    reason: str
    peak_speed: float
    reference_speed: float
    overshoot_mm: float
    rest_after_s: float
    back: str

    def figures(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Scene:
    """A cell in which the arm goes along y and back at SPEED while a policy streams."""

    def __init__(self, cell: ControlCell, launch: int) -> None:
        self.cell, self.launch = cell, launch
        self._end_s, self._rest_after_s = 0.0, math.inf
        self._begin()

    def _begin(self) -> None:
        self.home = self.cell.pose
        self.towards = -1.0 if self.home[1, 3] > 0 else 1.0  # the middle of the workspace
        self.farthest = 0.0

    def moving(self, elapsed_s: float) -> Float64:
        """The target, a triangle of 8 cm."""
        by = 0.08 - abs((SPEED * elapsed_s) % 0.16 - 0.08)
        self.farthest = max(self.farthest, by)
        return along(self.home, self.towards * by)

    def in_motion(self) -> float:
        """Streams until the arm goes at SPEED; the time in s at which the fault comes.

        RobotError if the bridge does not follow.
        """
        cell = self.cell
        for _ in range(ATTEMPTS):
            since_s = cell.stream(self.moving, BEFORE_S) + BEFORE_S
            if cell.state == "policy":
                return since_s
            cell.ready()
            self._begin()
        raise RobotError(f"the arm does not follow; {cell.status}")

    def pids(self, *nodes: str) -> list[int]:
        """Process ids of nodes of the launch."""
        return list(node_processes(self.launch, nodes).values())

    def row(self, fault: str, since_s: float, back: str) -> FaultRow:
        """What the arm did since the fault; the operator then resets, and it must follow again.

        back: what the operator did.
        """
        seen = self.seen(fault, since_s, f"{back}: follows again")
        self.follows_again()
        return seen

    def follows_again(self) -> None:
        """The operator resets, and the arm follows a new stream; RobotError if it does not."""
        cell = self.cell
        cell.ready()
        start = cell.pose
        cell.stream(lambda t: along(start, self.towards * min(0.02, SPEED * t)), 1.0)
        cell.wait(lambda: abs(cell.pose[1, 3] - start[1, 3]) > 0.01, "the arm to follow again")

    def seen(self, fault: str, since_s: float, back: str) -> FaultRow:
        """What the arm did since the fault."""
        cell = self.cell
        if self._end_s <= since_s:
            self.over(since_s)
        end_s = self._end_s
        with contextlib.suppress(RobotError):  # the reason of one that stays silent is its silence
            cell.wait(lambda: "no robot state" not in cell.reason, "the arm's state", 5.0)
        positions = cell.measured.between(since_s, end_s)[1]
        beyond = float(np.abs(positions[:, 1] - self.home[1, 3]).max(initial=0.0)) - self.farthest
        return FaultRow(
            fault,
            cell.state,
            cell.reason,
            peak_speed(cell.measured, since_s, end_s),
            peak_speed(cell.reference, since_s, end_s),
            1e3 * max(beyond, 0.0),
            self._rest_after_s,
            back,
        )

    def over(self, since_s: float) -> bool:
        """Whether the arm was watched for long enough: it rests, or will not."""
        cell = self.cell
        now_s = self._end_s = cell.now_s
        if now_s < since_s + WATCH_S:
            return False
        self._rest_after_s = rest_after(cell.measured, since_s, now_s)
        rested = since_s + self._rest_after_s + RESTED_S < now_s
        return rested or now_s > since_s + LONGEST_S

    def watch(self, since_s: float) -> None:
        """Lets the arm do what it does."""
        while not self.over(since_s):
            time.sleep(0.05)

    def stream(self, target: Callable[[float], Float64], since_s: float) -> None:
        """Streams on while the arm is watched."""
        self.cell.stream_while(target, lambda: not self.over(since_s))


Fault = Callable[[Scene], FaultRow]


def policy_stall(scene: Scene) -> FaultRow:
    """The policy falls silent in motion."""
    since_s = scene.in_motion()
    scene.watch(since_s)
    return scene.row("policy stalls", since_s, "new targets")


def spoilt(name: str) -> Fault:
    """Every target is one of SPOILT, in motion."""
    what, alter = SPOILT[name]

    def fault(scene: Scene) -> FaultRow:
        since_s = scene.in_motion()
        begin = time.monotonic()
        while not scene.over(since_s):
            target = scene.moving(BEFORE_S + time.monotonic() - begin)
            scene.cell.send_altered(target, alter)
            time.sleep(PERIOD_S)
        return scene.row(what, since_s, "new targets")

    fault.__name__ = name
    return fault


def two_publishers(scene: Scene) -> FaultRow:
    """A second policy begins to stream from its own place, 6 cm away."""
    cell = scene.cell
    contested = "refused/policy/contested"
    before, since_s = cell.counter(contested), 0.0

    def target(elapsed_s: float) -> Float64:
        nonlocal since_s
        if not since_s and cell.counter(contested) > before:
            since_s = cell.now_s
        return scene.moving(elapsed_s)

    other = streaming(along(scene.home, -0.06 * scene.towards))
    try:
        cell.stream_while(target, lambda: not since_s or not scene.over(since_s))
        seen = scene.seen("two publishers", since_s, "one of them ended: follows again")
    finally:
        other.kill()
        other.wait()
    time.sleep(0.6)  # until it is forgotten
    scene.follows_again()
    return seen


def dead_man_released(scene: Scene) -> FaultRow:
    """The operator lets go of policy/enable while the policy goes on."""
    cell = scene.cell
    since_s = scene.in_motion()
    begin = time.monotonic()
    while not scene.over(since_s):
        cell.send(scene.moving(BEFORE_S + time.monotonic() - begin), enable=False)
        time.sleep(0.05)
    return scene.row("dead-man released", since_s, "held again")


def operators_hold(scene: Scene) -> FaultRow:
    """The operator calls bridge/hold in motion."""
    cell = scene.cell
    since_s = scene.in_motion()
    cell.call.trigger(topics.BRIDGE_HOLD)
    scene.stream(scene.moving, since_s)
    return scene.row("bridge/hold", since_s, "bridge/reset")


def arm_silent(scene: Scene) -> FaultRow:
    """The arm's side is frozen for three seconds in motion: no state, no answer."""
    cell = scene.cell
    since_s = scene.in_motion()
    (sim,) = scene.pids("sim")
    os.kill(sim, signal.SIGSTOP)
    try:
        cell.wait(lambda: cell.state in ("hold", "fault"), "the bridge to notice")
        time.sleep(3.0)
    finally:
        os.kill(sim, signal.SIGCONT)
    state, reason = cell.state, cell.reason
    cell.ready()  # only then may it be heard of again
    scene.watch(since_s)
    row = scene.row("arm silent for 3 s", since_s, "bridge/reset")
    return replace(row, state=state, reason=reason)


def camera_death(scene: Scene) -> FaultRow:
    """The camera of a policy that acts dies: the policy falls silent."""
    cell = scene.cell
    cell.wait(lambda: _started(cell), "the policy")
    cell.wait(lambda: cell.state == "policy", "motion")
    time.sleep(0.5)
    since_s = cell.now_s
    cell.call.set_parameters("sim", {"dead_camera": "front"})
    scene.farthest = math.inf  # its targets are not ours
    scene.watch(since_s)
    row = scene.seen("policy's camera dies", since_s, "camera back: acts again")
    cell.call.set_parameters("sim", {"dead_camera": ""})
    cell.wait(lambda: cell.state == "policy", "the policy to act again")
    return row


def _started(cell: ControlCell) -> bool:
    try:
        cell.call.trigger(topics.POLICY_START)
    except RobotError:
        return False
    return True


def reflex(scene: Scene) -> FaultRow:
    """The arm stops itself in motion."""
    cell = scene.cell
    since_s = scene.in_motion()
    cell.call.trigger(topics.SIM_REFLEX)
    scene.stream(scene.moving, since_s)
    return scene.row("reflex of the arm", since_s, "bridge/reset")


def push(scene: Scene) -> FaultRow:
    """Somebody pushes the hand with 30 N in motion, and lets go."""
    cell = scene.cell
    since_s = scene.in_motion()
    begun = cell.physics[-1][1]
    cell.call.trigger(topics.SIM_PUSH)
    scene.stream(scene.moving, since_s)
    cell.wait(lambda: cell.physics[-1][1] > begun + 0.7, "the end of the push")
    return scene.row("hand is pushed, 30 N", since_s, "bridge/reset")


def frozen_client(scene: Scene) -> FaultRow:
    """The bridge's process is frozen in motion for a second."""
    cell = scene.cell
    (bridge,) = scene.pids("cartesian_bridge")
    since_s = scene.in_motion()
    begun = cell.physics[-1][1]
    os.kill(bridge, signal.SIGSTOP)
    try:
        time.sleep(1.0)
        cell.wait(lambda: cell.physics[-1][1] > begun + NOTICED_S, "the arm to notice")
    finally:
        os.kill(bridge, signal.SIGCONT)
    heard = len(cell.states)

    def settled() -> bool:  # it holds at once, and learns a moment later what the arm did meanwhile
        last = {state for _, state in cell.states[max(heard, len(cell.states) - SETTLED) :]}
        return len(cell.states) > heard + SETTLED and len(last) == 1

    cell.wait(settled, "the bridge's status")
    scene.watch(since_s)
    return scene.row("bridge frozen for 1 s", since_s, "bridge/reset")


EVERYWHERE: dict[str, Fault] = {
    f.__name__: f
    for f in (
        policy_stall,
        *map(spoilt, ("not_a_number", "jumping", "wrong_frame")),
        two_publishers,
        *(dead_man_released, operators_hold, frozen_client, arm_silent),
    )
}
"""Faults that every backend must stand."""

OVER_LIBFRANKA: dict[str, Fault] = {f.__name__: f for f in (reflex, push)}
"""Faults that an arm behind libfranka's protocol has."""

WITH_POLICY: dict[str, Fault] = {camera_death.__name__: camera_death}
"""Faults of a cell in which a policy node runs (demo.launch.xml)."""


def faults_of(backend: str, cell: ControlCell, launch: int) -> list[dict[str, Any]]:
    """The rows of a backend; one that raises is an error of the benchmark."""
    faults = EVERYWHERE | (OVER_LIBFRANKA if backend == "libfranka" else {})
    return [fault(Scene(cell, launch)).figures() for fault in faults.values()]
