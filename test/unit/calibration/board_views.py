"""Views of a board without rendering: projected corners with noise, of cameras of any name."""

import numpy as np

from visuomotor.calibration.board import Board
from visuomotor.calibration.detection import BoardDetector, Detection
from visuomotor.calibration.views import BoardOn, View
from visuomotor.geometry import PinholeCamera, inverse, matrix_from_rotvec, pose, transform_points

CAMERA = PinholeCamera(640, 480, 610.0, 600.0, 322.0, 236.0)
SQUARE_ON = PinholeCamera(640, 480, 500.0, 500.0, 319.5, 239.5)
"""What `picture` is seen with."""


def random_pose(rng: np.random.Generator, angle: float, distance: float) -> np.ndarray:
    return pose(matrix_from_rotvec(rng.normal(size=3) * angle), rng.normal(size=3) * distance)


def views(
    board: Board,
    truth: dict[str, np.ndarray],
    T_parent_board: np.ndarray,
    board_on: BoardOn,
    count: int = 12,
    seed: int = 0,
    noise_px: float = 0.15,
    tilt: tuple[float, float, float] = (0.3, 0.3, 0.3),
    said: Board | None = None,
    depth: bool = False,
) -> list[View]:
    """What each camera would see of `board`, read as the board that it is `said` to be."""
    rng = np.random.default_rng(seed)
    detector = BoardDetector(said or board)
    ids = np.arange(len(board.corners))
    found = []
    for name, X in truth.items():
        for _ in range(count):
            C = pose(
                matrix_from_rotvec(rng.uniform(-1, 1, 3) * tilt),
                rng.uniform(-0.06, 0.06, 3) + np.array([-0.1, -0.07, 0.7]),
            )
            move = X @ C @ inverse(T_parent_board)
            points = transform_points(C, board.corners)
            pixels = CAMERA.project(points) + rng.normal(size=(len(ids), 2)) * noise_px
            located = detector._locate(ids, pixels, CAMERA)
            assert isinstance(located, Detection), located
            T_base_ee = move if board_on == "hand" else inverse(move)
            measured = points[:, 2] + rng.normal(size=len(ids)) * 1e-3 if depth else None
            found.append(View(name, T_base_ee, CAMERA, located, measured))
    return found


def picture(board: Board | None = None, square_px: int = 60) -> np.ndarray:
    """The board seen squarely, (480, 640, 3), its corner at pixel (80, 80)."""
    image = np.full((480, 640), 255, np.uint8)
    print_ = (board or Board()).image(square_px)
    image[80 : 80 + print_.shape[0], 80 : 80 + print_.shape[1]] = print_
    return np.repeat(image[..., None], 3, axis=2)
