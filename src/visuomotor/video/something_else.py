"""Reads Something-Else's boxes of Something-Something videos, and action phases as CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.errors import DataError, unknown_name
from visuomotor.video.actions import Action, find_action
from visuomotor.video.phases import predict_phases
from visuomotor.video.tracks import FORMAT, Phases, Tracks, clip_boxes, load_tracks

RATE_HZ = 12.0
SIZE = (427, 240)
"""Of most videos; boxes may reach past it, and are clipped."""

ROLES = {"hand": "hand", "object hand": "hand", "object 0": "moved", "object 1": "static"}

Annotation = list[dict[str, Any]]


def read_annotations(path: Path) -> dict[str, Annotation]:
    """The frames per video of a Something-Else file; raises DataError where it is something else.

    Each frame is {"labels": [{"box2d": {x1, y1, x2, y2}, "gt_annotation"}]}.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as Something-Else boxes: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(v, list) for v in found.values()):
        raise DataError(f"{path}: not Something-Else boxes: expected a list of frames per video")
    return found


def tracks_of(
    annotations: dict[str, Annotation],
    video: str,
    action: Action,
    phases: Phases | None = None,
    size: tuple[int, int] = SIZE,
) -> Tracks:
    """One video's tracks.

    Something-Else's object 0 is the moved object, object 1 the static one. A body that has no box
    at all while another has two in a frame was filed under it: the two are told apart by following
    them. Raises DataError for a video without boxes, and as Tracks does.
    """
    if video not in annotations:
        raise DataError(f"video {video} has no boxes: {unknown_name('video', video, annotations)}")
    frames = annotations[video]
    needed = ["hand", "moved", *(["static"] if action.static else [])]
    found = {body: _collect(video, frames, body) for body in ROLES.values()}
    missing = [b for b in needed if not any(found[b])]
    doubled = [b for b in needed if any(len(f) > 1 for f in found[b])]
    tracks = {b: _array(found[b]) for b in needed if b not in missing}
    if len(missing) == 1 and len(doubled) == 1:
        first, second = _follow(found[doubled[0]])
        pair = {missing[0], doubled[0]}
        calm = "static" if "static" in pair else "moved"
        busy = (pair - {calm}).pop()
        if _travel(first) > _travel(second):
            first, second = second, first
        if "hand" in pair and _arrives(first) and not _arrives(second):
            first, second = second, first
        tracks[calm], tracks[busy] = first, second
    boxes = {b: clip_boxes(video, b, values, size) for b, values in tracks.items()}
    if phases is not None:
        phases = _within(phases, len(frames))
    return Tracks(video, RATE_HZ, size, boxes, None, phases)


def is_tracks(path: Path) -> bool:
    """Whether a JSON file holds our own tracks, not Something-Else's boxes."""
    try:
        return FORMAT in path.read_text()[:200]
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as tracks or boxes: {error}") from error


def open_tracks(
    path: Path, action: Action, video: str | None = None, phases: Path | None = None
) -> Tracks:
    """Tracks of our own JSON, or of one video of Something-Else's, with phases.

    Phases are those of the CSV, else the tracks' own, else predicted. Raises DataError as the
    readers do.
    """
    if video is None:
        tracks = load_tracks(path)
    else:
        tracks = tracks_of(read_annotations(path), video, action)
    known = tracks.phases
    if phases is not None:
        listed = read_phases(phases)
        if tracks.name not in listed:
            raise DataError(f"{phases}: {unknown_name('video', tracks.name, listed)}")
        known = _within(listed[tracks.name][1], tracks.frames)
    return replace(tracks, phases=known or predict_phases(tracks))


def _within(phases: Phases, frames: int) -> Phases:
    cut = [(min(a, frames), min(b, frames)) for a, b in vars(phases).values()]
    return Phases(*cut)


def read_phases(path: Path) -> dict[str, tuple[Action, Phases]]:
    """Actions and phases per video from CSV: video_id, action_id, approach, action, leave.

    Ranges are 1-based and inclusive, `-` where the video lacks the phase. Raises DataError with the
    line that is wrong.
    """
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    except OSError as error:
        raise DataError(f"{path}: cannot be read as phases: {error}") from error
    found = {}
    for number, row in enumerate(rows, 2):
        try:
            action = find_action(row["action_id"])
            ranges = [_range(row[name]) for name in ("approach", "action", "leave")]
            approach, act, leave = ranges
            if act is None:
                raise ValueError("no action phase")
            found[row["video_id"]] = (
                action,
                Phases(approach or (0, act[0]), act, leave or (act[1], act[1])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}, line {number}: not phases of a video: {error!r}") from error
    return found


def _range(text: str) -> tuple[int, int] | None:
    if text.strip() == "-":
        return None
    first, last = (int(v) for v in text.split("-"))
    if not 1 <= first <= last:
        raise ValueError(f"range {text!r}")
    return first - 1, last


def _collect(video: str, frames: Annotation, body: str) -> list[list[list[float]]]:
    found: list[list[list[float]]] = []
    for number, frame in enumerate(frames):
        found.append([])
        try:
            for label in frame.get("labels", []):
                if ROLES.get(label["gt_annotation"]) == body:
                    box = label["box2d"]
                    found[-1].append([float(box[k]) for k in ("x1", "y1", "x2", "y2")])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"video {video}, frame {number}: not a label: {error!r}") from error
    return found


def _array(boxes: list[list[list[float]]]) -> Float64:
    return np.array([b[0] if b else [np.nan] * 4 for b in boxes], dtype=np.float64)


def _follow(boxes: list[list[list[float]]]) -> tuple[Float64, Float64]:
    """Two bodies in one list of boxes, by the smaller jumps from frame to frame."""
    pair = np.full((2, len(boxes), 4), np.nan)
    last = np.full((2, 4), np.nan)
    for t, here in enumerate(np.asarray(b, dtype=np.float64).reshape(-1, 4) for b in boxes):
        if len(here) == 0:
            continue
        far = np.nan_to_num(np.abs(last[:, None] - here[None, :2]).sum(axis=2), nan=1e4)
        if len(here) >= 2:
            order = (0, 1) if far[0, 0] + far[1, 1] <= far[0, 1] + far[1, 0] else (1, 0)
            pair[:, t] = here[list(order)]
        else:
            pair[int(far[1, 0] < far[0, 0]), t] = here[0]
        last = np.where(np.isnan(pair[:, t]), last, pair[:, t])
    return pair[0], pair[1]


def _travel(track: Float64) -> float:
    seen = track[np.isfinite(track).all(axis=1)]
    return float(np.abs(np.diff(seen, axis=0)).sum()) if len(seen) else 0.0


def _arrives(track: Float64) -> bool:
    """Whether the body comes in over the image's border."""
    seen = track[np.isfinite(track).all(axis=1)]
    first = seen[0]
    return bool(
        first[0] <= 2 or first[1] <= 2 or first[2] >= SIZE[0] - 2 or first[3] >= SIZE[1] - 2
    )
