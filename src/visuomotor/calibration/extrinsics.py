"""Views of the board -> where every camera is, how well that is known, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visuomotor.calibration.board import Board
from visuomotor.calibration.excitation import Excitation, excitation
from visuomotor.calibration.hand_eye import hand_eye, mean_pose
from visuomotor.calibration.refinement import Estimate, Problem, Refined
from visuomotor.calibration.views import BoardOn, View
from visuomotor.contracts import Float64
from visuomotor.errors import CalibrationError
from visuomotor.geometry import inverse, transform_points

MAX_SCALE_ERROR = 0.02
MAX_DEPTH_SCALE_ERROR = 0.03
POOR_PX = 1.0
POOR_DEVIATION_M = 0.003
OUTLIER_PX = 3.0
OUTLIER_FACTOR = 5.0


@dataclass(frozen=True)
class CameraResult:
    """One camera's pose and errors.

    parent: "base", or "ee" for a camera on the hand. reprojection_px: rms over all corners.
    error_mm: rms distance between the corners as the image alone places them and as the arm does;
    depth_error_mm: the same with the measured depth, None without. std_mm, std_deg: how far the
    pose may be off (one standard deviation). views, refused: used, and left out as outliers.
    """

    T_parent_camera: Float64
    parent: str
    reprojection_px: float
    error_mm: float
    depth_error_mm: float | None
    std_mm: float
    std_deg: float
    views: int
    refused: int
    excitation: Excitation


@dataclass(frozen=True)
class Extrinsics:
    """What was found: the cameras by name, the board in its parent, and what to look at."""

    cameras: dict[str, CameraResult]
    T_parent_board: Float64
    warnings: tuple[str, ...]


def solve_extrinsics(views: Sequence[View], board: Board, board_on: BoardOn) -> Extrinsics:
    """The poses of all cameras in `views`, which share the one board.

    board_on "hand": its mounting is unknown, the cameras stand: T_base_camera. "table": its place
    is unknown, the cameras are on the hand: T_ee_camera. Raises CalibrationError for too few or
    degenerate views, and for a board that is not of the size it is said to be.
    """
    if not views:
        raise CalibrationError("got no view of the board; see why each image was refused")
    first = {n: excitation([v.T_mount_parent(board_on) for v in _of(views, n)])
             for n in _names(views)}  # fmt: skip
    warnings = [text for name, e in first.items() if (text := e.check(name)) is not None]
    start = _start(views, board_on)
    refined = Problem(views, board.corners, board_on).refine(start)
    kept = _inliers(views, refined)
    if len(kept) < len(views):
        for name, e in first.items():
            moves = [v.T_mount_parent(board_on) for v in _of(kept, name)]
            excitation(moves).check(name)
            if len(moves) < e.views:
                warnings.append(
                    f"camera {name}: {e.views - len(moves)} of {e.views} views fit the others "
                    "badly and were left out; did the board slip, or the arm still move?"
                )
        refined = Problem(kept, board.corners, board_on).refine(refined.estimate)
    _check_size(kept, board, board_on, refined)
    results = {name: _result(name, views, kept, board, board_on, refined) for name in _names(views)}
    for name, result in results.items():
        warnings += _doubts(name, result)
    return Extrinsics(results, refined.estimate.board, tuple(warnings))


def _start(views: Sequence[View], board_on: BoardOn) -> Estimate:
    """In closed form from the camera with the most turning, the others from the board's place."""
    names = _names(views)

    def turning(name: str) -> float:
        return excitation([v.T_mount_parent(board_on) for v in _of(views, name)]).turns_deg[1]

    best = _of(views, max(names, key=turning))
    board, _ = hand_eye(
        [v.T_mount_parent(board_on) for v in best], [v.detection.T_camera_board for v in best]
    )
    cameras = {
        name: mean_pose(
            [
                v.T_mount_parent(board_on) @ board @ inverse(v.detection.T_camera_board)
                for v in _of(views, name)
            ]
        )
        for name in names
    }
    return Estimate(cameras, board)


def _inliers(views: Sequence[View], refined: Refined) -> list[View]:
    errors = np.array([_rms(r) for r in refined.residuals_px])
    bound = max(OUTLIER_PX, OUTLIER_FACTOR * float(np.median(errors)))
    return [v for v, e in zip(views, errors, strict=True) if e <= bound]


