"""The small arrays of many episodes in one memory-mapped file, so that opening reads one header.

What it holds is copied from the episodes' own `steps.npz`: it may be deleted at any time.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.dataset.arrays import STEP_FIELDS

FORMAT = 1
_MAGIC = b"vmsteps\n"
_ALIGN = 64

Arrays = Mapping[str, NDArray[Any]]
"""What `steps.npz` of one episode holds, by name."""


@dataclass(frozen=True)
class Column:
    """One array of a group: `per_step` with a row for each step, else one for each episode."""

    name: str
    dtype: str
    row: tuple[int, ...]
    per_step: bool


@dataclass(frozen=True)
class _Rows:
    """Where an episode lies: its group, its number in it, its steps from `first` to `end`."""

    group: int
    number: int
    first: int
    end: int


Group = dict[Column, NDArray[Any]]
"""The arrays of episodes that are laid out alike: cameras that move, numbers of joints."""


class StepTable:
    """Episodes by name, as views of the file."""

    def __init__(self, groups: list[Group], rows: dict[str, _Rows]) -> None:
        self._groups, self._rows = groups, rows

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """An episode's arrays by name; KeyError for one that is not there."""
        at = self._rows[name]
        return {
            c.name: values[at.first : at.end] if c.per_step else values[at.number]
            for c, values in self._groups[at.group].items()
        }


def open_table(path: Path) -> StepTable:
    """The file's table; an empty one if there is none, or one that is damaged or of old."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return StepTable([], {})
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            if header["format"] != FORMAT or header["bytes"] != os.fstat(file.fileno()).st_size:
                return StepTable([], {})
            raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, KeyError, TypeError, MemoryError):
        return StepTable([], {})
    groups: list[Group] = []
    rows: dict[str, _Rows] = {}
    for number, (columns, episodes) in enumerate(header["groups"]):
        steps = sum(length for _, length in episodes)
        group: Group = {}
        for name, dtype, row, per_step, offset in columns:
            shape = (steps if per_step else len(episodes), *row)
            flat = np.frombuffer(raw, np.dtype(dtype), int(np.prod(shape)), offset)
            group[Column(name, dtype, tuple(row), per_step)] = flat.reshape(shape)
        groups.append(group)
        first = 0
        for i, (name, length) in enumerate(episodes):
            rows[name] = _Rows(number, i, first, first + length)
            first += length
    return StepTable(groups, rows)


def save_table(path: Path, episodes: Iterable[tuple[str, Arrays]]) -> None:
    """Replaces the file in one step; OSError where it cannot be written."""
    grouped: dict[tuple[Column, ...], list[tuple[str, Arrays]]] = {}
    for name, arrays in episodes:
        grouped.setdefault(_columns(arrays), []).append((name, arrays))
    header, offsets = _header(grouped)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(_MAGIC + len(header).to_bytes(8, "little") + header)
            for columns, members in grouped.items():
                for column in columns:
                    file.write(bytes(offsets.pop(0) - file.tell()))
                    for _, arrays in members:
                        file.write(np.ascontiguousarray(arrays[column.name]).data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _columns(arrays: Arrays) -> tuple[Column, ...]:
    """How an episode's arrays are laid out."""
    found = []
    for name, a in sorted(arrays.items()):
        moves = name.endswith("/T_base_camera") and a.ndim == 3
        per_step = name in STEP_FIELDS or name.endswith("/T_base_object") or moves
        found.append(Column(name, a.dtype.str, a.shape[1:] if per_step else a.shape, per_step))
    return tuple(found)


def _header(
    grouped: Mapping[tuple[Column, ...], list[tuple[str, Arrays]]],
) -> tuple[bytes, list[int]]:
    """The file's header, and where each group's columns begin, which depends on its length."""
    lengths = {c: [len(a["stamps_ns"]) for _, a in members] for c, members in grouped.items()}
    size = 0
    while True:
        offset, offsets, groups = len(_MAGIC) + 8 + size, [], []
        for columns, members in grouped.items():
            listed = []
            for c in columns:
                offset += -offset % _ALIGN
                offsets.append(offset)
                listed.append([c.name, c.dtype, c.row, c.per_step, offset])
                rows = sum(lengths[columns]) if c.per_step else len(members)
                offset += rows * int(np.prod(c.row)) * np.dtype(c.dtype).itemsize
            names = [name for name, _ in members]
            groups.append([listed, list(zip(names, lengths[columns], strict=True))])
        text = json.dumps({"format": FORMAT, "bytes": offset, "groups": groups}).encode()
        if len(text) <= size:
            return text.ljust(size), offsets
        size = len(text) + _ALIGN
