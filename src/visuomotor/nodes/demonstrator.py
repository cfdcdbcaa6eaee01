"""The scripted expert at the teleoperation topics, as a person would be: with a dead-man.

It runs whole recordings: for every episode it resets the simulation, starts the recorder,
demonstrates, marks the outcome and stops the recorder; after the last one the node ends.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.errors import RobotError, VisuomotorError
from visuomotor.ros import messages, topics
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.ros.simulation import SimulationClient
from visuomotor.sim.demonstrators import make_demonstrator, operator_of
from visuomotor.sim.tasks import make_task
from visuomotor.sim.tasks.goals import episode_pair

RATE_HZ = 20.0
REST_STEPS = 6


@dataclass(frozen=True)
class Config:
    """What is demonstrated: episodes from seeds first_seed, first_seed + 1, ...

    demonstrator: expert, or human_like with a person's curves, pauses and changes of pace.
    start, goal: of a task that has several, as SimConfig's; they are set in the simulation, too.
    operator: how the episodes' sidecars call it; "": by its name.
    record: use the recorder's services; without it the expert only moves the arm. wait_for_sets:
    demonstrate only while rgbd_sync gives sets (False for a recorder with source: raw), and do an
    episode whose sets came at less than min_rate_hz again, at most max_attempts times.
    """

    task: str = "lift"
    episodes: int = 30
    first_seed: int = 1000
    demonstrator: str = "expert"
    start: str = ""
    goal: str = ""
    record: bool = True
    wait_for_sets: bool = True
    operator: str = ""
    min_rate_hz: float = 17.0
    max_attempts: int = 20

    def __post_init__(self) -> None:
        if self.episodes < 1 or self.first_seed < 0 or self.max_attempts < 1:
            raise ValueError(
                f"got episodes {self.episodes}, first_seed {self.first_seed}, max_attempts "
                f"{self.max_attempts}; expected at least 1, 0 and 1"
            )


class Demonstrator(Node):
    """Publishes teleop/* while it demonstrates; silent otherwise."""

    def __init__(self) -> None:
        super().__init__("demonstrator")
        self.config = declare(self, Config)
        task = make_task(self.config.task)
        self._horizon_s = task.horizon_steps / RATE_HZ
        self._task = task
        self._operator = self.config.operator or operator_of(self.config.demonstrator)
        episode_pair(task, self.config.start, self.config.goal, self.config.first_seed)
        self._expert = make_demonstrator(self.config.demonstrator, task, self.config.first_seed)
        self.sim = SimulationClient(self, task.objects)
        self._pose = self.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
        self._gripper = self.create_publisher(JointState, topics.TELEOP_GRIPPER, topics.COMMAND)
        self._enable = self.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
        self._active = False
        self._enabled = False
        self._rest = REST_STEPS
        self._done = threading.Event()
        self._finished: Exception | bool = False
        self.create_timer(1.0 / RATE_HZ, self._demonstrate)
        self._worker = threading.Thread(target=self._run, name="episodes", daemon=True)
        self._worker.start()

    def _demonstrate(self) -> None:
        if self._finished:
            if isinstance(self._finished, Exception):
                raise self._finished
            raise SystemExit(0)
        if not self._active:
            return
        robot, objects = self.sim.robot(), self.sim.objects()
        if robot is None or objects is None:
            return
        self._enable.publish(Bool(data=True))
        if not self._enabled:  # the dead-man comes first: topics keep no order among them
            self._enabled = True
            return
        now_ns = self.get_clock().now().nanoseconds
        action = self._expert.act(robot, objects)
        self._gripper.publish(messages.gripper_command_msg(action.gripper_width_m, now_ns))
        self._pose.publish(messages.pose_msg(action.T_base_ee, now_ns))
        done = self._expert.done(robot, objects)
        self._rest = self._rest - 1 if done else REST_STEPS  # the last sets show it at rest
        if self._rest <= 0:
            self._done.set()

    def _run(self) -> None:
        try:
            for i in range(self.config.episodes):
                self._episode(i)
            self._finished = True
        except Exception as error:  # raised again in the node's own thread, which ends it
            self._finished = error

    def _episode(self, index: int) -> None:
        seed = self.config.first_seed + index
        for attempt in range(self.config.max_attempts):
            try:
                success = self._attempt(seed)
            except VisuomotorError as error:
                self.get_logger().error(f"seed {seed}, attempt {attempt + 1}: {error}")
                continue
            outcome = "success" if success else "failure"
            self.get_logger().info(
                f"episode {index + 1}/{self.config.episodes}: seed {seed}, {outcome}"
            )
            return
        raise RobotError(
            f"seed {seed} could not be recorded in {self.config.max_attempts} attempts; see above"
        )

    def _attempt(self, seed: int) -> bool:
        sim, call = self.sim, self.sim.caller
        pair = episode_pair(self._task, self.config.start, self.config.goal, seed)
        if pair.start:
            sim.reset(seed, start=pair.start, goal=pair.goal)
        else:
            sim.reset(seed)
        if self.config.record and self.config.wait_for_sets:
            sim.wait_for_sets()
        name, goal = self.config.demonstrator, pair.goal
        self._expert = make_demonstrator(name, self._task, seed, goal)
        self._enabled = False
        self._rest = REST_STEPS
        self._done.clear()
        if self.config.record:
            call.set_parameters(
                "recorder",
                {"task": self.config.task, "operator": self._operator, "seed": seed},
            )
            call.trigger(topics.RECORDER_START)
        try:
            self._active = True
            start_s, sets = time.monotonic(), sim.sets
            self._done.wait(self._horizon_s)
            rate_hz = (sim.sets - sets) / (time.monotonic() - start_s)
            success = sim.status is not None and sim.status.seed == seed and sim.status.success
        finally:
            self._active = False
            self._enable.publish(Bool(data=False))
        if self.config.record:
            if self.config.wait_for_sets and rate_hz < self.config.min_rate_hz:
                call.trigger(topics.RECORDER_DISCARD)
                raise RobotError(
                    f"sets came at {rate_hz:.1f} Hz, expected {self.config.min_rate_hz:g} or more; "
                    "the episode is discarded, is this machine too busy?"
                )
            call.trigger(topics.RECORDER_SUCCESS if success else topics.RECORDER_FAILURE)
            call.trigger(topics.RECORDER_STOP)
        return success


def main() -> None:
    """Runs the node."""
    run_node(Demonstrator)


if __name__ == "__main__":
    main()
