"""Finds the board in one image, or says in words why it cannot be used."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.calibration.board import Board, charuco
from visuomotor.contracts import Float64, UInt8
from visuomotor.geometry import PinholeCamera, matrix_from_rotvec, pose

Int64 = NDArray[np.int64]

MIN_CORNERS = 8
MIN_SPREAD = 0.15
"""Corners nearly on one line leave a rotation open: least ratio of their narrow to wide extent."""
MAX_PLANE_ERROR_PX = 2.0
"""Corners that fit no plane better than this are blurred, or the board is bent."""
SQUARE_PX, MARGIN_PX = 40, 20
"""Of the picture by which this OpenCV's detector is judged."""


@dataclass(frozen=True)
class Detection:
    """The corners of the board that one image shows.

    ids: (N,) their numbers on the board. pixels: (N, 2) u, v. T_camera_board: (4, 4), from this
    image alone. error_px: how far (rms) the corners lie from that pose's.
    """

    ids: Int64
    pixels: Float64
    T_camera_board: Float64
    error_px: float


def corner_bias_px(detect: Callable[[UInt8], Any] | None = None) -> float:
    """What OpenCV adds to both coordinates of every corner: 0, or half a pixel before 4.14.

    Older ones shift their corners before the refinement and back after it, which the refinement
    does not care for (github.com/opencv/opencv/issues/25539). Found by a board that is drawn where
    it is known. detect: of a grey image (H, W), as OpenCV's detectBoard; without one, OpenCV's.
    """
    board = Board()
    corners, ids, *_ = (detect or cv2.aruco.CharucoDetector(charuco(board)).detectBoard)(
        board.image(SQUARE_PX, MARGIN_PX)
    )
    numbers = np.asarray(ids).reshape(-1)
    true = board.corners[numbers, :2] / board.square_m * SQUARE_PX + MARGIN_PX - 0.5
    off = float(np.mean(np.asarray(corners, np.float64).reshape(-1, 2) - true))
    return round(2 * off) / 2


_opencv_bias_px = functools.cache(corner_bias_px)


class BoardDetector:
    """Detects one board; OpenCV refines the corners to a fraction of a pixel."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.corners = board.corners
        self._detector = cv2.aruco.CharucoDetector(charuco(board))

    def detect(self, color: UInt8, camera: PinholeCamera) -> Detection | str:
        """The board in (H, W, 3) uint8 RGB, or why there is none to be used."""
        if color.ndim != 3 or color.shape[2] != 3 or color.dtype != np.uint8:
            return f"got a {color.shape} {color.dtype} image, expected (H, W, 3) uint8 RGB"
        if color.shape[:2] != (camera.height, camera.width):
            return (
                f"got a {color.shape[1]}x{color.shape[0]} image, but camera_info says "
                f"{camera.width}x{camera.height}"
            )
        grey = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY)
        found, ids, _, markers = self._detector.detectBoard(grey)
        count = 0 if ids is None else len(ids)
        if count == 0:
            seen = 0 if markers is None else len(markers)
            return (
                f"{seen} markers but no corner of the board: blurred, hidden, or not a {self.board}"
                if seen
                else f"no board found; expected a {self.board}, sharp and whole in the image"
            )
        if count < MIN_CORNERS:
            return (
                f"only {count} of {len(self.corners)} corners: part of the board is hidden, "
                "outside the image or blurred"
            )
        numbers = np.asarray(ids, np.int64).reshape(-1)
        pixels = np.asarray(found, np.float64).reshape(-1, 2) - _opencv_bias_px()
        points = self.corners[numbers]
        extent = np.linalg.svd(points[:, :2] - points[:, :2].mean(0), compute_uv=False)
        if extent[1] < MIN_SPREAD * extent[0]:
            return f"the {count} corners lie on one line; show more of the board"
        return self._locate(numbers, pixels, camera)

    def _locate(self, ids: Int64, pixels: Float64, camera: PinholeCamera) -> Detection | str:
        """The board's pose: of the two that a plane allows the better one, then refined."""
        points, K = self.corners[ids], camera.matrix
        done, rotations, positions, _ = cv2.solvePnPGeneric(
            points, pixels, K, None, flags=cv2.SOLVEPNP_IPPE
        )
        if not done:
            return "the corners fit no pose of a flat board"
        best: tuple[float, Float64] | None = None
        for rotvec, position in zip(rotations, positions, strict=True):
            rotvec, position = cv2.solvePnPRefineLM(points, pixels, K, None, rotvec, position)
            T = pose(matrix_from_rotvec(rotvec.reshape(3)), position.reshape(3))
            seen = camera.project(points @ T[:3, :3].T + T[:3, 3])
            error = float(np.sqrt(np.mean(np.sum((seen - pixels) ** 2, axis=1))))
            if np.isfinite(error) and (best is None or error < best[0]):
                best = error, T
        if best is None or best[0] > MAX_PLANE_ERROR_PX:
            size = "" if best is None else f" ({best[0]:.1f} px)"
            return f"the corners fit no flat board{size}: blurred, bent, or a wrong camera_info"
        return Detection(ids, pixels, best[1], best[0])