def _check_size(views: Sequence[View], board: Board, board_on: BoardOn, refined: Refined) -> None:
    """Compares the board's stated size with the arm's metres, and with the depth's."""
    free = Problem(views, board.corners, board_on, free_scale=True).refine(refined.estimate)
    scale, sure = free.estimate.scale, abs(np.log(free.estimate.scale)) > 4 * free.scale_deviation
    depth = _depth_scale(views, board)
    by_arm = abs(scale - 1) > MAX_SCALE_ERROR and sure
    by_depth = depth is not None and abs(depth - 1) > MAX_DEPTH_SCALE_ERROR
    if by_arm:
        seconded = f", the depth {1e3 * board.square_m * depth:.1f} mm" if depth else ""
        raise CalibrationError(
            f"the board's squares are said to be {1e3 * board.square_m:.1f} mm, but by the arm's "
            f"motion they are {1e3 * board.square_m * scale:.1f} mm{seconded}; measure the print "
            "and correct square_m and marker_m in the board file"
        )
    if by_depth and depth is not None:
        raise CalibrationError(
            f"the board's squares are said to be {1e3 * board.square_m:.1f} mm, but by the depth "
            f"they are {1e3 * board.square_m * depth:.1f} mm (by the arm's motion "
            f"{1e3 * board.square_m * scale:.1f}); measure the print, then the camera's depth scale"
        )


def _depth_scale(views: Sequence[View], board: Board) -> float | None:
    """The measured depth of the corners over that by the board's stated size; None without."""
    ratios = [
        v.depth_m
        / transform_points(v.detection.T_camera_board, board.corners[v.detection.ids])[:, 2]
        for v in views
        if v.depth_m is not None
    ]
    valid = np.concatenate(ratios) if ratios else np.zeros(0)
    valid = valid[np.isfinite(valid)]
    return float(np.median(valid)) if len(valid) >= 20 else None


def _result(
    name: str,
    views: Sequence[View],
    kept: Sequence[View],
    board: Board,
    board_on: BoardOn,
    refined: Refined,
) -> CameraResult:
    T = refined.estimate.cameras[name]
    residuals, by_image, by_depth = [], [], []
    for view, r in zip(kept, refined.residuals_px, strict=True):
        if view.name != name:
            continue
        residuals.append(r)
        points = board.corners[view.detection.ids]
        expected = transform_points(
            inverse(T) @ view.T_mount_parent(board_on) @ refined.estimate.board, points
        )
        by_image.append(transform_points(view.detection.T_camera_board, points) - expected)
        if view.depth_m is not None:
            measured = view.camera.deproject(view.detection.pixels, view.depth_m)
            by_depth.append((measured - expected)[np.isfinite(view.depth_m)])
    std_m, std_rad = refined.deviation(name)
    depth = np.concatenate(by_depth) if by_depth else np.zeros((0, 3))
    return CameraResult(
        T,
        "base" if board_on == "hand" else "ee",
        _rms(np.concatenate(residuals)),
        1e3 * _rms(np.concatenate(by_image)),
        1e3 * _rms(depth) if len(depth) else None,
        1e3 * std_m,
        float(np.rad2deg(std_rad)),
        len(residuals),
        len(_of(views, name)) - len(residuals),
        excitation([v.T_mount_parent(board_on) for v in _of(kept, name)]),
    )


def _doubts(name: str, result: CameraResult) -> list[str]:
    doubts = []
    if result.reprojection_px > POOR_PX:
        doubts.append(
            f"camera {name}: {result.reprojection_px:.1f} px reprojection error, expected below "
            f"{POOR_PX:g}; is the image undistorted, the board flat and firmly fixed?"
        )
    if result.std_mm > 1e3 * POOR_DEVIATION_M:
        doubts.append(
            f"camera {name}: its position is known to {result.std_mm:.1f} mm only; take more "
            "views, nearer to it and tilted more"
        )
    return doubts


def _rms(differences: Float64) -> float:
    """Root mean square length of vectors (N, d)."""
    return float(np.sqrt(np.mean(np.sum(differences**2, axis=1))))


def _names(views: Sequence[View]) -> list[str]:
    return list(dict.fromkeys(v.name for v in views))


def _of(views: Sequence[View], name: str) -> list[View]:
    return [v for v in views if v.name == name]
