"""`visuomotor bench worlds`: images of environments that change, and weakly labelled ones."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from visuomotor.bench.results import save_result
from visuomotor.sim.config import SimConfig
from visuomotor.sim.environments import ENVIRONMENTS, environment
from visuomotor.sim.weak_images import render_weak
from visuomotor.sim.world import SimWorld

TASK_NAMES = ("pusher", "striker", "push_mug")
SEEDS = range(300_000, 300_000 + ENVIRONMENTS)
ROUNDS = 3
WEAK_IMAGES = 80


def run(out: Path) -> dict[str, Any]:
    """Measures every task's worlds in turn, round after round, and writes `worlds.json`."""
    worlds = {"lift_plain": _world("lift", "plain")}
    for task in TASK_NAMES:
        worlds[f"{task}_plain"] = _world(task, "plain")
        worlds[f"{task}_test_environments"] = _world(task, "test_environments")
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    weak_s: dict[str, list[float]] = defaultdict(list)
    made_s = [_spent_s(partial(environment, n)) for n in range(81, 81 + ENVIRONMENTS)]
    for world in worlds.values():
        world.frame()  # the context and the shaders, once
    for _ in range(ROUNDS):  # all worlds within each: they share the machine's mood
        for seed in SEEDS:
            for name, world in worlds.items():
                rows[name].append(_measure(world, seed))
        for task in TASK_NAMES:
            weak_s[task].append(_weak_s(task))
    for world in worlds.values():
        world.close()
    figures: dict[str, Any] = {name: _summary(r) for name, r in rows.items()}
    figures["weak_images_per_s"] = {
        task: round(WEAK_IMAGES / float(np.median(s)), 1) for task, s in weak_s.items()
    }
    figures["environment_made_ms"] = round(float(np.median(made_s)) * 1e3, 2)
    figures["load_average_1_min"] = round(os.getloadavg()[0], 1)  # much above 1: other work ran
    return save_result(
        out / "worlds.json",
        figures,
        "rasterising on the processor (draw_ms and read_ms: llvmpipe draws when the pixels are "
        "asked for), to which textured walls and floor and six distractors of two parts add; a new "
        "environment costs its textures once more (textures_ms: OpenGL's copies and their smaller "
        "versions), whatever the size of the image; weak images include all of this, a second "
        "render of every one that shows the object, to see that it is in view, and a PNG each",
        "visuomotor bench worlds",
        SEEDS,
    )


def _world(task: str, variant: Any) -> SimWorld:
    return SimWorld(SimConfig(task=task, variant=variant, cameras=("front",)))


def _measure(world: SimWorld, seed: int) -> dict[str, float]:
    """Milliseconds of a reset and of the first and the second image after it."""
    reset_s = _spent_s(lambda: world.reset(seed))
    taking = world.renderer.take_textures
    textures_s = _spent_s(lambda: taking(world._resets))
    first_s = _spent_s(world.frame)
    draw_s = _spent_s(lambda: world.renderer.draw(world._drawn, "front"))
    read_s = _spent_s(world.renderer.read)
    second_s = _spent_s(world.frame)
    return {
        "reset_ms": 1e3 * reset_s,
        "textures_ms": 1e3 * textures_s,
        "first_frame_ms": 1e3 * first_s,
        "frame_ms": 1e3 * second_s,
        "draw_ms": 1e3 * draw_s,
        "read_ms": 1e3 * read_s,
    }


def _weak_s(task: str) -> float:
    """Seconds for WEAK_IMAGES, the scene's making left out by making it twice."""
    with TemporaryDirectory() as folder:
        few = _spent_s(lambda: render_weak(task, "weak_environments", 2, Path(folder)))
        more = _spent_s(lambda: render_weak(task, "weak_environments", WEAK_IMAGES, Path(folder)))
    return max(more - few, 1e-3)


def _summary(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    median = {k: float(np.median([r[k] for r in rows])) for k in rows[0]}
    with_change = median["textures_ms"] + median["first_frame_ms"]
    return {
        **{k: round(v, 3) for k, v in median.items()},
        "frames_per_s": round(1e3 / median["frame_ms"], 1),
        "frames_per_s_each_in_another_environment": round(
            1e3 / (with_change + median["reset_ms"]), 1
        ),
    }


def _spent_s(call: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    call()
    return time.perf_counter() - start_s
