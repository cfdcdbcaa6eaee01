"""The same world behind franky-sim's server: libfranka clients drive the arm over the network."""

from __future__ import annotations

import mujoco

from visuomotor.errors import ConfigError, RobotError
from visuomotor.sim.config import SimConfig
from visuomotor.sim.franka_arm import LeanSimulator
from visuomotor.sim.franka_server import ReflexServer, ReflexSimulationServer
from visuomotor.sim.robot import HOME_Q
from visuomotor.sim.scene import build_scene
from visuomotor.sim.world import SimWorld

TICK_S = 0.001
STEP_MS = 2
"""Of the physics under torque control at most, as the other simulated arm's."""


class FrankaWorld(SimWorld):
    """A SimWorld whose arm is commanded by a libfranka client (franky, franka_ros2, ...).

    hostname: a loopback address; ports 1337 (arm) and 1338 (hand) are bound there. lost_packets:
    the arm stops with an error when its client in control is silent for so many milliseconds; 0:
    never. cycle_ms: under torque control a state goes out, and torques are taken, once in so many
    milliseconds; a real arm's 1 takes twice the CPU of 2 on both sides. References and gripper
    commands of the graph are ignored. A reset places the objects and leaves the arm, as in a lab.
    Raises RobotError when the address is taken, ConfigError for the disturbance `held`.
    """

    max_lag_s = 0.01

    def __init__(
        self,
        config: SimConfig,
        hostname: str = "127.0.0.1",
        lost_packets: int = 0,
        cycle_ms: int = 1,
    ) -> None:
        if config.disturbance == "held":
            raise ConfigError(
                "disturbance 'held': an arm that a libfranka client drives cannot be held from "
                "here; use 'moved', or push the hand (sim/push)"
            )
        self._hostname, self._lost_packets = hostname, lost_packets
        self.tick_s = cycle_ms * TICK_S
        super().__init__(config)

    def _build(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        simulator = LeanSimulator()
        simulator.init()
        self.robot = simulator.add_robot(initial_q=HOME_Q, initial_hand_width=0.08)
        simulator.scene[:] = list(
            build_scene(self.config, self.task.add_objects, gravity_compensation=False)
        )
        self._simulator = simulator
        self._server = ReflexSimulationServer(simulator, (self._hostname,), self._lost_packets)
        try:
            self._server.init()
        except Exception as error:
            raise RobotError(
                f"the libfranka server cannot listen on {self._hostname} (ports 1337, 1338): "
                f"{error}; is another one running? Set another loopback address (127.0.0.2)"
            ) from error
        return simulator.model, simulator.data

    def reset(self, seed: int, start_ns: int = 0) -> None:
        """Places the objects of `seed`; the arm stays where its client holds it."""
        self._place(seed, start_ns - round(float(self.data.time) * 1e9))
        mujoco.mj_forward(self.model, self.data)

    def advance(self, duration_s: float = TICK_S) -> None:
        """Serves the client once per cycle and steps the physics, STEP_MS at a time at most."""
        left, cycle = max(1, round(duration_s / TICK_S)), round(self.tick_s / TICK_S)
        while left > 0:
            # the server's run_once without its sleep, which gives a twentieth of a tick away
            self.arm_server.process_commands()
            due = min(left, cycle) if self.arm_server.under_torques else 1
            for passed in range(0, due, STEP_MS):
                if passed:
                    self.robot.hold_torques()
                self.model.opt.timestep = min(STEP_MS, due - passed) * TICK_S
                self._disturb()
                self._simulator.step()
                self._watch()
            self.arm_server.pass_over(due - 1)
            self.arm_server.send_state()
            left -= due

    @property
    def arm_server(self) -> ReflexServer:
        """The arm's side of the protocol."""
        server: ReflexServer = self._server.robot_servers[0]
        return server

    def _disturb(self) -> None:
        super()._disturb()
        self.arm_server.wrench = self.hand_wrench

    def close(self) -> None:
        """Frees the ports and the OpenGL context."""
        self._server.cleanup()
        super().close()
