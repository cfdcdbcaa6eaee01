"""Follows bodies through a video from a box in its first frame, as masks.

From frame to frame a body's mask goes with the optical flow inside it; GrabCut (Rother et al. 2004)
then finds its outline, beginning from there and from the colours that the body and its surroundings
had so far. A body that is hidden, or has left, is a gap until its colours are found again near the
place where it was last seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, UInt8
from visuomotor.errors import DataError
from visuomotor.video.first_masks import FEWEST_PX, first_masks
from visuomotor.video.outlines import Colours, outline, within

Mask = NDArray[np.bool_]
_GROWN = 0.35
_HIDDEN, _FOUND = 0.15, 0.35
"""Shares of a body's usual area: below the first it is hidden, above the second found again."""


@dataclass
class Followed:
    """One body: boxes (T, 4) as x1, y1, x2, y2 in px, NaN in gaps; masks (T, H, W)."""

    boxes: Float64
    masks: Mask


@dataclass
class _Body:
    """What is known of a body on the way."""

    mask: Mask
    colours: Colours
    areas: list[int] = field(default_factory=list)
    lost: int = 0
    last: Mask = field(default_factory=lambda: np.zeros((0, 0), bool))

    @property
    def usual_px(self) -> float:
        return float(np.median(self.areas[-24:]))


def follow(
    images: UInt8,
    boxes: Mapping[str, Float64],
    first: int = 0,
    progress: Callable[[int], None] = lambda _: None,
    source: str = "video",
) -> dict[str, Followed]:
    """Every body of `boxes` (x1, y1, x2, y2 in px, in frame `first`) in all T frames.

    images (T, H, W, 3) RGB. Bodies that come first hide those that come later: name the hand first.
    progress is told of every frame that is done; source names the video in messages. Raises
    DataError for a box without an inside, or in which nothing stands out.
    """
    count, height, width = images.shape[:3]
    if not 0 <= first < count:
        raise DataError(f"{source}: got first frame {first}, expected 0 to {count - 1}")
    found = {
        name: Followed(np.full((count, 4), np.nan), np.zeros((count, height, width), bool))
        for name in boxes
    }
    start = first_masks(images[first], boxes, f"{source}: frame {first}")
    _keep(found, start, first)
    for frames in (range(first + 1, count), range(first - 1, -1, -1)):
        bodies = {name: _begun(images[first], mask) for name, mask in start.items()}
        before = first
        for t in frames:
            flow = _flow(images[before], images[t])
            hidden = np.zeros((height, width), bool)
            for name, body in bodies.items():
                rivals = [b.colours for n, b in bodies.items() if n != name]
                _advance(body, images[t], flow, hidden, rivals)
                hidden |= body.mask
            _keep(found, {name: b.mask for name, b in bodies.items()}, t)
            before = t
            progress(t)
    return found


def _advance(
    body: _Body,
    image: UInt8,
    flow: NDArray[np.float32],
    hidden: Mask,
    rivals: Sequence[Colours],
) -> None:
    """The body's mask in the next frame; empty where it is hidden."""
    if body.mask.any():
        expected, body.lost = _moved(body.mask, flow), 0
        body.last = expected
    else:
        expected, body.lost = body.last, body.lost + 1
    near = _grown(expected, 1.0 + 0.25 * min(body.lost, 8))
    expected = expected & ~hidden
    if body.lost:  # anywhere near
        expected = near & ~hidden & (body.colours.ratio(image) > 1.0)
    if expected.sum() < FEWEST_PX:
        body.mask = np.zeros_like(body.mask)
        return
    mask = outline(image, near & ~hidden, expected, body.colours, rivals)
    enough = (_FOUND if body.lost else _HIDDEN) * body.usual_px
    most = max(2.5 * body.areas[-1], 4 * body.usual_px if body.lost else 0.0)
    if not max(FEWEST_PX, enough) <= mask.sum() <= most:
        body.mask = np.zeros_like(body.mask)
        return
    body.mask = mask
    body.areas.append(int(mask.sum()))
    body.colours.learn(image, mask)


def _begun(image: UInt8, mask: Mask) -> _Body:
    body = _Body(mask.copy(), Colours(), [int(mask.sum())])
    body.colours.learn(image, mask)
    return body


def _moved(mask: Mask, flow: NDArray[np.float32]) -> Mask:
    """The mask where the flow inside it takes it: a shift, a turn and a change of size."""
    v, u = np.nonzero(mask)
    pick = np.linspace(0, len(u) - 1, min(len(u), 400)).astype(int)
    here = np.column_stack([u[pick], v[pick]]).astype(np.float32)
    there = here + flow[v[pick], u[pick]]
    M, _ = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=2.0)
    shift = np.median(there - here, axis=0)
    if M is None or not 0.8 < np.hypot(M[0, 0], M[1, 0]) < 1.25:
        M = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    size = (mask.shape[1], mask.shape[0])
    return np.asarray(cv2.warpAffine(mask.astype(np.uint8), M, size, flags=cv2.INTER_NEAREST) > 0)


def _grown(mask: Mask, factor: float) -> Mask:
    """The box of a mask, wider by _GROWN times its size and a few pixels."""
    v, u = np.nonzero(mask)
    if not len(u):
        return np.zeros_like(mask)
    pad = factor * (8 + _GROWN * max(np.ptp(u), np.ptp(v)) / 2)
    box = np.array([u.min() - pad, v.min() - pad, u.max() + pad, v.max() + pad])
    return within(box, *mask.shape)


def _flow(before: UInt8, after: UInt8) -> NDArray[np.float32]:
    grey = [cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (before, after)]
    made: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = made.calc(grey[0], grey[1], None)
    return np.asarray(flow, np.float32)


def _keep(found: dict[str, Followed], masks: Mapping[str, Mask], t: int) -> None:
    for name, mask in masks.items():
        found[name].masks[t] = mask
        found[name].boxes[t] = box_of(mask)


def box_of(mask: Mask) -> Float64:
    """The box x1, y1, x2, y2 px around a mask (H, W), NaN around none."""
    v, u = np.nonzero(mask)
    if not len(u):
        return np.full(4, np.nan)
    return np.array([u.min(), v.min(), u.max() + 1, v.max() + 1], np.float64)
