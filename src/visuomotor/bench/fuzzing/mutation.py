"""Accidents of bytes: flipped, cut off, lost, doubled, spliced from elsewhere, huge numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

INTERESTING = (
    0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 4095, 4096, 32767, 32768, 65535, 65536,
    2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
_MOST = 8
_LONGEST = 64

Accident = Callable[[bytearray, Random, Sequence[bytes]], None]


def mutated(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """The data after one to eight accidents; others: what may be spliced in, beside itself."""
    result = bytearray(data)
    for _ in range(min(1 + int(rng.expovariate(0.8)), _MOST)):
        rng.choice(ACCIDENTS)(result, rng, others or (data,))
    return bytes(result)


def _flip(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _truncate(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    del data[rng.randint(0, len(data)) :]


def _lose(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    start = rng.randint(0, len(data))
    del data[start : start + rng.randint(1, _LONGEST)]


def _insert(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.randbytes(rng.randint(1, _LONGEST))


def _double(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    start = rng.randint(0, len(data))
    part = data[start : start + rng.randint(1, len(data) // 2 + 1)]
    data[start:start] = part


def _splice(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    start, at = rng.randint(0, len(other)), rng.randint(0, len(data))
    part = other[start : start + rng.randint(1, len(other) // 2 + 1)]
    data[at : at + len(part) * rng.randint(0, 1)] = part


def _number(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    size = rng.choice((1, 2, 4, 8))
    if len(data) < size:
        return
    at = rng.randint(0, len(data) - size)
    value = rng.choice(INTERESTING) & (256**size - 1)
    data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _real(data: bytearray, rng: Random, _: Sequence[bytes]) -> None:
    kind = rng.choice(("<f", "<d", ">d"))
    size = struct.calcsize(kind)
    if len(data) < size:
        return
    at = rng.randint(0, len(data) - size)
    value = rng.choice((float("nan"), float("inf"), -float("inf"), 5e-324, 1e30, -1e30, -0.0))
    data[at : at + size] = struct.pack(kind, value)


ACCIDENTS: tuple[Accident, ...] = (
    _flip, _overwrite, _truncate, _lose, _insert, _double, _splice, _number, _real,
)  # fmt: skip
