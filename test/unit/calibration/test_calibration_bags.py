"""The commands on bags: an episode, a bag of the drivers' topics, and the ones that cannot do."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from visuomotor.bench.calibration import Rehearsal, RehearsalWorld, difference
from visuomotor.calibration.board import Board
from visuomotor.calibration.wiggle import WiggleConfig, wiggle
from visuomotor.cli import main
from visuomotor.config import save_yaml
from visuomotor.contracts import CameraFrame, RobotState, SyncedFrame
from visuomotor.geometry import PinholeCamera, pose
from visuomotor.recording import EpisodeWriter, Sidecar
from visuomotor.recording.bag import BagWriter
from visuomotor.recording.messages import camera_info_cdr, pose_cdr
from visuomotor.recording.schema import CAMERA_INFO, POSE, typestore
from visuomotor.sync import load_calibration, load_latency

SET_NS = 50_000_000
SMALL = PinholeCamera.from_fovy(64, 48, 0.8)
IMAGE = "sensor_msgs/msg/Image"


def image_cdr(stamp_ns: int, pixels: np.ndarray, encoding: str) -> bytes:
    types = typestore().types
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](sec, nanosec), "c")
    data = np.ascontiguousarray(pixels).view(np.uint8).ravel()
    step = data.size // pixels.shape[0]
    message = types[IMAGE](header, *pixels.shape[:2], encoding, 0, step, data)
    return bytes(typestore().serialize_cdr(message, IMAGE))


@pytest.fixture(scope="module")
def board_episode(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RehearsalWorld]:
    """The hand carries the board from place to place; the cameras' poses in it are wrong."""
    scene = RehearsalWorld(Rehearsal(("side",), "hand", 8, 6), Board())
    stamp_ns, folder = 1_700_000_000_000_000_000, tmp_path_factory.mktemp("dataset")
    with EpisodeWriter(folder, Sidecar("board"), stamp_ns) as writer:
        for frame in scene.frames():
            view, r = frame.cameras["side"], frame.robot
            wrong = CameraFrame(view.color, view.depth_mm, view.camera, np.eye(4))
            for _ in range(14):
                stamp_ns += SET_NS
                robot = RobotState(stamp_ns, r.T_base_ee, r.q, r.dq, r.gripper_width_m)
                writer.add_frame(SyncedFrame(stamp_ns, {"side": wrong}, robot))
        episode = writer.close()
    scene.close()
    return episode, scene


def test_an_episode_gives_the_cameras(board_episode, tmp_path, capsys) -> None:
    episode, scene = board_episode
    out, pictures = tmp_path / "calibration.yaml", tmp_path / "seen"
    save_yaml({"side": {"T_ee_camera": np.eye(4)}, "top": {"T_base_camera": np.eye(4)}}, out)
    words = ["--cameras", "side", "--out", str(out), "--pictures", str(pictures)]
    assert main(["calibrate", "extrinsics", str(episode), *words]) == 0
    said = capsys.readouterr().out
    assert "side: view 8, 24 corners" in said
    known = load_calibration(out, ["side", "top"])
    mm, degrees = difference(known["side"].T_parent_camera, scene.truth["side"])
    assert known["side"].parent == "base"
    assert mm < 3
    assert degrees < 0.3
    assert len(list(pictures.glob("*_side.png"))) == 8
    assert yaml.safe_load(out.read_text())["side"]["views"] == 8
    assert "T_ee_camera" in out.with_name("calibration.yaml.old").read_text()


