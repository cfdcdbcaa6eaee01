"""Reads an MCAP file that was never finished: every message up to where it breaks off.

A finished MCAP ends with an index, which readers need; a killed recorder leaves none. The records
before it (https://mcap.dev/spec) are self-describing, so they are read one after the other.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from visuomotor.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F


@dataclass(frozen=True)
class ScannedMessage:
    """One message as it was recorded."""

    topic: str
    msgtype: str
    log_time_ns: int
    cdr: bytes


def scan_messages(path: Path) -> Iterator[ScannedMessage]:
    """Every message that can be read, in the order of the file.

    Of a chunk that breaks off, what its compressed bytes still give is read; a chunk in the middle
    that is damaged is passed over. Raises DataError if the file is no MCAP.
    """
    schemas: dict[int, str] = {}
    channels: dict[int, tuple[str, str]] = {}
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic and magic != MAGIC:
            raise DataError(f"{path}: got {magic!r} at its start, expected an MCAP file")
        for code, data, complete in _records(file):
            if code == _DATA_END:
                return
            inner = _chunk_records(data, complete) if code == _CHUNK else [(code, data)]
            for kind, record in inner:
                message = _take(kind, record, schemas, channels)
                if message is not None:
                    yield message


def _take(
    kind: int, record: bytes, schemas: dict[int, str], channels: dict[int, tuple[str, str]]
) -> ScannedMessage | None:
    if kind == _SCHEMA:
        name, _ = _string(record, 2)
        schemas[_uint16(record, 0)] = name
    elif kind == _CHANNEL:
        topic, _ = _string(record, 4)
        channels[_uint16(record, 0)] = (topic, schemas.get(_uint16(record, 2), ""))
    elif kind == _MESSAGE and len(record) >= 22:
        channel, _, log_time, _ = struct.unpack_from("<HIQQ", record)
        if channel in channels:
            return ScannedMessage(*channels[channel], log_time, record[22:])
    return None


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """(opcode, content, whether all of it was there) until the file ends.

    Where the bytes are no record, it goes on at the next chunk.
    """
    at, end = file.tell(), file.seek(0, 2)
    while at + 9 <= end:
        file.seek(at)
        head = file.read(9)
        code, size = head[0], int.from_bytes(head[1:], "little")
        broken_off = at + 9 + size > end
        if not 0 < code <= _DATA_END or (broken_off and code != _CHUNK):
            following = _next_chunk(file, at + 1)
            if following is None:
                return
            at = following
            continue
        yield code, file.read(min(size, end - at - 9)), not broken_off
        at += 9 + size


def _next_chunk(file: BinaryIO, start: int) -> int | None:
    """Where the next zstd chunk record begins."""
    file.seek(start)
    rest = file.read()
    compression = b"\x04\x00\x00\x00zstd"  # behind opcode, length, two times, size and checksum
    found = rest.find(compression, 37)
    while found >= 0 and rest[found - 37] != _CHUNK:
        found = rest.find(compression, found + 1)
    return start + found - 37 if found >= 0 else None


def _chunk_records(data: bytes, complete: bool) -> Iterator[tuple[int, bytes]]:
    if len(data) < 32:
        return
    crc = int.from_bytes(data[24:28], "little")
    compression, at = _string(data, 28)
    content = _decompress(data[at + 8 :], compression)
    if complete and crc and zlib.crc32(content) != crc:
        return
    at = 0
    while at + 9 <= len(content):
        size = int.from_bytes(content[at + 1 : at + 9], "little")
        if at + 9 + size > len(content):
            return
        yield content[at], content[at + 9 : at + 9 + size]
        at += 9 + size


def _decompress(data: bytes, compression: str) -> bytes:
    if compression == "":
        return data
    if compression == "lz4":
        import lz4.frame

        decompressor: Any = lz4.frame.LZ4FrameDecompressor()
    elif compression == "zstd":
        decompressor = zstd.ZstdDecompressor()
    else:
        raise DataError(f"got chunk compression {compression!r}, expected zstd, lz4 or none")
    try:
        return bytes(decompressor.decompress(data))
    except (zstd.ZstdError, RuntimeError):
        return b""


def _uint16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _string(data: bytes, at: int) -> tuple[str, int]:
    """A length-prefixed string and where it ends."""
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    return data[at + 4 : end].decode("utf8", "replace"), end
