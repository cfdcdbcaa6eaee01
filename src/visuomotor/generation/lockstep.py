"""Self-generation in simulation: rollouts in lockstep, recorded as the graph would record them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from visuomotor.contracts import STEP_NS, Action, SyncedFrame
from visuomotor.errors import CommandError, ConfigError, DataError
from visuomotor.generation.config import GenerationConfig
from visuomotor.generation.coverage import Coverage
from visuomotor.generation.log import Generated, GenerationLog
from visuomotor.generation.selection import left_out
from visuomotor.policies import load_policy
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig
from visuomotor.recording.tags import GENERATED, GOAL, START
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.tasks import TASKS, make_task
from visuomotor.sim.tasks.goals import WithGoals

LATENCY_S = 0.03
"""From a set's stamp to its action at the bridge, as in evaluations."""


def generate(
    checkpoint: Path,
    sim: SimConfig,
    seeds: range,
    dataset: Path,
    config: GenerationConfig,
    writer: WriterConfig | None = None,
    progress: Callable[[Generated], None] = lambda _: None,
) -> GenerationLog:
    """Rolls the policy out once per seed and records what is worth keeping below dataset/<task>/.

    Every rollout draws anew, from its seed; those that the dataset's log knows are not done again.
    Kept episodes have the tags `self-generated`, `start a` and, of the goal they ended in, `goal
    d`; they count as successes if they ended in one. ConfigError for a task without goals,
    DataError as the writer's and the log's.
    """
    if not isinstance(make_task(sim.task, sim.variant), WithGoals):
        raise ConfigError(
            f"task {sim.task} has no starts and goals to generate pairs of; expected one that has, "
            f"such as {', '.join(n for n in TASKS if isinstance(make_task(n), WithGoals))}"
        )
    torch.set_num_threads(1)  # small convolutions: more threads wait for one another
    runtime = PolicyRuntime(load_policy(checkpoint))
    runtime.check(list(sim.cameras))
    log = GenerationLog(dataset, sim.task, str(checkpoint))
    world = SimWorld(sim)
    try:
        lockstep = Lockstep(world, LATENCY_S)
        for seed in log.missing(seeds):
            runtime.reset(seed)
            sidecar = Sidecar(
                sim.task, operator=f"policy {checkpoint.name}", tags=(GENERATED,), seed=seed
            )
            row = _one(lockstep, runtime, sidecar, dataset, log.kept, config, writer)
            log.add(row)
            progress(row)
    finally:
        world.close()
    return log


def _one(
    lockstep: Lockstep,
    runtime: PolicyRuntime,
    sidecar: Sidecar,
    dataset: Path,
    kept: Coverage,
    config: GenerationConfig,
    writer: WriterConfig | None,
) -> Generated:
    """One rollout, recorded if it is worth keeping."""
    start_ns = time.time_ns()
    assert sidecar.seed is not None
    with EpisodeWriter(dataset, sidecar, start_ns, writer) as to:

        def agent(frame: SyncedFrame) -> Action | None:
            try:
                return runtime.step(frame)
            except (CommandError, DataError):
                return None  # a set without an action commands nothing

        def act(stamp_ns: int, action: Action) -> None:
            to.add_action(stamp_ns, action.T_base_ee, action.gripper_width_m)

        rollout = lockstep.rollout(
            sidecar.seed,
            agent,
            on_step=to.add_frame,
            start_ns=start_ns,
            on_action=act,
            rest_steps=config.rest_steps,
        )
        start, goal = rollout.pair.partition(">")[0], rollout.reached
        reason = left_out(config, kept, start, goal, rollout.steps * STEP_NS * 1e-9)
        if reason:
            to.discard()
            return Generated(sidecar.seed, start, goal, rollout.steps, reason)
        tags = (f"{START}{start}", *([f"{GOAL}{goal}"] * bool(goal)))
        episode = to.close("success" if goal else "failure", tags)
    return Generated(sidecar.seed, start, goal, rollout.steps, "", episode.name)
