"""A policy that takes 150 ms a pass, in the graph: beside the commands, and within them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from ros_node import running  # noqa: E402
from slow_policy import CHUNK, WAIT_S, write_slow_policy  # noqa: E402
from test_policy_node import Lab, wait  # noqa: E402

from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.sim import SimConfig, SimWorld  # noqa: E402

pytestmark = pytest.mark.alone


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_slow_policy(tmp_path / "slow", "front", "side")


@pytest.fixture
def lab() -> Iterator[Lab]:
    world = SimWorld(SimConfig(cameras=("front", "side"), width=80, height=60))
    world.reset(7)
    frame = world.frame()
    world.close()
    yield from running(lambda: Lab(frame))


@contextmanager
def node(checkpoint: Path, *parameters: str) -> Iterator[None]:
    """The node with the family `slow`, ended in good order."""
    words = [w for p in (f"checkpoint:={checkpoint}", *parameters) for w in ("-p", p)]
    program = Path(__file__).with_name("slow_policy.py")
    process = subprocess.Popen([sys.executable, str(program), "--ros-args", *words], env=os.environ)
    try:
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def stamps(lab: Lab) -> np.ndarray:
    return np.array([messages.stamp_ns_of(m) for m in lab.received[topics.POLICY_POSE]])


def rate_hz(lab: Lab, newest: int) -> float:
    """Of the newest commands, by their stamps; 0 before there are so many."""
    last = stamps(lab)[-newest:]
    return 0.0 if len(last) < newest else (newest - 1) / ((last[-1] - last[0]) * 1e-9)


def values(lab: Lab) -> dict[str, str]:
    return lab.diagnostics.get("policy", {})


def fresh_values(lab: Lab) -> dict[str, str]:
    seen = lab.diagnostics
    wait(lab, lambda: lab.diagnostics is not seen and "policy" in lab.diagnostics)
    return values(lab)


def settled(lab: Lab) -> int:
    """How many commands came, once those that were under way have arrived."""
    fresh_values(lab)
    return len(stamps(lab))


def start(lab: Lab) -> None:
    wait(lab, lambda: values(lab).get("sets") == "ok")
    assert lab.trigger(topics.POLICY_START).success


def test_asynchronously_it_commands_at_20_hz_and_a_stall_ends_in_silence(
    lab: Lab, checkpoint: Path, tmp_path: Path
) -> None:
    calibration = tmp_path / "calibration.yaml"
    calibration.write_text("latency: {command: 0.01}")
    hang, broken = checkpoint / "hang", checkpoint / "broken"
    parameters = (
        "inference:=asynchronous",
        "overlap:=blend",
        f"calibration:={calibration}",
        "compensate:=true",
    )
    with node(checkpoint, *parameters):
        start(lab)
        wait(lab, lambda: 18.0 <= rate_hz(lab, 60) <= 22.0, 60.0)
        wait(lab, lambda: int(values(lab)["spliced"]) >= 10)
        seen = values(lab)
        assert seen["command_latency_ms"] == "10"
        assert float(seen["latency_used_ms"]) > 1e3 * (WAIT_S + 0.01)
        assert int(seen["late_actions"]) >= 3 * int(seen["chunks"])  # 160 ms: three steps are gone

        hang.touch()
        wait(lab, lambda: "no action for" in lab.message)
        silent, stalls = settled(lab), int(values(lab)["stalls"])
        assert settled(lab) == silent, "it ran out of its chunk"
        assert int(values(lab)["stalls"]) > stalls
        hang.unlink()
        wait(lab, lambda: rate_hz(lab, 20) >= 18.0)  # the stall is over

        broken.touch()
        wait(lab, lambda: f"in action {CHUNK} of {CHUNK}, expected a finite pose" in lab.message)
        silent, refused = settled(lab), int(values(lab)["refused"])
        wait(lab, lambda: int(values(lab)["refused"]) >= refused + 3)
        assert len(stamps(lab)) == silent
        broken.unlink()
        wait(lab, lambda: len(stamps(lab)) >= silent + 20)

        assert lab.trigger(topics.POLICY_STOP).success
        stopped, stalls = settled(lab), int(values(lab)["stalls"])
        assert settled(lab) == stopped
        assert int(values(lab)["stalls"]) == stalls, "who is stopped does not stall"


def test_synchronously_every_pass_stalls_the_commands(lab: Lab, checkpoint: Path) -> None:
    with node(checkpoint):
        start(lab)
        wait(lab, lambda: len(stamps(lab)) >= 12)
        assert np.diff(stamps(lab)).min() * 1e-9 > 0.9 * WAIT_S
        seen = fresh_values(lab)
        assert int(seen["stalls"]) >= 2 * 10, "a command, and two steps without one"
        assert int(seen["late_actions"]) >= 3 * int(seen["chunks"])


def test_actions_of_a_scene_that_is_over_are_not_sent(lab: Lab, checkpoint: Path) -> None:
    hang = checkpoint / "hang"
    with node(checkpoint):
        start(lab)
        wait(lab, lambda: len(stamps(lab)) >= 3)
        hang.touch()
        wait(lab, lambda: silent_s(lab) > 2.0)
        silent = settled(lab)
        assert int(values(lab)["refused"]) == 0
        hang.unlink()
        wait(lab, lambda: int(values(lab)["refused"]) == 1)
        wait(lab, lambda: len(stamps(lab)) > silent)
        assert np.diff(stamps(lab)).max() * 1e-9 > 2.0 + WAIT_S, "the next set's, not that one's"


def test_asynchronously_nothing_is_played_on_blind(lab: Lab, tmp_path: Path) -> None:
    long = write_slow_policy(tmp_path / "long", "front", "side", chunk=200)
    with node(long, "inference:=asynchronous"):
        start(lab)
        wait(lab, lambda: len(stamps(lab)) >= 10)
        cameras, lab.alive = lab.alive, set()
        blind_ns = lab.get_clock().now().nanoseconds
        wait(lab, lambda: silent_s(lab) > 1.0)
        last_s = (stamps(lab)[-1] - blind_ns) * 1e-9
        assert last_s < 2.0, "ten seconds of actions were there"
        lab.alive = cameras
        commands = len(stamps(lab))
        wait(lab, lambda: len(stamps(lab)) > commands)


def silent_s(lab: Lab) -> float:
    """How long ago the last command was."""
    return float(lab.get_clock().now().nanoseconds - stamps(lab)[-1]) * 1e-9
