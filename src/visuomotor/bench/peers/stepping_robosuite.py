"""A side of the simulators' comparison: robosuite's Lift with a Panda, OSC_POSE at 20 Hz."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from visuomotor.bench.peers.sides import given
from visuomotor.bench.peers.stepping import serve_world

CAMERAS = ("agentview", "frontview")


class Robosuite:
    """`suite.make("Lift")` as its documentation does, with observations by cameras.

    bare: without shadows, reflections and multisampling, which it has no option for: set by hand
    in its renderer, for those who would know that it can be done.
    """

    def __init__(self, size: int, cameras: int, bare: bool) -> None:
        self.size, self.cameras, self.bare = size, list(CAMERAS[:cameras]), bare
        self._rng = np.random.default_rng(0)
        self._seen: dict[str, Any] = {}

    def open(self) -> None:
        """See `World`."""
        import robosuite

        self.env = robosuite.make(
            "Lift",
            robots="Panda",
            has_renderer=False,
            has_offscreen_renderer=True,
            use_camera_obs=True,
            camera_names=self.cameras,
            camera_heights=self.size,
            camera_widths=self.size,
            control_freq=20,
            ignore_done=True,
        )
        self.env.reset()
        if self.bare:
            self._bare()
        self.turn(3)  # its compiled functions

    def _bare(self) -> None:
        import mujoco

        context, model = self.env.sim._render_context_offscreen, self.env.sim.model
        context.gl_ctx.make_current()
        model.vis.quality.offsamples = 0
        context.con.free()
        context._set_mujoco_context_and_buffers()
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            context.scn.flags[flag] = False

    def turn(self, steps: int) -> float:
        """See `World`; small random actions, as in its documentation's first example."""
        low, high = self.env.action_spec
        actions = np.clip(0.1 * self._rng.standard_normal((steps, len(low))), low, high)
        start = time.perf_counter()
        for action in actions:
            seen = self.env.step(action)[0]
        spent_ms = 1e3 * (time.perf_counter() - start) / steps
        for camera in self.cameras:
            image = seen[f"{camera}_image"]
            if image.shape != (self.size, self.size, 3) or int(np.ptp(image)) == 0:
                raise RuntimeError(f"{camera}: got no image, {image.shape}")
            if camera in self._seen and np.array_equal(image, self._seen[camera]):
                raise RuntimeError(f"{camera}: got the image of {steps} steps ago, not drawn")
            self._seen[camera] = image.copy()
        return spent_ms

    def about(self) -> dict[str, Any]:
        """See `World`."""
        robot = self.env.robots[0]
        controllers = {k: type(c).__name__ for k, c in robot.part_controllers.items()}
        flags = self.env.sim._render_context_offscreen.scn.flags
        return {
            "timestep_s": float(self.env.sim.model.opt.timestep),
            "controllers": controllers,
            "depth": False,
            "shadows": bool(flags[0]),
        }


if __name__ == "__main__":
    values = given()
    serve_world(Robosuite(values["size"], values["cameras"], values["bare"]))
