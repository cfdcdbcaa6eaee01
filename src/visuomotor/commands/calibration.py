"""`calibrate ...`: the board, where the cameras are, how late cameras and commands are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from visuomotor.errors import CalibrationError, ConfigError

if TYPE_CHECKING:
    from visuomotor.calibration.collector import Shot, ViewCollector


def board(
    out: Positional[Path] = Path("board.pdf"),
    columns: int = 7,
    rows: int = 5,
    square_mm: float = 35.0,
    marker_mm: float = 26.0,
    dictionary: str = "DICT_4X4_50",
) -> int:
    """Write a ChArUco board to print, and OUT's .yaml, which tells the other commands its size.

    Args:
        out: The file to write: .pdf, or .png with its resolution in it.
        columns: Squares along the long side.
        rows: Squares along the short side.
        square_mm: Edge of a square.
        marker_mm: Edge of a marker.
        dictionary: The markers' dictionary, as OpenCV calls it.
    """
    from visuomotor.calibration.board import Board
    from visuomotor.calibration.printing import save_board
    from visuomotor.config import from_mapping, save_yaml

    values = {
        "columns": columns,
        "rows": rows,
        "square_m": round(1e-3 * square_mm, 7),
        "marker_m": round(1e-3 * marker_mm, 7),
        "dictionary": dictionary,
    }
    made = from_mapping(Board, values, "visuomotor calibrate board")
    page = save_board(made, out)
    described = out.with_suffix(".yaml")
    save_yaml(made, described)
    print(f"{out}: {made}; {page}, print at 100 %")
    print(f"{described}: measure the print and correct square_m and marker_m there")
    return 0


def extrinsics(
    bags: Positional[tuple[Path, ...]] = (),
    cameras: tuple[str, ...] = ("front", "side"),
    board_on: Literal["hand", "table"] = "hand",
    board: Path | None = None,
    out: Path = Path("calibration.yaml"),
    views: int = 15,
    pictures: Path | None = None,
    timeout_s: float = 10.0,
) -> int:
    """Find where cameras are from views of a board, and write it into the calibration file.

    With the board on the hand: of cameras that stand. With the board on the table: of cameras on
    the hand. A view is taken wherever the arm stands still for half a second; without a bag the
    cameras are listened to, Enter takes a view at once and q ends.

    Args:
        bags: Episodes, or bags of the drivers' topics; without any: live.
        cameras: Which cameras; with the board on the table the ones on the hand.
        board_on: Where the board is fixed: hand or table.
        board: YAML of the board (`calibrate board` writes it); without: board.yaml where there is
            one in this folder, else the default board.
        out: The calibration file; cameras that are not calibrated now stay in it.
        views: Live, this many views per camera are enough.
        pictures: Folder for every image with the corners that were found in it.
        timeout_s: Live, longest wait for the first image and the arm's first pose.
    """
    from visuomotor.calibration.collector import ViewCollector
    from visuomotor.calibration.extrinsics import solve_extrinsics
    from visuomotor.calibration.file import load_board, write_extrinsics
    from visuomotor.calibration.report import extrinsics_lines

    beside = Path("board.yaml")
    target = load_board(board or (beside if beside.is_file() else None))
    collector = ViewCollector(target, cameras)
    show = _Shots(collector, pictures, target.square_m)
    print(f"{target} on the {board_on}, cameras {', '.join(cameras)}")
    if bags:
        from visuomotor.calibration.bags import feed

        for bag in bags:
            print(f"{bag}:")
            feed(bag, tuple(cameras), collector, lambda: show(collector.poll()))
    else:
        from visuomotor.commands.calibration_live import collect_views

        collect_views(collector, cameras, views, show, timeout_s)
    if not collector.views:
        raise CalibrationError(f"no view of the board: {collector.why_nothing()}")
    result = solve_extrinsics(collector.views, target, board_on)
    print("\n".join(extrinsics_lines(result)))
    unseen = [c for c in cameras if c not in result.cameras]
    write_extrinsics(out, result.cameras, _now())
    print(f"{out}: {', '.join(result.cameras)} written; nodes read it as calibration:={out}")
    for name in unseen:
        print(f"warning: camera {name} never saw the board; it is as it was in {out}")
    return 1 if unseen else 0


def latency(
    bags: Positional[tuple[Path, ...]] = (),
    cameras: tuple[str, ...] = ("front", "side"),
    out: Path = Path("calibration.yaml"),
    add: bool = False,
    yes: bool = False,
    amplitude_m: float = 0.03,
    duration_s: float = 12.0,
    timeout_s: float = 10.0,
) -> int:
    """Find how late cameras and commands are, and write it into the calibration file.

    Without a bag the arm is wiggled along a slanted line about where it stands, as a teleoperator
    would through the bridge, and cameras, robot and commands are listened to.

    Args:
        bags: Bags of the drivers' topics while the arm moved; without any: live.
        cameras: Which cameras.
        out: The calibration file.
        add: The bag is an episode whose cameras OUT's latencies had corrected already: what is
            found comes on top of them.
        yes: Wiggle at once, without asking.
        amplitude_m: How far the hand moves to either side.
        duration_s: How long.
        timeout_s: Live, longest wait for the first images and the arm's first pose.
    """
    from visuomotor.calibration.file import write_latency
    from visuomotor.calibration.latency import MotionRecord
    from visuomotor.calibration.wiggle import WiggleConfig
    from visuomotor.config import from_mapping
    from visuomotor.sync import load_latency

    record = MotionRecord(cameras)
    if bags:
        from visuomotor.calibration.bags import feed

        if len(bags) > 1:
            raise ConfigError(f"got {len(bags)} bags, expected one: stamps of one recording")
        raw = feed(bags[0], tuple(cameras), record, depth=False, commands=record.add_command)
        known = load_latency(out).cameras if out.exists() else {}
        if not raw and not add and any(known.get(c) for c in cameras):
            raise CalibrationError(
                f"{bags[0]} is an episode, whose stamps {out} may have corrected when it was "
                "recorded; say --add if so, measure live, or from a bag of the drivers' topics"
            )
    else:
        from visuomotor.commands.calibration_live import record_wiggle

        values = {"amplitude_m": amplitude_m, "duration_s": duration_s}
        motion = from_mapping(WiggleConfig, values, "visuomotor calibrate latency")
        record_wiggle(record, cameras, motion, timeout_s, ask=not yes)
    found = record.measure()
    for name, delay in found.cameras.items():
        print(f"camera {name}: stamps are late by {delay}")
    for name, delay in found.paths.items():
        print(f"{name}: the arm is there after {delay}")
    for text in found.warnings:
        print(f"warning: {text}")
    write_latency(out, found.values(_now()), add)
    print(f"{out}: written; rgbd_sync takes it off the cameras' stamps")
    return 0


def rehearse(
    out: Path = Path("rehearsal"),
    board_on: Literal["hand", "table"] = "hand",
    views: int = 12,
    seed: int = 0,
) -> int:
    """Calibrate a simulated set-up whose truth is known, and write its pictures and file.

    Args:
        out: Folder for calibration.yaml and the images with their corners.
        board_on: hand (two standing cameras) or table (a camera on the hand).
        views: Views per camera.
        seed: Of the places and intrinsics of the cameras and of the poses.
    """
    from visuomotor.bench.calibration import Rehearsal, RehearsalWorld, difference
    from visuomotor.calibration.board import Board
    from visuomotor.calibration.collector import ViewCollector
    from visuomotor.calibration.extrinsics import solve_extrinsics
    from visuomotor.calibration.file import write_extrinsics
    from visuomotor.calibration.report import extrinsics_lines

    cameras = ("front", "side") if board_on == "hand" else ("wrist",)
    target = Board()
    scene = RehearsalWorld(Rehearsal(cameras, board_on, views, seed), target)
    collector = ViewCollector(target, cameras)
    show = _Shots(collector, out, target.square_m)
    try:
        for frame in scene.frames():
            scene.feed(frame, collector)
            show(collector.poll())
    finally:
        scene.close()
    result = solve_extrinsics(collector.views, target, board_on)
    print("\n".join(extrinsics_lines(result)))
    for name, camera in result.cameras.items():
        mm, degrees = difference(camera.T_parent_camera, scene.truth[name])
        print(f"{name}: {mm:.2f} mm and {degrees:.3f} degrees from the truth")
    write_extrinsics(out / "calibration.yaml", result.cameras, _now())
    print(f"{out}: written")
    return 0


class _Shots:
    """Prints a line per image, and writes it with its corners where a folder is given."""

    def __init__(self, collector: ViewCollector, folder: Path | None, square_m: float) -> None:
        self._collector, self._folder, self._square_m = collector, folder, square_m

    def __call__(self, shots: list[Shot]) -> None:
        from visuomotor.calibration.report import shot_line

        for shot in shots:
            count = sum(v.name == shot.camera for v in self._collector.views)
            print(shot_line(shot, count), flush=True)
            if self._folder is not None:
                self._save(self._folder / f"{self._collector.places:03d}_{shot.camera}.png", shot)

    def _save(self, path: Path, shot: Shot) -> None:
        import cv2

        from visuomotor.calibration.drawing import annotated

        path.parent.mkdir(parents=True, exist_ok=True)
        picture = annotated(shot, self._square_m)[..., ::-1]
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
