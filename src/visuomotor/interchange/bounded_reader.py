"""A library in C reads a file in a process of its own: if it crashes or hangs, that alone ends."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from safetensors.numpy import load, save

from visuomotor.errors import DataError

Message = dict[str, Any]
"""Arrays by name; text is an array of its bytes, see `text_array`."""

_ERROR, _END = "error", "end"
_LENGTH_BYTES = 8
_LONGEST_BYTES = 1 << 32
_BLOCK_BYTES = 1 << 20


class BoundedReader:
    """Runs `python -m module file ...` and iterates over what it sends with `send`.

    silent_s: a reader from which nothing comes for so long is killed. Raises DataError, naming the
    file, then, where it died, and with the text it gave to `refuse`.
    """

    def __init__(self, module: str, file: Path, *arguments: str, silent_s: float = 60.0) -> None:
        self._file, self._silent_s = file, silent_s
        command = [sys.executable, "-m", module, str(file), *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipe, self._complaints = self._process.stdout.fileno(), self._process.stderr
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._pipe, selectors.EVENT_READ)

    def __enter__(self) -> BoundedReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reader, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._ready.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._complaints.close()

    def __iter__(self) -> Iterator[Message]:
        while True:
            length = int.from_bytes(self._receive(_LENGTH_BYTES), "little")
            if length > _LONGEST_BYTES:
                raise DataError(f"{self._file}: its reader sent {length} bytes at once")
            message = load(bytes(self._receive(length)))
            if _ERROR in message:
                raise DataError(array_text(message[_ERROR]))
            if _END in message:
                return
            yield message

    def _receive(self, count: int) -> bytearray:
        received, heard = bytearray(), time.monotonic()
        while len(received) < count:
            left = self._silent_s - (time.monotonic() - heard)
            if left <= 0:
                raise DataError(
                    f"{self._file}: its library was silent for {self._silent_s:g} s in reading it, "
                    "and was ended; the file is damaged, or on a disk that does not answer"
                )
            if not self._ready.select(left):
                continue
            part = os.read(self._pipe, min(count - len(received), _BLOCK_BYTES))
            if not part:
                raise DataError(
                    f"{self._file}: its library died in reading it ({self._end()}); "
                    "the file is damaged: make or copy it anew"
                )
            received += part
            heard = time.monotonic()
        return received

    def _end(self) -> str:
        code = self._process.wait(self._silent_s)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return f"exit status {code}" + (f": {lines[-1][:200]}" if lines else "")


def send(out: BinaryIO, message: Message) -> None:
    """Writes one message, in the reader's process."""
    data = save(message)
    out.write(len(data).to_bytes(_LENGTH_BYTES, "little"))
    out.write(data)
    out.flush()


def refuse(out: BinaryIO, text: str) -> None:
    """Sends what makes the other side raise a DataError of this text."""
    send(out, {_ERROR: text_array(text)})


def finish(out: BinaryIO) -> None:
    """Says that this was all."""
    send(out, {_END: text_array("")})


def text_array(text: str) -> Any:
    """Its UTF-8 bytes as an array (N,)."""
    return np.frombuffer(text.encode(errors="replace"), np.uint8)


def array_text(array: Any) -> str:
    """The text of `text_array`."""
    return bytes(array).decode()
