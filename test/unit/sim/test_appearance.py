"""What a world looks like: appearance, shadows, multisampling, noise, and what is left out."""

import numpy as np
import pytest

from visuomotor.sim import SimConfig, SimWorld


def render(**fields):
    world = SimWorld(SimConfig(**fields))
    world.reset(5)
    frame = world.frame()
    world.close()
    return frame.cameras


@pytest.fixture(scope="module")
def plain():
    return render()


def test_the_full_arm_looks_different_but_stands_in_the_same_place(plain):
    full = render(appearance="full")
    for name in ("front", "side"):
        assert not np.array_equal(full[name].color, plain[name].color)
        same = np.abs(full[name].depth_mm.astype(int) - plain[name].depth_mm) < 15
        assert same.mean() > 0.9


def test_shadows_darken_some_pixels_and_leave_depth_alone(plain):
    shaded = render(shadows=True, cameras=("front",))["front"]
    darker = shaded.color.astype(int).sum(-1) < plain["front"].color.astype(int).sum(-1) - 20
    assert 0.005 < darker.mean() < 0.6
    np.testing.assert_array_equal(shaded.depth_mm, plain["front"].depth_mm)


def test_multisampling_softens_edges(plain):
    smooth = render(multisamples=4, cameras=("front",))["front"]
    difference = np.abs(smooth.color.astype(int) - plain["front"].color).max(-1)
    assert 0.001 < (difference > 8).mean() < 0.3  # edges, not areas


def test_other_sizes_keep_the_view():
    large = render(width=320, height=240, cameras=("front",))["front"]
    small = render(cameras=("front",))["front"]
    assert large.color.shape == (240, 320, 3)
    assert large.camera == small.camera.resized(320, 240)
    mean = large.color.reshape(120, 2, 160, 2, 3).mean(axis=(1, 3))
    assert np.abs(mean - small.color).mean() < 5


@pytest.mark.parametrize("appearance", ["light", "full"])
def test_leaving_out_what_is_not_in_view_changes_no_pixel(appearance):
    world = SimWorld(SimConfig(appearance=appearance))
    groups = world.model.geom_group.copy()
    rng = np.random.default_rng(0)
    culled = 0
    for seed in range(3):
        world.reset(seed)
        T = world.robot_state().T_base_ee.copy()
        T[:3, 3] += rng.uniform(-0.1, 0.1, 3)
        world.set_reference(T)
        world.advance(0.5)
        frame = world.frame()
        np.testing.assert_array_equal(world.model.geom_group, groups)
        for index, (name, camera) in enumerate(frame.cameras.items()):
            seen = world.renderer._culling.groups(world.data, world.model.camera(name).id)
            culled += int((seen != groups).sum())
            culling, world.renderer._culling = world.renderer._culling, None
            color, depth_mm = world.renderer.render(world._drawn, name)
            world.renderer._culling = culling
            np.testing.assert_array_equal(color, camera.color, err_msg=f"{index}")
            np.testing.assert_array_equal(depth_mm, camera.depth_mm)
    world.close()
    assert culled > 20


def test_noisy_depth_is_the_same_for_the_same_seed():
    fields = {"depth_noise": 0.005, "depth_holes": 0.1, "cameras": ("front",)}
    first, second = render(**fields), render(**fields)
    np.testing.assert_array_equal(first["front"].depth_mm, second["front"].depth_mm)
    assert not np.array_equal(first["front"].depth_mm, render(cameras=("front",))["front"].depth_mm)
