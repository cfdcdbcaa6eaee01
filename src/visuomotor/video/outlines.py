"""The outline of one body in one image, and the colours that tell it from what is around."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, UInt8

Mask = NDArray[np.bool_]
_BINS, _FORGET = 16, 0.1
_SURE, _ITERATIONS = 2.0, 2
"""Nats by which colours must speak for a body, or against it, to overrule where it is expected."""


class Colours:
    """How often a body, and what is around it, has each colour (histograms in Lab)."""

    def __init__(self) -> None:
        self._body = np.full(_BINS**3, 1e-6)
        self._around = np.full(_BINS**3, 1e-6)

    def learn(self, image: UInt8, mask: Mask) -> None:
        """Takes an image (H, W, 3) RGB in; older ones count less and less."""
        number = _numbers(image)
        ring = _ring(mask)
        for histogram, where in ((self._body, mask), (self._around, ring)):
            seen = np.bincount(number[where], minlength=_BINS**3).astype(np.float64)
            if seen.sum():
                share = _smooth(seen / seen.sum())
                first = histogram.sum() < 0.5
                histogram *= 0.0 if first else 1 - _FORGET
                histogram += share if first else _FORGET * share

    def ratio(self, image: UInt8, rivals: Sequence[Colours] = ()) -> Float64:
        """Nats (H, W) by which each pixel's colour speaks for the body, and not for a rival."""
        other = np.max([self._around, *(r._body for r in rivals)], axis=0)
        odds = np.log(self._body + 1e-5) - np.log(other + 1e-5)
        values: Float64 = odds[_numbers(image)]
        return values


def colour_shares(image: UInt8, weight: Float64) -> Float64:
    """How common each pixel's colour (H, W) is where weights (H, W) are: a share of their sum."""
    number = _numbers(image)
    seen = np.bincount(number.ravel(), weight.ravel(), minlength=_BINS**3)
    values: Float64 = _smooth(seen / max(float(seen.sum()), 1e-12))[number]
    return values


def outline(
    image: UInt8,
    allowed: Mask,
    expected: Mask,
    colours: Colours | None,
    rivals: Sequence[Colours] = (),
) -> Mask:
    """The body's pixels (H, W): within `allowed`, about where it is `expected`.

    image (H, W, 3) RGB. Without colours, from the expectation alone, as when a box was drawn.
    rivals: colours of bodies that are near.
    """
    if not (allowed & expected).any():
        return np.zeros_like(allowed)
    rows, columns = _window(allowed)
    crop, region = image[rows, columns], (allowed & expected)[rows, columns]
    labels = np.where(region, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    if colours is not None:
        ratio = colours.ratio(crop, rivals)
        labels[region & (ratio < -_SURE)] = cv2.GC_PR_BGD
        labels[_eroded(region) & (ratio > _SURE)] = cv2.GC_FGD
    labels[~allowed[rows, columns]] = cv2.GC_BGD
    if not np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).any():
        return np.zeros_like(allowed)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.ascontiguousarray(crop), labels, None, *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK
    )
    found = np.zeros_like(allowed)
    found[rows, columns] = cleaned(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)), region)
    return found


def within(box: Float64, height: int, width: int) -> Mask:
    """The pixels (H, W) whose centres lie in the box x1, y1, x2, y2; outside the image there are
    none.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    rows, columns = np.arange(height), np.arange(width)
    inside: Mask = ((rows >= y1) & (rows < y2))[:, None] & ((columns >= x1) & (columns < x2))
    return inside


def _window(allowed: Mask, pad: int = 12) -> tuple[slice, slice]:
    """Rows and columns about what is allowed, with some surroundings that are none of it."""
    v, u = np.nonzero(allowed)
    return (
        slice(max(0, int(v.min()) - pad), int(v.max()) + pad + 1),
        slice(max(0, int(u.min()) - pad), int(u.max()) + pad + 1),
    )


def cleaned(mask: Mask, expected: Mask) -> Mask:
    """Without specks: pieces that touch what was expected, or are as large as a third of it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return np.zeros_like(mask)
    largest = stats[1:, cv2.CC_STAT_AREA].max()
    kept = [
        i
        for i in range(1, count)
        if stats[i, cv2.CC_STAT_AREA] >= largest / 3 and (expected & (pieces == i)).any()
    ]
    cleaned: Mask = np.isin(pieces, kept)
    return cleaned


def _ring(mask: Mask) -> Mask:
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.asarray(wide & ~near)


def _eroded(mask: Mask) -> Mask:
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)


def _numbers(image: UInt8) -> NDArray[np.int64]:
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.int64) * _BINS // 256
    numbers: NDArray[np.int64] = (lab[..., 0] * _BINS + lab[..., 1]) * _BINS + lab[..., 2]
    return numbers


def _smooth(histogram: Float64) -> Float64:
    cube = histogram.reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        padded = np.pad(cube, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        parts = [np.take(padded, range(s, s + _BINS), axis) for s in range(3)]
        cube = np.tensordot((0.25, 0.5, 0.25), np.stack(parts), 1)
    return np.asarray(cube).ravel()
