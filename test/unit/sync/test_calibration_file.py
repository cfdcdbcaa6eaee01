from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from streams_of_sets import images, play, robot, ticks

from visuomotor.errors import CalibrationError
from visuomotor.geometry import PinholeCamera
from visuomotor.sync import FrameSynchroniser, SyncConfig, load_calibration

T = np.eye(4)
T[:3, 3] = 0.1, 0.2, 0.3
SIZE = {"width": 6, "height": 4, "fx": 5.0, "fy": 5.0, "cx": 2.5, "cy": 1.5}


def write(path: Path, values: object) -> Path:
    path.write_text(yaml.safe_dump(values))
    return path


def test_what_the_file_says_wins_over_the_topics(tmp_path: Path) -> None:
    path = write(tmp_path / "cameras.yaml", {"front": {"T_base_camera": T.tolist(), **SIZE}})
    sync = FrameSynchroniser(SyncConfig(cameras=("front",)), load_calibration(path, ["front"]))
    sync.set_extrinsics("front", np.eye(4))
    sync.set_camera("front", PinholeCamera.from_fovy(6, 4, 0.1))
    frames = play(sync, robot(1) + ticks(images("front"), 20, 3))
    assert len(frames) == 3
    view = frames[0].cameras["front"]
    np.testing.assert_array_equal(view.T_base_camera, T)
    assert view.camera == PinholeCamera(6, 4, 5.0, 5.0, 2.5, 1.5)


def test_intrinsics_may_come_from_camera_info(tmp_path: Path) -> None:
    path = write(tmp_path / "cameras.yaml", {"wrist": {"T_ee_camera": T.tolist()}})
    known = load_calibration(path, ["wrist"])
    assert (known["wrist"].camera, known["wrist"].parent) == (None, "ee")
    sync = FrameSynchroniser(SyncConfig(cameras=("wrist",)), known)
    sync.set_camera("wrist", PinholeCamera.from_fovy(6, 4, 0.8))
    assert len(play(sync, robot(1) + ticks(images("wrist"), 20, 3))) == 3


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"side": {"T_base_camera": T.tolist()}}, "no calibration of camera front.*has side"),
        ({"front": [1, 2]}, "expected T_base_camera"),
        ({"front": {"T_base_camera": [[1]]}}, "4 rows of a rigid"),
        ({"front": {"T_base_camera": (2 * T).tolist()}}, "4 rows of a rigid"),
        ({"front": {"T_base_camera": [[10**400]]}}, "4 rows of a rigid"),
        ({"front": {"T_base_camera": T.tolist(), **SIZE, "fx": 10**400}}, "positive numbers"),
        ({"front": {"T_base_camera": T.tolist(), **SIZE, "width": 1e999}}, "positive numbers"),
        ({"latency": {"command": 10**400}}, r" \.\.\., expected seconds"),
        ({True: {}, "side": {}}, "got the key True, expected text; put it in quotes"),
        ({"front": {1: 2}}, "unknown key '1'"),
        ({"front": {}}, "no pose, expected either of"),
        ({"front": {"T_base_camera": T.tolist(), "T_ee_camera": T.tolist()}}, "expected either"),
        ({"front": {"T_bas_camera": T.tolist()}}, "did you mean 'T_base_camera'"),
        ({"front": {"T_base_camera": T.tolist(), "fx": 3}}, "not width, height, fy"),
        ({"front": {"T_base_camera": T.tolist(), **SIZE, "fx": -1}}, "positive numbers"),
        ({"front": {"T_base_camera": T.tolist(), **SIZE, "cx": "x"}}, "front: could not convert"),
    ],
)
def test_each_mistake_has_one_message(tmp_path: Path, values: object, text: str) -> None:
    with pytest.raises(CalibrationError, match=text) as caught:
        load_calibration(write(tmp_path / "cameras.yaml", values), ["front"])
    assert "cameras.yaml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"none\.yaml: no such file"):
        load_calibration(tmp_path / "none.yaml", ["front"])
