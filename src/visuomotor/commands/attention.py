"""`attention`: what a hand-eye policy looks at, in figures and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError


def attention(
    checkpoint: Positional[Path],
    task: str = "stack",
    episodes: int = 20,
    first_seed: int = 300_000,
    region: Literal["interpolation", "extrapolation"] = "interpolation",
    out: Path = Path("attention"),
) -> int:
    """Measure how often a policy looks at the object that its task's stage is about.

    Writes OUT/<task>.json (of all rollouts), and of the first three the first that succeeds (else
    the first) as OUT/<task>.svg (how far it looks from each object, over the stages) and
    OUT/<task>.png (moments with region, attended point and action target).

    Args:
        checkpoint: Folder of a policy of family han.
        task: Which task, see docs/tasks.md.
        episodes: How many rollouts.
        first_seed: Seed of the first one; each has the next.
        region: Where the task draws its initial states from.
        out: Folder of the figures and pictures.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    import cv2

    from visuomotor.bench.attention.measure import look_on, summary
    from visuomotor.bench.attention.picture import snapshots, switch_plot
    from visuomotor.bench.results import save_result
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig
    from visuomotor.sim.rollout import Rollout

    cameras = load_checkpoint(checkpoint).spec.names
    values = {"task": task, "region": region, "cameras": cameras}
    sim = from_mapping(SimConfig, values, "visuomotor attention")
    seeds = range(first_seed, first_seed + episodes)
    with ProgressLine("attention", episodes) as line:

        def show(r: Rollout) -> None:
            line.step(f"seed {r.seed} {'success' if r.success else 'failure'}")

        looks = look_on(checkpoint, sim, seeds, keep_frames=3, progress=show)
    figures = summary(looks)
    save_result(
        out / f"{task}.json",
        {"checkpoint": str(checkpoint), "region": region, **figures},
        "the steps of successful rollouts alone",
        f"visuomotor attention {checkpoint} --task {task} --episodes {episodes} "
        f"--first-seed {first_seed} --region {region}",
        seeds=(first_seed,),
    )
    shown = [look for look in looks if look.frames]
    for best in sorted(shown, key=lambda look: not look.success)[:1]:
        (out / f"{task}.svg").write_text(switch_plot(best))
        cv2.imwrite(str(out / f"{task}.png"), snapshots(best, cameras)[..., ::-1])
    near = f"within {100 * figures['near_m']:g} cm of the stage's object"
    share = figures["share_near"]
    said = (
        "" if share is None else f"; the attended point lies {near} in {share:.1%} of their steps"
    )
    print(f"{task}, {region}: {figures['successes']} of {episodes} succeed{said}; see {out}")
    return 0
