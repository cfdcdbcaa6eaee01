"""A training run in a node's worker thread, reported on `training/progress`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.node import Node

from visuomotor.errors import Interrupted
from visuomotor.ros import messages, topics

LAST_REPORT_S = 2.0
"""How long the end waits for somebody who reads the last report, and then until it is read."""
_CHECK_S = 0.1


class TrainingThread:
    """Runs `work(report, should_stop)` beside the executor.

    The newest report is published once a second and when the work ends; then, once its readers
    have the last one (at most LAST_REPORT_S later), the node ends too: with exit code 0, or with
    the error that `work` raised. Reports are any objects with stage, step, total, metrics and
    eta_s; who subscribes late (latched) gets the newest at once.
    """

    def __init__(
        self, node: Node, work: Callable[[Callable[[Any], None], Callable[[], bool]], None]
    ) -> None:
        self._node, self._work = node, work
        self._stop = threading.Event()
        self._newest: Any = None
        self._ended = False
        self._error: Exception | None = None
        self._publisher = node.create_publisher(
            DiagnosticArray, topics.TRAINING_PROGRESS, topics.LATCHED
        )
        node.create_timer(1.0, self._publish)
        self._rounds = 0
        node.create_timer(_CHECK_S, self._check)
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks the work to end, waits until it has saved its state, raises what went wrong."""
        self._stop.set()
        self._thread.join(60.0)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work(self._take, self._stop.is_set)
        except Interrupted:
            pass
        except Exception as error:  # raised again in the node's own thread, which ends it
            self._error = error
        self._ended = True

    def _take(self, report: Any) -> None:
        self._newest = report

    def _publish(self) -> None:
        report = self._newest
        if report is None:
            return
        values = {"step": report.step, "total": report.total, **report.metrics}
        if report.eta_s is not None:
            values["eta_s"] = report.eta_s
        now_ns = self._node.get_clock().now().nanoseconds
        self._publisher.publish(messages.diagnostics_msg({report.stage: values}, now_ns))
        line = ", ".join(f"{k} {v:.4g}" for k, v in values.items() if k not in ("step", "total"))
        self._node.get_logger().info(
            f"{report.stage} {report.step}/{report.total}: {line}", throttle_duration_sec=10.0
        )

    def _check(self) -> None:
        if not self._ended:
            return
        self._rounds += 1
        unheard = self._publisher.get_subscription_count() == 0
        if unheard and self._rounds * _CHECK_S < LAST_REPORT_S:
            return  # a short training may be over before those who listen have found it
        self._publish()
        # Destroying a publisher drops what its readers have not acknowledged yet.
        self._publisher.wait_for_all_acked(Duration(seconds=LAST_REPORT_S))
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise SystemExit(0)
