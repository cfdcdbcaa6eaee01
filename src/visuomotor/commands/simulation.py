"""`demos` and `demo`: what is recorded in simulation, and the whole chain."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
    slips_hz: float = 0.0,
    strays_hz: float = 0.0,
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
        slips_hz: How often the hand slips 1 to 2 cm aside or, seldom, its gripper does.
        strays_hz: How often it closes and is taken up and aside, with something in it or not.
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
        "slips_hz": slips_hz,
        "strays_hz": strays_hz,
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


def demo(out: Path = Path("demo")) -> int:
    """Record, train, run through ROS and report: the whole chain. Run again to go on.

    Args:
        out: Folder of the bags, checkpoints, rollouts and report.html.
    """
    from visuomotor.bench.demo import run_demo

    run_demo(out)
    return 0
