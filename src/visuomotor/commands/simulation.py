"""`demos`, `eval` and `demo`: what runs in simulation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError

Region = Literal["interpolation", "extrapolation", "gaussian"]
Disturbance = Literal["none", "held", "moved"]
Variant = Literal[
    "plain",
    "class_general",
    "class_general_unseen",
    "visual_challenge",
    "visual_challenge_unseen",
    "look_alikes",
    "occluded",
    "noisy_depth",
    "weak_environments",
    "validation_environments",
    "test_environments",
]


def demos(
    task: str = "lift",
    episodes: int = 30,
    first_seed: int = 1000,
    out: Path = Path("dataset"),
    region: Region = "interpolation",
    variant: Variant = "plain",
    wrenches: float = 1.0,
    demonstrator: Literal["expert", "human_like"] = "expert",
    hand_noise_m: float = 0.0,
    start: str = "",
    goal: str = "",
    disturbance: Disturbance = "none",
    cameras: tuple[str, ...] = ("front", "side"),
    width: int = 160,
    height: int = 120,
    color: Literal["png", "jpeg"] = "jpeg",
) -> int:
    """Write scripted demonstrations in lockstep: the bags that the graph records, but faster.

    Args:
        task: Which task, see docs/tasks.md.
        episodes: How many demonstrations.
        first_seed: Seed of the first one; each has the next.
        out: Dataset folder; episodes go to OUT/TASK/.
        region: Where the task draws its initial states from.
        variant: Which objects and surroundings it shows, where the task has several.
        wrenches: Scale of the random pushes on the object, where the task has them; 0 for none.
        demonstrator: The scripted expert, or that with a person's curves, pauses and pace.
        hand_noise_m: How far the hand sways beside its targets, standard deviation in metres.
        start: Where to begin, in tasks with several starts; without it they take turns.
        goal: Where to end, in tasks with several goals; without it as shown from that start.
        disturbance: Once in mid-episode: the arm held for 2 s, or an object moved.
        cameras: Which cameras see it: front, side, wrist.
        width: Width of the images in pixels.
        height: Height of the images in pixels.
        color: Compression of the colour images; png is lossless. Depth is always lossless.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    from visuomotor.config import from_mapping
    from visuomotor.recording import WriterConfig
    from visuomotor.sim import SimConfig, SimWorld
    from visuomotor.sim.demos import write_demos
    from visuomotor.sim.rollout import Rollout

    values = {
        "task": task,
        "region": region,
        "variant": variant,
        "wrenches": wrenches,
        "demonstrator": demonstrator,
        "hand_noise_m": hand_noise_m,
        "start": start,
        "goal": goal,
        "disturbance": disturbance,
        "cameras": cameras,
        "width": width,
        "height": height,
    }
    world = SimWorld(from_mapping(SimConfig, values, "visuomotor demos"))
    seeds = range(first_seed, first_seed + episodes)
    try:
        with ProgressLine("demos", episodes) as line:

            def show(r: Rollout) -> None:
                line.step(f"seed {r.seed} {'success' if r.success else 'FAILED'}, {r.steps} steps")

            written = write_demos(world, out, seeds, WriterConfig(color=color), show)
    finally:
        world.close()
    print(f"{len(written)} episodes in {out / task}; look at one: visuomotor episodes info PATH")
    return 0


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
    out: Path | None = None,
) -> int:
    """Run a checkpoint in lockstep from unseen starts and print its success.

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
        out: Also write every rollout to this JSON file.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    from visuomotor.bench.evaluation import evaluate as run
    from visuomotor.bench.evaluation import goals_by_pair
    from visuomotor.bench.goal_images import goal_images
    from visuomotor.bench.statistics import wilson
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig
    from visuomotor.sim.rollout import Rollout

    loaded = load_checkpoint(checkpoint)
    cameras = cameras or loaded.spec.names
    images = goal_images(goal_image, str(loaded.config.get("goal_camera", cameras[0])), goal)
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
    with ProgressLine("eval", episodes) as line:

        def show(r: Rollout) -> None:
            nonlocal solved
            solved += r.success
            line.step(
                f"seed {r.seed} {'success' if r.success else 'failure'}, {solved} solved so far"
            )

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
    if out is not None:
        _save_rollouts(out, checkpoint, values, blind, rollouts, (low, high))
        print(f"written: {out}")
    return 0


def _save_rollouts(
    out: Path,
    checkpoint: Path,
    sim: Mapping[str, Any],
    blind: bool,
    rollouts: list[Any],
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


def demo(out: Path = Path("demo")) -> int:
    """Record, train, run through ROS and report: the whole chain. Run again to go on.

    Args:
        out: Folder of the bags, checkpoints, rollouts and report.html.
    """
    from visuomotor.bench.demo import run_demo

    run_demo(out)
    return 0
