"""A skill done by the simulated arm, judged by its action's own metric in the frame it chose."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.statistics import wilson
from visuomotor.contracts import Action as Command
from visuomotor.contracts import Float64, SyncedFrame
from visuomotor.errors import ConfigError, RobotError
from visuomotor.geometry import transform_points
from visuomotor.geometry.pointing import hand_angles
from visuomotor.geometry.se3 import inverse
from visuomotor.policies import load_policy
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.policies.skill.policy import SkillPolicy
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.config import Region
from visuomotor.sim.rollout import Lockstep
from visuomotor.video.actions import find_action
from visuomotor.video.metrics import Trajectory, satisfied, satisfied_actions

LATENCY_S = 0.03
RATE_HZ = 20.0


@dataclass(frozen=True)
class Cylinder:
    """Height and radius of a cylinder, m."""

    height: float
    radius: float


@dataclass
class Seen:
    """What was seen of an episode at 20 Hz: hands and objects (4, 4) in base, by name."""

    hands: list[Float64] = field(default_factory=list)
    objects: dict[str, list[Float64]] = field(default_factory=dict)

    def add(self, hand: Float64, objects: dict[str, Float64]) -> None:
        """One moment."""
        self.hands.append(hand)
        for name, T in objects.items():
            self.objects.setdefault(name, []).append(T)


@dataclass(frozen=True)
class ArmRollout:
    """One episode. success: by the metric, lengths in the skill's own size; unscaled: by the same
    bounds in metres of the arm's world. satisfied: the actions that it was. yaw_deg, raised_m: of
    the frame. seconds: of the arm's time. error: why there was none.
    """

    seed: int
    success: bool
    unscaled: bool = False
    satisfied: tuple[str, ...] = ()
    yaw_deg: float = 0.0
    raised_m: float = 0.0
    seconds: float = 0.0
    refusals: tuple[str, ...] = ()
    error: str = ""


def task_of(action: str) -> str:
    """The simulated task with an action's objects."""
    return "cylinders" if find_action(action).static else "cylinder"


def load_skill_policy(checkpoint: Path, settings: Path | None) -> SkillPolicy:
    """The policy; ConfigError for a checkpoint of another family."""
    policy = load_policy(checkpoint, settings)
    if not isinstance(policy, SkillPolicy):
        raise ConfigError(
            f"{checkpoint}: got another policy, expected a checkpoint of `visuomotor train skill` "
            "or `visuomotor skill replay`"
        )
    return policy


def roll_out_on_arm(
    policy: SkillPolicy, seeds: Sequence[int], region: Region = "interpolation"
) -> Iterator[ArmRollout]:
    """One episode per seed, in lockstep and without images."""
    world = SimWorld(SimConfig(task=task_of(policy.motion.action), region=region, cameras=()))
    lockstep, runtime = Lockstep(world, LATENCY_S), PolicyRuntime(policy)
    try:
        for seed in seeds:
            runtime.reset(seed)
            seen, steps = Seen(), [0]

            def agent(frame: SyncedFrame, seen: Seen = seen, steps: list[int] = steps) -> Command:
                seen.add(frame.robot.T_base_ee, dict(frame.objects))
                steps[0] += 1
                return runtime.step(frame)

            try:
                done = lockstep.rollout(seed, agent, over=lambda: policy.done)
            except RobotError as error:
                yield ArmRollout(seed, False, error=str(error))
                continue
            seen.add(world.robot_state().T_base_ee, world.object_poses())
            assert policy.plan is not None
            sizes, frame = sizes_in(world), policy.plan.placement.T_base_manipulation
            late = "" if policy.done else "the horizon came before the skill's end"
            yield judged(
                policy, seed, seen, sizes, frame, tuple(done.refusals), late, steps[0] / RATE_HZ
            )
    finally:
        world.close()


