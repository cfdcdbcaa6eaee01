"""Visual worlds by number: disjoint, the same every time, and true in what they report."""

import os

import numpy as np
import pytest

from visuomotor.errors import ConfigError
from visuomotor.geometry import rotation_angle
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.environments import ENVIRONMENTS, SPLITS, environment, environment_of
from visuomotor.sim.scene import mount_of
from visuomotor.sim.tasks.coaster import show_coaster
from visuomotor.sim.tasks.mug import mug_look
from visuomotor.sim.textures import draw_texture

TEST_0 = 1 + 2 * ENVIRONMENTS


def make(task="pusher", variant="test_environments", cameras=("front",), **fields):
    return SimWorld(SimConfig(task=task, variant=variant, cameras=cameras, **fields))


def image(world, seed):
    world.reset(seed)
    return world.frame().cameras["front"]


# --- numbers ---


def test_no_environment_belongs_to_two_splits():
    numbers = [{environment_of(v, s) for s in range(500)} for v in ("plain", *SPLITS)]
    assert [len(n) for n in numbers] == [1, ENVIRONMENTS, ENVIRONMENTS, ENVIRONMENTS]
    plain, weak, validation, test = numbers
    assert plain < weak, "the demonstrations' own room is one of those of weak images"
    assert len(weak | validation | test) == 3 * ENVIRONMENTS


@pytest.mark.parametrize("variant", SPLITS)
def test_the_environment_is_the_seed_modulo_forty(variant):
    first = environment_of(variant, 1) - 1
    assert [environment_of(variant, s) - first for s in (3, 43, 300_007)] == [3, 3, 7]


def test_a_variant_without_environments_is_told():
    with pytest.raises(ConfigError, match=r"variant with environments 'test_environment'.*did you"):
        environment_of("test_environment", 0)
    with pytest.raises(ConfigError, match=r"unknown variant of lift 'test_environments'"):
        make("lift")
    with pytest.raises(ConfigError, match=r"unknown variant of striker 'class_general'"):
        make("striker", "class_general")


# --- looks ---


def test_every_environment_looks_different():
    tables = [environment(n).textures["table"].tobytes() for n in range(1 + 3 * ENVIRONMENTS)]
    assert len(set(tables)) == len(tables)
    assert len({mug_look(n) for n in range(len(tables))}) == len(tables)


def test_a_texture_is_the_seeds_and_fills_its_size():
    for seed in range(12):
        texture = draw_texture(np.random.default_rng(seed), 64)
        again = draw_texture(np.random.default_rng(seed), 64)
        assert (texture.shape, texture.dtype) == ((64, 64, 3), np.uint8)
        np.testing.assert_array_equal(texture, again)
        assert texture.reshape(-1, 3).std(axis=0).max() > 0.5  # never quite even


def test_mugs_stand_out_from_their_tables():
    apart = [
        np.linalg.norm(np.subtract(mug_look(n).rgb, environment(n).table_rgb)) for n in range(121)
    ]
    assert min(apart) > 0.3


# --- images ---


def test_the_same_seed_gives_the_same_image_whatever_was_before():
    world = make()
    first = image(world, 5).color
    elsewhere = image(world, 6).color
    np.testing.assert_array_equal(image(world, 5).color, first)
    world.close()
    fresh = make()
    np.testing.assert_array_equal(image(fresh, 5).color, first)
    fresh.close()
    assert np.abs(first.astype(int) - elsewhere).mean() > 15


def test_two_worlds_at_once_keep_their_own_textures():
    one, other = make(), make(variant="weak_environments")
    wanted = image(one, 5).color
    image(other, 5)
    image(other, 6)
    np.testing.assert_array_equal(one.frame().cameras["front"].color, wanted)
    one.close()
    other.close()


