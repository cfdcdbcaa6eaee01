"""When a view is taken: once per place, at rest, of every camera that has an image of it."""

import numpy as np
import pytest
from board_views import SQUARE_ON, picture

from visuomotor.calibration.board import Board
from visuomotor.calibration.collector import ViewCollector
from visuomotor.calibration.report import shot_line
from visuomotor.contracts import StampedImage
from visuomotor.errors import CalibrationError
from visuomotor.geometry import matrix_from_rotvec, pose

MS = 1_000_000
SEEN = picture()


class Lab:
    """Plays an arm at 100 Hz and cameras at 20 Hz into a collector."""

    def __init__(self, cameras: tuple[str, ...] = ("a", "b")) -> None:
        self.collector = ViewCollector(Board(), cameras)
        self.now_ns = 1_000 * MS
        self.T = np.eye(4)
        self.alive = set(cameras)
        self.image = SEEN
        self.shots: list[str] = []
        for name in cameras:
            self.collector.set_camera(name, SQUARE_ON)

    def run(self, seconds: float, speed_m_s: float = 0.0) -> None:
        for _ in range(round(seconds * 100)):
            self.now_ns += 10 * MS
            self.T = pose(position=(speed_m_s * 0.01, 0, 0)) @ self.T
            self.collector.add_pose(self.now_ns, self.T)
            if self.now_ns % (50 * MS) == 0:
                for name in self.alive:
                    self.collector.add_color(name, StampedImage(self.now_ns, self.image))
                    depth = np.full((480, 640), 290, np.uint16)
                    self.collector.add_depth(name, StampedImage(self.now_ns, depth))
            self.shots += [s.camera for s in self.collector.poll()]


def test_one_view_per_place_and_camera() -> None:
    lab = Lab()
    lab.run(3.0)
    assert lab.shots == ["a", "b"]
    lab.run(0.5, speed_m_s=0.1)
    assert lab.shots == ["a", "b"]
    lab.run(2.0)
    assert lab.shots == ["a", "b"] * 2
    assert [v.name for v in lab.collector.views] == lab.shots
    x_m = [v.T_base_ee[0, 3] for v in lab.collector.views]
    assert x_m == pytest.approx([0.0, 0.0, 0.05, 0.05], abs=1e-3)
    assert lab.collector.views[0].depth_m == pytest.approx(0.29)


def test_a_moving_arm_gives_none() -> None:
    lab = Lab()
    lab.run(4.0, speed_m_s=0.02)
    assert lab.shots == []
    with pytest.raises(CalibrationError, match="no image since the arm came to rest"):
        lab.collector.capture()
    assert "the arm never stood still for half a second" in lab.collector.why_nothing()


def test_a_small_turn_is_a_new_place_and_a_tremor_is_none() -> None:
    lab = Lab(("a",))
    lab.run(1.0)
    lab.T = pose(position=(0.0003, 0, 0)) @ lab.T
    lab.run(1.0)
    assert lab.shots == ["a"]
    lab.T = lab.T @ pose(matrix_from_rotvec((0, 0.1, 0)))
    lab.run(1.0)
    assert lab.shots == ["a", "a"]


def test_a_silent_camera_is_waited_for_then_left_out() -> None:
    lab = Lab()
    lab.alive.remove("b")
    lab.run(1.2)
    assert lab.shots == []
    lab.run(1.0)
    assert lab.shots == ["a"]


def test_enter_takes_one_without_waiting() -> None:
    lab = Lab()
    lab.run(0.4)
    assert [s.camera for s in lab.collector.capture()] == ["a", "b"]
    lab.run(1.0)
    assert lab.shots == []


def test_images_are_wanted_only_where_they_could_make_a_view() -> None:
    lab = Lab(("a",))
    assert not lab.collector.wants("a", lab.now_ns)
    lab.run(0.4)
    assert lab.collector.wants("a", lab.now_ns)
    assert not lab.collector.wants("a", lab.now_ns - 300 * MS)
    assert not lab.collector.wants("elsewhere", lab.now_ns)
    lab.run(1.0)
    assert lab.shots == ["a"]
    assert not lab.collector.wants("a", lab.now_ns)


def test_why_there_is_nothing_is_said() -> None:
    assert "no pose of the arm" in ViewCollector(Board(), ("a",)).why_nothing()
    lab = Lab(("a",))
    lab.image = np.full((480, 640, 3), 127, np.uint8)
    lab.run(2.0)
    assert lab.collector.views == []
    assert "camera a: no board found" in lab.collector.why_nothing()
    bare = ViewCollector(Board(), ("a",))
    bare.add_pose(5, np.eye(4))
    assert "no camera_info of a" in bare.why_nothing()
    with pytest.raises(CalibrationError, match="expected distinct names"):
        ViewCollector(Board(), ("a", "a"))


def test_a_line_tells_of_every_image() -> None:
    lab = Lab(("a",))
    lab.run(0.4)
    (shot,) = lab.collector.capture()
    assert shot_line(shot, 1).startswith("  a: view 1, 24 corners at 0.29 m, 0.0")
