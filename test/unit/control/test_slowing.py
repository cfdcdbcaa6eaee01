"""The reference waits for an arm that lags, so that its spring has no way to make up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bridge import HOME, Bench

from visuomotor.control import BridgeConfig
from visuomotor.control.slowing import LEAST_LAG_SHARE, SPRING_SHARE, Slowing
from visuomotor.geometry import pose

STIFFNESS, DAMPING = 800.0, 2.0 * np.sqrt(800.0)
REACH_M = 0.09
WINDOW_MS = 20


class Spring:
    """A mass on y behind an impedance controller, with friction that holds it before it slides."""

    def __init__(self, mass: float, friction: float) -> None:
        self.mass, self.friction = mass, friction
        self.y = self.v = self.fastest = 0.0
        self.way = [0.0] * (WINDOW_MS + 1)

    def pull(self, y: float, v: float, seconds: float) -> None:
        h = 0.001
        for _ in range(round(seconds / h)):
            force = STIFFNESS * np.clip(y - self.y, -0.03, 0.03) + DAMPING * (v - self.v)
            if self.v != 0.0 or abs(force) > self.friction:
                going = np.sign(self.v) or np.sign(force)
                after = self.v + h * (force - going * self.friction) / self.mass
                self.v = 0.0 if after * going < 0.0 else after
            self.y += h * self.v
            self.way = [*self.way[1:], self.y]
            self.fastest = max(self.fastest, (self.way[-1] - self.way[0]) / (WINDOW_MS * h))


def caught_up(rate: float, mass: float, friction: float) -> Spring:
    """An arm at rest whose targets go 9 cm aside, as fast as they may."""
    bench, spring = Bench(catch_up_rate=rate), Spring(mass, friction)
    bench.follows, down = False, bench.measured[:3, :3]
    bench.tick()
    for k in range(300):
        if k % 5 == 0:
            y = min(0.04 * (k // 5 + 1), REACH_M)
            assert bench.bridge.offer(
                "policy", pose(down, HOME + np.array([0, y, 0])), bench.now_ns
            )
        out = bench.tick()
        assert abs(out.twist[1]) <= bench.bridge.config.max_speed + 1e-9
        spring.pull(out.pose[1, 3], out.twist[1], 0.01)
        bench.measured = pose(down, HOME + np.array([0, spring.y, 0]))
    return spring


@pytest.mark.parametrize("friction", [0.0, 4.0, 8.0])
@pytest.mark.parametrize("mass", [1.0, 3.0, 6.0])
def test_an_arm_on_a_spring_keeps_the_speed_limit_and_arrives(mass, friction) -> None:
    limit = BridgeConfig().max_speed
    kept = caught_up(10.0, mass, friction)
    assert kept.fastest <= limit
    assert kept.y == pytest.approx(REACH_M, abs=0.001 + friction / STIFFNESS)


def test_without_it_the_heavy_arm_does_not() -> None:
    assert caught_up(0.0, 6.0, 4.0).fastest > 1.1 * BridgeConfig().max_speed


def looked(behind, speed=0.1, aside=0.0, age_s=0.0, rate=10.0):
    slowing = Slowing(BridgeConfig(catch_up_rate=rate))
    reference = pose(np.eye(3), HOME + np.array([0, behind, aside]))
    began = slowing.lagging(reference, np.array([0, speed, 0]), pose(np.eye(3), HOME), age_s)
    return slowing.share, began


@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(0.01, 0.25))
def test_only_what_is_left_of_the_way_counts(behind, aside, speed) -> None:
    share, began = looked(behind, speed, aside)
    wanted = SPRING_SHARE - 10.0 * max(behind, 0.0) / 0.25
    assert share == pytest.approx(max(LEAST_LAG_SHARE, wanted))
    assert began == (share < SPRING_SHARE)
    assert looked(behind, speed, aside, rate=0.0) == (1.0, False)


def test_an_old_measurement_explains_the_way_since_it() -> None:
    assert looked(0.01, speed=0.1, age_s=0.1) == (SPRING_SHARE, False)
    assert looked(0.02, speed=0.0) == (SPRING_SHARE, False)


def test_a_lag_is_counted_and_told() -> None:
    bench = Bench(catch_up_rate=14.0)
    bench.tick()
    bench.follows = False
    bench.tick(30, bench.policy)
    assert bench.out.counters["slowed/lagging"] == 1
    assert float(bench.bridge.status()["bridge"]["speed_share"]) < SPRING_SHARE


@pytest.mark.parametrize("rate", [-1.0, float("nan"), 1000.0])
def test_a_rate_that_is_none_is_refused(rate) -> None:
    with pytest.raises(ValueError, match="catch_up_rate"):
        BridgeConfig(catch_up_rate=rate)
