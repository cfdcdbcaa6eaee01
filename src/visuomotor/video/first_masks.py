"""Masks of bodies from a box around each in one frame, also where the boxes overlap.

GrabCut (Rother et al. 2004) finds what stands out in each box by itself. Where two boxes overlap it
may be the same, and colours decide whose a pixel is: those that each body has where nobody else
claims one.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, UInt8
from visuomotor.errors import DataError
from visuomotor.video.outlines import cleaned, colour_shares, outline, within

Mask = NDArray[np.bool_]
FEWEST_PX = 30
_ALONE = 0.15
_ROUNDS, _SPREAD_PX, _TOGETHER = 6, 2.0, 3.0
"""Rounds in which neighbours agree, over how many pixels, and nats that their agreement counts."""


def first_masks(
    image: UInt8, boxes: Mapping[str, Float64], where: str = "video: frame 0"
) -> dict[str, Mask]:
    """Every body's mask (H, W), of boxes x1, y1, x2, y2 px in an image (H, W, 3); none overlap.

    where: of messages. Bodies that come first have what remains in doubt. Raises DataError for a
    box without an inside, or in which nothing stands out.
    """
    height, width = image.shape[:2]
    inside = {name: within(box, height, width) for name, box in boxes.items()}
    for name, region in inside.items():
        if region.sum() < FEWEST_PX:
            raise DataError(
                f"{where}: got the box {[round(float(v)) for v in boxes[name]]} of {name}, "
                f"expected x1 < x2, y1 < y2 within {width} x {height}"
            )
    claimed = {name: outline(image, region, region, None) for name, region in inside.items()}
    masks = settle(image, claimed)
    for name, region in inside.items():
        if masks[name].sum() < max(FEWEST_PX, 0.05 * region.sum()):
            raise DataError(
                f"{where}: nothing stands out in the box of {name}; draw it a little larger, or "
                "begin with another frame"
            )
    return masks


def settle(image: UInt8, claimed: Mapping[str, Mask]) -> dict[str, Mask]:
    """Masks (H, W) of which none overlap, from such that may: colours decide what is disputed.

    A body's colours are those where nobody else claims a pixel. One that has next to none of its
    own has what the others' colours explain worst.
    """
    disputed = np.sum(list(claimed.values()), axis=0) > 1
    if not disputed.any():
        return dict(claimed)
    share = {n: (m & ~disputed).sum() / max(1, int(m.sum())) for n, m in claimed.items()}
    models: dict[str, Float64] = {}
    for name in sorted(claimed, key=lambda n: -share[n]):
        own = colour_shares(image, (claimed[name] & ~disputed).astype(float))
        if share[name] < _ALONE:
            own = colour_shares(image, claimed[name].astype(float))
            rivals = np.max([*models.values(), np.zeros_like(own)], axis=0)
            for _ in range(3):
                own = colour_shares(image, claimed[name] * own / (own + rivals + 1e-12))
        models[name] = own
    evidence = np.log(np.stack([models[n] for n in claimed]) + 1e-4)
    evidence = np.where(np.stack(list(claimed.values())), evidence, -30.0)
    belief = _softmax(evidence) * np.any(list(claimed.values()), axis=0)
    for _ in range(_ROUNDS):
        near = np.stack([cv2.GaussianBlur(b, (0, 0), _SPREAD_PX) for b in belief])
        belief = _softmax(evidence + _TOGETHER * near) * np.any(list(claimed.values()), axis=0)
    best = belief.argmax(axis=0)
    return {
        name: cleaned((best == i) & mask, mask) for i, (name, mask) in enumerate(claimed.items())
    }


def _softmax(values: Float64) -> Float64:
    raised = np.exp(values - values.max(axis=0))
    shares: Float64 = raised / raised.sum(axis=0)
    return shares
