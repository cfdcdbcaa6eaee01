"""franky-sim's libfranka server with what it lacks of a control box: reflexes and a watchdog."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable
from typing import Any

import numpy as np
from franky_sim import SimulationServer
from franky_sim.franka_robot_protocol import (
    AutomaticErrorRecoveryCommand,
    BaseCommand,
    MoveCommand,
    MoveCommandControllerMode,
    MoveStatus,
    RobotCommand,
    RobotMode,
)
from franky_sim.franka_robot_server import FrankaRobotServer
from franky_sim.franka_robot_state import FrankaRobotState
from franky_sim.franka_server import FrankaServer, NonBlockingReceiver
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.franka_arm import LeanRobot, StateBytes
from visuomotor.sim.franka_hand import answering

ERRORS = (
    *("joint_position_limits_violation", "cartesian_position_limits_violation"),
    *("self_collision_avoidance_violation", "joint_velocity_violation"),
    *("cartesian_velocity_violation", "force_control_safety_violation"),
    *("joint_reflex", "cartesian_reflex"),
)
"""The first of libfranka's errors, in the order of their flags on the wire."""
COMMUNICATION = "communication_constraints_violation"
_FLAGS = {
    **{name: i for i, name in enumerate(ERRORS)},
    COMMUNICATION: 25,
    "power_limit_violation": 26,
}
_FLAG_COUNT = 41
PATIENCE_S = 0.02
_WHOLE_EVERY = 20


class _Move(MoveCommand):
    """Refused while there is an error, as by a control box."""

    def handle(self, server: Any) -> None:
        if server.error:
            self.reply(MoveStatus.kCommandNotPossibleRejected)
        else:
            super().handle(server)


class _Recovery(AutomaticErrorRecoveryCommand):
    """Ends the error."""

    def handle(self, server: Any) -> None:
        server.error = ""
        super().handle(server)


class _Commands(FrankaServer):
    """Puts our commands in the place of franky-sim's."""

    def __init__(
        self, hostnames: Iterable[str], port: int, commands: dict[Any, Any], *rest: Any
    ) -> None:
        own = {RobotCommand.kMove: _Move, RobotCommand.kAutomaticErrorRecovery: _Recovery}
        super().__init__(hostnames, port, {**commands, **own}, *rest)


