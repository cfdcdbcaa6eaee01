"""The ChArUco board: what it is made of, where its corners lie, what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from visuomotor.contracts import Float64, UInt8
from visuomotor.errors import MissingDependencyError, unknown_name

DICTIONARIES = tuple(
    f"DICT_{bits}X{bits}_{count}" for bits in (4, 5, 6, 7) for count in (50, 100, 250, 1000)
)
LARGEST_M = 2.0


@dataclass(frozen=True)
class Board:
    """A chessboard of columns x rows squares whose white ones hold ArUco markers.

    square_m, marker_m: their edges as *measured on the print*. dictionary: of the markers.
    legacy_pattern: the layout of OpenCV before 4.6 (and of some shops) for an even number of rows.
    Its frame lies in the corner at the first column and row, x along the columns, y along the
    rows, z into the board. Raises ValueError for a board that cannot be.
    """

    columns: int = 7
    rows: int = 5
    square_m: float = 0.035
    marker_m: float = 0.026
    dictionary: str = "DICT_4X4_50"
    legacy_pattern: bool = False

    def __post_init__(self) -> None:
        if not (3 <= self.columns <= 40 and 3 <= self.rows <= 40):
            raise ValueError(
                f"board: got {self.columns} x {self.rows} squares, expected 3 to 40 each way"
            )
        if not 0 < self.marker_m < self.square_m < LARGEST_M / max(self.columns, self.rows):
            raise ValueError(
                f"board: got squares of {self.square_m} m and markers of {self.marker_m} m, "
                f"expected metres, markers smaller than squares, the board below {LARGEST_M:g} m"
            )
        if self.dictionary not in DICTIONARIES:
            raise ValueError(f"board: {unknown_name('dictionary', self.dictionary, DICTIONARIES)}")
        markers, known = self.columns * self.rows // 2, int(self.dictionary.split("_")[-1])
        if markers > known:
            raise ValueError(
                f"board: got {markers} markers, but {self.dictionary} has {known}; "
                f"take DICT_{self.dictionary.split('_')[1]}_1000 or fewer squares"
            )

    @property
    def size_m(self) -> tuple[float, float]:
        """Width (along the columns) and height."""
        return self.columns * self.square_m, self.rows * self.square_m

    @property
    def corners(self) -> Float64:
        """Inner corners ((columns - 1) * (rows - 1), 3) in the board's frame, by their id."""
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        flat: Float64 = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        return flat * self.square_m

    def image(self, square_px: int, margin_px: int = 0) -> UInt8:
        """The print (H, W) uint8: squares of square_px pixels, a white margin around them.

        OpenCV's own drawing fails for some sizes of a square, and moves markers by a pixel.
        """
        made = charuco(self)
        dictionary, per_m = made.getDictionary(), square_px / self.square_m
        inner = np.zeros((self.rows * square_px, self.columns * square_px), np.uint8)
        for number, points in zip(made.getIds().ravel(), made.getObjPoints(), strict=True):
            column, row = (np.asarray(points)[:, :2].mean(0) / self.square_m).astype(int)
            y, x = row * square_px, column * square_px
            inner[y : y + square_px, x : x + square_px] = 255
            (left, top), (right, bottom) = np.rint(np.asarray(points)[[0, 2], :2] * per_m).astype(
                int
            )
            modules = dictionary.markerSize + 2
            marker = dictionary.generateImageMarker(int(number), modules)
            size = int(right - left), int(bottom - top)
            inner[top:bottom, left:right] = cv2.resize(
                marker, size, interpolation=cv2.INTER_NEAREST
            )
        return np.pad(inner, margin_px, constant_values=255)

    def __str__(self) -> str:
        return (
            f"ChArUco {self.columns} x {self.rows}, squares {1e3 * self.square_m:g} mm, markers "
            f"{1e3 * self.marker_m:g} mm, {self.dictionary}"
            + (", legacy pattern" if self.legacy_pattern else "")
        )


def charuco(board: Board) -> Any:
    """OpenCV's object; MissingDependencyError for an OpenCV that has no such boards."""
    aruco = getattr(cv2, "aruco", None)
    if aruco is None or not hasattr(aruco, "CharucoDetector"):
        raise MissingDependencyError(
            f"OpenCV {cv2.__version__} has no cv2.aruco.CharucoDetector, 4.7 or later does: "
            "pip install -U opencv-python-headless"
        )
    dictionary = aruco.getPredefinedDictionary(getattr(aruco, board.dictionary))
    size = board.columns, board.rows
    made = aruco.CharucoBoard(size, board.square_m, board.marker_m, dictionary)
    if board.legacy_pattern:
        made.setLegacyPattern(True)
    return made
