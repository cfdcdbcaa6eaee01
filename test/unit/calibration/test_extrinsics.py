"""The solver alone: what it recovers, and what it says of views that cannot be trusted."""

from dataclasses import replace

import numpy as np
import pytest
from board_views import random_pose, views

from visuomotor.bench.calibration import difference
from visuomotor.calibration.board import Board
from visuomotor.calibration.extrinsics import solve_extrinsics
from visuomotor.calibration.hand_eye import hand_eye
from visuomotor.calibration.refinement import Estimate, Problem
from visuomotor.errors import CalibrationError
from visuomotor.geometry import inverse, pose
from visuomotor.sim.scene import look_at

BOARD = Board()
RNG = np.random.default_rng(5)
STANDING = {
    "left_d405": look_at((0.9, 0.8, 0.5), (0.45, 0.0, 0.3)).T_parent_camera,
    "right_d405": look_at((0.9, -0.7, 0.6), (0.45, 0.1, 0.3)).T_parent_camera,
}
MOUNT = random_pose(RNG, 1.0, 0.1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("board_on", ["hand", "table"])
def test_what_was_injected_is_recovered(board_on, seed) -> None:
    truth = STANDING if board_on == "hand" else {"palm": random_pose(RNG, 1.0, 0.08)}
    result = solve_extrinsics(views(BOARD, truth, MOUNT, board_on, seed=seed), BOARD, board_on)
    assert list(result.cameras) == list(truth)
    for name, found in result.cameras.items():
        mm, degrees = difference(found.T_parent_camera, truth[name])
        assert mm < 1.0
        assert degrees < 0.1
        assert mm < 5 * found.std_mm
        assert 0.1 < found.reprojection_px < 0.4
        assert found.parent == ("base" if board_on == "hand" else "ee")
    assert difference(result.T_parent_board, MOUNT)[0] < 1.0


def test_the_closed_form_is_exact_without_noise() -> None:
    truth = {"one": STANDING["left_d405"]}
    clean = views(BOARD, truth, MOUNT, "hand", noise_px=0.0)
    Y, X = hand_eye([v.T_base_ee for v in clean], [v.detection.T_camera_board for v in clean])
    np.testing.assert_allclose(X, truth["one"], atol=1e-5)
    np.testing.assert_allclose(Y, MOUNT, atol=1e-5)


def test_the_refinement_comes_back_from_far_away() -> None:
    truth = {"one": STANDING["left_d405"]}
    clean = views(BOARD, truth, MOUNT, "hand", noise_px=0.0)
    away = random_pose(np.random.default_rng(1), 0.1, 0.03)
    start = Estimate({"one": truth["one"] @ away}, MOUNT @ inverse(away))
    refined = Problem(clean, BOARD.corners, "hand").refine(start)
    np.testing.assert_allclose(refined.estimate.cameras["one"], truth["one"], atol=1e-6)
    np.testing.assert_allclose(refined.estimate.board, MOUNT, atol=1e-6)


def test_one_view_that_slipped_is_left_out_and_told() -> None:
    seen = views(BOARD, STANDING, MOUNT, "hand")
    slipped = pose(position=(0.03, 0.0, 0.02)) @ seen[3].T_base_ee
    seen[3] = replace(seen[3], T_base_ee=slipped)
    result = solve_extrinsics(seen, BOARD, "hand")
    assert result.cameras["left_d405"].refused == 1
    assert result.cameras["right_d405"].refused == 0
    assert any("1 of 12 views fit the others badly" in text for text in result.warnings)
    assert difference(result.cameras["left_d405"].T_parent_camera, STANDING["left_d405"])[0] < 1.0


def test_no_view_and_too_few_views_are_errors() -> None:
    with pytest.raises(CalibrationError, match="no view of the board"):
        solve_extrinsics([], BOARD, "hand")
    with pytest.raises(CalibrationError, match=r"left_d405: got 4 usable views.*at least 6"):
        solve_extrinsics(views(BOARD, STANDING, MOUNT, "hand", count=4), BOARD, "hand")


@pytest.mark.parametrize("tilt", [(0.0, 0.0, 0.0), (0.0, 0.5, 0.0), (0.02, 0.0, 0.6)])
def test_turning_about_one_axis_is_an_error(tilt) -> None:
    with pytest.raises(CalibrationError, match="tilt the hand to all sides"):
        solve_extrinsics(views(BOARD, STANDING, MOUNT, "hand", tilt=tilt), BOARD, "hand")


def test_little_turning_is_a_warning() -> None:
    seen = views(BOARD, STANDING, MOUNT, "hand", tilt=(0.2, 0.2, 0.1), count=15)
    assert any("make it surer" in text for text in solve_extrinsics(seen, BOARD, "hand").warnings)


@pytest.mark.parametrize("depth", [False, True])
def test_a_board_of_another_size_is_an_error_that_says_which(depth) -> None:
    said = Board(square_m=0.030, marker_m=0.022)
    seen = views(BOARD, STANDING, MOUNT, "hand", said=said, depth=depth)
    with pytest.raises(CalibrationError, match=r"said to be 30\.0 mm, .* they are 3[45]\.\d mm"):
        solve_extrinsics(seen, said, "hand")


def test_a_depth_that_disagrees_with_the_arm_is_an_error() -> None:
    seen = views(BOARD, STANDING, MOUNT, "hand", depth=True)
    seen = [replace(v, depth_m=1.06 * v.depth_m) for v in seen]
    with pytest.raises(CalibrationError, match=r"by the depth they are 37\.\d mm"):
        solve_extrinsics(seen, BOARD, "hand")


def test_depth_gives_an_error_of_its_own() -> None:
    result = solve_extrinsics(views(BOARD, STANDING, MOUNT, "hand", depth=True), BOARD, "hand")
    assert all(0.5 < c.depth_error_mm < 3 for c in result.cameras.values())
    without = solve_extrinsics(views(BOARD, STANDING, MOUNT, "hand"), BOARD, "hand")
    assert all(c.depth_error_mm is None for c in without.cameras.values())
