"""A file as robomimic writes it becomes bags with the same demonstrations."""

import json
from pathlib import Path

import numpy as np
import pytest

from visuomotor.cli import main
from visuomotor.dataset import open_dataset
from visuomotor.errors import DataError
from visuomotor.geometry import inverse, pose_delta
from visuomotor.interchange.robomimic_import import read_robomimic
from visuomotor.interchange.robosuite import base_of
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording import find_episodes
from visuomotor.recording.sidecar import load_sidecar

h5py = pytest.importorskip("h5py")
MODEL = """<mujoco><worldbody><camera name="agentview" pos="0.5 0 1.35" quat="0.6 0.4 0.4 0.6"/>
<body name="robot0_base" pos="-0.56 0 0.912"/></worldbody></mujoco>"""
STEPS = 6


def write_file(path: Path, control_freq: int = 20, images: bool = True, demos: int = 3) -> Path:
    controller = {"type": "OSC_POSE", "output_max": [0.05] * 3 + [0.5] * 3, "control_delta": True}
    keywords = {"control_freq": control_freq, "controller_configs": controller}
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "env_kwargs": keywords})
        for n in range(demos):
            demo = data.create_group(f"demo_{n * 5}")
            demo.attrs["model_file"] = MODEL
            demo["actions"] = rng.uniform(-1, 1, (STEPS, 7))
            demo["rewards"] = np.arange(STEPS) == (STEPS - 1 if n else -1)
            obs = demo.create_group("obs")
            obs["robot0_eef_pos"] = rng.normal(size=(STEPS, 3))
            obs["robot0_eef_quat"] = np.tile([1.0, 0, 0, 0], (STEPS, 1))
            obs["robot0_gripper_qpos"] = np.tile([0.02, -0.02], (STEPS, 1))
            obs["robot0_joint_pos"] = rng.normal(size=(STEPS, 7))
            if images:
                obs["agentview_image"] = rng.integers(0, 256, (STEPS, 16, 24, 3), dtype=np.uint8)
    return path


def test_its_demonstrations_are_read_back_from_bags(tmp_path: Path) -> None:
    file = write_file(tmp_path / "demo.hdf5")
    options = ["--out", str(tmp_path / "bags"), "--task", "lift", "--cameras", "agentview=front"]
    assert main(["import", "robomimic", str(file), *options]) == 0
    dataset = open_dataset(
        tmp_path / "bags", ObservationSpec((CameraSpec("front", 16, 24, depth=False),))
    )
    outcomes = [load_sidecar(p).outcome for p in find_episodes(tmp_path / "bags")]
    assert outcomes == ["unknown", "success", "success"]
    T_base_world = inverse(base_of(MODEL))
    with h5py.File(file) as stored:
        for name, episode in zip(["demo_0", "demo_5", "demo_10"], dataset.episodes, strict=True):
            demo = stored["data"][name]
            np.testing.assert_array_equal(episode.color["front"], demo["obs/agentview_image"][:])
            position = T_base_world[:3, :3] @ demo["obs/robot0_eef_pos"][:].T
            np.testing.assert_allclose(
                episode.T_base_ee[:, :3, 3], position.T + T_base_world[:3, 3], atol=1e-9
            )
            moved = pose_delta(episode.T_base_ee, episode.action_pose)
            np.testing.assert_allclose(moved[:, :3], 0.05 * demo["actions"][:, :3], atol=1e-9)
            np.testing.assert_allclose(episode.gripper_width_m, 0.04)
            closed = demo["actions"][:, 6] >= 0
            np.testing.assert_allclose(episode.action_width_m, np.where(closed, 0, 0.08))
            assert not np.array_equal(episode.T_base_camera["front"], np.eye(4))


@pytest.mark.parametrize(
    ("settings", "cameras", "text"),
    [
        ({"control_freq": 10}, {}, "got 10 Hz, expected 20 Hz"),
        ({"control_freq": "20" * 9}, {}, "got control_freq .*, expected 20"),
        ({"images": False}, {}, "no images; make them with"),
        ({}, {"agent": "front"}, "unknown camera 'agent'; did you mean 'agentview'"),
    ],
    ids=["another rate", "no rate", "no images", "no such camera"],
)
def test_files_that_do_not_serve_are_refused(tmp_path: Path, settings, cameras, text) -> None:
    file = write_file(tmp_path / "demo.hdf5", **settings)
    with pytest.raises(DataError, match=text):
        list(read_robomimic(file, cameras))


@pytest.mark.parametrize("name", ["end", "error", "name"])
def test_a_camera_may_have_any_name(tmp_path: Path, name: str) -> None:
    """What the reading process says of itself is no camera's."""
    file = write_file(tmp_path / "demo.hdf5", demos=2)
    with h5py.File(file, "a") as stored:
        for demo in stored["data"].values():
            demo["obs"].move("agentview_image", f"{name}_image")
    seen = [len(list(episode.steps)) for episode in read_robomimic(file, {})]
    assert seen == [STEPS, STEPS]


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.hdf5").write_bytes(b"not one")
    with pytest.raises(DataError, match=r"not readable as a dataset of robomimic"):
        list(read_robomimic(tmp_path / "x.hdf5", {}))
    with h5py.File(tmp_path / "number.hdf5", "w") as file:
        file.create_group("data").attrs["env_args"] = 20.0
    with pytest.raises(DataError, match=r"not readable as .*, a text of JSON"):
        next(iter(read_robomimic(tmp_path / "number.hdf5", {})))
