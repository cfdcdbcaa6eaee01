"""A video beside what was estimated of it, and the demonstration that it became, for people."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from visuomotor.contracts import Float64, UInt8
from visuomotor.errors import DataError
from visuomotor.geometry import matrix_from_rotvec
from visuomotor.video.demonstration import Demonstration
from visuomotor.video.overlay import COLOURS, write
from visuomotor.video.solids import (
    Colour,
    Solid,
    View,
    camera_view,
    cuboid_solid,
    hand_solid,
    paint,
    paint_path,
    paint_table,
    scaled,
    view_from_above,
)
from visuomotor.video.states import VideoStates
from visuomotor.video.tracks import BODIES, Tracks

HAND, MOVED, STATIC = COLOURS
_PAPER, _DARK, _INK = 246, 38, (70, 74, 80)
_HEAD, _GAP = 20, 4
_HAND_M, _REACH_M = 0.15, 0.4
"""Of the hand that is drawn; and how far from the object it is still shown from above."""


def side_by_side(
    tracks: Tracks, states: VideoStates, images: UInt8 | None = None, height: int = 240
) -> UInt8:
    """Frames (T, H, W, 3): the input, the states over it, and the states from above.

    images (T, H', W', 3): the video's own frames; without them its boxes stand for it. height: of
    the three panels, px. From above the video's camera is at the bottom, lines are 10 cm apart, and
    the circle around the object is how far other explanations of the video have it. Raises
    DataError where tracks, states and images are not of one video.
    """
    check_one_video(tracks, states, None if images is None else len(images))
    size = (2 * round(tracks.size[0] * height / tracks.size[1] / 2), height)
    distance_m, azimuth, elevation = (float(v) for v in states.camera)
    view = camera_view(distance_m, azimuth, elevation, states.focal_px, tracks.size)
    view = scaled(view, size)
    apart = np.linalg.norm(states.hand_position - states.moved_position, axis=1)
    half = np.asarray(states.moved_size) / 2
    reach = [states.hand_position[tracks.seen("hand") & (apart < _REACH_M)]]
    reach += [states.moved_position - half, states.moved_position + half]
    if states.static_position is not None and states.static_size is not None:
        reach += [states.static_position[None] + k * states.static_size for k in (-0.5, 0.5)]
    above = view_from_above(np.concatenate(reach), azimuth, (height, height))
    made = []
    for t in range(tracks.frames):
        seen = None if images is None else images[t]
        made.append(
            _row(
                {
                    "input" if images is not None else "input: boxes": _input(
                        tracks, t, seen, size
                    ),
                    "estimated states": _over(tracks, states, t, seen, view),
                    "from above": _from_above(states, t, above),
                },
                f"{t}",
            )
        )
    return np.stack(made)


def demonstration_frames(
    demonstration: Demonstration,
    moved_m: Float64,
    static_m: Float64 | None = None,
    height: int = 240,
) -> UInt8:
    """Frames (S, H, W, 3) of a demonstration: as a camera at its front sees it, and from above.

    moved_m, static_m (3,): sides of the objects in the demonstration's scale. The hand is paler
    where it does not touch.
    """
    d = demonstration
    size = (round(1.25 * height), height)
    front = camera_view(1.25, 0.0, 0.6, 1.5 * height, size)
    reach = [d.hand_position, np.zeros((1, 3))]
    reach += [d.object_position + k * np.asarray(moved_m) for k in (-0.5, 0.5)]
    above = view_from_above(np.concatenate(reach), 0.0, (height, height))
    rotations = np.asarray(matrix_from_rotvec(d.object_rotation))
    made = []
    for t in range(len(d.touch)):
        hand = hand_solid(
            d.hand_position[t],
            float(d.hand_azimuth[t]),
            float(d.hand_elevation[t]),
            _HAND_M,
            _faded(HAND, d.touch[t]),
        )
        solids = [hand, cuboid_solid(d.object_position[t], rotations[t], moved_m, MOVED)]
        if static_m is not None:
            place = np.array([0.0, 0.0, static_m[2] / 2])
            solids.append(cuboid_solid(place, np.eye(3), static_m, STATIC))
        panels = {}
        for title, view in (("demonstration", front), ("from above", above)):
            image = _paper(view)
            paint_table(image, view)
            paint(image, view, solids)
            paint_path(image, view, d.object_position[: t + 1], _darker(MOVED))
            paint_path(image, view, d.hand_position[: t + 1], _darker(HAND), 1)
            panels[title] = image
        made.append(_row(panels, f"{t / d.rate_hz:.1f} s"))
    return np.stack(made)


def check_one_video(tracks: Tracks, states: VideoStates, frames: int | None) -> None:
    """Raises DataError where tracks, states and the number of a video's frames do not agree."""
    if tracks.frames != len(states.touch) or tracks.size != tuple(int(v) for v in states.size):
        raise DataError(
            f"video {tracks.name}: its tracks have {tracks.frames} frames of "
            f"{tracks.size[0]}x{tracks.size[1]} px, the states of {states.name} "
            f"{len(states.touch)} of {states.size[0]}x{states.size[1]}; expected one video's"
        )
    if frames is not None and frames != tracks.frames:
        raise DataError(
            f"video {tracks.name}: the file has {frames} frames at {tracks.rate_hz:g} Hz, its "
            f"tracks {tracks.frames}; expected the file that was parsed"
        )


