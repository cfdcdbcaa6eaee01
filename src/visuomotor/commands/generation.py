"""`generate` and `goal`: rollouts that become demonstrations, and images of what to reach."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError, RobotError


def generate(
    checkpoint: Path,
    task: str = "cross",
    rollouts: int = 400,
    first_seed: int = 100_000,
    start: str = "",
    out: Path = Path("generated"),
    keep: Literal["reached", "all"] = "reached",
    per_pair: int = 0,
    longest_s: float = 0.0,
    rest_steps: int = 10,
    cameras: tuple[str, ...] = (),
    width: int = 160,
    height: int = 120,
    color: Literal["png", "jpeg"] = "jpeg",
) -> int:
    """Roll a stage-1 policy out in simulation; its rollouts become demonstrations of new pairs.

    Run again to go on. On a robot, the node `generator` does the same with an operator, see
    docs/gti.md.

    Args:
        checkpoint: Folder of a policy of `visuomotor train gti`, or of any other.
        task: A task with several starts and goals, see docs/tasks.md.
        rollouts: How many, in all.
        first_seed: Seed of the first one, of its initial state and of what the policy draws.
        start: Only from this start of the task; by turns from each without one.
        out: Dataset folder; episodes go to OUT/TASK/, beside a log of all rollouts.
        keep: Those that reached a goal, or all.
        per_pair: At most so many of each start and goal; 0 for no limit.
        longest_s: A kept rollout takes no longer; 0 for no limit.
        rest_steps: Steps that are recorded after the goal was reached.
        cameras: Which cameras are recorded; without any, those of the checkpoint.
        width: Width of the images in pixels.
        height: Height of the images in pixels.
        color: Compression of the colour images; png is lossless.
    """
    if rollouts < 1:
        raise ConfigError(f"--rollouts: got {rollouts}, expected 1 or more")
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.generation import Generated, GenerationConfig
    from visuomotor.generation.lockstep import generate as run
    from visuomotor.recording import WriterConfig
    from visuomotor.sim import SimConfig

    where = "visuomotor generate"
    cameras = cameras or load_checkpoint(checkpoint).spec.names
    values = {"task": task, "start": start, "cameras": cameras, "width": width, "height": height}
    sim = from_mapping(SimConfig, values, where)
    chosen = {
        "keep": keep,
        "per_pair": per_pair,
        "longest_s": longest_s,
        "rest_steps": rest_steps,
    }
    config = from_mapping(GenerationConfig, chosen, where)
    seeds = range(first_seed, first_seed + rollouts)
    with ProgressLine("generate", rollouts) as line:

        def show(row: Generated) -> None:
            what = f"{row.start} > {row.goal or 'no goal'}, {row.steps} steps"
            line.step(f"seed {row.seed} {what}{f', left out: {row.left_out}' * bool(row.left_out)}")

        log = run(checkpoint, sim, seeds, out, config, WriterConfig(color=color), show)
    kept = sum(log.kept.counts.values())
    print(log.seen.table())
    print(f"kept {kept} of {len(log.rows)} rollouts in {out / task}; train stage 2 from them:")
    print(f"visuomotor train goal --dataset {out} --out CHECKPOINT")
    return 0


def goal(
    source: Positional[Path],
    camera: str = "front",
    at_s: float | None = None,
    out: Path | None = None,
    wait_s: float = 10.0,
) -> int:
    """Tell the running policy what to reach: a picture, or a moment of an episode.

    Args:
        source: A PNG or JPEG file, or an episode's folder.
        camera: Of an episode, this camera's image; the one that the policy's goals are of.
        at_s: Of an episode, so many seconds after its first set; its end without one.
        out: Write the image to this file instead of telling a policy.
        wait_s: Longest wait for a policy that listens.
    """
    from visuomotor.recording.stills import still

    color = still(source, camera, at_s)
    height, width = color.shape[:2]
    if out is not None:
        import cv2

        out.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(out), color[..., ::-1]):
            raise ConfigError(f"--out: cannot write {out}, expected a file such as goal.png")
        print(f"written: {out}, {width} x {height}")
        return 0
    from visuomotor.ros.discovery import local_environment

    os.environ.update(local_environment(os.environ))

    from visuomotor.ros.tell import tell_goal

    listeners = tell_goal(color, camera, wait_s)
    if not listeners:
        raise RobotError(
            f"nobody listened to policy/goal for {wait_s:g} s; expected a policy node whose policy "
            "takes goals (`visuomotor train goal`)"
        )
    print(f"told {listeners} listener{'s' * (listeners > 1)}: {width} x {height} of {source}")
    return 0
