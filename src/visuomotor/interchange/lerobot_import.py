"""A LeRobotDataset (version 3.0, on this disk) -> episodes for our bags, read by LeRobot itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visuomotor.contracts import STEP_NS, Float64, UInt8
from visuomotor.errors import DataError, unknown_name
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.interchange.episodes import ImportedCamera, ImportedEpisode, ImportedStep
from visuomotor.interchange.lerobot_export import OUTCOMES
from visuomotor.interchange.robosuite import (
    Controller,
    commanded_widths_m,
    targets,
    widths_m,
)
from visuomotor.policies.lerobot.features import ACTION, NAMES, STATE, SUCCESS, color_key, poses
from visuomotor.policies.lerobot.upstream import lerobot
from visuomotor.recording.sidecar import OUTCOMES as KNOWN_OUTCOMES
from visuomotor.recording.sidecar import Outcome

Layout = Literal["visuomotor", "robosuite"]
SIZES: dict[str, tuple[int, int]] = {"visuomotor": (len(NAMES), len(NAMES)), "robosuite": (8, 7)}
"""Layout -> entries of state and action.

robosuite: place, axis times angle, both fingers; actions of OSC_POSE.
"""
Robot = tuple[Float64, Float64, Float64, Float64]
"""Poses (T, 4, 4), widths (T,), the actions' poses and widths."""


def read_lerobot(
    root: Path,
    cameras: dict[str, str],
    layout: Layout = "visuomotor",
    base_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    episodes: int | None = None,
) -> Iterator[ImportedEpisode]:
    """The episodes of the dataset in the folder `root`; needs LeRobot.

    cameras: theirs -> ours; without any, all under their own names (`observation.images.NAME`).
    base_m: the base's place in the frame of the layout `robosuite`, whose axes are ours. Datasets
    faster than 20 Hz are thinned to the nearest frames. Raises DataError for another layout of
    state and action, for slower datasets, and for a camera that does not exist.
    """
    library = lerobot("datasets.lerobot_dataset")
    info = root / "meta" / "info.json"
    if not info.is_file():
        raise DataError(f"{root}: no meta/info.json; expected a LeRobotDataset of version 3.0")
    try:
        dataset = library.LeRobotDataset(f"imported/{root.name}", root=root, video_backend="pyav")
    except Exception as error:  # whatever its many libraries raise
        raise DataError(f"{root}: LeRobot cannot open it: {error}") from error
    chosen = _cameras(dataset.meta, cameras, str(root))
    _check_layout(dataset.meta.features, layout, str(root))
    notes = episode_notes(root)
    picked = dataset.meta.episodes
    for number in range(dataset.num_episodes if episodes is None else episodes):
        if number >= dataset.num_episodes:
            raise DataError(f"{root}: got {dataset.num_episodes} episodes, expected {episodes}")
        first, end = (int(picked[number][f"dataset_{k}_index"]) for k in ("from", "to"))
        rows = first + nearest_rows(end - first, float(dataset.fps), str(root))
        table = dataset.hf_dataset.select_columns([STATE, ACTION])[rows.tolist()]
        state, action = (np.asarray(table[key], float) for key in (STATE, ACTION))
        robot = decoded(state, action, layout, base_m)
        yield _episode(dataset, f"{root.name} {number}", rows, chosen, robot, notes.get(number))


def nearest_rows(count: int, fps: float, where: str) -> Any:
    """Which of `count` frames are nearest to control steps of 50 ms from the first on.

    DataError for less than 20 frames a second.
    """
    step = fps * STEP_NS * 1e-9
    if step < 1 - 1e-6:
        raise DataError(f"{where}: got {fps:g} frames a second, expected 20 or more")
    return np.rint(np.arange(int((count - 1) / step + 1e-6) + 1) * step).astype(np.int64)


