"""What is written is what nodes and the doctor read, and leaves alone what it does not know."""

import numpy as np
import pytest

from visuomotor.bench.calibration_checks import check_calibration
from visuomotor.calibration.excitation import Excitation
from visuomotor.calibration.extrinsics import CameraResult
from visuomotor.calibration.file import write_extrinsics, write_latency
from visuomotor.config import read_yaml, save_yaml
from visuomotor.errors import CalibrationError
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sync import Latency, load_calibration, load_latency

DAY_NS = 86_400 * 1_000_000_000
DATE, DATE_NS = "2026-01-31T12:00:00Z", 1_769_860_800_000_000_000
T = pose(matrix_from_rotvec((0.3, -0.2, 1.0)), (0.5, 0.1, 0.7))
SIZE = {"width": 640, "height": 480, "fx": 600.0, "fy": 600.0, "cx": 319.5, "cy": 239.5}


def result(parent: str = "base", px: float = 0.3, mm: float = 0.9) -> CameraResult:
    turns = Excitation(15, (20.0, 15.0, 10.0))
    return CameraResult(T, parent, px, mm, None, 0.4, 0.05, 15, 0, turns)


def test_cameras_are_written_beside_what_is_there(tmp_path) -> None:
    path = tmp_path / "new" / "calibration.yaml"
    write_extrinsics(path, {"front": result()}, DATE)
    save_yaml({**read_yaml(path), "side": {"T_base_camera": np.eye(4), **SIZE}}, path)
    write_latency(path, Latency({"front": 0.0312345}, 0.058, date=DATE))
    write_extrinsics(path, {"side": result(), "palm": result("ee")}, DATE)
    known = load_calibration(path, ["front", "side", "palm"])
    for camera in known.values():
        np.testing.assert_allclose(camera.T_parent_camera, T, atol=1e-8)
    assert known["palm"].parent == "ee"
    assert known["side"].camera is not None
    assert known["front"].latency_s == 0.0312
    assert known["side"].latency_s == 0.0
    assert load_latency(path) == Latency({"front": 0.0312}, 0.058, 0.0, DATE)
    assert not list(path.parent.glob(".*"))


def test_latencies_are_set_or_added(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    write_latency(path, Latency({"front": 0.03, "side": 0.01}, 0.06, 0.02))
    write_latency(path, Latency({"front": 0.04}))
    assert load_latency(path) == Latency({"front": 0.04, "side": 0.01}, 0.06, 0.02)
    write_latency(path, Latency({"front": -0.005}, 0.07), add=True)
    assert load_latency(path) == Latency({"front": 0.035, "side": 0.01}, 0.07, 0.02)


def test_a_camera_called_latency_is_refused(tmp_path) -> None:
    with pytest.raises(CalibrationError, match="a camera called 'latency'"):
        write_extrinsics(tmp_path / "c.yaml", {"latency": result()}, DATE)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1], "expected cameras: and command:"),
        ({"camera": {}}, "unknown key 'camera'; did you mean 'cameras'"),
        ({"cameras": {"front": "late"}}, "camera front: got 'late', expected seconds"),
        ({"cameras": [0.1]}, r"cameras: got \[0.1\]"),
        ({"command": 58}, "command: got 58, expected seconds, less than 1"),
        ({"command": float("nan")}, "command: got nan"),
    ],
)
def test_a_wrong_latency_has_one_message(tmp_path, values, text) -> None:
    path = tmp_path / "c.yaml"
    save_yaml({"front": {"T_base_camera": np.eye(4)}, "latency": values}, path)
    for load in (load_latency, lambda p: load_calibration(p, ["front"])):
        with pytest.raises(CalibrationError, match=text):
            load(path)


def test_no_latency_is_zero(tmp_path) -> None:
    save_yaml({"front": {"T_base_camera": np.eye(4)}}, tmp_path / "c.yaml")
    assert load_latency(tmp_path / "c.yaml") == Latency()
    assert not Latency().known


def test_the_doctor_shows_age_and_errors(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    (none,) = check_calibration(path, DATE_NS)
    assert none.status == "warning"
    assert "calibrate extrinsics" in none.remedy
    write_extrinsics(path, {"front": result(), "side": result(px=2.5)}, DATE)
    write_latency(path, Latency({"front": 0.031, "side": 0.02}, 0.058, date=DATE))
    checks = {c.name: c for c in check_calibration(path, DATE_NS + 3 * DAY_NS)}
    assert checks["camera front"].status == "ok"
    assert checks["camera front"].found == "3.0 days old, 0.3 px, 0.9 mm"
    assert checks["camera side"].status == "warning"
    assert checks["latency"].status == "ok"
    assert "front 31 ms, side 20 ms, command 58 ms, 3.0 days" in checks["latency"].found
    old = check_calibration(path, DATE_NS + 40 * DAY_NS)
    assert {c.status for c in old} == {"warning"}


def test_the_doctor_shows_what_is_broken_or_undated(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    save_yaml({"front": {"T_base_camera": np.eye(4)}}, path)
    camera, latency = check_calibration(path, DATE_NS)
    assert (camera.status, camera.found) == ("warning", "of unknown age")
    assert latency.status == "warning"
    save_yaml({"front": {"T_base_camera": [[1]]}}, path)
    (broken,) = check_calibration(path, DATE_NS)
    assert "4 rows of a rigid" in broken.found
    path.write_text("front:\n  T_base_camera: [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]\n"
                    "  date: 2026-01-31 12:00:00\n")  # fmt: skip
    assert check_calibration(path, DATE_NS + DAY_NS)[0].found == "1.0 days old"
