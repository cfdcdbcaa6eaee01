"""Scripted demonstrations from lockstep: the bags that the ROS graph would record, but faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from visuomotor.contracts import Action
from visuomotor.errors import RobotError
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig
from visuomotor.recording.messages import pose_cdr
from visuomotor.recording.schema import POSE
from visuomotor.sim.demonstrators import operator_of
from visuomotor.sim.rollout import Lockstep, Rollout
from visuomotor.sim.tasks import Poses
from visuomotor.sim.tasks.goals import episode_pair
from visuomotor.sim.world import SimWorld


def write_demos(
    world: SimWorld,
    dataset: Path,
    seeds: range,
    config: WriterConfig | None = None,
    progress: Callable[[Rollout], None] = lambda _: None,
) -> list[Path]:
    """Records one episode per seed below `dataset/<task>/` and returns their folders.

    Stamps start at the wall clock, as a recording's do. Every demonstration is kept and labelled
    with its outcome. Raises RobotError if the expert fails on more than a tenth of the seeds.
    """
    lockstep = Lockstep(world)
    episodes, failures = [], 0
    for seed in seeds:
        start_ns = time.time_ns()
        sidecar = Sidecar(
            world.config.task,
            operator=operator_of(world.config.demonstrator),
            tags=_tags(world, seed),
            seed=seed,
        )
        with EpisodeWriter(dataset, sidecar, start_ns, config) as writer:

            def on_action(stamp_ns: int, action: Action, to: EpisodeWriter = writer) -> None:
                to.add_action(stamp_ns, action.T_base_ee, action.gripper_width_m)

            def on_objects(stamp_ns: int, poses: Poses, to: EpisodeWriter = writer) -> None:
                for name, T in poses.items():
                    to.add_message(
                        f"/sim/objects/{name}/pose", POSE, pose_cdr(stamp_ns, T), stamp_ns
                    )

            rollout = lockstep.demonstrate(seed, writer.add_frame, on_action, on_objects, start_ns)
            episodes.append(writer.close("success" if rollout.success else "failure"))
        failures += not rollout.success
        progress(rollout)
        if failures > max(2, len(seeds) // 10):
            raise RobotError(
                f"the scripted expert failed {failures} of {len(episodes)} demonstrations of "
                f"{world.config.task}; see the episodes in {dataset}"
            )
    return episodes


def _tags(world: SimWorld, seed: int) -> tuple[str, ...]:
    """What tells demonstrations of one task apart: region, start, goal, and what is unusual."""
    config = world.config
    tags: list[str] = [config.region]
    pair = episode_pair(world.task, config.start, config.goal, seed)
    if pair.start:
        tags += [f"start {pair.start}", f"goal {pair.goal}"]
    if config.variant != "plain":
        tags.append(config.variant)
    if config.wrenches != 1.0:
        tags.append(f"wrenches {config.wrenches:g}")
    if config.hand_noise_m > 0:
        tags.append(f"hand noise {config.hand_noise_m:g} m")
    if config.slips_hz > 0:
        tags.append(f"slips {config.slips_hz:g} Hz")
    if config.strays_hz > 0:
        tags.append(f"strays {config.strays_hz:g} Hz")
    if config.disturbance != "none":
        tags.append(f"disturbance {config.disturbance}")
    return tuple(tags)
