"""What faults are done to: the complete graph, its operator, and what can be added to it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from visuomotor.bench.control.log import peak_speed
from visuomotor.bench.control.processes import node_processes
from visuomotor.bench.faults.cell import NODES, CompleteCell
from visuomotor.bench.faults.operator import PageOperator
from visuomotor.bench.faults.stand_in import StandIn
from visuomotor.errors import RobotError, VisuomotorError
from visuomotor.ros import topics

ATTEMPTS = 3
IN_MOTION = 0.05
"""m/s: so fast the arm goes when a fault comes."""
RECORDED = 25
"""Sets before a fault."""
BACK_S = 45.0
"""A node has so long to be back, and the arm to go on."""
AGAIN_S = 1.0
"""An operator who is told to press anew does so within it."""
GOES_ON = 10
"""Accepted targets by which it is seen to."""


class Rig:
    """Methods block; RobotError where the graph does not do what it should."""

    def __init__(
        self, cell: CompleteCell, launch: int, operator: PageOperator, checkpoint: Path
    ) -> None:
        self.cell, self.operator, self.checkpoint = cell, operator, checkpoint
        self.stand_in = StandIn(cell, launch)
        self.episode: Path | None = None
        self._launch = launch
        self._extras: list[subprocess.Popen[bytes]] = []

    def pid(self, node: str) -> int:
        """The process of one of NODES."""
        return node_processes(self._launch, (node,))[node]

    def signal(self, node: str, number: int) -> None:
        """Signals a node's process."""
        os.kill(self.pid(node), number)

    def ask(self, service: str) -> str:
        """Calls a service that may as well be called twice."""
        response = self.cell.call.call(Trigger, service, Trigger.Request(), again=True)
        if not response.success:
            raise RobotError(f"service {service} refused: {response.message}")
        return str(response.message)

    def set(self, node: str, **values: Any) -> None:
        """Parameters of a node."""
        self.cell.call.set_parameters(node, values)

    def add(self, node: str, **parameters: Any) -> None:
        """Starts another process of a node, which `calm` ends."""
        words = [w for k, v in parameters.items() for w in ("-p", f"{k}:={v}")]
        command = [sys.executable, "-m", f"visuomotor.nodes.{node}", "--ros-args", *words]
        self._extras.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    def remove_added(self) -> None:
        """Ends what was added."""
        for process in self._extras:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._extras.clear()

    def start_policy(self) -> None:
        """The operator's policy/start, asked until the node is up, sees sets and agrees."""
        end = time.monotonic() + BACK_S
        while True:
            try:
                self.ask(topics.POLICY_START)
                return
            except RobotError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def wait_for_nodes(self) -> None:
        """Returns when every node has a process."""
        self.cell.wait(self._all_up, "all nodes", BACK_S, look_s=0.25)

    def wait_for_service(self, name: str) -> None:
        """Returns when somebody offers it."""
        ready = self.cell.call.ready
        self.cell.wait(lambda: ready(name), f"the service {name}", BACK_S, look_s=0.1)

    # --- before a fault, and after it ---

    def begin(self, seed: int, streamed: bool = False) -> None:
        """Returns when the arm is in motion and recorded, all else being well.

        seed: of the scene. streamed: the targets are the stand-in's, not the policy's.
        """
        for attempt in range(ATTEMPTS):
            self.calm()
            try:
                self._begin(seed, streamed)
                return
            except VisuomotorError:
                if attempt == ATTEMPTS - 1:
                    raise

    def _begin(self, seed: int, streamed: bool) -> None:
        cell = self.cell
        self.wait_for_nodes()
        for service in (topics.RECORDER_START, topics.POLICY_START, topics.BRIDGE_RESET):
            self.wait_for_service(service)
        self.set("sim", seed=seed, stream_faults=("",))
        self.ask(topics.SIM_RESET)
        cell.forget()
        cell.ready()
        cell.wait(lambda: len(cell.sets) > 10, "sets")
        self.operator.press()
        self.record()
        before = len(cell.sets)
        cell.wait(lambda: len(cell.sets) > before + RECORDED, "sets")
        if streamed:
            self.stand_in.start()
        else:
            self.start_policy()
        if not self.operator.held:
            self.operator.press()
        cell.wait(self.in_motion, "motion", 8.0, look_s=0.05)

    def press_anew(self) -> None:
        """The operator lets the button go and presses it."""
        self.operator.release()
        self.operator.press()

    def record(self) -> None:
        """Begins an episode."""
        try:
            self.episode = Path(self.ask(topics.RECORDER_START))
        except RobotError as error:
            if "already recording" not in str(error):
                raise
            # The first answer was lost: it names the episode.
            self.episode = Path(str(error).partition("already recording ")[2].partition(";")[0])

    def calm(self) -> None:
        """Ends what a fault has left running: sources, added nodes, a recording."""
        self.stand_in.stop()
        self.operator.release()
        self.remove_added()
        for service in (topics.POLICY_STOP, topics.RECORDER_STOP):
            with contextlib.suppress(RobotError):
                if self.cell.call.ready(service):
                    self.cell.call.trigger(service)

    def _all_up(self) -> bool:
        try:
            node_processes(self._launch, NODES)
        except VisuomotorError:
            return False
        return True

    # --- during one ---

    def in_motion(self) -> bool:
        """Whether the policy leads the arm, and it goes."""
        cell = self.cell
        now_s = cell.now_s
        return cell.state == "policy" and peak_speed(cell.measured, now_s - 0.2, now_s) > IN_MOTION

    def goes_on(self, pressing: bool = False) -> None:
        """Returns when targets are accepted again.

        pressing: it is the operator's task to hold the button, who presses anew where a hold ended.
        """
        cell = self.cell
        before = len(cell.accepted)

        def again() -> bool:
            return cell.state == "policy" and len(cell.accepted) > before + GOES_ON

        if pressing:
            self.wait_holding(again, "the arm to go on")
        else:
            cell.wait(again, "the arm to go on", BACK_S, look_s=0.05)

    def wait_holding(self, condition: Callable[[], bool], what: str) -> None:
        """Waits while the operator presses anew wherever a hold ended."""
        told_s = -math.inf

        def look() -> bool:
            nonlocal told_s
            if not self.operator.held:
                self.operator.press()
            elif "press it anew" in self.cell.reason and time.monotonic() > told_s + AGAIN_S:
                told_s = time.monotonic()  # the bridge was not up to hear of the one before
                self.press_anew()
            return condition()

        self.cell.wait(look, what, BACK_S, look_s=0.05)