def test_the_same_environment_comes_back_with_another_start():
    world = make()
    first, again, other = (image(world, s).color.astype(int) for s in (5, 45, 6))
    table = (slice(62, 118), slice(2, 158))
    colours = [np.median(i[table], axis=(0, 1)) for i in (first, again, other)]
    np.testing.assert_allclose(colours[0], colours[1], atol=12)
    assert np.abs(colours[0] - colours[2]).max() > 12
    assert not np.array_equal(first, again)
    world.close()


def test_a_plain_world_of_another_task_is_not_touched():
    world = make("lift", "plain")
    adr = world.model.texture("table").adr[0]
    before = world.model.tex_data[adr : adr + 100].copy()
    first = image(world, 1).color
    image(world, 2)
    np.testing.assert_array_equal(image(world, 1).color, first)
    np.testing.assert_array_equal(world.model.tex_data[adr : adr + 100], before)
    world.close()


def test_a_frame_taken_later_shows_the_textures_of_the_newest_reset():
    """As a rendering thread does, which never hears of the reset."""
    world = make()
    image(world, 5)
    wanted = image(world, 6).color
    image(world, 5)
    world.reset(6)
    snapshot = world.snapshot()
    np.testing.assert_array_equal(world.frame(snapshot).cameras["front"].color, wanted)
    world.close()


def test_the_world_behind_a_libfranka_server_shows_the_same_room():
    pytest.importorskip("franky_sim")
    from visuomotor.sim.franka import FrankaWorld

    config = SimConfig(task="pusher", variant="test_environments", cameras=("front",))
    hostname = f"127.81.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
    served, plain = FrankaWorld(config, hostname), SimWorld(config)
    for seed in (5, 6):
        a, b = image(served, seed), image(plain, seed)
        np.testing.assert_allclose(a.T_base_camera, b.T_base_camera, atol=1e-9)
        away = (slice(75, 118), slice(2, 158))  # from the arm, which stands elsewhere
        same = (a.color[away] == b.color[away]).all(-1)
        assert same.mean() > 0.97
    served.close()
    plain.close()


# --- cameras ---


def test_cameras_are_where_the_observation_says():
    """Pixels of the table, taken back by depth and pose, lie on the plane z = 0."""
    world = make(width=160, height=120, cameras=("front", "side"))
    shifts = []
    for seed in range(12):
        world.reset(seed)
        for name, camera in world.frame().cameras.items():
            points = camera.camera.deproject_image(camera.depth_mm * 1e-3).reshape(-1, 3)
            T = camera.T_base_camera
            base = points @ T[:3, :3].T + T[:3, 3]
            table = (np.abs(base[:, 0] - 0.55) < 0.3) & (np.abs(base[:, 1]) < 0.25)
            assert table.sum() > 3000
            assert abs(np.median(base[table, 2])) < 0.0015
            mounted = mount_of(name).T_parent_camera
            turn = rotation_angle(mounted[:3, :3].T @ T[:3, :3])
            shifts.append((np.linalg.norm(T[:3, 3] - mounted[:3, 3]), turn))
    world.close()
    shift_m, turn_rad = np.array(shifts).T
    assert 0.001 < shift_m.mean() < 0.005
    assert 0.001 < turn_rad.mean() < 0.008
    assert len(np.unique(shift_m.round(6))) >= 12


def test_plain_moves_no_camera():
    world = make(variant="plain", cameras=("front", "side", "wrist"))
    for name in world.config.cameras:
        np.testing.assert_array_equal(
            world.mount(name).T_parent_camera, mount_of(name).T_parent_camera
        )
    world.close()


def test_a_hidden_look_stays_hidden_only_for_its_environment():
    """What an environment changes in the model, the next one finds as it was compiled."""
    world = make(cameras=())
    world.reset(3)
    fields = ("geom_rgba", "geom_size", "geom_pos", "cam_pos", "cam_quat", "light_diffuse")
    first = {f: getattr(world.model, f).copy() for f in fields}
    for seed in (4, 17, 80):
        world.reset(seed)
    show_coaster(world.model, TEST_0)
    world.reset(3)
    for name, value in first.items():
        np.testing.assert_array_equal(getattr(world.model, name), value, err_msg=name)
