"""What an operator can have done: the nodes' services, behind a page's buttons."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from rclpy.node import Node

from visuomotor.errors import RobotError, unknown_name
from visuomotor.ros import topics
from visuomotor.ros.services import ServiceCaller

SERVICES = (
    topics.RECORDER_START,
    topics.RECORDER_STOP,
    topics.RECORDER_SUCCESS,
    topics.RECORDER_FAILURE,
    topics.RECORDER_DISCARD,
    topics.RECORDER_UNDO,
    topics.POLICY_START,
    topics.POLICY_STOP,
    topics.BRIDGE_HOLD,
    topics.BRIDGE_RESET,
    topics.SIM_RESET,
)
TIMEOUT_S = 20.0
"""Finishing a long episode on a slow disk takes some seconds."""
RECOVERY_S = 60.0
"""What `bridge/reset` may take beside CRISP, whose every step may take 10 s."""


class Operations:
    """Calls services from the threads of a page's requests, while another thread spins the node.

    Calls to one node wait for one another; a hold waits for nobody. Raises RobotError where a
    service is not offered, does not answer or refuses.
    """

    def __init__(self, node: Node) -> None:
        owners = {_owner(name) for name in SERVICES}
        self._callers = {
            owner: ServiceCaller(
                node, RECOVERY_S if owner == _owner(topics.BRIDGE_RESET) else TIMEOUT_S
            )
            for owner in owners
        }
        self._locks = {owner: threading.Lock() for owner in owners}
        for name in SERVICES:  # every client is there before the first thread asks
            self._callers[_owner(name)].ready(name)

    def ready(self) -> dict[str, bool]:
        """Which services are offered now."""
        return {name: self._callers[_owner(name)].ready(name) for name in SERVICES}

    def call(self, name: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Calls a service, after setting parameters of the node that offers it; its answer."""
        if name not in SERVICES:
            raise RobotError(unknown_name("service", name, SERVICES))
        owner = _owner(name)
        caller = self._callers[owner]
        if not caller.ready(name):
            raise RobotError(f"nobody offers {name} now; is that node up?")
        with self._locks[owner]:
            if parameters:
                caller.set_parameters(name.partition("/")[0], parameters)
            return caller.trigger(name)


def _owner(name: str) -> str:
    return name if name == topics.BRIDGE_HOLD else name.partition("/")[0]
