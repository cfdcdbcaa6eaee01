"""Services without request data: one line to offer one, and calls that wait with a bound."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from visuomotor.errors import RobotError, VisuomotorError

ASK_AGAIN_S = 2.0
"""A server may have heard of the request before it heard of who waits for the answer, which is then
lost. What may be asked twice is asked again after so long."""


def trigger(node: Node, name: str, callback: Callable[[], str | None]) -> None:
    """Offers a std_srvs/Trigger; `callback` returns the message of success.

    A VisuomotorError becomes success=False with its text, and is logged.
    """

    def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message, response.success = callback() or "", True
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

    def trigger_soon(
        self, name: str, within_s: float, give_up: Callable[[], bool] = lambda: False
    ) -> str:
        """The same as soon as it is agreed to: what refuses is asked again until within_s.

        Raises the last RobotError after that, or where give_up() says so.
        """
        end = time.monotonic() + within_s
        while True:
            try:
                return self.trigger(name)
            except RobotError:
                if time.monotonic() > end or give_up():
                    raise
                time.sleep(0.2)

    def ready(self, name: str) -> bool:
        """Whether somebody offers this std_srvs/Trigger now."""
        key = (Trigger, name)
        if key not in self._clients:
            self._clients[key] = self._node.create_client(*key)
        return bool(self._clients[key].service_is_ready())

    def set_parameters(self, node_name: str, values: Mapping[str, Any]) -> None:
        """Sets parameters of another node, all or with an error."""
        response = self.call(SetParameters, f"{node_name}/set_parameters", _request(values), True)
        _check(node_name, values, response)

    def call(self, kind: type, name: str, request: Any, again: bool = False) -> Any:
        """Calls any service; again: asks again where no answer comes, once more does no harm."""
        key = (kind, name)
        with _while_ros_runs(self._node, name):
            if key not in self._clients:
                self._clients[key] = self._node.create_client(kind, name)
            client = self._clients[key]
            _wait_for_server(client, name, self._timeout_s)
        for wait_s in _waits(self._timeout_s, again):
            answered = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _, heard=answered: heard.set())
            if answered.wait(wait_s):
                return future.result()
            client.remove_pending_request(future)
        raise RobotError(f"service {name} did not answer within {self._timeout_s:g} s")


def call(
    node: Node, client: Client, timeout_s: float = 5.0, request: Any = None, again: bool = False
) -> Any:
    """Calls a service and waits for its answer, spinning the node meanwhile.

    For a script or a test, whose node no executor spins. again: as `ServiceCaller.call`'s. Raises
    RobotError if there is no server, no answer in time, or the answer says success=False.
    """
    end = time.monotonic() + timeout_s
    name = client.srv_name
    with _while_ros_runs(node, name):
        _wait_for_server(client, name, timeout_s)
    request = client.srv_type.Request() if request is None else request
    for wait_s in _waits(max(0.0, end - time.monotonic()), again):
        future = client.call_async(request)
        rclpy.spin_until_future_complete(node, future, timeout_sec=wait_s)
        if future.done():
            break
        client.remove_pending_request(future)
    else:
        raise RobotError(f"service {name} did not answer within {timeout_s:g} s")
    response = future.result()
    if getattr(response, "success", True) is False:
        raise RobotError(f"service {name} refused: {response.message}")
    return response


def set_parameters(
    node: Node, target: str, values: Mapping[str, Any], timeout_s: float = 5.0
) -> None:
    """Sets parameters of the node named `target`; waits as `call`, RobotError if refused."""
    client = node.create_client(SetParameters, f"{target}/set_parameters")
    try:
        _check(target, values, call(node, client, timeout_s, _request(values), again=True))
    finally:
        node.destroy_client(client)


def _waits(timeout_s: float, again: bool) -> list[float]:
    """How long to wait for each of the answers."""
    tries = max(1, int(timeout_s / ASK_AGAIN_S)) if again else 1
    return [timeout_s / tries] * tries


@contextlib.contextmanager
def _while_ros_runs(node: Node, name: str) -> Iterator[None]:
    """RobotError instead of what rclpy raises for a handle of a context that is no more."""
    try:
        yield
    except RuntimeError as error:
        if node.context.ok():
            raise
        raise RobotError(f"no service {name}: ROS was shut down meanwhile") from error


def _wait_for_server(client: Client, name: str, timeout_s: float) -> None:
    if not client.wait_for_service(timeout_s):
        raise RobotError(
            f"no service {name} within {timeout_s:g} s; is the node that offers it up, "
            "in the same ROS domain?"
        )


def _request(values: Mapping[str, Any]) -> SetParameters.Request:
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
    return SetParameters.Request(
        parameters=[Parameter(k, value=v).to_parameter_msg() for k, v in plain.items()]
    )


def _check(node_name: str, values: Mapping[str, Any], response: SetParameters.Response) -> None:
    refused = [r.reason for r in response.results if not r.successful]
    if refused:
        raise RobotError(f"node {node_name} refused {dict(values)}: {'; '.join(refused)}")