class ReflexServer(FrankaRobotServer, _Commands):
    """A robot that can fall into an error, and does so when its client falls silent in motion.

    error: libfranka's name of the present error, "" without one. lost_packets: so many
    milliseconds without a command during a motion are a communication_constraints_violation; 0:
    never. under_torques: whether the client commands torques now. wrench (6,): what the state
    reports as the external wrench in base. A command that is
    not there yet is waited for, PATIENCE_S at most: on a machine without real time the arm's
    millisecond becomes longer, rather than its torques older.
    """

    def __init__(self, robot: LeanRobot, hostnames: Iterable[str], lost_packets: int) -> None:
        self.error = ""
        self.wrench: NDArray[np.float64] = np.zeros(6)
        self._lost_packets, self._lost = lost_packets, 0
        self._heard = 0
        self._due = ""
        self.under_torques, self._states = False, 0
        self._whole: StateBytes | None = None
        super().__init__(robot, hostnames)  # type: ignore[call-arg, arg-type]

    def trip(self, error: str) -> None:
        """The arm stops with this error at the next millisecond; from any thread.

        Raises ConfigError for a name that libfranka does not have.
        """
        if error not in _FLAGS:
            raise ConfigError(unknown_name("error", error, _FLAGS))
        self._due = error

    def pass_over(self, milliseconds: int) -> None:
        """So many passed without an exchange: the next state is stamped accordingly."""
        self._FrankaServer__message_id += milliseconds
        if self._lost:
            self._lost += milliseconds
        if self.gripper_server is not None:
            self.gripper_server.exchange_ms = 1 + milliseconds

    def _pre_process_commands(self) -> None:
        super()._pre_process_commands()
        self._lost = self._lost + 1 if self.current_motion_id else 0
        if self._lost_packets and self._lost > self._lost_packets:
            self._due = COMMUNICATION
        if self._due:
            self.error, self._due, self._lost = self._due, "", 0
            self._abort()

    def _setup_udp_connection(self, network_udp_port: int) -> None:
        """As franky-sim's, at this robot's own address instead of at all of the machine's."""
        super()._setup_udp_connection(network_udp_port)
        getattr(self, "_FrankaServer__udp_socket").close()  # noqa: B009
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.bind((self.hostname, 0))
        own.setblocking(False)
        self._FrankaServer__udp_socket = own
        self._udp = own
        self._FrankaServer__udp_receiver = NonBlockingReceiver(own)

    def _process_udp_commands(self) -> None:
        heard = self._heard
        super()._process_udp_commands()
        if self.current_motion_id and self._heard == heard:
            select.select([self._udp], [], [], PATIENCE_S)
            super()._process_udp_commands()

    def _handle_udp_command(self, command_data: bytes) -> None:
        self._lost, self._heard = 0, self._heard + 1
        if not self.error:
            super()._handle_udp_command(command_data)

    def _abort(self) -> None:
        motion = self.current_motion_id
        self.stop_motion(send_preemption_signal=False)
        if motion and self._tcp_socket is not None:
            BaseCommand.send_response(
                self._tcp_socket, RobotCommand.kMove, motion, MoveStatus.kReflexAborted
            )
            self.reset_current_motion_id()

    def start_motion(self, controller_mode: MoveCommandControllerMode, *rest: Any) -> None:
        """As franky-sim's; notes whether the client commands torques."""
        super().start_motion(controller_mode, *rest)
        self.under_torques = controller_mode == MoveCommandControllerMode.kExternalController

    def stop_motion(self, send_preemption_signal: bool = True) -> None:
        """As franky-sim's."""
        self.under_torques, self._whole = False, None
        super().stop_motion(send_preemption_signal)

    def _reset_state(self) -> None:
        self.under_torques, self._whole = False, None
        super()._reset_state()

    def _get_state_bytes(self) -> bytes:
        """Under torques the whole state once in 20 ms; between, what torques change."""
        if not self.under_torques or self.error:
            return bytes(super()._get_state_bytes())
        if self._whole is None or self._states % _WHOLE_EVERY == 0:
            self._whole = StateBytes(self.robot_state)
        self._states += 1
        inner = self.robot.inner_state
        q, dq = inner.q, inner.dq
        T = self.robot.to_franka_pose(self.robot.kinematics(q))
        elbow = (q[2], 1.0 if q[3] > 0.0 else -1.0)
        return self._whole.write(
            **dict(q=q, q_d=q, dq=dq, dq_d=dq, O_T_EE=T, O_T_EE_d=T, O_T_EE_c=T),
            **dict(elbow=elbow, elbow_d=elbow, elbow_c=elbow),
            **dict(tau_J=inner.tau_j, tau_ext_hat_filtered=inner.tau_j),
            tau_J_d=self.robot.desired_torques,
            O_F_ext_hat_K=tuple(self.wrench.tolist()),
        )

    @property
    def robot_state(self) -> FrankaRobotState:
        """franky-sim's state with error flags, mode and wrench."""
        state = super().robot_state.replace(O_F_ext_hat_K=tuple(self.wrench.tolist()))
        if not self.error:
            return state
        flags = tuple(i == _FLAGS[self.error] for i in range(_FLAG_COUNT))
        return state.replace(errors=flags, reflex_reason=flags, robot_mode=RobotMode.kReflex)


class ReflexSimulationServer(SimulationServer):
    """One ReflexServer per robot of a simulator."""

    def __init__(self, simulator: Any, hostnames: Iterable[str], lost_packets: int = 0) -> None:
        super().__init__(simulator, hostnames)
        self._lost_packets = lost_packets

    def init(self) -> None:
        """Binds a server for each robot and starts the simulation."""
        for robot in self.sim.robots:
            server = ReflexServer(robot, self._remaining_hostname_candidates, self._lost_packets)
            server.init()
            if server.gripper_server is not None:
                answering(server.gripper_server)
            self.robot_servers.append(server)
        self.sim.start()