def decoded(
    state: Float64,
    action: Float64,
    layout: Layout,
    base_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Robot:
    """What states (T, S) and actions (T, A) of a layout mean, in base."""
    if layout == "visuomotor":
        return *poses(state), *poses(action)
    T = np.stack([pose(matrix_from_rotvec(s[3:6]), s[:3] - base_m) for s in state])
    asked = targets(T, action, Controller())
    return T, widths_m(state[:, 6:8]), asked, commanded_widths_m(action[:, 6])


def _episode(
    dataset: Any,
    name: str,
    rows: Any,
    cameras: dict[str, str],
    robot: Robot,
    note: dict[str, Any] | None,
) -> ImportedEpisode:
    shapes = {ours: dataset.meta.features[color_key(theirs)] for theirs, ours in cameras.items()}
    mounts = {
        camera: ImportedCamera.nominal(_side(feature, "width"), _side(feature, "height"))
        for camera, feature in shapes.items()
    }
    outcome = _outcome(dataset, rows, note)
    tags = ("lerobot", *(str(t) for t in (note or {}).get("tags", ())))
    frame: Callable[[int], Any] = dataset.__getitem__
    return ImportedEpisode(name, _steps(frame, rows, cameras, robot), mounts, outcome, tags)


def _steps(
    frame: Callable[[int], Any], rows: Any, cameras: dict[str, str], robot: Robot
) -> Iterator[ImportedStep]:
    T, width, asked, asked_width = robot
    for i, row in enumerate(rows):
        seen = frame(int(row))
        color = {ours: _image(seen[color_key(theirs)]) for theirs, ours in cameras.items()}
        q = np.zeros(7)  # not known
        yield ImportedStep(color, T[i], float(width[i]), q, asked[i], float(asked_width[i]))


def _image(tensor: Any) -> UInt8:
    """(H, W, 3) of LeRobot's (3, H, W) in [0, 1]."""
    pixels: UInt8 = np.rint(np.asarray(tensor).transpose(1, 2, 0) * 255).astype(np.uint8)
    return pixels


def _side(feature: dict[str, Any], name: str) -> int:
    return int(feature["shape"][list(feature["names"]).index(name)])


def _cameras(meta: Any, cameras: dict[str, str], where: str) -> dict[str, str]:
    prefix = color_key("")
    there = [k.removeprefix(prefix) for k in meta.camera_keys if k.startswith(prefix)]
    depths = [c for c in there if c.removesuffix("_depth") in there and c.endswith("_depth")]
    chosen = cameras or {c: c for c in there if c not in depths}
    for camera in chosen:
        if camera not in there:
            raise DataError(f"{where}: {unknown_name('camera', camera, there)}")
    return chosen


def _check_layout(features: dict[str, Any], layout: Layout, where: str) -> None:
    for key, size in zip((STATE, ACTION), SIZES[layout], strict=True):
        feature = features.get(key)
        if feature is None or tuple(feature["shape"]) != (size,):
            got = "none" if feature is None else f"{feature['shape']} ({feature.get('names')})"
            raise DataError(
                f"{where}: {key}: got {got}, expected {size} entries for the layout {layout!r}; "
                f"there are {', '.join(SIZES)}"
            )
        if layout == "visuomotor" and list(feature.get("names") or ()) != list(NAMES):
            raise DataError(
                f"{where}: {key}: got the entries {feature.get('names')}, expected {NAMES}"
            )


def episode_notes(root: Path) -> dict[int, dict[str, Any]]:
    """What our export says of each episode; nothing for others' datasets."""
    path = root / "meta" / OUTCOMES
    try:
        listed = json.loads(path.read_text())["episodes"] if path.exists() else []
        return {int(note["episode_index"]): dict(note) for note in listed}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{path}: not readable: {error!r}; remove it to go on without") from error


def _outcome(dataset: Any, rows: Any, note: dict[str, Any] | None) -> Outcome:
    noted = (note or {}).get("outcome")
    if noted in KNOWN_OUTCOMES:
        found: Outcome = noted
        return found
    if SUCCESS not in dataset.meta.features:
        return "unknown"
    last = dataset.hf_dataset.select_columns([SUCCESS])[int(rows[-1])]
    return "success" if bool(np.asarray(last[SUCCESS]).any()) else "failure"
