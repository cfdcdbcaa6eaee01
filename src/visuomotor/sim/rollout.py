"""Lockstep rollouts: the world, the bridge and a policy on one clock, faster than real time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from visuomotor.contracts import STEP_NS, Action, RobotState, SyncedFrame
from visuomotor.control import BridgeConfig, CartesianBridge, Source, Verdict
from visuomotor.sim.demonstrators import make_demonstrator
from visuomotor.sim.tasks import Poses
from visuomotor.sim.tasks.motion import yaw_of
from visuomotor.sim.world import CONTROL_S, SimWorld

REST_STEPS = 6
"""A demonstration ends when its expert has been done for so many steps."""

Agent = Callable[[SyncedFrame], Action | None]
"""Maps a set to the target for it; None commands nothing."""


@dataclass(frozen=True)
class Rollout:
    """How one rollout ended; refusals: targets that the bridge refused, by reason.

    start: x, y (m) and yaw (rad) of the task's first object, in base, before the first step.
    initial: a digest of the whole initial state (`SimWorld.fingerprint`).
    error: how far from a goal state it ended (m, rad), None for a task that has no such measure.
    pair: start and goal as a sim.tasks.goals.Pair writes them, `a>d`, or `a>` where any goal
    counted; in a demonstration what it shows. reached: the goal that it ended in. Both are "" in
    tasks without goals, and reached where none was.
    """

    seed: int
    success: bool
    steps: int
    refusals: tuple[str, ...] = ()
    start: tuple[float, float, float] | None = None
    error: tuple[float, float] | None = None
    pair: str = ""
    reached: str = ""
    initial: str = ""


class Lockstep:
    """Runs episodes in a world through the same bridge that the robot PC runs.

    latency_s: from a set's stamp to its action reaching the bridge, a multiple of 10 ms; it
    stands for what rendering, synchronising and inference take in real time.
    """

    def __init__(
        self, world: SimWorld, latency_s: float = 0.03, bridge: BridgeConfig | None = None
    ) -> None:
        self.world = world
        self._bridge_config = bridge or BridgeConfig()
        self._ticks = round(STEP_NS * 1e-9 / CONTROL_S)
        self._latency_ticks = round(latency_s / CONTROL_S)
        if not 0 <= self._latency_ticks < self._ticks:
            raise ValueError(f"got latency_s {latency_s}, expected 0 to below 0.05")

    def rollout(
        self,
        seed: int,
        agent: Agent,
        max_steps: int | None = None,
        on_step: Callable[[SyncedFrame], object] = lambda _: None,
        start_ns: int = 1_000_000_000,
        on_action: Callable[[int, Action], None] = lambda *_: None,
        rest_steps: int = 0,
        over: Callable[[], bool] | None = None,
    ) -> Rollout:
        """One episode from `seed` until success or the task's horizon; `agent` acts as policy.

        over: asked after every step; given, it ends the episode instead of success.

        It ends in the first goal that is reached, be it the one asked for or not, and rest_steps
        later if it stays there so long. on_step is told of each set, on_action(stamp_ns, accepted
        target) of what the bridge accepted.
        """
        world = self.world
        bridge = self._begin(seed, start_ns)
        start, initial = self._start(), world.fingerprint()
        refusals: list[str] = []
        limit = max_steps or world.task.horizon_steps
        steps, ended = 0, False
        while steps < limit and not ended:
            steps += 1
            self._step(bridge, agent, on_step, on_action, refusals)
            ended = self._ended() if over is None else over()
        success, reached = world.success(), world.reached()
        while ended and rest_steps > 0 and steps < limit and self._ended():
            steps, rest_steps = steps + 1, rest_steps - 1
            self._step(bridge, agent, on_step, on_action, refusals)
        pair = str(world.pair)
        return Rollout(
            seed, success, steps, tuple(refusals), start, self._error(), pair, reached, initial
        )

    def _ended(self) -> bool:
        return self.world.success() or bool(self.world.reached())

    def _step(
        self,
        bridge: CartesianBridge,
        agent: Agent,
        on_step: Callable[[SyncedFrame], object],
        on_action: Callable[[int, Action], None],
        refusals: list[str],
    ) -> None:
        """One control step of a policy."""
        frame = self.world.frame()
        on_step(frame)
        action = agent(frame)
        for tick in range(self._ticks):
            if tick == self._latency_ticks and action is not None:
                target, width = self._offer(bridge, "policy", action)
                if not target.accepted:
                    refusals.append(target.reason)
                elif target.T_base_ee is not None and width.width_m is not None:
                    on_action(self.world.time_ns, Action(target.T_base_ee, width.width_m))
            self._advance(bridge)

    def demonstrate(
        self,
        seed: int,
        on_frame: Callable[[SyncedFrame], object],
        on_action: Callable[[int, Action], None],
        on_objects: Callable[[int, Poses], None] | None = None,
        start_ns: int = 1_000_000_000,
    ) -> Rollout:
        """One episode of the world's demonstrator as teleoperation.

        Calls on_frame for each set, on_action(stamp_ns, accepted target) for what the bridge
        accepted, as the graph would record it.
        """
        world = self.world
        bridge = self._begin(seed, start_ns)
        name, pair = world.config.demonstrator, world.pair
        expert = make_demonstrator(name, world.task, seed, pair.goal)
        expert.reset()
        solved, rest, steps = False, REST_STEPS, 0
        while steps < world.task.horizon_steps and rest > 0:
            steps += 1
            on_frame(world.frame())
            if on_objects is not None:
                on_objects(world.time_ns, world.object_poses())
            for tick in range(self._ticks):
                bridge.teleop_enable(True, world.time_ns)
                if tick == self._latency_ticks:
                    action = expert.act(world.robot_state(), world.object_poses())
                    target, width = self._offer(bridge, "teleop", action)
                    if target.T_base_ee is not None and width.width_m is not None:
                        on_action(world.time_ns, Action(target.T_base_ee, width.width_m))
                self._advance(bridge)
            solved = solved or (world.success() and world.reached() == pair.goal)
            done = expert.done(world.robot_state(), world.object_poses())
            rest = rest - 1 if done else REST_STEPS
        return Rollout(seed, solved, steps, pair=pair.shown, reached=world.reached())

    def _begin(self, seed: int, start_ns: int) -> CartesianBridge:
        self.world.reset(seed, start_ns)
        bridge = CartesianBridge(self._bridge_config)
        bridge.set_measured(self.world.robot_state(), self.world.time_ns)
        bridge.reset(self.world.time_ns)
        return bridge

    def _start(self) -> tuple[float, float, float]:
        T = self.world.object_poses()[self.world.task.objects[0]]
        return float(T[0, 3]), float(T[1, 3]), yaw_of(T)

    def _error(self) -> tuple[float, float] | None:
        return self.world.task.error(self.world.robot_state(), self.world.object_poses())

    def _offer(
        self, bridge: CartesianBridge, source: Source, action: Action
    ) -> tuple[Verdict, Verdict]:
        """Offers pose and width; the verdicts hold what was accepted, clipped."""
        now_ns = self.world.time_ns
        if source == "policy":
            bridge.policy_enable(True, now_ns)
        width = bridge.offer_gripper(source, action.gripper_width_m, now_ns)
        return bridge.offer(source, action.T_base_ee, now_ns), width

    def _advance(self, bridge: CartesianBridge) -> None:
        world = self.world
        state: RobotState = world.robot_state()
        bridge.set_measured(state, world.time_ns)
        output = bridge.step(world.time_ns)
        if output.pose is not None:
            world.set_reference(output.pose)
        if output.gripper_width_m is not None:
            world.set_gripper(output.gripper_width_m)
        world.advance(CONTROL_S)
