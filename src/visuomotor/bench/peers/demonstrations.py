"""The demonstrations that every loader is given: `lift`, two cameras, colour alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from visuomotor.bench.peers.loading import CAMERAS
from visuomotor.contracts import Action, SyncedFrame
from visuomotor.recording import EpisodeWriter, Sidecar
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep

TASK, FIRST_SEED = "lift", 860_000


def record(folder: Path, episodes: int) -> None:
    """Records so many demonstrations below `folder`, without depth: the peers keep none."""
    world = SimWorld(SimConfig(task=TASK, cameras=CAMERAS))
    lockstep = Lockstep(world)
    try:
        for number in range(episodes):
            seed, start_ns = FIRST_SEED + number, (1_700_000_000 + 60 * number) * 10**9
            with EpisodeWriter(folder, Sidecar(TASK, seed=seed), start_ns) as writer:
                into = _Colour(writer)
                solved = lockstep.demonstrate(
                    seed, into.frame, into.action, start_ns=start_ns
                ).success
                writer.close("success" if solved else "unknown")
    finally:
        world.close()


@dataclass(frozen=True)
class _Colour:
    writer: EpisodeWriter

    def frame(self, frame: SyncedFrame) -> None:
        cameras = {name: replace(view, depth_mm=None) for name, view in frame.cameras.items()}
        self.writer.add_frame(replace(frame, cameras=cameras, objects={}))

    def action(self, stamp_ns: int, action: Action) -> None:
        self.writer.add_action(stamp_ns, action.T_base_ee, action.gripper_width_m)
