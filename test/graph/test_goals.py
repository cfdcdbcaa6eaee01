"""Blocking goals over a real action server: ends, aborts, refusals, cancelling from a thread."""

from __future__ import annotations

import threading
import time

import pytest
import rclpy
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor

from visuomotor.control.backends.gripper import GripperWorker
from visuomotor.control.backends.gripper_config import GripperConfig
from visuomotor.errors import RobotError
from visuomotor.ros.executor_thread import ExecutorThread
from visuomotor.ros.goals import GoalClient
from visuomotor.ros.side_node import SideNode

Fibonacci = pytest.importorskip("test_msgs.action", reason="pip install ros-test-msgs").Fibonacci


class Server:
    """An action server as franka_gripper's: it takes every goal, works on it and can be cancelled.

    order 0: done at once; below 0: aborted; above 0: works until it is cancelled.
    """

    def __init__(self) -> None:
        self.node = rclpy.create_node("hand", use_global_arguments=False)
        self.began, self.ended, self.refuses, self.at_once = [], [], False, 0
        self.takes_s = 0.0  # to take a goal
        self.most_at_once = 0
        self._server = ActionServer(
            self.node,
            Fibonacci,
            "move",
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )
        executor = MultiThreadedExecutor(4)
        executor.add_node(self.node)
        self._thread = ExecutorThread(executor)

    def _on_goal(self, _):
        time.sleep(self.takes_s)
        return GoalResponse.REJECT if self.refuses else GoalResponse.ACCEPT

    def _execute(self, handle):
        order = handle.request.order
        self.began.append(order)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        end = time.monotonic() + 20.0
        while order > 0 and not handle.is_cancel_requested and time.monotonic() < end:
            time.sleep(0.01)
        if handle.is_cancel_requested:
            handle.canceled()
        elif order < 0:
            handle.abort()
        else:
            handle.succeed()
        self.at_once -= 1
        self.ended.append(order)
        return Fibonacci.Result(sequence=[order])

    def close(self) -> None:
        self._server.destroy()
        self._thread.close(5.0)
        self.node.destroy_node()


@pytest.fixture
def server():
    rclpy.init()
    made = Server()
    yield made
    made.close()
    rclpy.try_shutdown()


@pytest.fixture
def side(server):
    owner = rclpy.create_node("bridge", namespace="/cell", use_global_arguments=False)
    made = SideNode(owner)
    assert made.get_fully_qualified_name() == "/cell/bridge_clients"
    yield made
    made.close()
    made.close()
    owner.destroy_node()


def wait(condition, what, timeout_s=15.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def test_a_goal_that_succeeds_gives_its_result(side) -> None:
    client = GoalClient(side, Fibonacci, "/move", 10.0)
    assert list(client.execute(Fibonacci.Goal(order=0)).sequence) == [0]
    assert client.cancel(0.0)  # nothing is at work


def test_what_does_not_succeed_is_said(side, server) -> None:
    client = GoalClient(side, Fibonacci, "/move", 10.0)
    with pytest.raises(RobotError, match="/move: the goal was aborted"):
        client.execute(Fibonacci.Goal(order=-1))
    with pytest.raises(RobotError, match=r"did not answer within 0\.2 s"):
        client.execute(Fibonacci.Goal(order=5), 0.2)
    server.refuses = True
    with pytest.raises(RobotError, match="/move: the goal was refused"):
        client.execute(Fibonacci.Goal(order=0))
    with pytest.raises(RobotError, match=r"no action elsewhere within 0\.1 s"):
        GoalClient(side, Fibonacci, "elsewhere", 0.1).execute(Fibonacci.Goal())


def test_another_thread_cancels(side, server) -> None:
    client = GoalClient(side, Fibonacci, "/move", 10.0)
    said: list[str] = []

    def work() -> None:
        try:
            client.execute(Fibonacci.Goal(order=7))
        except RobotError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    wait(lambda: server.began == [7], "the goal at work")
    assert client.cancel(10.0)
    thread.join(10.0)
    assert said == ["action /move: the goal was cancelled"]


def test_a_goal_that_is_taken_too_late_is_cancelled(side, server) -> None:
    server.takes_s = 1.0
    with pytest.raises(RobotError, match=r"did not answer within 0\.3 s"):
        GoalClient(side, Fibonacci, "/move", 0.3).execute(Fibonacci.Goal(order=3))
    wait(lambda: server.ended == [3], "its end")


class ActionsOfAnotherType:
    """The hand over these actions: a width of 0.04 m is a motion that lasts, one of 0 fails."""

    def __init__(self, client: GoalClient) -> None:
        self.client = client
        self.state = type("State", (), {"width": float("nan")})()

    def move(self, width: float, speed: float) -> bool:
        order = {0.04: 4, 0.07: 0}[width]
        return bool(self.client.execute(Fibonacci.Goal(order=order)).sequence[0] == order)

    def grasp(self, width: float, speed: float, force: float, inner: float, outer: float) -> bool:
        self.client.execute(Fibonacci.Goal(order=-1))
        return True

    def homing(self) -> bool:
        self.client.execute(Fibonacci.Goal(order=9))
        return True

    def stop(self) -> bool:
        return self.client.cancel(10.0)


def test_the_newest_wish_of_a_hand_wins_and_failures_are_kept(side, server) -> None:
    client = GoalClient(side, Fibonacci, "/move", 10.0)
    worker = GripperWorker(ActionsOfAnotherType(client), GripperConfig(homing_timeout_s=1.0))
    try:
        worker.grip(0.04)
        wait(lambda: server.began == [4], "the motion that lasts")
        worker.grip(0.07)  # the motion is cancelled first: the server never has two
        wait(lambda: server.ended == [4, 0], "the newer wish")
        assert server.most_at_once == 1
        worker.grip(0.0)
        wait(lambda: "aborted" in worker.problem, "the problem")
        worker.grip(0.07)
        wait(lambda: not worker.problem, "a motion that went well")
        worker.home()
        wait(lambda: "homing: no answer for 1 s; stopped" in worker.problem, "the homing's end")
        wait(lambda: server.ended[-1] == 9, "the cancelled homing")
    finally:
        worker.close(5.0)
