"""`modes`: what a GTI stage 1 draws on its way, in figures and pictures."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError


def modes(
    checkpoint: Positional[Path],
    task: str = "cross",
    start: str = "",
    episodes: int = 40,
    first_seed: int = 330_000,
    out: Path = Path("modes"),
) -> int:
    """Show which modes a policy of `visuomotor train gti` draws, and where they lead.

    Writes OUT/<task>.json, OUT/<task>_paths.svg (the hand's paths from above, coloured by the mode
    that was drawn), OUT/<task>_components.svg (the prior's components over the way) and
    OUT/<task>_subgoals.png (moments of the first rollout that reaches a goal, and the subgoals that
    were decoded there).

    Args:
        checkpoint: Folder of a policy of family gti.
        task: Which task, see docs/tasks.md.
        start: Only from this start of the task; by turns from each without one.
        episodes: How many rollouts.
        first_seed: Seed of the first one; each has the next.
        out: Folder of the figures and pictures.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    import cv2

    from visuomotor.bench.modes.picture import components, subgoals, trajectories
    from visuomotor.bench.modes.walks import summary, walk
    from visuomotor.bench.results import save_result
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig
    from visuomotor.sim.rollout import Rollout

    values = {"task": task, "start": start, "cameras": load_checkpoint(checkpoint).spec.names}
    sim = from_mapping(SimConfig, values, "visuomotor modes")
    with ProgressLine("modes", episodes) as line:

        def show(r: Rollout) -> None:
            line.step(f"seed {r.seed} {r.pair}{r.reached or 'no goal'}, {r.steps} steps")

        seeds = range(first_seed, first_seed + episodes)
        walks = walk(checkpoint, sim, seeds, keep_images=4, progress=show)
    figures = summary(walks)
    save_result(
        out / f"{task}.json",
        {"checkpoint": str(checkpoint), **figures},
        "what was drawn, not what could have been",
        f"visuomotor modes {checkpoint} --task {task} --episodes {episodes} "
        f"--first-seed {first_seed}" + (f" --start {start}" if start else ""),
        seeds=(first_seed,),
    )
    (out / f"{task}_paths.svg").write_text(trajectories(walks))
    (out / f"{task}_components.svg").write_text(components(walks))
    kept = [w for w in walks if w.draws and w.draws[0].seen]
    for best in sorted(kept, key=lambda w: not w.reached)[:1]:
        cv2.imwrite(str(out / f"{task}_subgoals.png"), subgoals(best)[..., ::-1])
    for pair, goals in figures["goals"].items():
        print(f"{pair}: " + ", ".join(f"{goal or 'none'} {n}" for goal, n in goals.items()))
    print(f"{figures['modes_used']} modes are used in {figures['draws']} draws; see {out}")
    return 0
