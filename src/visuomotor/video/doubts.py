"""What about tracks looks wrong although it can be: for a person to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.video.tracks import Tracks

JUMP_OF_WIDTH, SELDOM, BORDER_PX = 0.25, 0.5, 2.0


def doubts(tracks: Tracks) -> list[str]:
    """A line for each of: exchanged boxes, boxes that jump, bodies that are seldom seen."""
    lines = []
    hand, moved = tracks.boxes["hand"], tracks.boxes["moved"]
    at_border = {b: _at_border(tracks.boxes[b], tracks.size) for b in ("hand", "moved")}
    if not at_border["hand"].any() and at_border["moved"].mean() > 0.1:
        frame = int(np.flatnonzero(at_border["moved"])[0])
        if _way(moved) > _way(hand):
            lines.append(
                f"video {tracks.name}, frame {frame}: the moved object comes in over the image's "
                "border and the hand never does: are their boxes exchanged?"
            )
    for body, boxes in tracks.boxes.items():
        seen = tracks.seen(body)
        if seen.mean() < SELDOM:
            lines.append(
                f"video {tracks.name}: {body} is seen in {seen.sum()} of {tracks.frames} frames"
            )
        steps = np.linalg.norm(np.diff(_centres(boxes), axis=0), axis=1)
        if (np.nan_to_num(steps) > JUMP_OF_WIDTH * tracks.size[0]).any():
            frame = int(np.nan_to_num(steps).argmax()) + 1
            lines.append(
                f"video {tracks.name}, frame {frame}: the box of {body} jumps by "
                f"{steps[frame - 1]:.0f} px: is it the same body?"
            )
    return lines


def _centres(boxes: Float64) -> Float64:
    return 0.5 * (boxes[:, :2] + boxes[:, 2:])


def _way(boxes: Float64) -> float:
    """How far a box goes while it is seen, px."""
    seen = _centres(boxes[np.isfinite(boxes).all(axis=1)])
    return float(np.linalg.norm(np.diff(seen, axis=0), axis=1).sum())


def _at_border(boxes: Float64, size: tuple[int, int]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        low = (boxes[:, :2] <= BORDER_PX).any(axis=1)
        high = (boxes[:, 2:] >= np.array(size) - BORDER_PX).any(axis=1)
    return np.asarray(low | high)
