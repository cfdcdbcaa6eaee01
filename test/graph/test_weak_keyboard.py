"""`weak label --keyboard` and `weak capture` in a terminal of their own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from visuomotor.bench.dataset import write_synthetic
from visuomotor.cli import main
from visuomotor.commands.keys import keys_in

COMMAND = [sys.executable, "-m", "visuomotor.cli", "weak"]


class Typist:
    """A person at a terminal in which a command runs."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self._fresh = termios.tcgetattr(slave)
        self._slave, self.said = slave, ""
        self.process = subprocess.Popen(
            [*COMMAND, *words], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )

    def sees(self, text: str, after: int = 0, seconds: float = 40.0) -> int:
        """Waits for a text; returns where it ends."""
        os.set_blocking(self._master, False)
        end = time.monotonic() + seconds
        while (found := self.said.find(text, after)) < 0:
            assert time.monotonic() < end, f"waited in vain for {text!r} in:\n{self.said[after:]}"
            try:
                self.said += os.read(self._master, 65536).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
        return found + len(text)

    def types(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def restored(self) -> bool:
        """Whether the terminal is as the command found it."""
        return termios.tcgetattr(self._slave) == self._fresh

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    rng, folder = np.random.default_rng(0), tmp_path / "phone"
    folder.mkdir()
    for i in range(5):
        cv2.imwrite(str(folder / f"{i}.png"), rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    return folder


@pytest.fixture
def typist(phone: Path) -> Iterator[Typist]:
    made = Typist("label", str(phone), "--out", str(phone.parent / "weak"), "--keyboard")
    yield made
    made.close()


def labelled(out: Path) -> dict[str, str]:
    return {p.name.split("_")[1][0]: p.parent.name for p in out.rglob("*.png")}


def test_a_terminal_labels_and_ctrl_c_loses_nothing(typist: Typist, phone: Path) -> None:
    at = typist.sees("1/5 ")
    at = typist.sees("▀", at)
    typist.types("12")
    at = typist.sees("3/5 ", at)
    typist.types(" u")
    at = typist.sees("4/5 ", at)
    at = typist.sees("3/5 ", at)
    typist.types("\x1b[D")
    at = typist.sees("2/5 ", at)
    assert "[without]" in typist.said[at : typist.sees("\n", at)]
    typist.types("1")
    at = typist.sees("1 with (2), 2 without (0)", at)
    assert labelled(phone.parent / "weak") == {"0": "with", "1": "with"}
    typist.process.send_signal(signal.SIGINT)
    typist.sees("3 not asked yet: run it again", at)
    assert typist.process.wait(20) == 0
    assert typist.restored()


def test_keys_from_a_file_go_on_where_the_last_run_ended(
    phone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = phone.parent / "weak"
    for keys, left in (
        (b"12q", "3 not asked yet"),
        ("2x9²1\n".encode(), "1 not asked yet"),
        (b"1", "all"),
    ):
        run = subprocess.run(
            [*COMMAND, "label", str(phone), "--out", str(out), "--keyboard", "--columns", "0"],
            input=keys, capture_output=True, check=True,
        )  # fmt: skip
        assert left in run.stdout.decode()
        assert b"\x1b" not in run.stdout
    assert labelled(out) == {"0": "with", "1": "without", "2": "without", "3": "with", "4": "with"}
    assert main(["weak", "check", str(out)]) == 1


def test_a_recorded_dataset_is_labelled_beside_a_folder(
    phone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset, out = phone.parent / "dataset", phone.parent / "weak"
    write_synthetic(dataset, 1, 60, sizes={"front": (24, 32), "side": (24, 32)})
    words = ["label", str(dataset), str(phone), "--out", str(out), "--camera", "side"]
    run = subprocess.run(
        [*COMMAND, *words, "--every-s", "1", "--keyboard"], input=b"21212121", capture_output=True
    )
    assert run.returncode == 0, run.stderr
    assert "side at 1.00s" in run.stdout.decode()
    names = sorted(p.name.rpartition("-")[0] for p in out.rglob("*") if p.is_file())
    (episode,) = (dataset / "bench").iterdir()
    assert names[:3] == [f"bench_{episode.name}_side_{second}.00s" for second in range(3)]
    assert names[3:] == [f"phone_{i}" for i in range(5)]
    assert "all asked" in run.stdout.decode()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "no source"),
        (["/nowhere"], "/nowhere: no such file or folder"),
        (["{phone}", "--labels", "with"], "expected 2 to 9"),
        (["{phone}", "--labels", "a/b", "c"], "expected a word that can name a folder"),
        (["{phone}", "--every-s", "0"], "every_s: got 0"),
        (["{phone}", "--out", "{phone}/0.png"], "a file, expected a folder"),
        (["{phone}", "--host", "0.0.0.0", "--port", "0", "--token", "short"], "got 5 characters"),
    ],
)
def test_wrong_words_are_one_line_and_write_nothing(
    phone: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(phone.parent.rglob("*"))
    given = [w.format(phone=phone) for w in words]
    out = [] if "--out" in given else ["--out", str(phone.parent / "weak")]
    assert main(["weak", "label", *given, *out]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert expected in error.splitlines()[-1]
    assert sorted(phone.parent.rglob("*")) == before


def test_what_terminals_send_is_told_apart() -> None:
    assert keys_in("1\x1b[A\x1bOB\x1b[C\x1b[Dq") == ["1", "up", "down", "right", "left", "q"]
    assert keys_in("\x1b[15~2\x1b\r\n é") == ["2", "enter", "enter", " ", "é"]
