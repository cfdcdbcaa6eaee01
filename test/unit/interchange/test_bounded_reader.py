"""A reader that hangs or dies costs an error, and its process ends."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.interchange.bounded_reader import BoundedReader

SENDS = """
import os, signal, sys, time
import numpy as np
from visuomotor.interchange.bounded_reader import finish, refuse, send
out = sys.stdout.buffer
send(out, {"image": np.full((700, 1000, 3), 7, np.uint8)})
"""


def reader(folder: Path, then: str, monkeypatch: pytest.MonkeyPatch, silent_s: float = 60.0):
    (folder / "some_reader.py").write_text(SENDS + then)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(folder), *sys.path]))
    return BoundedReader("some_reader", Path("case.hdf5"), silent_s=silent_s)


def test_what_is_sent_arrives(tmp_path, monkeypatch) -> None:
    with reader(tmp_path, "finish(out)", monkeypatch) as messages:
        (message,) = messages
    np.testing.assert_array_equal(message["image"], np.full((700, 1000, 3), 7))


@pytest.mark.parametrize(
    ("then", "text"),
    [
        ("refuse(out, 'no such camera')", "^no such camera$"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"case.hdf5: its library died .*status -11"),
        ("raise OSError('a bad block')", r"case.hdf5: its library died .*a bad block"),
        ("out.write(b'12'); out.flush(); time.sleep(600)", "case.hdf5: .* silent for 5 s"),
    ],
    ids=["refused", "died", "raised", "hangs"],
)
def test_its_end_is_an_error(tmp_path, monkeypatch, then, text) -> None:
    with reader(tmp_path, then, monkeypatch, silent_s=5.0) as messages:
        found = iter(messages)
        assert next(found)["image"].shape == (700, 1000, 3)
        with pytest.raises(DataError, match=text):
            next(found)


def test_it_ends_with_whoever_leaves_early(tmp_path, monkeypatch) -> None:
    with reader(tmp_path, "time.sleep(600)", monkeypatch) as messages:
        next(iter(messages))
        begun = time.monotonic()
    assert time.monotonic() - begun < 60
    assert messages._process.returncode == -9
