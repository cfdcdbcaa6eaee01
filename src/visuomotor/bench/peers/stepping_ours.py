"""A side of the simulators' comparison: our `lift` in lockstep, colour and depth of each camera."""

from __future__ import annotations

import time
from typing import Any

from visuomotor.bench.peers.sides import given
from visuomotor.bench.peers.stepping import serve_world
from visuomotor.contracts import Action, SyncedFrame
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep

FIRST_SEED = 300_000
CAMERAS = ("front", "side")


class Ours:
    """Episodes of the scripted expert through the bridge that limits it, as in evaluation."""

    def __init__(self, size: int, cameras: int, appearance: Any) -> None:
        self.config = SimConfig(
            task="lift", cameras=CAMERAS[:cameras], width=size, height=size, appearance=appearance
        )
        self._seed = FIRST_SEED

    def open(self) -> None:
        """See `World`."""
        self.world = SimWorld(self.config)
        self.world.frame()

    def turn(self, steps: int) -> float:
        """See `World`; the reset before an episode is not counted."""
        expert, times = self.world.task.expert(), list[float]()
        expert.reset()

        def agent(frame: SyncedFrame) -> Action:
            return expert.act(frame.robot, self.world.object_poses())

        def seen(_: SyncedFrame) -> None:
            times.append(time.perf_counter())

        self._seed += 1
        Lockstep(self.world).rollout(self._seed, agent, steps + 1, seen, over=lambda: False)
        return 1e3 * (times[-1] - times[0]) / steps

    def about(self) -> dict[str, Any]:
        """See `World`."""
        model = self.world.model
        return {"timestep_s": model.opt.timestep, "depth": True, "shadows": self.config.shadows}


if __name__ == "__main__":
    values = given()
    serve_world(Ours(values["size"], values["cameras"], values["appearance"]))
