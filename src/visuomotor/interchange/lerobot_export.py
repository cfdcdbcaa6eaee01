"""Our bags -> a LeRobotDataset (version 3.0), through `observe`, written by LeRobot itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.checkpoint import OBSERVATION
from visuomotor.config import save_yaml
from visuomotor.contracts import STEP_NS
from visuomotor.dataset import EpisodeArrays, open_dataset
from visuomotor.errors import DataError
from visuomotor.observations import ObservationSpec, depth_m_from_mm
from visuomotor.policies.lerobot.features import (
    ACTION,
    NAMES,
    STATE,
    SUCCESS,
    color_key,
    depth_image,
    depth_key,
    feature_shapes,
    vectors,
)
from visuomotor.policies.lerobot.upstream import lerobot
from visuomotor.recording import Sidecar, find_episodes, load_sidecar

FPS = 1_000_000_000 // STEP_NS
ROBOT = "franka_fr3"
OUTCOMES = "visuomotor.json"
"""In `meta`: per LeRobot episode, the bag it is from, its outcome, operator, tags and seed."""
_SMALLEST_SPREAD = np.array([0.01] * 3 + [0.05] * 6 + [0.005])
"""Of a state's or an action's entry, in its unit; see `_widened`."""


@dataclass(frozen=True)
class Exported:
    """What was written: LeRobot episodes and their steps; steps of the bags that were left out."""

    episodes: int
    steps: int
    left_out: int


def export_lerobot(
    dataset: Path,
    out: Path,
    spec: ObservationSpec,
    task: str | None = None,
    outcomes: Sequence[str] = ("success", "unknown"),
    episodes: int | None = None,
    video: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Writes the folder `out`, which LeRobot opens with `root=out`; needs LeRobot.

    Each run of consecutive steps that have a set and an action becomes an episode: LeRobot has no
    masks for gaps. Images are PNG, bit by bit what `observe` gives, or with `video` AV1. `out` is
    complete or not there. Raises DataError where `out` exists, and as `open_dataset` does.
    """
    library = lerobot("datasets.lerobot_dataset")
    out = Path(out)
    if out.exists():
        raise DataError(f"{out}: there already; expected a new folder, remove it or name another")
    opened = open_dataset(dataset, spec, None, task, outcomes, episodes)
    paths = {path.name: path for path in find_episodes(dataset)}
    building = out.with_name(f"{out.name}.partial")
    shutil.rmtree(building, ignore_errors=True)
    building.parent.mkdir(parents=True, exist_ok=True)
    features = _features(spec, video)
    written = library.LeRobotDataset.create(
        f"visuomotor/{out.name}",
        FPS,
        features,
        root=building,
        robot_type=ROBOT,
        use_videos=video,
        image_writer_threads=0 if video else 2,
        streaming_encoding=video,
    )
    notes: list[dict[str, Any]] = []
    for done, source in enumerate(opened.episodes, 1):
        for note in _write(written, source, spec, load_sidecar(paths[source.name])):
            notes.append({"episode_index": len(notes), **note})
        progress(done, len(opened))
    written.stop_image_writer()
    written.finalize()
    shutil.rmtree(building / "images", ignore_errors=True)  # where it kept them while writing
    if not notes:
        raise DataError(f"{dataset}: no two consecutive steps with an action in any episode")
    meta = building / "meta"
    (meta / OUTCOMES).write_text(json.dumps({"episodes": notes}, indent=1) + "\n")
    save_yaml(spec, meta / OBSERVATION)
    _widen(meta / "stats.json")
    building.rename(out)
    steps = sum(n["steps"] for n in notes)
    return Exported(len(notes), steps, opened.steps - steps)


def _write(
    written: Any, source: EpisodeArrays, spec: ObservationSpec, sidecar: Sidecar
) -> Iterator[dict[str, Any]]:
    """Adds the runs of one of our episodes as LeRobot's, and tells what each is."""
    runs = list(runs_of(source.action_valid))
    for start, stop in runs:
        solved = sidecar.outcome == "success" and (start, stop) == runs[-1]
        for frame in frames_of(source, spec, start, stop, solved):
            written.add_frame({**frame, "task": sidecar.task})
        written.save_episode()
        yield {
            "source": source.name,
            "first_step": start,
            "steps": stop - start,
            "task": sidecar.task,
            "outcome": sidecar.outcome,
            "operator": sidecar.operator,
            "tags": list(sidecar.tags),
            "seed": sidecar.seed,
        }


def runs_of(valid: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """[start, stop) of every stretch of True that has two steps at least."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], valid, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        if stop - start >= 2:
            yield int(start), int(stop)


def frames_of(
    episode: EpisodeArrays, spec: ObservationSpec, start: int, stop: int, solved: bool
) -> Iterator[dict[str, Any]]:
    """LeRobot's frames of the steps [start, stop); the last one of a solved one is a success."""
    states = vectors(episode.T_base_ee, episode.gripper_width_m)
    actions = vectors(episode.action_pose, episode.action_width_m)
    for i in range(start, stop):
        frame: dict[str, Any] = {
            STATE: states[i],
            ACTION: actions[i],
            SUCCESS: np.array([solved and i == stop - 1]),
        }
        for camera in spec.cameras:
            frame[color_key(camera.name)] = np.asarray(episode.color[camera.name][i])
            if camera.depth:
                depth_mm = np.asarray(episode.depth_mm[camera.name][i])
                frame[depth_key(camera.name)] = depth_image(depth_m_from_mm(depth_mm))
        yield frame


def _features(spec: ObservationSpec, video: bool) -> dict[str, Any]:
    shapes = feature_shapes(spec)
    if len(shapes) != sum(1 + c.depth for c in spec.cameras):
        raise DataError(
            f"cameras {', '.join(spec.names)}: one is named as another's depth is; rename it"
        )
    vector = {"dtype": "float32", "shape": (len(NAMES),), "names": list(NAMES)}
    kind, axes = "video" if video else "image", ["height", "width", "channels"]
    images = {k: {"dtype": kind, "shape": s, "names": axes} for k, s in shapes.items()}
    success = {"dtype": "bool", "shape": (1,), "names": None}
    return {STATE: vector, ACTION: dict(vector), **images, SUCCESS: success}


def _widen(path: Path) -> None:
    """Makes LeRobot's statistics bearable where an entry hardly varied in the demonstrations.

    It divides by what it measured: a hand that always pointed down would be normalised by the
    noise of its joints, and a millimetre later be a hundred deviations away.
    """
    stats = json.loads(path.read_text())
    for feature in (STATE, ACTION):
        entry, least = stats[feature], _SMALLEST_SPREAD
        entry["std"] = np.maximum(entry["std"], least).tolist()
        low, high = np.array(entry["min"]), np.array(entry["max"])
        missing = np.maximum(2 * least - (high - low), 0) / 2
        entry["min"], entry["max"] = (low - missing).tolist(), (high + missing).tolist()
    path.write_text(json.dumps(stats, indent=4))
