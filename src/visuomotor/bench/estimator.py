"""How far estimated states are from true ones, on rendered videos of all nine actions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from visuomotor.bench.real2sim.estimator_page import page
from visuomotor.bench.real2sim.known_videos import SEEN, Known, known_video, tracks_of
from visuomotor.bench.real2sim.partial import judged_once
from visuomotor.bench.results import commit, save_result
from visuomotor.contracts import Float64
from visuomotor.errors import VisuomotorError
from visuomotor.geometry import matrix_from_rotvec, rotvec_from_matrix
from visuomotor.sim.hand_video import RATE_HZ, HandVideo
from visuomotor.video.actions import ACTIONS
from visuomotor.video.alignment import AlignedStates, align_states, trajectory_of
from visuomotor.video.estimation import estimate_states
from visuomotor.video.frames import Frames
from visuomotor.video.metrics import satisfied
from visuomotor.video.parsing import parse
from visuomotor.video.tracks import Tracks

FIRST_SEED, VIDEOS = 100, 3

__all__ = ["SEEN", "errors", "page", "run", "summaries"]


def run(out: Path) -> dict[str, Any]:
    """Estimates VIDEOS videos per action from each of SEEN; writes `estimator.json`.

    What a run that was stopped has judged lies in `estimator/` beside it, a file per video; the
    next run goes on from there.
    """
    torch.set_num_threads(1)
    rows, parts = [], out / "estimator"
    seeds = range(FIRST_SEED, FIRST_SEED + VIDEOS)
    videos = [(action, seed) for action in ACTIONS for seed in seeds]
    for action, seed in tqdm(videos, disable=None, leave=False):
        rows += judged_once(parts / f"{action}-{seed}.json", partial(_video, action, seed))
    result = save_result(
        out / "estimator.json",
        {"videos_per_action": VIDEOS, **summaries(rows), "videos": rows},
        "one camera: depth is told by the hand's known size and the table alone",
        "visuomotor bench estimator",
        [FIRST_SEED, FIRST_SEED + VIDEOS - 1],
    )
    shutil.rmtree(parts)
    return result


def summaries(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Seen -> medians over the videos, and `by_action`: action -> of those with masks."""
    by_action = {
        a: _summary([r for r in rows if r["action"] == a and r["seen"] == SEEN[0]])
        for a in dict.fromkeys(r["action"] for r in rows)
    }
    found = {seen: _summary([r for r in rows if r["seen"] == seen]) for seen in SEEN}
    return {**found, "by_action": by_action}


def _video(action: str, seed: int) -> list[dict[str, Any]]:
    known, video = known_video(action, seed)
    return [_judged(known, video, seen, seed) for seen in SEEN]


def errors(known: Known, found: AlignedStates) -> tuple[Float64, Float64, float]:
    """Of the moved object: m (T,), rad (T,), and the action's extent in m.

    Both in the frame of `Demonstration`: turned to the camera's heading, the origin below the first
    object.
    """
    turn = np.asarray(matrix_from_rotvec([0.0, 0.0, -known.view.azimuth_rad]))
    first = known.moved[0] if known.static is None else known.static
    true = (known.moved - first * [1.0, 1.0, 0.0]) @ turn.T
    rotation = np.swapaxes(turn @ known.moved_rotation, 1, 2) @ found.moved_rotation
    turned = np.linalg.norm(np.asarray(rotvec_from_matrix(rotation)), axis=-1)
    extent = float(np.linalg.norm(true - true[0], axis=1).max())
    return np.linalg.norm(found.moved_position - true, axis=1), turned, extent


def _tracks(known: Known, video: HandVideo, seen: str, seed: int) -> Tracks:
    if seen != SEEN[3]:
        return tracks_of(known, video, seen == SEEN[0], 0.2 * (seen == SEEN[2]), seed)
    true = tracks_of(known, video, masks=False)
    shown = np.all([true.seen(body) for body in true.boxes], axis=0)
    areas = np.nan_to_num(true.boxes["hand"][:, 2] - true.boxes["hand"][:, 0])
    first = int(np.argmax(np.where(shown, areas, -1.0)))
    grown = {body: boxes[first] + [-3, -3, 3, 3] for body, boxes in true.boxes.items()}
    tracks, _ = parse(Frames(video.images, RATE_HZ, known.action), grown, first)
    return Tracks(
        tracks.name, tracks.rate_hz, tracks.size, tracks.boxes, tracks.masks, known.phases
    )


def _judged(known: Known, video: HandVideo, seen: str, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"action": known.action, "seed": seed, "seen": seen}
    start = time.process_time()
    try:
        tracks = _tracks(known, video, seen, seed)
        parsed = time.process_time()
        states = estimate_states(tracks, known.action)
    except VisuomotorError as error:
        return {**row, "error": str(error), "commit": commit()}
    seconds = time.process_time() - parsed
    off_m, turned, extent_m = errors(known, align_states(states))
    return {
        **row,
        "frames": len(known.moved),
        "position_m": round(float(np.median(off_m)), 4),
        "rotation_rad": round(float(np.median(turned)), 3),
        "extent_m": round(extent_m, 3),
        "satisfied": satisfied(known.action, trajectory_of(states)),
        "parsing_s": round(parsed - start, 1),
        "cpu_s": round(seconds, 1),
        "commit": commit(),
    }


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over the videos that could be estimated; errors also as shares of the extent."""
    good = [r for r in rows if "error" not in r]
    if not good:
        return {"videos": len(rows), "estimated": 0, "satisfied": 0}
    share = [r["position_m"] / r["extent_m"] for r in good]

    def median(name: str, digits: int) -> float:
        return round(float(np.median([r[name] for r in good])), digits)

    return {
        "videos": len(rows),
        "estimated": len(good),
        "satisfied": sum(r["satisfied"] for r in good),
        "median_position_m": median("position_m", 4),
        "median_of_extent": round(float(np.median(share)), 3),
        "median_rotation_rad": median("rotation_rad", 3),
        "median_parsing_s": median("parsing_s", 1),
        "median_cpu_s": median("cpu_s", 1),
        "most_cpu_s": max(r["cpu_s"] for r in good),
    }
