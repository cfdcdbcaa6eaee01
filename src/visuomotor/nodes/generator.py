"""Rolls a stage-1 policy out through the graph, and keeps its rollouts as demonstrations.

In simulation it does all by itself; on a robot an operator lays the scene out, holds policy/enable,
and says which goal was reached. The policy node and the recorder do the rest.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rclpy.node import Node

from visuomotor.errors import ConfigError, RobotError, VisuomotorError
from visuomotor.generation import Generated, GenerationConfig, GenerationLog
from visuomotor.generation.selection import left_out
from visuomotor.recording.catalogue import label
from visuomotor.recording.tags import GENERATED, GOAL, START
from visuomotor.ros import topics
from visuomotor.ros.parameters import declare, read
from visuomotor.ros.run import run_node
from visuomotor.ros.services import trigger
from visuomotor.ros.simulation import SimulationClient

RATE_HZ = 20.0
START_S = 30.0
ATTEMPTS = 3


@dataclass(frozen=True)
class Config(GenerationConfig):
    """What is rolled out; GenerationConfig says what is kept.

    policy: folder of the checkpoint that the policy node runs, for the log; dataset: the
    recorder's. simulated: reset the simulation to seeds first_seed, first_seed + 1, ... and learn
    from it where a rollout starts and ends. Without it, for every rollout: lay the scene out, set
    the parameter start, call generator/begin, and when it is over set reached ("" for no goal) and
    call generator/end. horizon_s: after so long a rollout has failed.
    """

    policy: str = ""
    task: str = "cross"
    dataset: str = "generated"
    rollouts: int = 100
    first_seed: int = 100_000
    simulated: bool = True
    start: str = ""
    reached: str = ""
    horizon_s: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rollouts < 1 or self.first_seed < 0 or not 0 < self.horizon_s <= 3600:
            raise ValueError(
                f"got rollouts {self.rollouts}, first_seed {self.first_seed}, horizon_s "
                f"{self.horizon_s}; expected at least 1, 0 or more, and up to 3600 s"
            )


class Generator(Node):
    """Starts and stops recorder and policy, and ends after the last rollout."""

    def __init__(self) -> None:
        super().__init__("generator")
        self.config = declare(self, Config, live=("start", "reached"))
        if not self.config.policy:
            raise ConfigError("generator: set the parameter `policy` to the checkpoint's folder")
        self.log = GenerationLog(
            Path(self.config.dataset), self.config.task, str(self.config.policy)
        )
        self.sim = SimulationClient(self, robot=False)
        self._begun, self._ended = threading.Event(), threading.Event()
        self._closing = False
        self._finished: Exception | bool = False
        trigger(self, topics.GENERATOR_BEGIN, self._begin)
        trigger(self, topics.GENERATOR_END, self._end)
        self.create_timer(0.2, self._look)
        self._worker = threading.Thread(target=self._run, name="rollouts", daemon=True)
        self._worker.start()

    def _look(self) -> None:
        if isinstance(self._finished, Exception):
            raise self._finished
        if self._finished:
            raise SystemExit(0)

    def _begin(self) -> str:
        if not read(self, Config).start:
            raise ConfigError("set the parameter `start` to the start that is laid out")
        self._ended.clear()
        self._begun.set()
        return "the policy begins"

    def _end(self) -> str:
        if not self._begun.is_set():
            raise RobotError("no rollout runs; begin one with generator/begin")
        self._ended.set()
        return f"ended in {read(self, Config).reached or 'no goal'}"

    def _run(self) -> None:
        first = self.config.first_seed
        try:
            for seed in self.log.missing(range(first, first + self.config.rollouts)):
                self._attempt(seed)
                if self._closing:
                    return
            self.get_logger().info(f"done\n{self.log.seen.table()}")
            self._finished = True
        except Exception as error:  # raised again in the node's own thread, which ends it
            self._finished = error

    def _attempt(self, seed: int) -> None:
        """One rollout; what the graph fails is told, and tried again, also by the next run."""
        row: Generated | None = None
        for _ in range(ATTEMPTS):
            try:
                row = self._rollout(seed)
                break
            except VisuomotorError as error:
                if self._closing:
                    return
                self.get_logger().error(f"seed {seed}: {error}")
        if row is None:
            return
        self.log.add(row)
        kept = f"left out: {row.left_out}" if row.left_out else "kept"
        what = f"{row.start} > {row.goal or 'no goal'}"
        self.get_logger().info(f"{len(self.log.rows)}: seed {seed}, {what}, {kept}")

    def _rollout(self, seed: int) -> Generated:
        call, config = self.sim.caller, self.config
        start = self._lay_out(seed)
        operator = f"policy {Path(config.policy).name}"
        tags = [GENERATED, f"{START}{start}"]
        call.set_parameters(
            "recorder", {"task": config.task, "operator": operator, "seed": seed, "tags": tags}
        )
        call.trigger(topics.RECORDER_START)
        kept = False
        try:
            # it refuses until it sees sets
            call.trigger_soon(topics.POLICY_START, START_S, lambda: self._closing)
            begin = time.monotonic()
            try:
                goal = self._watch(begin)
            finally:
                call.trigger(topics.POLICY_STOP)
            duration_s = time.monotonic() - begin
            steps = round(duration_s * RATE_HZ)
            reason = left_out(config, self.log.kept, start, goal, duration_s)
            if reason:
                return Generated(seed, start, goal, steps, reason)
            call.trigger(topics.RECORDER_SUCCESS if goal else topics.RECORDER_FAILURE)
            episode = Path(call.trigger(topics.RECORDER_STOP))
            kept = True
        finally:
            if not kept:
                call.trigger(topics.RECORDER_DISCARD)
        if goal:
            label(episode, add_tags=(f"{GOAL}{goal}",))
        return Generated(seed, start, goal, steps, "", episode.name)

    def _lay_out(self, seed: int) -> str:
        """The start of the next rollout, once the scene shows it."""
        if not self.config.simulated:
            self.get_logger().info("lay a scene out, set `start`, and call generator/begin")
            self._begun.clear()
            while not self._begun.wait(0.1):
                if self._closing:
                    raise RobotError("ended before the rollout began")
            return read(self, Config).start
        self.sim.reset(seed, start=self.config.start)
        self.sim.wait_for_sets()
        status = self.sim.status
        start = "" if status is None else status.pair.partition(">")[0]
        if not start:
            raise ConfigError(
                f"the simulation's task has no starts and goals; expected {self.config.task!r} to "
                "be one that has, such as cross or bread"
            )
        return start

    def _watch(self, begin: float) -> str:
        """The goal that the rollout ends in; the policy then goes on until it was seen at rest."""
        goal = ""
        while time.monotonic() - begin < self.config.horizon_s and not self._closing:
            status = self.sim.status
            if self.config.simulated:
                goal = "" if status is None else status.reached
            elif self._ended.is_set():
                return read(self, Config).reached
            if goal:
                time.sleep(self.config.rest_steps / RATE_HZ)
                break
            time.sleep(0.5 / RATE_HZ)
        return goal

    def close(self) -> None:
        """Stops the policy, and leaves out the rollout at work."""
        self._closing = True
        self._worker.join(2.0)


def main() -> None:
    """Runs the node."""
    run_node(Generator)


if __name__ == "__main__":
    main()
