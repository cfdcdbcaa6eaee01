"""Services without request data: one line to offer one, and blocking calls for worker threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from visuomotor.errors import RobotError, VisuomotorError


def trigger(node: Node, name: str, callback: Callable[[], str]) -> None:
    """Offers a std_srvs/Trigger; `callback` returns the message of success.

    A VisuomotorError becomes success=False with its text, and is logged.
    """

    def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message, response.success = callback(), True
        except VisuomotorError as error:
            node.get_logger().error(f"{name}: {error}")
            response.message, response.success = str(error), False
        return response

    node.create_service(Trigger, name, answer)


class ServiceCaller:
    """Blocking calls from a worker thread of a node that another thread spins.

    Every method waits at most timeout_s and raises RobotError, naming the service, when nobody
    answers or the answer is no.
    """

    def __init__(self, node: Node, timeout_s: float = 5.0) -> None:
        self._node, self._timeout_s = node, timeout_s
        self._clients: dict[tuple[type, str], Any] = {}

    def trigger(self, name: str) -> str:
        """Calls a std_srvs/Trigger and returns its message."""
        response = self.call(Trigger, name, Trigger.Request())
        if not response.success:
            raise RobotError(f"service {name} refused: {response.message}")
        return str(response.message)

    def set_parameters(self, node_name: str, values: Mapping[str, Any]) -> None:
        """Sets parameters of another node, all or with an error."""
        request = SetParameters.Request()
        request.parameters = [Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        response = self.call(SetParameters, f"{node_name}/set_parameters", request)
        refused = [r.reason for r in response.results if not r.successful]
        if refused:
            raise RobotError(f"node {node_name} refused {dict(values)}: {'; '.join(refused)}")

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Calls any service."""
        key = (kind, name)
        if key not in self._clients:
            self._clients[key] = self._node.create_client(kind, name)
        client = self._clients[key]
        if not client.wait_for_service(self._timeout_s):
            raise RobotError(
                f"no service {name} within {self._timeout_s:g} s; is the node that offers it up, "
                "in the same ROS domain?"
            )
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(self._timeout_s):
            client.remove_pending_request(future)
            raise RobotError(f"service {name} did not answer within {self._timeout_s:g} s")
        return future.result()