def test_a_wrong_board_is_one_line(board_episode, tmp_path, capsys) -> None:
    episode, _ = board_episode
    save_yaml(Board(square_m=0.042, marker_m=0.0312), tmp_path / "board.yaml")
    words = ["--cameras", "side", "--board", str(tmp_path / "board.yaml")]
    out = tmp_path / "calibration.yaml"
    assert main(["calibrate", "extrinsics", str(episode), *words, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "said to be 42.0 mm" in error
    assert "35.0 mm, the depth 35.0 mm" in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("board", "cameras", "text"),
    [
        (
            {"dictionary": "DICT_7X7_50"},
            "side",
            "no view of the board: camera side: no board found",
        ),
        ({}, "front", "no color of camera front in this bag.*/synced/side/color/compressed"),
        ({"rows": 1}, "side", "3 to 40 each way"),
    ],
)
def test_what_does_not_fit_the_bag_is_one_line(
    board_episode, tmp_path, capsys, board, cameras, text
) -> None:
    import re

    (tmp_path / "board.yaml").write_text(yaml.safe_dump(board))
    words = ["--cameras", cameras, "--board", str(tmp_path / "board.yaml")]
    out = ["--out", str(tmp_path / "c.yaml")]
    assert main(["calibrate", "extrinsics", str(board_episode[0]), *words, *out]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(text, error), error


def drivers_bag(folder: Path, late_s: float, encoding: str = "bgr8", robot: bool = True) -> Path:
    """A blob that follows the hand, on the drivers' topics; its camera is late."""
    rows, columns = np.mgrid[:48, :64]
    start, motion = pose(position=(0.4, 0.0, 0.3)), WiggleConfig()
    bag = BagWriter(folder)
    topics = {"/cam/color/image_raw": IMAGE, "/cam/color/camera_info": CAMERA_INFO}
    topics |= {"/current_pose": POSE, "/command/target_pose": POSE} if robot else {}
    for topic, kind in topics.items():
        bag.add_topic(topic, kind)
    origin = 1_700_000_000_000_000_000
    bag.write("/cam/color/camera_info", origin, camera_info_cdr(origin, SMALL, "cam"))
    for tick in range(1200):
        now = origin + tick * 10_000_000
        T = wiggle(start, tick * 0.01, motion)
        if robot:
            bag.write("/current_pose", now, pose_cdr(now, T))
            ahead = wiggle(start, tick * 0.01 + 0.07, motion)
            bag.write("/command/target_pose", now, pose_cdr(now, ahead))
        if tick % 4 == 0:
            u, v = 32 + 300 * T[1, 3], 24 - 300 * (T[2, 3] - 0.3)
            blob = 200 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / 40)
            pixels = np.repeat(blob.astype(np.uint8)[..., None], 3, axis=2)
            stamp = now + round(late_s * 1e9)
            bag.write("/cam/color/image_raw", now, image_cdr(stamp, pixels, encoding))
    bag.close()
    return folder


def test_a_bag_of_the_drivers_topics_gives_the_latencies(tmp_path, capsys) -> None:
    bag, out = drivers_bag(tmp_path / "bag", 0.043), tmp_path / "calibration.yaml"
    save_yaml({"cam": {"T_base_camera": np.eye(4)}, "latency": {"cameras": {"top": 0.02}}}, out)
    words = ["calibrate", "latency", str(bag), "--cameras", "cam", "--out", str(out)]
    assert main(words) == 0
    known = load_latency(out)
    assert known.cameras["cam"] == pytest.approx(0.043, abs=0.005)
    assert known.cameras["top"] == 0.02
    assert known.command_s == pytest.approx(0.07, abs=0.005)
    assert load_calibration(out, ["cam"])["cam"].latency_s == known.cameras["cam"]
    assert "camera cam: stamps are late by 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "text"),
    [
        ({"robot": False}, "no robot state in this bag, expected /current_pose"),
        ({"encoding": "yuv422"}, "got encoding 'yuv422', expected one of rgb8, bgr8"),
    ],
)
def test_a_bag_that_cannot_do_is_one_line(tmp_path, capsys, make, text) -> None:
    bag = drivers_bag(tmp_path / "bag", 0.0, **make)
    out = ["--cameras", "cam", "--out", str(tmp_path / "c.yaml")]
    assert main(["calibrate", "latency", str(bag), *out]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "c.yaml").exists()


def test_an_episodes_stamps_may_have_been_corrected(board_episode, tmp_path, capsys) -> None:
    out = tmp_path / "calibration.yaml"
    save_yaml({"latency": {"cameras": {"side": 0.02}}}, out)
    words = ["calibrate", "latency", str(board_episode[0]), "--cameras", "side", "--out", str(out)]
    assert main(words) == 2
    assert "say --add if so" in capsys.readouterr().err
