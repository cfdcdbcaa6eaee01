"""`eval`: a checkpoint's success in simulation, in lockstep or through the ROS graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from visuomotor.commands.progress import ProgressLine
from visuomotor.commands.simulation import Disturbance, Region, Variant
from visuomotor.errors import ConfigError


def evaluate(
    checkpoint: Path,
    task: str = "lift",
    episodes: int = 200,
    first_seed: int = 300_000,
    region: Region = "interpolation",
    variant: Variant = "plain",
    wrenches: float = 1.0,
    start: str = "",
    goal: str = "",
    goal_image: tuple[Path, ...] = (),
    disturbance: Disturbance = "none",
    cameras: tuple[str, ...] = (),
    blind: bool = False,
    graph: bool = False,
    backend: Literal["mujoco", "libfranka"] = "mujoco",
    out: Path | None = None,
) -> int:
    """Run a checkpoint in lockstep from unseen starts and print its success.

    With --graph it runs in real time through the ROS graph instead, from the same starts: the
    simulation, the bridge and the policy node, 20 times a second.

    Args:
        checkpoint: Folder of a trained policy.
        task: Which task, see docs/tasks.md.
        episodes: How many rollouts.
        first_seed: Seed of the first one; the same seeds give the same starts for any policy.
        region: Where the task draws its initial states from.
        variant: Which objects and surroundings it shows, where the task has several.
        wrenches: Scale of the random pushes on the object, where the task has them; 0 for none.
        start: Where to begin, in tasks with several starts; without it they take turns.
        goal: Where to end, in tasks with several goals; without it any counts.
        goal_image: For a policy that is told its goal: pictures, episodes whose last image it is,
            or a dataset, of whose episodes those that end in `goal`; rollouts take turns.
        disturbance: Once in mid-episode: the arm held for 2 s, or an object moved.
        cameras: Which cameras are rendered; without any, those of the checkpoint.
        blind: Black out the images: what is still solved is solved without looking.
        graph: Through the ROS graph in real time; its rate and latency are told, too.
        backend: With --graph, how the arm is driven.
        out: Also write every rollout to this JSON file.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    if graph and (blind or wrenches != 1.0):
        raise ConfigError("--graph: got --blind or --wrenches beside it, expected neither")
    from visuomotor.bench.evaluation import evaluate as run
    from visuomotor.bench.evaluation import goals_by_pair
    from visuomotor.bench.goal_images import goal_images
    from visuomotor.bench.statistics import wilson
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig

    loaded = load_checkpoint(checkpoint)
    cameras = cameras or loaded.spec.names
    first = cameras[0] if cameras else ""
    images = goal_images(goal_image, str(loaded.config.get("goal_camera", first)), goal)
    values = {
        "task": task,
        "region": region,
        "variant": variant,
        "wrenches": wrenches,
        "start": start,
        "goal": goal,
        "disturbance": disturbance,
        "cameras": cameras,
    }
    sim = from_mapping(SimConfig, values, "visuomotor eval")
    seeds = range(first_seed, first_seed + episodes)
    solved = 0
    loop: dict[str, Any] = {}
    rollouts: Sequence[Any]
    with ProgressLine("eval", episodes) as line:

        def show(r: Any) -> None:
            nonlocal solved
            solved += r.success
            line.step(
                f"seed {r.seed} {'success' if r.success else 'failure'}, {solved} solved so far"
            )

        if graph:
            rollouts, loop = _in_graph(checkpoint, sim, seeds, backend, images, show)
        else:
            rollouts = run(checkpoint, sim, seeds, blind=blind, progress=show, goals=images)
    solved = sum(r.success for r in rollouts)
    low, high = wilson(solved, len(rollouts))
    what = ", ".join([task, region, *([variant] * (variant != "plain")), *(["blind"] * blind)])
    print(
        f"{what}: {solved} of {len(rollouts)} solved, "
        f"success {solved / len(rollouts):.3f} (95% interval {low:.3f} to {high:.3f})"
    )
    for pair, goals in goals_by_pair(rollouts).items():
        print(f"{pair}: " + ", ".join(f"{goal or 'none'} {n}" for goal, n in goals.items()))
    if loop:
        missed, latency = loop["missed_deadline_fraction"], loop["latency_ms"]
        print(
            f"{loop['rate_hz']:.2f} Hz, {missed:.1%} of deadlines missed, image to command "
            f"{latency['p50']:.0f} ms (median), {latency['p95']:.0f} ms (95%)"
        )
    for error in sorted({r.error for r in rollouts if graph and r.error}):
        print(f"a rollout failed: {error}")
    if out is not None:
        _save_rollouts(out, checkpoint, {**values, **loop}, blind, rollouts, (low, high))
        print(f"written: {out}")
    return 0


def _in_graph(
    checkpoint: Path,
    sim: Any,
    seeds: Sequence[int],
    backend: str,
    goals: Sequence[Any],
    show: Any,
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The rollouts, and what the loop achieved."""
    from visuomotor.bench.in_graph import evaluate_in_graph, figures_of, own_domain

    own_domain()
    rollouts, logs = evaluate_in_graph(checkpoint, sim, seeds, backend, goals, show)
    loop = figures_of(rollouts, logs)
    names = ("rate_hz", "missed_deadline_fraction", "latency_ms")
    return rollouts, {"backend": backend, **{name: loop[name] for name in names}}


def _save_rollouts(
    out: Path,
    checkpoint: Path,
    sim: Mapping[str, Any],
    blind: bool,
    rollouts: Sequence[Any],
    interval: tuple[float, float],
) -> None:
    from dataclasses import asdict

    from visuomotor.bench.results import commit, machine

    result = {
        "success": sum(r.success for r in rollouts) / len(rollouts),
        "n": len(rollouts),
        "interval": list(interval),
        "checkpoint": str(checkpoint),
        "sim": {k: list(v) if isinstance(v, tuple) else v for k, v in sim.items()},
        "blind": blind,
        "machine": machine(),
        "commit": commit(),
        "rollouts": [asdict(r) for r in rollouts],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
