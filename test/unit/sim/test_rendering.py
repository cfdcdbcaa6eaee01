"""Colour and depth of one render: the depth's units and reach."""

import numpy as np
import pytest

from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rendering import MAX_DEPTH_M


@pytest.fixture(scope="module")
def world():
    world = SimWorld(SimConfig(cameras=("front",)))
    yield world
    world.close()


def test_a_depth_map_becomes_millimetres_within_reach(world):
    world.frame()
    renderer, rng = world.renderer, np.random.default_rng(0)
    near, far = 0.02, 8.0
    z_m = rng.uniform(near, far, renderer._depth.shape)
    z_m[0, :2] = near, far
    window = (near * far / z_m - near) / (far - near)  # reversed: 1 at near, 0 at far
    renderer._depth[:] = window
    depth_mm = renderer._depth_mm()
    expected = np.where(z_m < MAX_DEPTH_M, z_m * 1e3, 0)[::-1]
    decided = np.abs(z_m[::-1] - MAX_DEPTH_M) > 1e-3
    assert depth_mm.dtype == np.uint16
    np.testing.assert_allclose(depth_mm[decided], expected[decided], atol=0.51)
    exact = near * far / (near + renderer._depth[::-1].astype(np.float64) * (far - near))
    exact_mm = np.where(exact < MAX_DEPTH_M, np.rint(exact * 1e3), 0).astype(np.uint16)
    np.testing.assert_array_equal(depth_mm, exact_mm)


def test_reading_again_gives_new_arrays(world):
    first = world.frame().cameras["front"]
    kept = first.color.copy(), first.depth_mm.copy()
    world.reset(9)
    second = world.frame().cameras["front"]
    assert not np.array_equal(second.color, kept[0])
    np.testing.assert_array_equal(first.color, kept[0])
    np.testing.assert_array_equal(first.depth_mm, kept[1])
