"""franky-sim's gripper server with what it lacks of a real hand: every motion is answered."""

from __future__ import annotations

import socket
from typing import Any

from franky_sim.franka_gripper_protocol import GripperCommand, GripperCommandStatus
from franky_sim.franka_gripper_server import FrankaGripperServer
from franky_sim.franka_server import BaseCommand


class AnsweringHand(FrankaGripperServer):  # type: ignore[misc]
    """A motion that is stopped or replaced is answered as aborted, as by a real hand.

    franky-sim forgets it. Its client then asks the network for the answer for ever, and every such
    client delays those after it: by seconds after some ten grasps. exchange_ms: since it was served
    last; a motion has ended when the hand stood for 100 ms.
    """

    exchange_ms = 1
    _pending_command_id: int | None
    _pending_command_type: GripperCommand | None
    _pending_tcp_socket: socket.socket | None
    _settling_steps: int

    def stop(self, command_id: int, tcp_socket: socket.socket) -> None:
        """Holds the present width, and answers the motion that ran, too."""
        self._abort()
        super().stop(command_id, tcp_socket)

    def _start_motion(
        self, motion_state: Any, command_type: GripperCommand, command_id: int, tcp: socket.socket
    ) -> None:
        self._abort()
        super()._start_motion(motion_state, command_type, command_id, tcp)

    def _abort(self) -> None:
        if self._pending_command_id is not None and self._pending_tcp_socket is not None:
            assert self._pending_command_type is not None
            BaseCommand.send_response(
                self._pending_tcp_socket,
                self._pending_command_type,
                self._pending_command_id,
                GripperCommandStatus.kAborted,
                command_type_struct="H",
                status_type_struct="H",
            )
        self._pending_command_id = self._pending_tcp_socket = self._pending_command_type = None

    def _check_motion_state(self) -> None:
        before = self._settling_steps
        super()._check_motion_state()
        if self._settling_steps > before:
            self._settling_steps += self.exchange_ms - 1


def answering(server: FrankaGripperServer) -> None:
    """Makes an AnsweringHand of a server that franky-sim has made."""
    server.__class__ = AnsweringHand
