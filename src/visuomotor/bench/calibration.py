"""A calibration from beginning to end in simulation, where the truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.calibration.board import Board
from visuomotor.calibration.collector import ViewCollector
from visuomotor.calibration.views import BoardOn
from visuomotor.contracts import Float64, StampedImage, SyncedFrame
from visuomotor.errors import RobotError
from visuomotor.geometry import (
    PinholeCamera,
    inverse,
    matrix_from_rotvec,
    pose,
    rotation_angle,
    transform_points,
)
from visuomotor.sim import SimConfig
from visuomotor.sim.board import BoardWorld, PlacedCamera, Plate
from visuomotor.sim.scene import look_at, mount_of

SQUARE_PX = 48
MARGIN_PX = 12
WORKSPACE_M = ((0.25, -0.4, 0.12), (0.7, 0.4, 0.7))
TILT_RAD = 0.45
TRIES = 400


@dataclass(frozen=True)
class Rehearsal:
    """What is drawn: cameras and their shake about the scene's places, views per camera.

    board_on: "hand" for standing cameras, "table" for the one on the hand. shake_m, shake_rad:
    how far cameras and board are put from where the scene has them.
    """

    cameras: tuple[str, ...] = ("front", "side")
    board_on: BoardOn = "hand"
    views: int = 12
    seed: int = 0
    width: int = 640
    height: int = 480
    shake_m: float = 0.05
    shake_rad: float = 0.15


def plate_of(board: Board, on: BoardOn, T_parent_board: Float64) -> Plate:
    """The board as a plate of the simulation, with its white margin."""
    margin_m = MARGIN_PX * board.square_m / SQUARE_PX
    width_m, height_m = board.size_m
    return Plate(
        board.image(SQUARE_PX, MARGIN_PX),
        (width_m + 2 * margin_m, height_m + 2 * margin_m),
        on,
        T_parent_board @ pose(position=(-margin_m, -margin_m, 0.0)),
    )


class RehearsalWorld:
    """A world with a board, cameras at random places with random intrinsics, and good poses."""

    def __init__(self, rehearsal: Rehearsal, board: Board) -> None:
        self.rehearsal, self.board = rehearsal, board
        self._rng = np.random.default_rng([rehearsal.seed, 17])
        self.placed = {name: self._placed(name) for name in rehearsal.cameras}
        self.T_parent_board = self._board_pose()
        config = SimConfig(
            cameras=rehearsal.cameras, width=rehearsal.width, height=rehearsal.height
        )
        plate = plate_of(board, rehearsal.board_on, self.T_parent_board)
        self.world = BoardWorld(config, plate, self.placed)
        self._clock_ns = 1_000_000_000

    @property
    def truth(self) -> Mapping[str, Float64]:
        """T_parent_camera of every camera."""
        return {name: p.T_parent_camera for name, p in self.placed.items()}

    def frames(self) -> Iterator[SyncedFrame]:
        """A set per pose of the arm, each showing the whole board to one of the cameras."""
        for name in self.rehearsal.cameras:
            for _ in range(self.rehearsal.views):
                yield self._frame(name)

    def feed(self, frame: SyncedFrame, sink: ViewCollector) -> None:
        """Plays a set as the messages of an arm that stands still for a while at its pose."""
        first, last = self._clock_ns, self._clock_ns + 800_000_000
        self._clock_ns = last + 100_000_000
        sink.add_pose(first, frame.robot.T_base_ee)
        for name, view in frame.cameras.items():
            sink.set_camera(name, view.camera)
            sink.add_color(name, StampedImage(last, view.color))
            if view.depth_mm is not None:
                sink.add_depth(name, StampedImage(last, view.depth_mm))
        sink.add_pose(last, frame.robot.T_base_ee)

    def close(self) -> None:
        """Frees OpenGL."""
        self.world.close()

    def _placed(self, name: str) -> PlacedCamera:
        rng, mount, r = self._rng, mount_of(name), self.rehearsal
        T = mount.T_parent_camera
        if mount.parent == "base":  # the scene's cameras look at the table: the hand is above it
            x, y, z = T[:3, 3].tolist()
            T = look_at((x, y, z), (0.5, 0.0, 0.25)).T_parent_camera
        focal = r.height * rng.uniform(1.15, 1.4) * (1.0 if mount.parent == "base" else 0.8)
        middle = (r.width - 1) / 2, (r.height - 1) / 2
        cx, cy = middle + rng.uniform(-0.03, 0.03, 2) * r.height
        fy = focal * rng.uniform(0.98, 1.02)
        camera = PinholeCamera(r.width, r.height, float(focal), float(fy), float(cx), float(cy))
        near = 1.0 if mount.parent == "base" else 0.25  # else the hand would hide the board
        return PlacedCamera(T @ self._shake(near), camera)

    def _board_pose(self) -> Float64:
        """Where the board is fixed: facing the first camera while the hand points down."""
        name = self.rehearsal.cameras[0]
        down = pose(np.diag([1.0, -1.0, -1.0]), (0.45, 0.0, 0.35))
        w, h = self.board.size_m
        if self.rehearsal.board_on == "table":
            flat = pose(np.array([[0, -1.0, 0], [-1.0, 0, 0], [0, 0, -1.0]]), (0.45, 0, 0.006))
            return flat @ pose(position=(-w / 2, -h / 2, 0)) @ self._shake(flat=True)
        seen = pose(position=(0.0, 0.03, 0.75)) @ pose(position=(-w / 2, -h / 2, 0))
        return inverse(down) @ self.placed[name].T_parent_camera @ seen @ self._shake()

    def _shake(self, scale: float = 1.0, flat: bool = False) -> Float64:
        shift = self._rng.uniform(-scale, scale, 3) * self.rehearsal.shake_m
        turn = self._rng.uniform(-scale, scale, 3) * self.rehearsal.shake_rad
        if flat:
            shift[2] = turn[0] = turn[1] = 0
        return pose(matrix_from_rotvec(turn), shift)

    def _frame(self, name: str) -> SyncedFrame:
        for _ in range(TRIES):
            T_base_ee = self._candidate(name)
            place, (low, high) = T_base_ee[:3, 3], WORKSPACE_M
            if not ((low < place) & (place < high)).all():
                continue
            try:
                self.world.stand(T_base_ee)
            except RobotError:
                continue
            return self.world.frame()
        raise RobotError(f"camera {name}: no pose of the arm shows it the board; another seed will")

    def _candidate(self, name: str) -> Float64:
        """A pose of the hand at which the camera would see the whole board, tilted."""
        rng, placed = self._rng, self.placed[name]
        w, h = self.board.size_m
        near, far = (0.55, 0.85) if self.rehearsal.board_on == "hand" else (0.35, 0.5)
        while True:
            z = rng.uniform(near, far)
            centre = (*(rng.uniform(-0.25, 0.25, 2) * z), z)
            turn = matrix_from_rotvec(rng.uniform(-TILT_RAD, TILT_RAD, 3))
            C = pose(turn, centre) @ pose(position=(-w / 2, -h / 2, 0))
            if self._inside(placed.camera, C):
                break
        if self.rehearsal.board_on == "hand":
            return placed.T_parent_camera @ C @ inverse(self.T_parent_board)
        return self.T_parent_board @ inverse(C) @ inverse(placed.T_parent_camera)

    def _inside(self, camera: PinholeCamera, T_camera_board: Float64) -> bool:
        pixels = camera.project(transform_points(T_camera_board, self.board.corners))
        return bool(((pixels > 15) & (pixels < (camera.width - 15, camera.height - 15))).all())


def difference(T: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float]:
    """How far a pose (4, 4) is from the true one: mm and degrees."""
    angle = float(np.rad2deg(rotation_angle(T[:3, :3].T @ truth[:3, :3])))
    return 1e3 * float(np.linalg.norm(T[:3, 3] - truth[:3, 3])), angle
