"""One 20 Hz control step of `lift` in lockstep: cameras, bridge, inverse kinematics, physics."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.results import save_result
from visuomotor.contracts import Action, SyncedFrame
from visuomotor.sim.config import SimConfig
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.world import SimWorld

SEEDS = (300_000, 300_001, 300_002)
TWO = SimConfig(cameras=("front", "side"))
WORLDS = {
    "light": TWO,
    "full": replace(TWO, appearance="full"),
    "original": replace(TWO, appearance="original"),
    "light_three_cameras": SimConfig(),
    "full_three_cameras": SimConfig(appearance="full"),
    "light_shadows": replace(TWO, shadows=True),
    "light_multisamples_4": replace(TWO, multisamples=4),
    "full_shadows_multisamples_4": replace(TWO, appearance="full", shadows=True, multisamples=4),
}
PARTS = {
    "cameras_ms": ("world", "frame"),
    "draw_ms": ("renderer", "draw"),
    "read_ms": ("renderer", "read"),
    "advance_ms": ("world", "advance"),
    "ik_ms": ("arm", "control"),
}


def run(out: Path) -> dict[str, Any]:
    """Measures every world in turn, round after round, and writes `sim.json`."""
    worlds = {name: SimWorld(config) for name, config in WORLDS.items()}
    steps: dict[str, list[dict[str, float]]] = defaultdict(list)
    for world in worlds.values():
        world.frame()  # the context, the meshes and the shaders, once
        _measure(world, SEEDS[0], max_steps=3)
    for seed in SEEDS:  # all worlds within each round: they share the machine's mood
        for name, world in worlds.items():
            slow = world.config.appearance == "original" or world.config.shadows
            steps[name] += _measure(world, seed, 20 if slow else 60)
    for world in worlds.values():
        world.close()
    figures: dict[str, Any] = {name: _summary(rows) for name, rows in steps.items()}
    figures["load_average_1_min"] = round(os.getloadavg()[0], 1)  # much above 1: other work ran
    figures["original_over_full"] = round(
        figures["original"]["step_ms"] / figures["full"]["step_ms"], 1
    )
    return save_result(
        out / "sim.json",
        figures,
        "rasterising on the processor (read_ms: llvmpipe draws when the pixels are asked for) and "
        "transforming the triangles (draw_ms: 35 000 of the robot in full, 240 000 in original); "
        "then MuJoCo's 25 physics steps",
        "visuomotor bench sim",
        SEEDS,
    )


def _measure(world: SimWorld, seed: int, max_steps: int) -> list[dict[str, float]]:
    """Milliseconds of each part of each control step of one demonstration."""
    clock = _Stopwatch(world)
    rows: list[dict[str, float]] = []
    last_s = 0.0

    def on_step(frame: SyncedFrame) -> None:
        nonlocal last_s
        now_s = time.perf_counter()
        if last_s:
            rows.append({"step_ms": (now_s - last_s) * 1e3, **clock.take()})
        last_s = now_s

    expert = world.task.expert()
    expert.reset()

    def agent(frame: SyncedFrame) -> Action:
        return expert.act(frame.robot, world.object_poses())

    clock.take()
    try:
        Lockstep(world).rollout(seed, agent, max_steps + 2, on_step)
    finally:
        clock.stop()
    return rows[1:]


def _summary(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Medians over the steps; what is left of a step is the bridge's, the expert's and states'."""
    median = {k: float(np.median([r[k] for r in rows])) for k in ("step_ms", *PARTS)}
    physics = median["advance_ms"] - median["ik_ms"]
    parts = {
        "step_ms": median["step_ms"],
        "step_p10_ms": float(np.percentile([r["step_ms"] for r in rows], 10)),
        "step_p95_ms": float(np.percentile([r["step_ms"] for r in rows], 95)),
        "draw_ms": median["draw_ms"],
        "read_ms": median["read_ms"],
        "frame_rest_ms": median["cameras_ms"] - median["draw_ms"] - median["read_ms"],
        "physics_ms": physics,
        "ik_ms": median["ik_ms"],
        "bridge_and_expert_ms": median["step_ms"] - median["cameras_ms"] - median["advance_ms"],
    }
    return {k: round(v, 3) for k, v in parts.items()} | {"steps": len(rows)}


class _Stopwatch:
    """Adds up the time spent in the methods of PARTS, on these objects alone."""

    def __init__(self, world: SimWorld) -> None:
        self._spent_s = dict.fromkeys(PARTS, 0.0)
        owners = {"world": world, "renderer": world.renderer, "arm": world.arm}
        self._watched = [(owners[owner], method) for owner, method in PARTS.values()]
        for part, (owner, method) in PARTS.items():
            setattr(owners[owner], method, self._timed(part, getattr(owners[owner], method)))

    def _timed(self, part: str, method: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            start_s = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self._spent_s[part] += time.perf_counter() - start_s

        return timed

    def take(self) -> dict[str, float]:
        """Milliseconds by part since the last call."""
        spent = {part: s * 1e3 for part, s in self._spent_s.items()}
        self._spent_s = dict.fromkeys(PARTS, 0.0)
        return spent

    def stop(self) -> None:
        """Gives the objects their own methods back."""
        for owner, method in self._watched:
            delattr(owner, method)
