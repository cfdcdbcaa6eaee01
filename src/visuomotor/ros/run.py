"""Runs a node until it is told to stop; the same few lines for every executable."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from visuomotor.errors import ConfigError, VisuomotorError
from visuomotor.ros.discovery import local_environment

LEAVE_S = 2.5
"""How long leaving the graph may take; a launch kills what has not ended after 3.2 s."""

FAILED_START = 2


def run_node(make_node: Callable[[], Node], args: Sequence[str] | None = None) -> None:
    """Initialises ROS, spins the node on one thread and shuts down cleanly.

    SIGINT and SIGTERM end the spinning; then `node.close()`, where there is one, is called
    exactly once *with the ROS context still valid* (there the bridge makes hardware safe), and
    run_node returns. A callback that raises SystemExit(code), or calls rclpy.shutdown(), ends
    the node in the same way. Raises SystemExit(2) after one line on stderr for an error at
    start-up, SystemExit(1) when a callback or `close` raised; the traceback is logged. Fast DDS
    can wait for itself for ever while it leaves (eProsima/Fast-DDS issue 6513), without letting
    Python run; a process that has closed its node and has not left LEAVE_S later ends by SIGALRM.

    With the process's own command line (`args` None) a node that ran does not return from here:
    the process ends by os._exit. Python would take half a second more to end with nothing left to
    do, and threads of drivers that it ends under way abort it.
    """
    code = _run(make_node, args)
    if args is None and code != FAILED_START:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    if code:
        raise SystemExit(code)


def _run(make_node: Callable[[], Node], args: Sequence[str] | None) -> int:
    executor: SingleThreadedExecutor | None = None
    stop = threading.Event()

    def wake() -> None:
        stop.set()
        if executor is not None:
            executor.create_task(lambda: None)

    with _signals(wake):
        node: Node | None = None
        try:
            try:
                _init(args)
                node = make_node()
            except VisuomotorError as error:
                print(f"error: {error}", file=sys.stderr, flush=True)
                return FAILED_START
            gc.collect()
            gc.freeze()  # what is there now stays; looking through it takes 40 ms of a control loop
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            return _spin(node, executor, stop)
        finally:
            if executor is not None:
                executor.shutdown()
            with _bounded(LEAVE_S):
                if node is not None:
                    with contextlib.suppress(Exception):
                        node.destroy_node()
                rclpy.try_shutdown()


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Ends the process where what is inside takes longer."""
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _init(args: Sequence[str] | None) -> None:
    line = sys.argv if args is None else [sys.argv[0], *args]
    os.environ.update(local_environment(os.environ))
    try:
        rclpy.init(args=line, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # the classes are private to rclpy and differ by distribution
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"ROS did not start with the arguments {' '.join(line[1:]) or '(none)'}: {reason}"
        ) from error


def _spin(node: Node, executor: SingleThreadedExecutor, stop: threading.Event) -> int:
    code = 0
    try:
        while rclpy.ok() and not stop.is_set():
            executor.spin_once()
    except ExternalShutdownException:
        pass
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        code = 1
        _log(node, error)
    close = getattr(node, "close", None)
    if close is not None:
        try:
            close()
        except Exception as error:
            code = code or 1
            _log(node, error)
    return code


def _log(node: Node, error: Exception) -> None:
    """What a user can mend in one line, a defect with its traceback."""
    text = str(error) if isinstance(error, VisuomotorError) else traceback.format_exc()
    node.get_logger().fatal(text)


@contextlib.contextmanager
def _signals(wake: Callable[[], None]) -> Iterator[None]:
    """Calls `wake` from a thread of its own at SIGINT or SIGTERM; further ones are ignored.

    A Python handler alone would wait until the executor's wait in C returns. rclpy's own
    handlers shut the context down at once, before a node could publish a last message.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    numbers = (signal.SIGINT, signal.SIGTERM)
    told = threading.Event()

    def watch() -> None:
        while byte := os.read(reader, 1):
            if byte[0] in numbers:
                told.set()
                wake()
            elif byte[0] == 0:
                return

    thread = threading.Thread(target=watch, name="signals", daemon=True)
    before = {n: signal.signal(n, lambda *_: None) for n in numbers}
    before_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            # A second Ctrl-C must not kill the interpreter while it ends in good order.
            signal.signal(number, signal.SIG_IGN if told.is_set() else handler)
        os.write(writer, b"\0")
        thread.join()
        os.close(reader)
        os.close(writer)
