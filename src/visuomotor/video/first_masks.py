"""Masks of bodies from a box around each in one frame, also where the boxes overlap.

A box says: the body is in here. Where two overlap, colours decide whose a pixel is: those that a
body shows where only its box is, those of the other, and those around both. Then GrabCut (Rother
et al. 2004) finds each one's outline among what is not the other's.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, UInt8
from visuomotor.errors import DataError
from visuomotor.video.outlines import colour_shares, outline, within

Mask = NDArray[np.bool_]
FEWEST_PX = 30
_ALONE, _RING_PX = 0.15, 15
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
    rivals = {n: _others(inside, n) for n in inside}
    crowded = any((inside[n] & rivals[n]).any() for n in inside)
    likely = split(image, inside) if crowded else inside
    masks: dict[str, Mask] = {}
    taken = np.zeros((height, width), bool)
    for name, region in inside.items():
        theirs = np.any([likely[n] for n in inside if n != name], axis=0) if crowded else taken
        allowed = region & ~taken & ~theirs
        masks[name] = outline(image, allowed, likely[name] & allowed, None)
        if masks[name].sum() < max(FEWEST_PX, 0.05 * region.sum()):
            raise DataError(
                f"{where}: nothing stands out in the box of {name}; draw it a little larger, or "
                "begin with another frame"
            )
        taken |= masks[name]
    return masks


def split(image: UInt8, inside: Mapping[str, Mask]) -> dict[str, Mask]:
    """Whose each pixel would be if it were a body's, by colours: masks (H, W) within the regions.

    What is background is left to GrabCut: here every pixel of a region goes to some body.
    """
    anywhere = np.any(list(inside.values()), axis=0)
    kernel = np.ones((2 * _RING_PX + 1,) * 2, np.uint8)
    around = (cv2.dilate(anywhere.astype(np.uint8), kernel) > 0) & ~anywhere
    background = colour_shares(image, around.astype(float))
    alone = {n: region & ~_others(inside, n) for n, region in inside.items()}
    share = {n: alone[n].sum() / max(1, int(region.sum())) for n, region in inside.items()}
    models: dict[str, Float64] = {}
    for name in sorted(inside, key=lambda n: -share[n]):
        region = (alone[name] if share[name] > _ALONE else inside[name]).astype(float)
        rivals = np.max([background, *models.values()], axis=0)
        own = colour_shares(image, region)
        for _ in range(2):  # what others explain as well counts less
            own = colour_shares(image, region * own / (own + rivals + 1e-12))
        models[name] = own
    evidence = np.log(np.stack([models[n] for n in inside]) + 1e-4)
    evidence = np.where(np.stack(list(inside.values())), evidence, -30.0)
    belief = _softmax(evidence)
    for _ in range(_ROUNDS):
        near = np.stack([cv2.GaussianBlur(b, (0, 0), _SPREAD_PX) for b in belief])
        belief = _softmax(evidence + _TOGETHER * near)
    best = belief.argmax(axis=0)
    return {name: (best == i) & region for i, (name, region) in enumerate(inside.items())}


def _others(inside: Mapping[str, Mask], name: str) -> Mask:
    found = [region for n, region in inside.items() if n != name]
    return np.any(found, axis=0) if found else np.zeros_like(inside[name])


def _softmax(values: Float64) -> Float64:
    raised = np.exp(values - values.max(axis=0))
    shares: Float64 = raised / raised.sum(axis=0)
    return shares
