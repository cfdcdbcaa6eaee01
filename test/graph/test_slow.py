"""Commands in slowed time: every wait lasts longer, and no clock inside tells it."""

import json
import os
import subprocess
import sys
import time

import pytest

from visuomotor.control.backends.libfranka import LibfrankaBackend, LibfrankaConfig
from visuomotor.errors import ConfigError, RobotError
from visuomotor.slow import run_slowed, slowed_by
from visuomotor.slow.run import VARIABLE

FACTOR = 3.0
WAITS = """
import asyncio, json, queue, select, socket, subprocess, sys, threading, time
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(0.1)
    try: s.recv(1)
    except TimeoutError: pass
def empty():
    try: queue.Queue().get(timeout=0.1)
    except queue.Empty: pass
def child():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)"])
waits = {
    "sleep": lambda: time.sleep(0.1),
    "event": lambda: threading.Event().wait(0.1),
    "queue": empty,
    "select": lambda: select.select([], [], [], 0.1),
    "socket": udp,
    "asyncio": lambda: asyncio.run(asyncio.sleep(0.1)),
    "child": child,
}
for name, wait in waits.items():
    times = [time.monotonic(), time.time(), time.monotonic()]
    wait()
    times += [time.monotonic(), time.time(), time.monotonic()]
    print(json.dumps([name, *times]), flush=True)
"""
TIMER = """
import rclpy, time
from rclpy.clock import Clock, ClockType
rclpy.init()
node = rclpy.create_node("slowed")
ticks = []
steady = Clock(clock_type=ClockType.STEADY_TIME)
node.create_timer(0.05, lambda: ticks.append(time.monotonic()), clock=steady)
while len(ticks) < 11:
    rclpy.spin_once(node, timeout_sec=1.0)
print(ticks[-1] - ticks[0])
"""


def lines_and_times(*command: str) -> tuple[list[str], list[float]]:
    """What a slowed command prints, and the true time of each line."""
    words = [sys.executable, "-m", "visuomotor", "slow", f"{FACTOR:g}", *command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines, times = [], list[float]()
        for line in process.stdout:
            lines.append(line)
            times.append(time.monotonic())
    assert process.returncode == 0
    return lines, times


def test_every_wait_lasts_longer_and_no_clock_tells() -> None:
    begin = time.monotonic()
    lines, times = lines_and_times(sys.executable, "-c", WAITS)
    rows = [json.loads(line) for line in lines]
    assert [name for name, *_ in rows] == [
        *("sleep", "event", "queue", "select", "socket", "asyncio", "child")
    ]
    slowed_s = 0.0
    for (name, *clocks), end in zip(rows, times, strict=True):
        before, wall, left, back, wall_back, after = clocks
        assert back - left >= 0.099, name
        assert back - left <= wall_back - wall + 1e-4, name  # read in this order, whatever
        assert wall_back - wall <= after - before + 1e-4, name  # is held up between them
        slowed_s += back - left
        assert end - begin >= FACTOR * slowed_s, name  # a line may be read late, never early


def test_a_node_ticks_in_slowed_time() -> None:
    begin = time.monotonic()
    (line,), (end,) = lines_and_times(sys.executable, "-c", TIMER)
    assert 0.45 <= float(line) <= (end - begin) / FACTOR


def test_an_exit_code_is_passed_on() -> None:
    assert run_slowed(2.0, [sys.executable, "-c", "import sys; sys.exit(7)"]) == 7


@pytest.mark.parametrize(("factor", "command"), [(0.5, ["ls"]), (float("nan"), ["ls"]), (2.0, [])])
def test_a_factor_that_does_not_slow_is_refused(factor: float, command: list[str]) -> None:
    with pytest.raises(ConfigError, match="expected a factor from 1 to 100 and a command"):
        run_slowed(factor, command)


def test_a_command_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="no command 'visuomoter'"):
        run_slowed(2.0, ["visuomoter"])


def test_slowed_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"4 {time.time_ns()} {time.monotonic_ns()}")
    assert slowed_by() == 4.0
    with pytest.raises(ConfigError, match="slowed already"):
        run_slowed(2.0, ["ls"])


def test_no_real_arm_moves_in_slowed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"4 {time.time_ns()} {time.monotonic_ns()}")
    with pytest.raises(RobotError, match=r"172\.16\.0\.2 may be real"):
        LibfrankaBackend(LibfrankaConfig(robot_hostname="172.16.0.2")).start()


def test_nothing_is_slowed_by_itself() -> None:
    assert VARIABLE not in os.environ
    assert slowed_by() == 1.0
