"""An action's goals as blocking calls that another thread can end."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from visuomotor.errors import RobotError

ENDS = {
    GoalStatus.STATUS_SUCCEEDED: "succeeded",
    GoalStatus.STATUS_CANCELED: "was cancelled",
    GoalStatus.STATUS_ABORTED: "was aborted",
}


class GoalClient:
    """One goal at a time of one action; `node` is spun by another thread (`SideNode`).

    `execute` and `cancel` come from different threads.
    """

    def __init__(self, node: Node, kind: Any, name: str, timeout_s: float = 2.0) -> None:
        self.kind, self.name, self._timeout_s = kind, name, timeout_s
        self._client = ActionClient(node, kind, name)
        self._handle: Any = None
        self._unwanted = threading.Event()
        self._ended = threading.Event()
        self._ended.set()

    def execute(self, goal: Any, timeout_s: float | None = None) -> Any:
        """Sends the goal and returns its result once it succeeded.

        timeout_s bounds the wait for the result, after which the goal is cancelled; without it
        `cancel` alone ends one that does not come. Raises RobotError when there is no server, when
        it refuses, and when the goal is aborted or cancelled, with the result's `error` where it
        has one.
        """
        if not self._client.wait_for_server(self._timeout_s):
            raise RobotError(
                f"no action {self.name} within {self._timeout_s:g} s; is its server up, in this "
                "namespace and ROS domain?"
            )
        self._unwanted.clear()
        self._ended.clear()
        try:
            handle = _await(self._client.send_goal_async(goal), self._timeout_s, self.name)
            if not handle.accepted:
                raise RobotError(f"action {self.name}: the goal was refused")
            self._handle = handle
            if self._unwanted.is_set():  # cancelled before the server had taken it
                handle.cancel_goal_async()
            try:
                answer = _await(handle.get_result_async(), timeout_s, self.name)
            except RobotError:
                handle.cancel_goal_async()
                raise
        finally:
            self._handle = None
            self._ended.set()
        if answer.status != GoalStatus.STATUS_SUCCEEDED:
            how = ENDS.get(answer.status, f"ended with status {answer.status}")
            error = getattr(answer.result, "error", "")
            raise RobotError(f"action {self.name}: the goal {how}{': ' if error else ''}{error}")
        return answer.result

    def cancel(self, timeout_s: float) -> bool:
        """Asks to end the goal at work and waits for its end; whether none is at work then."""
        self._unwanted.set()
        handle = self._handle
        if handle is not None:
            with contextlib.suppress(RobotError):
                _await(handle.cancel_goal_async(), timeout_s, self.name)
        return self._ended.wait(timeout_s)


def _await(future: Future, timeout_s: float | None, name: str) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    if not done.wait(timeout_s):
        raise RobotError(f"action {name} did not answer within {timeout_s:g} s")
    return future.result()
