"""The drawn arm stands where the simulated one does, and looks like one with its meshes or not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.console.arm import LINKS, link_poses
from visuomotor.console.arm_shape import arm_shape, read_stl, skeleton
from visuomotor.geometry import transform_points
from visuomotor.sim.robot import HOME_Q

mujoco = pytest.importorskip("mujoco")

from visuomotor.sim.config import SimConfig  # noqa: E402
from visuomotor.sim.robot import PREFIX  # noqa: E402
from visuomotor.sim.scene import build_scene  # noqa: E402


@pytest.fixture(scope="module")
def model() -> "mujoco.MjModel":
    import xml.etree.ElementTree as ET

    scene = build_scene(SimConfig(cameras=()), lambda world, asset: None)
    return mujoco.MjModel.from_xml_string(ET.tostring(scene, encoding="unicode"))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-3, 3), min_size=7, max_size=7),
    st.floats(0.0, 0.08),
)
def test_every_link_is_where_the_simulation_has_it(
    model: "mujoco.MjModel", q: list[float], width_m: float
) -> None:
    data = mujoco.MjData(model)
    for i, angle in enumerate(q, start=1):
        data.joint(f"{PREFIX}fr3_joint{i}").qpos[0] = angle
    for i in (1, 2):
        data.joint(f"{PREFIX}finger_joint{i}").qpos[0] = width_m / 2
    mujoco.mj_kinematics(model, data)
    poses = link_poses(q, width_m)
    for name, T in zip(LINKS, poses, strict=True):
        body = data.body(PREFIX + (f"fr3_{name}" if name.startswith("link") else name))
        np.testing.assert_allclose(T[:3, 3], body.xpos, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(T[:3, :3], body.xmat.reshape(3, 3), atol=1e-6, err_msg=name)


@pytest.mark.parametrize("shape", [arm_shape(), skeleton()], ids=["meshes", "skeleton"])
def test_the_links_hang_together(shape: dict[str, np.ndarray]) -> None:
    poses = dict(zip(LINKS, link_poses(HOME_Q, 0.04), strict=True))
    assert set(LINKS[:9]) <= set(shape)
    clouds = [transform_points(poses[name], shape[name]) for name in LINKS[:9]]
    for before, after in itertools.pairwise(clouds):
        gap = np.linalg.norm(before[:, None] - after[None, ::3], axis=2).min()
        assert gap < 0.1, "m between a corner of one link and of the next"
    everything = np.concatenate(clouds)
    assert everything[:, 2].min() > -0.1
    assert 0.6 < everything[:, 2].max() < 0.9


def test_a_skeleton_is_drawn_where_no_simulation_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "franky_sim" else found(name)
    )
    bare = arm_shape()
    assert set(bare) == set(LINKS)
    np.testing.assert_array_equal(bare["link3"], skeleton()["link3"])


def test_triangles_are_read_from_a_binary_stl() -> None:
    corners = np.arange(18, dtype="<f4").reshape(2, 9)
    facets = b"".join(bytes(12) + row.tobytes() + bytes(2) for row in corners)
    data = bytes(80) + (2).to_bytes(4, "little") + facets
    np.testing.assert_array_equal(read_stl(data), corners.reshape(6, 3))
