"""Some parameters of another node, as they are there now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python

POLLS_BETWEEN = 10
"""Parameters change seldom, and a question costs the other node some 0.5 ms."""


class RemoteParameters:
    """Asks the node `target` for `names` at every tenth `poll` that finds it up.

    `values` holds the newest answer; it is empty before the first, once the node is gone, and for
    a node that lacks one of them.
    """

    def __init__(self, node: Node, target: str, names: Sequence[str]) -> None:
        self.values: dict[str, Any] = {}
        self._names = list(names)
        self._client = node.create_client(GetParameters, f"{target}/get_parameters")
        self._waited = 0

    def poll(self) -> None:
        """Asks, without waiting for the answer."""
        if not self._client.service_is_ready():
            self.values, self._waited = {}, 0
            return
        if self._waited % POLLS_BETWEEN == 0:
            future = self._client.call_async(GetParameters.Request(names=self._names))
            future.add_done_callback(self._take)
        self._waited += 1

    def _take(self, future: Any) -> None:
        answer = future.result()
        if answer is not None and len(answer.values) == len(self._names):
            values = map(parameter_value_to_python, answer.values)
            self.values = dict(zip(self._names, values, strict=True))
