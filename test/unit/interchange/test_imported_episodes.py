"""Episodes of others become bags that the dataset reads back as they were."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visuomotor.commands.interchange import camera_names
from visuomotor.dataset import open_dataset
from visuomotor.errors import ConfigError, DataError
from visuomotor.geometry import pose
from visuomotor.interchange.episodes import (
    UNCALIBRATED,
    ImportedCamera,
    ImportedEpisode,
    ImportedStep,
    write_episodes,
)
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording.sidecar import load_sidecar

SPEC = ObservationSpec((CameraSpec("front", 16, 24, depth=False),))
DOWN = np.diag([1.0, -1.0, -1.0])


def steps(seed: int, count: int = 5) -> Iterator[ImportedStep]:
    rng = np.random.default_rng(seed)
    for i in range(count):
        T = pose(DOWN, [0.4 + 0.01 * i, 0, 0.2])
        color = {"front": rng.integers(0, 256, (16, 24, 3), dtype=np.uint8)}
        asked = pose(DOWN, [0.41 + 0.01 * i, 0, 0.2])
        yield ImportedStep(color, T, 0.01 * i, rng.normal(size=7), asked, 0.08)


def test_the_dataset_gives_them_back(tmp_path: Path) -> None:
    camera = ImportedCamera.nominal(24, 16)
    known = replace(camera, T_base_camera=pose(DOWN, [0.5, 0, 1]))
    episodes = [
        ImportedEpisode("a", steps(1), {"front": camera}, "success", ("x",)),
        ImportedEpisode("b", steps(2, 7), {"front": known}),
    ]
    paths = list(write_episodes(episodes, tmp_path, "lift", "others"))
    dataset = open_dataset(tmp_path, SPEC)
    assert [len(e) for e in dataset.episodes] == [5, 7]
    for seed, episode in zip((1, 2), dataset.episodes, strict=True):
        assert episode.action_valid.all()
        for i, step in enumerate(steps(seed, len(episode))):
            np.testing.assert_array_equal(episode.color["front"][i], step.color["front"])
            np.testing.assert_allclose(episode.T_base_ee[i], step.T_base_ee, atol=1e-12)
            np.testing.assert_allclose(episode.action_pose[i], step.action_pose, atol=1e-12)
            np.testing.assert_allclose(episode.q[i], step.q)
            assert episode.gripper_width_m[i] == pytest.approx(step.width_m)
            assert episode.action_width_m[i] == pytest.approx(step.action_width_m)
    sidecars = [load_sidecar(path) for path in paths]
    assert [s.outcome for s in sidecars] == ["success", "unknown"]
    assert [UNCALIBRATED in s.tags for s in sidecars] == [True, False]


def test_what_is_no_pose_is_refused(tmp_path: Path) -> None:
    camera = {"front": ImportedCamera.nominal(24, 16)}
    for bad in (np.full((4, 4), np.nan), np.diag([1.0, 1, -1, 1]), np.zeros((4, 4))):
        wrong = [replace(step, action_pose=bad) for step in steps(0)]
        with pytest.raises(DataError, match=r"wrong one: .*not finite or no pose"):
            list(write_episodes([ImportedEpisode("wrong one", wrong, camera)], tmp_path, "t", "o"))


def test_an_episode_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no camera's images"):
        list(write_episodes([ImportedEpisode("a", steps(0), {})], tmp_path, "lift", "o"))


def test_cameras_are_renamed_once_each() -> None:
    assert camera_names(("agentview=front", "wrist")) == {"agentview": "front", "wrist": "wrist"}
    for wrong in (("a=b", "c=b"), ("a", "a"), ("=b",), ("a=",)):
        with pytest.raises(ConfigError, match="distinct NAME or THEIRS=OURS"):
            camera_names(wrong)
