"""A second node of a process, for its clients: their answers come while the first one waits.

A service's callback that itself calls services would wait for ever: the executor that should
bring the answers is the one that waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from visuomotor.errors import RobotError
from visuomotor.ros.executor_thread import ExecutorThread

R = TypeVar("R")


class SideNode(Node):
    """Spun by a thread of its own until `close`; remaps of the process do not reach it."""

    def __init__(self, owner: Node, suffix: str = "clients") -> None:
        super().__init__(
            f"{owner.get_name()}_{suffix}",
            namespace=owner.get_namespace(),
            context=owner.context,
            use_global_arguments=False,
            start_parameter_services=False,
        )
        self._own_executor = SingleThreadedExecutor(context=owner.context)
        self._own_executor.add_node(self)
        self._thread = ExecutorThread(self._own_executor, suffix)

    def do(self, function: Callable[[], R], timeout_s: float) -> R:
        """What `function` returns or raises in the thread that spins.

        RobotError if that is busy for so long; then the function is not called later either.
        """
        call: list[R] = []
        errors: list[Exception] = []
        done, given_up = threading.Event(), threading.Event()

        def run() -> None:
            if given_up.is_set():
                return
            try:
                call.append(function())
            except Exception as error:
                errors.append(error)
            done.set()

        self._own_executor.create_task(run)
        if not done.wait(timeout_s):
            given_up.set()
            raise RobotError(f"node {self.get_name()} did nothing for {timeout_s:g} s")
        if errors:
            raise errors[0]
        return call[0]

    def close(self, timeout_s: float = 2.0) -> None:
        """Ends the thread and the node; may be called again."""
        if not self._thread.is_alive:
            return
        self._thread.close(timeout_s)
        self.destroy_node()
