"""An arm that wiggles in lockstep under the bridge; latencies injected on stamps and commands."""

from collections import deque

import numpy as np
import pytest

from visuomotor.calibration.latency import Latencies, MotionRecord
from visuomotor.calibration.wiggle import WiggleConfig, wiggle
from visuomotor.contracts import StampedImage
from visuomotor.control import BridgeConfig, CartesianBridge
from visuomotor.errors import CalibrationError
from visuomotor.geometry import PinholeCamera
from visuomotor.sim import SimConfig, SimWorld

TICK_NS = 10_000_000


def recorded(
    late_s: dict[str, float], command_s: float, seed: int, grain: int = 0, still: bool = False
) -> MotionRecord:
    """What is heard while the arm wiggles: stamps late by late_s, references by command_s."""
    cameras = tuple(late_s)
    world = SimWorld(SimConfig(cameras=cameras, width=128, height=96))
    world.reset(seed, 1_000_000_000)
    bridge, rng = CartesianBridge(BridgeConfig()), np.random.default_rng(seed)
    record, motion = MotionRecord(cameras), WiggleConfig(duration_s=9.0)
    start, coming = world.robot_state().T_base_ee, deque()
    try:
        for tick in range(920):
            state, now_ns = world.robot_state(), world.time_ns
            record.add_pose(now_ns, state.T_base_ee)
            record.add_pose(now_ns, state.T_base_ee)  # a driver that repeats itself
            bridge.set_measured(state, now_ns)
            bridge.teleop_enable(True, now_ns)
            if tick % 5 == 0 and not still:
                verdict = bridge.offer("teleop", wiggle(start, tick * 0.01, motion), now_ns)
                if verdict.T_base_ee is not None:
                    record.add_command("command/target_pose", now_ns, verdict.T_base_ee)
            out = bridge.step(now_ns)
            if out.pose is not None:
                record.add_command("command/reference", now_ns, out.pose)
                coming.append((now_ns + round(command_s * 1e9), out.pose))
            while coming and coming[0][0] <= now_ns:
                world.set_reference(coming.popleft()[1])
            if tick % 5 == seed % 5:
                for name, view in world.frame().cameras.items():
                    image = view.color + rng.integers(-grain, grain + 1, view.color.shape)
                    color = np.clip(image, 0, 255).astype(np.uint8)
                    stamp = now_ns + round(late_s[name] * 1e9)
                    record.set_camera(name, PinholeCamera.from_fovy(128, 96, 0.6))
                    record.add_color(name, StampedImage(stamp, color))
            world.advance(0.01)
    finally:
        world.close()
    return record


@pytest.fixture(scope="module")
def plain() -> Latencies:
    """What the arm itself takes, with nothing injected."""
    return recorded({"front": 0.0}, 0.0, 2).measure()


@pytest.mark.parametrize(
    ("late_s", "command_s", "seed"),
    [
        ({"front": 0.031, "side": 0.083}, 0.06, 3),
        ({"side": 0.0, "wrist": -0.02}, 0.12, 1),
    ],
)
def test_latencies_are_recovered(late_s, command_s, seed, plain) -> None:
    found = recorded(late_s, command_s, seed, grain=5).measure()
    for name, seconds in late_s.items():
        assert abs(found.cameras[name].seconds - seconds) < 0.005, (name, str(found.cameras[name]))
        assert found.cameras[name].correlation > 0.85
    for path in ("command", "reference"):
        added_s = found.paths[path].seconds - plain.paths[path].seconds
        assert abs(added_s - command_s) < 0.005, path
    assert found.paths["command"].seconds > found.paths["reference"].seconds
    written = found.values("2026-01-01T00:00:00Z")
    assert written.command_s == found.paths["command"].seconds
    assert set(written.cameras) == set(late_s)


def test_an_arm_that_stands_still_is_refused() -> None:
    record = recorded({"front": 0.0}, 0.0, 0, still=True)
    with pytest.raises(CalibrationError, match=r"the hand moved by \d\.\d mm"):
        record.measure()


def test_without_robot_state_or_images_it_says_so() -> None:
    with pytest.raises(CalibrationError, match="no state of the arm"):
        MotionRecord(("front",)).measure()
    record = MotionRecord(("front",))
    for i in range(600):
        record.add_pose(i * TICK_NS, wiggle(np.eye(4), i * 0.01, WiggleConfig()))
    with pytest.raises(CalibrationError, match="camera front: no images"):
        record.measure()
