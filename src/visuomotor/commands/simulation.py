"""`demos`, `eval`, `demo` and `bench`: what runs in simulation and measures."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from tyro.conf import Positional

from visuomotor.commands.progress import ProgressLine
from visuomotor.errors import ConfigError

Region = Literal["interpolation", "extrapolation", "gaussian"]
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
Speed = Literal[
    "sim",
    "worlds",
    "image",
    "loop",
    "dataset",
    "sync",
    "dense",
    "descriptors",
    "han",
    "gplac",
    "control",
]
Benchmark = Literal[Speed, "backends", "all"]


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
        cameras: Which cameras are rendered; without any, those of the checkpoint.
        blind: Black out the images: what is still solved is solved without looking.
        out: Also write every rollout to this JSON file.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes: got {episodes}, expected 1 or more")
    from visuomotor.bench.evaluation import evaluate as run
    from visuomotor.bench.statistics import wilson
    from visuomotor.checkpoint import load_checkpoint
    from visuomotor.config import from_mapping
    from visuomotor.sim import SimConfig
    from visuomotor.sim.rollout import Rollout

    cameras = cameras or load_checkpoint(checkpoint).spec.names
    values = {
        "task": task,
        "region": region,
        "variant": variant,
        "wrenches": wrenches,
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

        rollouts = run(checkpoint, sim, seeds, blind=blind, progress=show)
    solved = sum(r.success for r in rollouts)
    low, high = wilson(solved, len(rollouts))
    what = ", ".join([task, region, *([variant] * (variant != "plain")), *(["blind"] * blind)])
    print(
        f"{what}: {solved} of {len(rollouts)} solved, "
        f"success {solved / len(rollouts):.3f} (95% interval {low:.3f} to {high:.3f})"
    )
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


def bench(
    name: Positional[Benchmark],
    out: Path = Path("benchmarks/results"),
) -> int:
    """Measure the speed of a part, print its figures and write them as JSON.

    Args:
        name: What is measured: one 20 Hz control step (sim), images of environments that change
            (worlds), an image's way between two processes (image), the whole loop (loop), windows
            from bags (dataset), the synchroniser (sync), training and acting of the dense policy
            (dense) and of a hand-eye action network (han), joint training with weak images (gplac),
            training of descriptors (descriptors), how the arm follows and stops (control); all of
            these (all); or success from the same starts with either backend (backends).
        out: Folder of the results.
    """
    names = get_args(Speed) if name == "all" else (name,)
    for one in names:
        print(f"bench {one} ...", flush=True)
        module = importlib.import_module(f"visuomotor.bench.{one}")
        result = module.run(out)
        print(figures_table(result), flush=True)
        pages = out.resolve().parent.parent / "docs" / "results"
        if hasattr(module, "page") and out.name == "results" and pages.is_dir():
            (pages / f"{one}.md").write_text(module.page(result))
    from visuomotor.bench.tables import BEGIN, update_readme

    readme = out.resolve().parent.parent / "README.md"
    if out.name == "results" and readme.is_file() and BEGIN in readme.read_text():
        update_readme(readme, out)
    return 0


def figures_table(result: Mapping[str, Any]) -> str:
    """A benchmark's figures as text, one a line, nested names joined by dots.

    >>> print(figures_table({"name": "sim", "figures": {"a_ms": {"p50": 1.5}}, "limited_by": "x"}))
    sim
      a_ms.p50  1.5
      limited by: x
    """
    rows = list(_flat(result["figures"]))
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {name:<{width}}  {_text(value)}" for name, value in rows]
    return "\n".join([str(result["name"]), *lines, f"  limited by: {result['limited_by']}"])


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
