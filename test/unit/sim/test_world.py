"""The world: deterministic resets, regions, known calibration, images that agree with geometry."""

import numpy as np
import pytest

from visuomotor.errors import ConfigError, RobotError
from visuomotor.geometry import inverse, pose, rotation_angle, transform_points
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.scene import TABLE_CENTRE_M
from visuomotor.sim.tasks import TASKS, make_task
from visuomotor.sim.tasks.lift import CUBE_M, POINTING_DOWN


@pytest.fixture(scope="module")
def world():
    world = SimWorld(SimConfig())
    yield world
    world.close()


def move(world, position, steps=20, rotation=POINTING_DOWN):
    world.set_reference(pose(rotation, position))
    for _ in range(steps):
        world.step()


def images(frame):
    return [a for c in frame.cameras.values() for a in (c.color, c.depth_mm)]


# --- reset ---


def test_the_same_seed_gives_the_same_images_and_future(world):
    runs = []
    for _ in range(2):
        world.reset(11)
        first = images(world.frame())
        move(world, (0.5, 0.05, 0.1), 10)
        runs.append((first, images(world.frame()), world.data.qpos.copy()))
        move(world, (0.4, -0.1, 0.3), 5)  # whatever came before must not matter
    for a, b in zip(runs[0][0] + runs[0][1], runs[1][0] + runs[1][1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(runs[0][2], runs[1][2])


def test_other_seeds_and_other_worlds(world):
    world.reset(11)
    mine = images(world.frame())
    other = SimWorld(SimConfig())
    other.reset(11)
    theirs = images(other.frame())
    other.close()
    world.reset(11)  # drawing goes on in its own context after another world drew
    again = images(world.frame())
    for a, b, c in zip(mine, theirs, again, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    world.reset(12)
    assert not np.array_equal(mine[0], images(world.frame())[0])


def test_the_arm_starts_at_rest_where_the_task_says(world):
    for seed in range(5):
        world.reset(seed, start_ns=10**18)
        _, T = world.task.draw(np.random.default_rng([seed, 0]), "interpolation")
        state = world.robot_state()
        np.testing.assert_allclose(state.T_base_ee, T, atol=1e-3)
        assert state.stamp_ns == 10**18
        assert state.gripper_width_m == pytest.approx(0.08)
        assert not world.success()
        world.step()
        assert world.time_ns == 10**18 + 50_000_000
        np.testing.assert_allclose(world.robot_state().T_base_ee, T, atol=2e-3)


def test_regions_are_a_square_and_the_ring_around_it():
    task = make_task("lift")
    offsets = {}
    for region in ("interpolation", "extrapolation"):
        draws = [task.draw(np.random.default_rng(s), region)[0]["cube"] for s in range(300)]
        offsets[region] = np.abs([T[:2, 3] - TABLE_CENTRE_M for T in draws]).max(axis=1)
        assert all(T[2, 3] == CUBE_M / 2 for T in draws)
        assert max(float(rotation_angle(T[:3, :3])) for T in draws) <= 0.3
    assert offsets["interpolation"].max() <= 0.10 < offsets["extrapolation"].min()
    assert offsets["extrapolation"].max() <= 0.20
    assert offsets["interpolation"].max() > 0.095  # the whole region is used
    assert offsets["extrapolation"].max() > 0.195


# --- cameras ---


def test_calibration_is_what_the_camera_mounts_say(world):
    world.reset(0)
    frame = world.frame()
    assert list(frame.cameras) == ["front", "side", "wrist"]
    for name, camera in frame.cameras.items():
        assert camera.color.shape == (120, 160, 3)
        assert camera.depth_mm.shape == (120, 160)
        assert camera.camera == world.camera(name)
        assert (camera.camera.cx, camera.camera.cy) == (79.5, 59.5)
        assert abs(np.linalg.det(camera.T_base_camera[:3, :3]) - 1) < 1e-9
    still = {n: frame.cameras[n].T_base_camera for n in ("front", "side")}
    move(world, (0.45, 0.1, 0.2))
    moved = world.frame()
    for name, T in still.items():
        np.testing.assert_array_equal(moved.cameras[name].T_base_camera, T)
    expected = inverse(moved.robot.T_base_ee) @ moved.cameras["wrist"].T_base_camera
    before = inverse(frame.robot.T_base_ee) @ frame.cameras["wrist"].T_base_camera
    np.testing.assert_allclose(expected, before, atol=1e-9)


def points_in_base(camera):
    """(H, W, 3) in base; NaN where nothing was measured."""
    depth = np.where(camera.depth_mm > 0, camera.depth_mm * 1e-3, np.nan)
    return transform_points(camera.T_base_camera, camera.camera.deproject_image(depth))


def red(color):
    """(H, W) the cube's pixels."""
    r, g, b = (color[..., i].astype(int) for i in range(3))
    return (r > 60) & (r > 2 * g) & (r > 2 * b)


def erode(mask):
    return (
        mask
        & np.roll(mask, 1, 0)
        & np.roll(mask, -1, 0)
        & np.roll(mask, 1, 1)
        & np.roll(mask, -1, 1)
    )


@pytest.mark.parametrize("seed", [0, 3, 8])
def test_depth_and_colour_agree_with_geometry(world, seed):
    world.reset(seed)
    cube = world.object_poses()["cube"]
    seen = 0
    for hover in (None, (*cube[:2, 3], 0.22)):
        if hover is not None:
            move(world, np.add(hover, (-0.06, 0.02, 0.0)), 40)
        frame = world.frame()
        for name, camera in frame.cameras.items():
            points, mask = points_in_base(camera), red(camera.color)
            centre = camera.camera.project(
                transform_points(inverse(camera.T_base_camera), cube[:3, 3])
            )
            u, v = np.rint(centre).astype(int)
            if name != "wrist" or hover is not None:
                assert mask[v, u], f"{name}: the cube's centre is not red"
                seen += 1
            inside = erode(mask)
            if inside.sum() < 20:
                continue
            local = transform_points(inverse(cube), points[inside])
            surface = np.abs(local).max(axis=-1)  # distance from the centre, in the max norm
            np.testing.assert_allclose(surface, CUBE_M / 2, atol=2e-3, err_msg=name)
            top = points[inside][np.abs(local[:, :2]).max(axis=-1) < CUBE_M / 2 - 0.003]
            assert len(top) > 10
            np.testing.assert_allclose(top[:, 2], CUBE_M, atol=2e-3, err_msg=name)
            near = np.linalg.norm(points[..., :2] - cube[:2, 3], axis=-1)
            table = ~mask & (near > 0.07) & (near < 0.15) & (points[..., 2] < 0.01)
            assert table.sum() > 100
            np.testing.assert_allclose(points[erode(table)][:, 2], 0.0, atol=2e-3, err_msg=name)
    assert seen >= 5


@pytest.mark.parametrize("task", ["lift", "pusher"])
def test_a_digest_tells_starts_apart_and_not_who_looks(task):
    """So rollouts of a policy with other cameras, or with none, are paired."""
    found = []
    for cameras in ((), ("front",), ("front", "side")):
        world = SimWorld(SimConfig(task, cameras=cameras))
        digests = []
        for seed in (1, 2, 1):
            world.reset(seed)
            digests.append(world.fingerprint())
        world.close()
        found.append(tuple(digests))
    assert len(set(found)) == 1
    assert found[0][0] == found[0][2] != found[0][1]


def test_a_snapshot_is_drawn_as_it_was(world):
    world.reset(2)
    snapshot, expected = world.snapshot(), images(world.frame())
    move(world, (0.5, 0.1, 0.1), 5)
    frame = world.frame(snapshot)
    assert frame.stamp_ns == snapshot.robot.stamp_ns
    for a, b in zip(images(frame), expected, strict=True):
        np.testing.assert_array_equal(a, b)


# --- arm ---


def test_the_arm_reaches_its_reference(world):
    world.reset(0)
    for position in ((0.4, -0.15, 0.15), (0.6, 0.15, 0.3)):
        move(world, position, 60)
        T = world.robot_state().T_base_ee
        assert np.linalg.norm(T[:3, 3] - position) < 3e-3
        assert rotation_angle(T[:3, :3] @ POINTING_DOWN.T) < 0.02


def test_the_gripper_moves_at_the_hands_speed_and_no_farther(world):
    world.reset(0)
    world.set_gripper(-1.0)
    widths = [world.robot_state().gripper_width_m]
    for _ in range(24):
        world.step()
        widths.append(world.robot_state().gripper_width_m)
    speed = -np.diff(widths) / 0.05
    assert speed[2:12].mean() == pytest.approx(0.1, abs=0.015)
    assert speed.max() < 0.13
    assert widths[-1] == pytest.approx(0.0, abs=2e-3)
    world.set_gripper(0.5)
    for _ in range(24):
        world.step()
    assert world.robot_state().gripper_width_m == pytest.approx(0.08, abs=2e-3)


def test_a_pose_out_of_reach_is_refused(world):
    with pytest.raises(RobotError, match=r"cannot reach .*start from a pose inside its workspace"):
        world.arm.reset(pose(POINTING_DOWN, (1.5, 0.0, 0.3)))


# --- errors ---


def test_unknown_names_and_impossible_values_are_told():
    with pytest.raises(ConfigError, match="unknown task 'lfit'; did you mean 'lift'"):
        SimWorld(SimConfig(task="lfit"))
    with pytest.raises(ConfigError, match="unknown camera 'frnt'; did you mean 'front'"):
        SimWorld(SimConfig(cameras=("frnt",)))
    assert "lift" in TASKS


def test_a_world_without_cameras_needs_no_opengl_and_tells_the_truth(monkeypatch):
    monkeypatch.setattr("visuomotor.sim.world.Renderer", None)
    world = SimWorld(SimConfig(cameras=()))
    world.reset(3)
    frame = world.frame()
    assert frame.cameras == {}
    np.testing.assert_allclose(frame.objects["cube"], world.object_poses()["cube"], atol=1e-9)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"width": 4}, "expected at least 16x16"),
        ({"cameras": ("front", "front")}, "expected distinct names"),
        ({"timestep_s": 0.1}, r"expected 0\.0005 to 0\.005"),
        ({"depth_holes": 1.0}, "0 <= depth_holes < 1"),
        ({"depth_noise": -1.0}, "depth_noise >= 0"),
        ({"multisamples": 3}, "expected 0, 2, 4 or 8"),
    ],
)
def test_impossible_configurations_are_refused(fields, text):
    with pytest.raises(ValueError, match=text):
        SimConfig(**fields)


def test_a_negative_seed_is_refused(world):
    with pytest.raises(ConfigError, match="got seed -1"):
        world.reset(-1)