def judged(
    policy: SkillPolicy,
    seed: int,
    seen: Seen,
    sizes: dict[str, Cylinder],
    frame: Float64,
    refusals: tuple[str, ...] = (),
    error: str = "",
    seconds: float = 0.0,
) -> ArmRollout:
    """What the episode was, in the frame (4, 4) that the skill had chosen."""
    action = policy.motion.action
    table_z_m = policy.config.limits.table_z_m
    whole = trajectory(seen, sizes, frame, table_z_m, policy.config.scale)
    plain = trajectory(seen, sizes, frame, table_z_m, 1.0)
    yaw = float(np.degrees(np.arctan2(frame[1, 0], frame[0, 0])))
    return ArmRollout(
        seed,
        satisfied(action, whole),
        satisfied(action, plain),
        tuple(name for name, true in satisfied_actions(whole).items() if true),
        yaw,
        float(frame[2, 3]) - table_z_m,
        seconds,
        refusals,
        error,
    )


def trajectory(
    seen: Seen, sizes: dict[str, Cylinder], frame: Float64, table_z_m: float, scale: float
) -> Trajectory:
    """The episode for the metrics: in the frame, over the table, lengths divided by scale."""
    T = np.array(frame)
    T[2, 3] = table_z_m
    back = inverse(T)
    moved = np.stack(seen.objects["object"])
    azimuth, elevation = hand_angles(back[:3, :3] @ np.stack(seen.hands)[:, :3, :3])
    static = None
    standing = sizes.get("static", Cylinder(0.0, 0.0))
    if "static" in seen.objects:
        static = transform_points(back, np.stack(seen.objects["static"])[:, :3, 3]) / scale
    return Trajectory(
        transform_points(back, moved[:, :3, 3]) / scale,
        back[:3, :3] @ moved[:, :3, :3],
        azimuth,
        elevation,
        sizes["object"].height / scale,
        sizes["object"].radius / scale,
        static,
        standing.height / scale,
        standing.radius / scale,
        RATE_HZ,
    )


def sizes_in(world: SimWorld) -> dict[str, Cylinder]:
    """The cylinders' sizes in this episode."""
    names = [n for n in ("object", "static") if n in world.task.objects]
    sizes = {n: world.model.geom(n).size for n in names}
    return {n: Cylinder(2 * float(s[1]), float(s[0])) for n, s in sizes.items()}


def summary(rollouts: Sequence[ArmRollout]) -> dict[str, Any]:
    """Shares with their 95% intervals, and how many had no plan."""
    n = len(rollouts)
    solved = sum(r.success for r in rollouts)
    return {
        "episodes": n,
        "successes": solved,
        "success": solved / n,
        "interval_95": list(wilson(solved, n)),
        "unscaled": sum(r.unscaled for r in rollouts) / n,
        "without_plan": sum(not r.seconds for r in rollouts),
        "refused_targets": sum(len(r.refusals) for r in rollouts),
    }


def evaluate_in_graph(
    checkpoint: Path,
    settings: Path | None,
    seeds: Sequence[int],
    region: Region = "interpolation",
    progress: Callable[[ArmRollout], None] = lambda _: None,
) -> list[ArmRollout]:
    """The same episodes through the ROS graph in real time: sim, bridge and policy node."""
    from visuomotor.bench.skill_graph import SkillEvaluator, skill_rollout
    from visuomotor.bench.stages import Launched
    from visuomotor.ros.launch import share_folder

    policy = load_skill_policy(checkpoint, settings)
    task = task_of(policy.motion.action)
    arguments = {
        "checkpoint": checkpoint,
        "settings": settings or "",
        "task": task,
        "region": region,
        "hostname": f"127.117.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}",
    }
    log = Path(tempfile.mkdtemp()) / "skill.log"
    names = ("static", "object") if task == "cylinders" else ("object",)
    rollouts = []
    world = SimWorld(SimConfig(task=task, region=region, cameras=()))
    from visuomotor.bench.graph_evaluation import spinning

    launch_file = share_folder() / "launch" / "skill.launch.xml"
    with (
        Launched(launch_file, arguments, log) as graph,
        spinning(lambda: SkillEvaluator(names)) as n,
    ):
        for seed in seeds:
            world.reset(seed)
            assert isinstance(n, SkillEvaluator)
            rollouts.append(
                skill_rollout(n, policy, seed, world.task.horizon_steps, sizes_in(world))
            )
            progress(rollouts[-1])
        if all(r.error and not r.seconds for r in rollouts):
            raise graph.failure(f"no rollout worked: {rollouts[0].error}")
    return rollouts
