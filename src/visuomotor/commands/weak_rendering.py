"""`weak render`: weakly labelled images from simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from visuomotor.commands.progress import ProgressLine

Environments = Literal["plain", "weak_environments", "validation_environments", "test_environments"]


def render(
    task: str = "pusher",
    variant: Environments = "weak_environments",
    images: int = 800,
    out: Path = Path("weak"),
    first_seed: int = 0,
    width: int = 160,
    height: int = 120,
) -> int:
    """Write images with and without a task's object, without the robot; run again to go on.

    Args:
        task: Whose objects: pusher, striker or push_mug.
        variant: Which environments they are seen in; seed % 40 of these.
        images: How many in all; half show the object, half lack it.
        out: Folder; the images go to OUT/with and OUT/without.
        first_seed: Seed of the first two; each pair has the next.
        width: Width of the largest images in pixels; others are cut from such.
        height: Height of the largest images in pixels.
    """
    from visuomotor.sim.weak_images import render_weak

    with ProgressLine("images", images, every_s=5.0) as line:
        done = render_weak(
            task, variant, images, out, first_seed, (height, width), lambda p: line.step(p.name)
        )
    print(f"{done.written} images written to {out}, {done.kept} were there already")
    return 0
