"""The bridge, whole, with its lead: any sequence of what may come, and no command out of limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from visuomotor.bench.fuzzing.command_bounds import CommandBounds
from visuomotor.bench.fuzzing.ros_messages import REALS
from visuomotor.bench.fuzzing.target import Target
from visuomotor.contracts import BASE_FRAMES, Float64, RobotState
from visuomotor.control import BridgeConfig, CartesianBridge
from visuomotor.control.arbitration import SOURCES
from visuomotor.control.kinematics import HOME_Q
from visuomotor.geometry import apply_delta, pose

_HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.45, 0.0, 0.3])
_TIMES = (0, 1, -1, 10**6, 2 * 10**8, 3 * 10**9, -(10**8), -(3 * 10**9), 2**62, -(2**62))
_AGES = (0, -(10**8), 10**8, -(10**10), 2**62, -(2**63), 2**61)
_WEIGHTS = {
    "step": 10.0, "offer": 6.0, "state": 6.0, "teleop": 3.0, "policy": 2.0, "gripper": 1.0,
    "wrench": 0.5, "joints": 0.5, "hold": 0.1, "prepare": 0.1, "reset": 0.4, "fail": 0.05,
}  # fmt: skip
_LENGTH = 60


def bridge(folder: Path) -> Target:
    """A configuration and a list of events, [what, nanoseconds later, numbers ...], in JSON."""

    def use(data: bytes) -> None:
        config, events = json.loads(data)
        with np.errstate(all="ignore"):
            _Player(BridgeConfig(**config)).play(events)

    return Target(_make, use)


def _make(rng: Random) -> bytes:
    config = {
        "lead_s": rng.choice((0.0, 0.08, 0.15)),
        "anchor_on_teleport": rng.random() < 0.3,
        "require_policy_enable": rng.random() < 0.5,
        "max_jump_m": rng.choice((0.05, 0.05, 5.0)),
        "max_jump_rad": rng.choice((0.5, 2.5)),
    }
    odds = rng.choice((0.0, 0.02, 0.2))  # of something strange; where it is large little moves
    course = [rng.uniform(-0.03, 0.03) for _ in range(6)] if rng.random() < 0.5 else [0.0] * 6
    events: list[list[Any]] = [["state", 0, *[0.0] * 6, 0.04], ["teleop", 0, True]]
    for kind in rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=_LENGTH):
        later = 10**7 if kind == "step" else 0
        if rng.random() < odds / 2:
            later = rng.choice(_TIMES)
        events.append([kind, later, *_numbers(kind, rng, odds, course)])
    return json.dumps([config, events]).encode()


def _numbers(kind: str, rng: Random, odds: float, course: list[float]) -> list[Any]:
    def real(size: float) -> float:
        return rng.choice(REALS) if rng.random() < odds / 4 else rng.uniform(-size, size)

    if kind == "offer":
        frame = rng.choice(BASE_FRAMES) if rng.random() >= odds / 2 else rng.choice(("map", ""))
        age = 0 if rng.random() >= odds / 2 else rng.choice(_AGES)
        size = rng.choice((0.02, 0.05, 0.5))
        sizes = [size] * 3 + [8 * size] * 3 if not any(course) else [0.005] * 6
        delta = [c + real(s) for c, s in zip(course, sizes, strict=True)]
        sender = rng.choice(("", "a")) if rng.random() >= odds / 4 else "b"
        return [rng.randrange(2), frame, age, sender, *delta]
    if kind == "state":  # mostly the arm is where it was told to be
        size = 0.001 if rng.random() >= odds else rng.choice((0.01, 0.3))
        return [*(real(size) for _ in range(6)), real(0.08)]
    if kind == "joints":
        return [real(3.0) for _ in range(14)]
    if kind == "wrench":
        return [real(6.0 if rng.random() >= odds else 40.0) for _ in range(6)]
    if kind == "gripper":
        return [rng.randrange(2), real(0.1)]
    return [rng.random() < 0.9] if kind in ("teleop", "policy") else []


class _Player:
    """Plays events to a bridge and looks at everything that comes out."""

    def __init__(self, config: BridgeConfig) -> None:
        self._bridge = CartesianBridge(config)
        self._bounds = CommandBounds(config)
        self._robot = RobotState(0, _HOME, HOME_Q, np.zeros(7), 0.04)
        self._reference: Float64 = _HOME
        self._now_ns = 10**12
        self._does: dict[str, Callable[..., object]] = {
            "step": self._step,
            "offer": self._offer,
            "state": self._measured,
            "joints": self._joints,
            "wrench": lambda *w: self._bridge.set_wrench(np.array(w), self._now_ns),
            "gripper": lambda s, m: self._bridge.offer_gripper(SOURCES[s], m, self._now_ns),
            "teleop": lambda pressed: self._bridge.teleop_enable(pressed, self._now_ns),
            "policy": lambda pressed: self._bridge.policy_enable(pressed, self._now_ns),
            "hold": self._bridge.hold,
            "prepare": self._bridge.prepare_reset,
            "reset": lambda: self._bridge.reset(self._now_ns),
            "fail": lambda: self._bridge.fail("for a test"),
        }

    def play(self, events: list[list[Any]]) -> None:
        """Every event, then a step of the bridge."""
        for kind, later, *numbers in [*events, ["step", 10**7]]:
            self._now_ns += later
            self._does[kind](*numbers)
        self._bridge.status()

    def _step(self) -> None:
        output = self._bridge.step(self._now_ns)
        self._bounds.check(output, self._now_ns)
        if output.pose is not None:
            self._reference = output.pose

    def _offer(self, source: int, frame: str, age_ns: int, sender: str, *delta: float) -> None:
        T = apply_delta(self._reference, np.array(delta))
        stamp_ns = self._now_ns - age_ns
        self._bridge.offer(SOURCES[source], T, self._now_ns, frame, stamp_ns, sender)

    def _measured(self, *delta: float) -> None:
        T = apply_delta(self._reference, np.array(delta[:6]))
        self._robot = replace(self._robot, T_base_ee=T, gripper_width_m=delta[6])
        self._bounds.measured(T)
        self._bridge.set_measured(self._robot, self._now_ns)

    def _joints(self, *values: float) -> None:
        q, dq = np.array(values[:7]), np.array(values[7:])
        self._robot = replace(self._robot, q=q, dq=dq)
        self._bounds.measured(self._robot.T_base_ee)
        self._bridge.set_measured(self._robot, self._now_ns)