def _input(tracks: Tracks, t: int, image: UInt8 | None, size: tuple[int, int]) -> UInt8:
    panel = _background(image, size)
    factor = size[1] / tracks.size[1]
    for body, colour in zip(BODIES, COLOURS, strict=True):
        mask = None if tracks.masks is None else tracks.masks.get(body)
        if mask is not None and image is not None:
            inside = cv2.resize(mask[t].astype(np.float32), size) > 0.5
            panel[inside] = np.rint(0.6 * panel[inside] + 0.4 * np.array(colour)).astype(np.uint8)
        if body in tracks.boxes and np.isfinite(tracks.boxes[body][t]).all():
            x1, y1, x2, y2 = (round(factor * float(v)) for v in tracks.boxes[body][t])
            if image is None:
                inside = panel[y1:y2, x1:x2]
                inside[:] = (0.75 * inside + 0.25 * np.array(colour)).astype(np.uint8)
            cv2.rectangle(panel, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
            write(panel, body, (x1 + 3, min(y1 + 14, size[1] - 4)), colour)
    return panel


def _over(tracks: Tracks, s: VideoStates, t: int, image: UInt8 | None, view: View) -> UInt8:
    panel = _background(image, view.size)
    if image is None:
        factor = view.size[1] / tracks.size[1]
        for body, colour in zip(BODIES, COLOURS, strict=True):
            if body in tracks.boxes and np.isfinite(tracks.boxes[body][t]).all():
                x1, y1, x2, y2 = (round(factor * float(v)) for v in tracks.boxes[body][t])
                cv2.rectangle(panel, (x1, y1), (x2 - 1, y2 - 1), _faded(colour, 0.3, 60), 1)
    paint(panel, view, _solids(s, t), 0.95 if image is None else 0.6)
    return panel


def _from_above(s: VideoStates, t: int, view: View) -> UInt8:
    panel = _paper(view)
    paint_table(panel, view)
    paint(panel, view, _solids(s, t))
    paint_path(panel, view, s.moved_position[: t + 1], _darker(MOVED))
    paint_path(panel, view, s.hand_position[: t + 1], _darker(HAND), 1)
    turn = np.linspace(0, 2 * np.pi, 33)
    ring = s.moved_position[t] + float(s.moved_spread[t]) * np.column_stack(
        [np.cos(turn), np.sin(turn), 0 * turn]
    )
    paint_path(panel, view, ring, _INK, 1)
    return panel


def _solids(s: VideoStates, t: int) -> list[Solid]:
    hand = hand_solid(
        s.hand_position[t],
        float(s.hand_azimuth[t]),
        float(s.hand_elevation[t]),
        float(s.hand_length),
        _faded(HAND, s.touch[t]),
    )
    turned = np.asarray(matrix_from_rotvec(s.moved_rotation[t]))
    found = [hand, cuboid_solid(s.moved_position[t], turned, s.moved_size, MOVED)]
    if s.static_position is not None and s.static_size is not None:
        still = np.eye(3)
        if s.static_rotation is not None:
            still = np.asarray(matrix_from_rotvec(s.static_rotation))
        found.append(cuboid_solid(s.static_position, still, s.static_size, STATIC))
    return found


def _background(image: UInt8 | None, size: tuple[int, int]) -> UInt8:
    if image is None:
        return np.full((size[1], size[0], 3), _DARK, np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _paper(view: View) -> UInt8:
    return np.full((view.size[1], view.size[0], 3), _PAPER, np.uint8)


def _row(panels: dict[str, UInt8], corner: str) -> UInt8:
    """Panels side by side below their titles, even-sized for codecs."""
    parts: list[UInt8] = []
    for i, (title, panel) in enumerate(panels.items()):
        head = np.full((_HEAD, panel.shape[1], 3), 255, np.uint8)
        at = (4, _HEAD - 6)
        cv2.putText(head, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
        if i == 0:
            write(panel, corner, (4, panel.shape[0] - 6), (255, 255, 255))
        if i:
            parts.append(np.full((_HEAD + len(panel), _GAP, 3), 255, np.uint8))
        parts.append(np.vstack([head, panel]).astype(np.uint8))
    row = np.hstack(parts).astype(np.uint8)
    odd = (row.shape[0] % 2, row.shape[1] % 2)
    return np.pad(row, ((0, odd[0]), (0, odd[1]), (0, 0)), constant_values=255)


def _faded(colour: Colour, share: float, towards: int = 215) -> Colour:
    """The colour itself at 1, half way to grey at 0."""
    part = 0.5 * (1.0 - float(np.clip(share, 0.0, 1.0)))
    mixed: Sequence[int] = [round(c + part * (towards - c)) for c in colour]
    return mixed[0], mixed[1], mixed[2]


def _darker(colour: Colour) -> Colour:
    return round(0.6 * colour[0]), round(0.6 * colour[1]), round(0.6 * colour[2])
