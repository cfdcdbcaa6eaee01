"""Pictures that look the same: a perceptual hash of each, and groups of those that are close."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import UInt8

NEAR_BITS = 6
"""Pictures that differ in no more of the 64 bits are near duplicates."""
_SIDE, _KEPT, _ROWS = 32, 8, 512


def look_hash(rgb: UInt8) -> int:
    """64 bits of how a picture looks at large, whatever its size, brightness and compression.

    The signs of its lowest frequencies (discrete cosine transform) about their median.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_KEPT, :_KEPT].ravel()
    bits = low > np.median(low[1:])
    return int(sum(1 << i for i, bit in enumerate(bits) if bit))


def near_groups(hashes: list[int], within: int = NEAR_BITS) -> list[list[int]]:
    """Indices of pictures that look the same, in groups of two and more, the largest first.

    Each belongs to the first earlier picture, itself like no earlier one, that it is close to: a
    group is what one picture stands for, so a slow pan is not all one group.
    """
    codes = np.array(hashes, np.uint64)
    heads: list[int] = []
    members: dict[int, list[int]] = {}
    for start in range(0, len(codes), _ROWS):
        block = codes[start : start + _ROWS]
        old = _bits(block[:, None] ^ codes[heads][None]) <= within
        new = _bits(block[:, None] ^ block[None]) <= within
        before = tuple(heads)
        for row in range(len(block)):
            i = start + row
            near = np.flatnonzero(old[row])
            head = before[near[0]] if len(near) else None
            if head is None:
                head = next((h for h in heads[len(before) :] if new[row, h - start]), i)
            if head == i:
                heads.append(i)
            members.setdefault(head, []).append(i)
    groups = [group for group in members.values() if len(group) > 1]
    return sorted(groups, key=len, reverse=True)


def _bits(codes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits are set."""
    octets = np.ascontiguousarray(codes)[..., None].view(np.uint8)
    count: NDArray[np.uint8] = np.unpackbits(octets, axis=-1).sum(-1)
    return count
