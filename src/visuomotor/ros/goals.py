"""An action's goals as blocking calls that another thread can end.

rclpy's action client may miss an answer that comes while it still notes down what it asked for (it
does so twice in Kilted, without a lock in Humble), and is woken before it is complete. So it is
made and asked in the thread that also takes the answers: the side node's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.task import Future

from visuomotor.errors import RobotError
from visuomotor.ros.side_node import SideNode

ENDS = {
    GoalStatus.STATUS_SUCCEEDED: "succeeded",
    GoalStatus.STATUS_CANCELED: "was cancelled",
    GoalStatus.STATUS_ABORTED: "was aborted",
}

ASK_S = 5.0
"""For the side node to do something; it is busy only while others are asked."""


class GoalClient:
    """One goal at a time of one action; `execute` and `cancel` come from different threads."""

    def __init__(self, node: SideNode, kind: Any, name: str, timeout_s: float = 5.0) -> None:
        self.kind, self.name, self._timeout_s = kind, name, timeout_s
        self._node = node
        self._client = node.do(lambda: ActionClient(node, kind, name), ASK_S)
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
            handle = self._ask(lambda: self._client.send_goal_async(goal), self._timeout_s, _undo)
            if not handle.accepted:
                raise RobotError(f"action {self.name}: the goal was refused")
            self._handle = handle
            if self._unwanted.is_set():  # cancelled before the server had taken it
                self._node.executor.create_task(handle.cancel_goal_async)
            try:
                answer = self._ask(handle.get_result_async, timeout_s)
            except RobotError:
                self._node.executor.create_task(handle.cancel_goal_async)
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
                self._ask(handle.cancel_goal_async, timeout_s)
        return self._ended.wait(timeout_s)

    def _ask(
        self,
        question: Callable[[], Future],
        timeout_s: float | None,
        late: Callable[[Future], object] | None = None,
    ) -> Any:
        """The answer, or RobotError; `late` gets one that comes after its time."""
        future = self._node.do(question, ASK_S)
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            if late is not None:
                future.add_done_callback(late)
            raise RobotError(f"action {self.name} did not answer within {timeout_s:g} s")
        return future.result()


def _undo(future: Future) -> None:
    """Cancels a goal that the server took after we had given it up."""
    handle = future.result()
    if handle.accepted:
        handle.cancel_goal_async()
