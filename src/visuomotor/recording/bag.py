"""One MCAP bag being written, safe to be killed at any moment."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import Any, ClassVar

from rosbags.interfaces import Connection
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter

from visuomotor.errors import DataError
from visuomotor.recording.schema import offered_qos, typestore

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PARTIAL = ".partial"


class _Mcap(McapWriter):  # type: ignore[misc]
    """rosbags' MCAP file, named as the finished episode, locked, flushed when asked."""

    def __init__(self, path: Path, compression: CompressionMode) -> None:
        super().__init__(path, compression)
        final = path / f"{path.name.removesuffix(PARTIAL)}.mcap"
        os.rename(path / f"{path.name}.mcap", final)
        self.path = final
        self.compressor = _compress
        fcntl.flock(self.bio.fileno(), fcntl.LOCK_EX)  # gone with the process, however it ends

    def flush(self) -> None:
        if self.chunk.msgs:
            self.close_chunk()
        self.bio.flush()
        os.fdatasync(self.bio.fileno())


def _compress(data: bytes) -> bytes:
    """Zstd with a checksum, which rosbags does not ask for: `repair` tells damage by it."""
    return bytes(zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}))


class _Writer(Writer):  # type: ignore[misc]
    STORAGE_PLUGINS: ClassVar[Any] = {StoragePlugin.MCAP: _Mcap}


class BagWriter:
    """Writes CDR messages to `<folder>/<name>.mcap` (name: the folder's without `.partial`) with
    zstd chunks, and `metadata.yaml`.

    Metadata version 8 is the newest that Humble, Jazzy and Kilted all read. OSError (a full disk)
    passes through.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = _Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        self._connections: dict[str, Connection] = {}

    def add_topic(self, topic: str, msgtype: str) -> None:
        """Announces a topic, once; DataError for a type whose definition is not known here."""
        if topic in self._connections:
            return
        if msgtype not in typestore().types:
            raise DataError(
                f"{topic}: got type {msgtype!r}, whose definition is not known here; "
                "record standard messages only"
            )
        self._connections[topic] = self._writer.add_connection(
            topic,
            msgtype,
            typestore=typestore(),
            offered_qos_profiles=[offered_qos(topic)],
        )

    def write(self, topic: str, stamp_ns: int, cdr: bytes) -> None:
        """Appends a message to an announced topic."""
        self._writer.write(self._connections[topic], stamp_ns, cdr)

    def flush(self) -> None:
        """Brings everything written so far to the disk as complete chunks."""
        self._writer.storage.flush()

    def close(self) -> None:
        """Writes the index and metadata.yaml."""
        self._writer.close()

    def abort(self) -> None:
        """Closes the file as it is, without index; `repair` can complete it."""
        try:
            self._writer.abort()
        except OSError:  # the buffer's rest does not fit on the full disk either
            return
