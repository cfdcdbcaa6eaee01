"""Decimated meshes: near the surface they come from, kept once, and nothing but looks."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("fast_simplification")

from visuomotor.errors import ConfigError, MissingDependencyError
from visuomotor.sim import SimConfig, SimWorld, meshes
from visuomotor.sim.meshes import MAX_ERROR_M, crease_normals, decimate, decimated

RADIUS_M = 0.1


def sphere(rows=60, columns=80, lowest_rad=-np.pi / 2):
    """A sphere, or, above a latitude, what is left of it with an open border."""
    latitude = np.linspace(lowest_rad, np.pi / 2, rows)[:, None]
    longitude = np.linspace(0, 2 * np.pi, columns + 1)[None]  # the seam's vertices lie twice
    z = np.sin(latitude) + 0 * longitude
    xy = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)
    vertices = RADIUS_M * np.stack([*xy, z], axis=-1).reshape(-1, 3)
    a = (np.arange(rows - 1)[:, None] * (columns + 1) + np.arange(columns)).reshape(-1)
    b = a + columns + 1
    return vertices, np.concatenate([np.stack([a, a + 1, b], 1), np.stack([a + 1, b + 1, b], 1)])


def write_obj(path, vertices, faces):
    lines = [f"v {x} {y} {z}" for x, y, z in vertices.tolist()]
    path.write_text("\n".join(lines + [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]))
    return path


def test_fewer_triangles_on_the_same_surface():
    vertices, faces = sphere()
    fewer_vertices, fewer = decimate(vertices, faces)
    assert 50 < len(fewer) < len(faces) / 4
    centres = fewer_vertices[fewer].mean(axis=1)
    for points in (fewer_vertices, centres):
        assert np.abs(np.linalg.norm(points, axis=1) - RADIUS_M).max() < MAX_ERROR_M
    a, b, c = (fewer_vertices[fewer[:, k]] for k in range(3))
    outward = (np.cross(b - a, c - a) * centres).sum(axis=1)
    assert (outward > 0).all()


def test_an_open_border_stays_where_it_is():
    vertices, faces = sphere(lowest_rad=0.0)
    kept, fewer = decimate(vertices, faces)
    assert len(fewer) < len(faces) / 4
    border = vertices[vertices[:, 2] == 0][:-1]
    nearest = np.linalg.norm(border[:, None] - kept[None], axis=2).min(axis=1)
    assert nearest.max() < 1e-6


def test_normals_are_smooth_but_at_edges():
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = np.array(
        [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    )
    cube = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    normals = crease_normals(corners, cube)
    flat = np.cross(
        corners[cube[:, 1]] - corners[cube[:, 0]], corners[cube[:, 2]] - corners[cube[:, 0]]
    )
    np.testing.assert_allclose(normals, np.repeat(flat[:, None], 3, axis=1), atol=1e-12)
    vertices, faces = decimate(*sphere())
    radial = vertices[faces] / np.linalg.norm(vertices[faces], axis=2, keepdims=True)
    assert (crease_normals(vertices, faces) * radial).sum(axis=2).min() > np.cos(np.deg2rad(8))


def test_a_mesh_is_decimated_once_by_content_and_by_many_at_a_time(tmp_path):
    source, folder = write_obj(tmp_path / "ball.obj", *sphere()), tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: decimated(source, folder), range(4)))
    assert [*folder.iterdir()] == [*made]
    (first,) = made
    text, written = first.read_text(), first.stat().st_mtime_ns
    assert decimated(source, folder) == first
    assert first.stat().st_mtime_ns == written
    first.unlink()
    assert decimated(source, folder).read_text() == text
    vertices, faces = sphere()
    assert decimated(write_obj(source, 2 * vertices, faces), folder) != first


def test_a_mesh_of_few_triangles_stays_as_it_is(tmp_path):
    source = write_obj(tmp_path / "ball.obj", *sphere(8, 8))
    assert decimated(source, tmp_path / "cache") == source
    assert not (tmp_path / "cache").exists()


def test_results_are_kept_where_the_user_keeps_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    kept = decimated(write_obj(tmp_path / "ball.obj", *sphere()))
    assert kept.parent == tmp_path / "here" / "visuomotor" / "meshes"


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    source = write_obj(tmp_path / "ball.obj", *sphere())
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot keep.*set XDG_CACHE_HOME"):
        decimated(source, tmp_path / "file")
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'visuomotor\[sim\]'"):
        decimated(source, tmp_path / "cache")


@pytest.fixture(scope="module")
def worlds():
    appearances = ("light", "full", "original")
    worlds = {a: SimWorld(SimConfig(appearance=a, width=640, height=480)) for a in appearances}
    yield worlds
    for world in worlds.values():
        world.close()


def reach_down(world):
    """Half a second towards the table, the hand closing; the states on the way."""
    world.reset(4)
    T = world.robot_state().T_base_ee.copy()
    T[:3, 3] = (*world.object_poses()["cube"][:2, 3], 0.01)
    world.set_reference(T)
    states = []
    for step in range(100):
        if step == 60:
            world.set_gripper(0.0)
        world.advance()
        states.append(np.concatenate([world.data.qpos, world.data.qvel]))
    return np.array(states)


def test_looks_do_not_touch_the_physics(worlds):
    light = worlds["light"]
    states = reach_down(light)
    assert light.data.ncon > 2  # the hand holds the cube: contacts count too
    for other in (worlds["full"], worlds["original"]):
        for field in ("body_mass", "body_inertia", "body_ipos", "body_iquat", "dof_invweight0"):
            np.testing.assert_array_equal(getattr(other.model, field), getattr(light.model, field))
        np.testing.assert_array_equal(reach_down(other), states)


def test_the_decimated_arm_looks_like_the_original(worlds):
    full, original = worlds["full"], worlds["original"]
    assert full.model.mesh_facenum.sum() < 0.2 * original.model.mesh_facenum.sum()
    for seed in (1, 4):
        frames = []
        for world in (full, original):
            world.reset(seed)
            T = world.robot_state().T_base_ee.copy()
            T[2, 3] = 0.05  # low enough that all cameras see the hand
            world.set_reference(T)
            world.advance(1.0)
            frames.append(world.frame().cameras)
        for name, camera in frames[0].items():
            twin = frames[1][name]
            color = np.abs(camera.color.astype(int) - twin.color)
            depth_mm = np.abs(camera.depth_mm.astype(int) - twin.depth_mm)
            assert color.mean() < 1.0, name
            assert (color.max(axis=-1) > 32).mean() < 0.01, name
            assert depth_mm.mean() < 1.0, name
            assert (depth_mm > 5).mean() < 0.002, name


def test_the_recipe_is_part_of_the_key(tmp_path, monkeypatch):
    source = write_obj(tmp_path / "ball.obj", *sphere())
    fine = decimated(source, tmp_path)
    monkeypatch.setattr(meshes, "MAX_ERROR_M", 4 * MAX_ERROR_M)
    coarse = decimated(source, tmp_path)
    assert len(coarse.read_text()) < 0.8 * len(fine.read_text())
