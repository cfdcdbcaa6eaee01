"""Noise and faults: their size, their share, and their independence of what was not measured."""

import numpy as np
import pytest

from visuomotor.sim import SimConfig
from visuomotor.sim.sensors import StreamFaults, degrade_depth

SHAPE = (240, 320)


@pytest.mark.parametrize("z_mm", [500, 1000, 2000])
def test_noise_grows_with_the_square_of_the_distance(z_mm):
    config = SimConfig(depth_noise=0.01)
    depth = np.full(SHAPE, z_mm, np.uint16)
    noisy = degrade_depth(depth, config, np.random.default_rng(0)).astype(float)
    assert noisy.std() * 1e-3 == pytest.approx(0.01 * (z_mm * 1e-3) ** 2, rel=0.03)
    assert noisy.mean() == pytest.approx(z_mm, abs=0.5)


def test_nothing_measured_stays_nothing():
    depth = np.full(SHAPE, 800, np.uint16)
    depth[:50] = 0
    noisy = degrade_depth(depth, SimConfig(depth_noise=0.02), np.random.default_rng(0))
    assert not noisy[:50].any()
    assert noisy[50:].all()


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_holes_take_their_share_in_patches(share):
    depth = np.full(SHAPE, 800, np.uint16)
    holes = degrade_depth(depth, SimConfig(depth_holes=share), np.random.default_rng(0)) == 0
    assert holes.mean() == pytest.approx(share, abs=0.005)
    neighbour = holes[:, 1:][holes[:, :-1]].mean()  # independent pixels would give `share`
    assert neighbour > 0.5


def test_a_perfect_camera_is_left_alone():
    depth = np.full(SHAPE, 800, np.uint16)
    assert degrade_depth(depth, SimConfig(), np.random.default_rng(0)) is depth


def test_faults_come_at_their_rates():
    faults, rng = StreamFaults(drop_fraction=0.2, stamp_jitter_s=0.004), np.random.default_rng(0)
    assert np.mean([faults.lost(rng) for _ in range(20000)]) == pytest.approx(0.2, abs=0.02)
    jitter = np.array([faults.jitter_ns(rng) for _ in range(2000)])
    assert np.abs(jitter).max() <= 4_000_000
    assert jitter.std() == pytest.approx(4e6 / np.sqrt(3), rel=0.1)
    none = StreamFaults()
    assert not any(none.lost(rng) or none.jitter_ns(rng) for _ in range(100))


def test_a_camera_dies_when_it_is_told_to():
    faults = StreamFaults(dead_camera="front", dead_after_s=2.0)
    assert not faults.dead("front", 1.99)
    assert faults.dead("front", 2.0)
    assert not faults.dead("side", 9.0)


@pytest.mark.parametrize("fields", [{"drop_fraction": 1.0}, {"stamp_jitter_s": -0.1}])
def test_impossible_faults_are_refused(fields):
    with pytest.raises(ValueError, match=r"expected 0 <= drop_fraction < 1"):
        StreamFaults(**fields)
