"""Success of the policy node through the ROS graph, from unseen starts, with the loop's timing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from trajectory_msgs.msg import MultiDOFJointTrajectory

from visuomotor.bench.loop_metrics import LoopLog, loop_figures
from visuomotor.contracts import STEP_NS, Float64, UInt8
from visuomotor.errors import RobotError, VisuomotorError
from visuomotor.ros import topics
from visuomotor.ros.executor_thread import ExecutorThread
from visuomotor.ros.homing import Homing
from visuomotor.ros.images import color_msg
from visuomotor.ros.messages import diagnostics_from_msg, stamp_ns_of
from visuomotor.ros.simulation import SimulationClient

START_S = 20.0


@dataclass(frozen=True)
class GraphRollout:
    """One rollout; error: why the infrastructure failed it, empty if it did not.

    pair, reached: as `sim.rollout.Rollout`'s, "" in tasks without goals. rate_hz: the loop's.
    """

    seed: int
    success: bool
    steps: int
    error: str = ""
    pair: str = ""
    reached: str = ""
    rate_hz: float = 0.0


class GraphEvaluator(Node):
    """Starts and stops the policy and listens to the loop; the launch file runs the rest.

    start_pose: where the hand begins a seed's episode, T_base_ee (4, 4), for an arm that a reset of
    the simulation does not move: it is led there first. goals: images (H, W, 3), of which the
    policy is told one per rollout, by its seed. pair: start and goal of a task that has several.
    """

    def __init__(
        self,
        start_pose: Callable[[int], Float64] | None = None,
        goals: Sequence[UInt8] = (),
        pair: tuple[str, str] = ("", ""),
    ) -> None:
        super().__init__("evaluator")
        self._start_pose, self._goals, self._pair = start_pose, goals, pair
        self._goals_taken: int | None = None
        if goals:
            self._goal = self.create_publisher(Image, topics.POLICY_GOAL, topics.LATCHED)
            self.create_subscription(
                DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, topics.RELIABLE
            )
        self._homing = Homing(self) if start_pose is not None else None
        self.sim = SimulationClient(self, robot=False)
        self.logs: list[LoopLog] = []
        self._log: LoopLog | None = None
        self.create_subscription(PoseStamped, topics.SYNCED_POSE, self._on_set, topics.STATE)
        self.create_subscription(
            MultiDOFJointTrajectory, topics.POLICY_TRAJECTORY, self._on_step, topics.RELIABLE
        )
        self.create_subscription(
            PoseStamped, topics.COMMAND_POSE, self._on_command, topics.RELIABLE
        )

    def rollout(self, seed: int, horizon_steps: int, until_solved: bool = True) -> GraphRollout:
        """One rollout from `seed`; call from another thread than the executor's.

        horizon_steps: as in lockstep, in the arm's time: this many steps at 20 Hz from the policy's
        start. A loop that misses deadlines takes fewer steps in it, and no time is given back.
        until_solved False: the policy acts until the horizon, solved or not.
        """
        call = self.sim.caller
        try:
            if self._homing is not None and self._start_pose is not None:
                call.trigger(topics.BRIDGE_RESET)
                self._homing.go(self._start_pose(seed))
            self.sim.reset(seed, start=self._pair[0], goal=self._pair[1])
            self._tell_goal(seed)
            call.trigger_soon(topics.POLICY_START, START_S)  # it refuses until it sees sets
            self._log = LoopLog()
            self.logs.append(self._log)
            try:
                success = self._watch(seed, horizon_steps, until_solved)
            finally:
                self._log = None
                call.trigger(topics.POLICY_STOP)
            steps = len(self.logs[-1].steps)
            error = "" if steps else "the policy took no step"
            status = self.sim.status
            pair, reached = (status.pair, status.reached) if status else ("", "")
            rate_hz = loop_figures(self.logs[-1:]).rate_hz
            solved = success and not error
            return GraphRollout(seed, solved, steps, error, pair, reached, rate_hz)
        except VisuomotorError as error:
            if not self.context.ok():
                raise  # ROS was shut down: no rollout failed
            self._log = None
            return GraphRollout(seed, False, 0, str(error))

    def _tell_goal(self, seed: int) -> None:
        """Until the policy says that it took it; RobotError after START_S."""
        if not self._goals:
            return
        image = self._goals[seed % len(self._goals)]
        end, before = time.monotonic() + START_S, self._goals_taken
        while before is None:  # the policy's node has not said anything yet
            if time.monotonic() > end:
                raise RobotError("the policy does not say whether it takes goals; is its node up?")
            time.sleep(0.05)
            before = self._goals_taken
        self._goal.publish(color_msg(image, self.get_clock().now().nanoseconds, "goal"))
        while self._goals_taken == before:
            if time.monotonic() > end:
                raise RobotError(f"the policy took no goal within {START_S:g} s")
            time.sleep(0.02)

    def _watch(self, seed: int, horizon_steps: int, until_solved: bool) -> bool:
        """Waits for success or the horizon."""
        sim = self.sim
        limit_s = horizon_steps * STEP_NS * 1e-9
        start_s = sim.status.elapsed_s if sim.status is not None else 0.0

        def over() -> bool:
            status = sim.status
            if status is None or status.seed != seed:
                return False
            if until_solved and (status.success or (status.reached and status.pair)):
                return True  # in a goal, be it the one asked for or not, as in lockstep
            return status.elapsed_s - start_s > limit_s

        sim.wait_for(over, limit_s + 15.0, f"success or the horizon of {horizon_steps} steps")
        return sim.status is not None and sim.status.success

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        taken = diagnostics_from_msg(msg).get("policy", {}).get("goals")
        if taken is not None:
            self._goals_taken = int(taken)

    def _on_set(self, msg: PoseStamped) -> None:
        if self._log is not None:
            self._log.sets.append(stamp_ns_of(msg))

    def _on_step(self, msg: MultiDOFJointTrajectory) -> None:
        if self._log is not None and msg.points:
            p = msg.points[0].transforms[0].translation
            self._log.steps.append((stamp_ns_of(msg), (p.x, p.y, p.z)))

    def _on_command(self, msg: PoseStamped) -> None:
        if self._log is not None:
            p = msg.pose.position
            self._log.commands.append((stamp_ns_of(msg), (p.x, p.y, p.z)))


@contextmanager
def spinning(make_node: Callable[[], GraphEvaluator]) -> Iterator[GraphEvaluator]:
    """A node spun by a thread of its own; signals stay Python's, so that they end the caller."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = make_node()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = ExecutorThread(executor, "evaluator")
    try:
        yield node
    finally:
        thread.close()
        node.destroy_node()
        rclpy.try_shutdown()


def evaluate_graph(
    seeds: Sequence[int],
    horizon_steps: int,
    progress: Callable[[GraphRollout], None] = lambda _: None,
    start_pose: Callable[[int], Float64] | None = None,
    goals: Sequence[UInt8] = (),
    pair: tuple[str, str] = ("", ""),
) -> tuple[list[GraphRollout], list[LoopLog]]:
    """One rollout per seed in the graph that is up; every failure of it is a failed rollout.

    start_pose, goals, pair: as `GraphEvaluator`'s.
    """
    rollouts = []
    with spinning(lambda: GraphEvaluator(start_pose, goals, pair)) as node:
        for seed in seeds:
            rollouts.append(node.rollout(seed, horizon_steps))
            progress(rollouts[-1])
        return rollouts, node.logs
