"""Images of a simulated board: random cameras and intrinsics, through detection to the poses."""

import numpy as np
import pytest

from visuomotor.bench.calibration import Rehearsal, RehearsalWorld, difference
from visuomotor.calibration.board import Board
from visuomotor.calibration.collector import ViewCollector
from visuomotor.calibration.extrinsics import solve_extrinsics
from visuomotor.contracts import CameraFrame, RobotState, SyncedFrame
from visuomotor.geometry import matrix_from_rotvec, pose


def worsened(frame: SyncedFrame, rng: np.random.Generator) -> SyncedFrame:
    """As a lab sees it: grain in the image, and an arm that repeats to 0.1 mm per axis."""
    cameras = {
        name: CameraFrame(
            np.clip(v.color + rng.integers(-6, 7, v.color.shape), 0, 255).astype(np.uint8),
            v.depth_mm,
            v.camera,
            v.T_base_camera,
        )
        for name, v in frame.cameras.items()
    }
    error = pose(matrix_from_rotvec(rng.normal(size=3) * 2e-4), rng.normal(size=3) * 1e-4)
    r = frame.robot
    robot = RobotState(r.stamp_ns, r.T_base_ee @ error, r.q, r.dq, r.gripper_width_m)
    return SyncedFrame(frame.stamp_ns, cameras, robot)


@pytest.mark.parametrize(
    ("cameras", "board_on", "seed", "board"),
    [
        (("front", "side"), "hand", 1, Board()),
        (("side",), "hand", 2, Board(5, 8, 0.028, 0.021, "DICT_5X5_100")),
        (("wrist",), "table", 3, Board()),
        (("wrist",), "table", 4, Board(6, 6, 0.03, 0.022, "DICT_6X6_50")),
    ],
)
def test_cameras_are_recovered_from_images(cameras, board_on, seed, board) -> None:
    rng = np.random.default_rng(seed)
    scene = RehearsalWorld(Rehearsal(cameras, board_on, 10, seed), board)
    collector = ViewCollector(board, cameras)
    try:
        for frame in scene.frames():
            scene.feed(worsened(frame, rng), collector)
            collector.poll()
    finally:
        scene.close()
    result = solve_extrinsics(collector.views, board, board_on)
    assert set(result.cameras) == set(cameras)
    for name, found in result.cameras.items():
        mm, degrees = difference(found.T_parent_camera, scene.truth[name])
        assert mm < 3.0, (name, mm)
        assert degrees < 0.3, (name, degrees)
        assert mm < 6 * found.std_mm
        assert found.depth_error_mm is not None
        assert found.depth_error_mm < 3.0
