"""Labelling in a real browser: keys pressed, files on disk, Ctrl-C and a second run."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest
from browser import browser
from browser_tab import Tab

from visuomotor.console.server import PageServer

NAMES = tuple(f"IMG_{i:02d}" for i in range(14))
BROKEN = NAMES[4]
CURRENT = "document.querySelector('figure.current figcaption')?.textContent ?? ''"
SAVED = "document.body.dataset.waiting === '0'"
PROGRESS = "document.getElementById('progress').textContent"
ALARM = "document.querySelector('#alarm:not([hidden])')?.textContent ?? ''"
SHOWN = "[...document.querySelectorAll('figure img')].filter((i) => i.naturalWidth).length"
KEYS = {" ": "Space", **{str(n): f"Digit{n}" for n in range(1, 10)}}


def room(rng: np.random.Generator, cup: bool) -> np.ndarray:
    """A table, things on it, and a red cup or none."""
    base = rng.integers(90, 240, 3)
    other = 0.8 * base + 0.2 * rng.integers(0, 255, 3)
    x, y = np.meshgrid(np.arange(640), np.arange(480))
    across, down = rng.integers(40, 130, 2)
    kinds = (x // across % 2, y // down % 2, (x // across + y // down) % 2)
    cloth = kinds[rng.integers(3)][..., None]
    picture = (cloth * base + (1 - cloth) * other).astype(np.uint8)
    for _ in range(4):
        x, y = map(int, rng.integers(20, 420, 2))
        colour = tuple(map(int, rng.integers(30, 255, 3)))
        cv2.rectangle(picture, (x, y), (x + 60, y + 40), colour, -1)
    if cup:
        x, y = map(int, rng.integers(120, 360, 2))
        cv2.ellipse(picture, (x + 45, y + 40), (26, 30), 0, 0, 360, (40, 40, 210), 11, cv2.LINE_AA)
        cv2.rectangle(picture, (x - 42, y), (x + 42, y + 90), (50, 50, 225), -1)
        cv2.ellipse(picture, (x, y), (42, 13), 0, 0, 360, (30, 30, 150), -1, cv2.LINE_AA)
    return picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder, rng = tmp_path / "phone" / "kitchen", np.random.default_rng(3)
    folder.mkdir(parents=True)
    for i, name in enumerate(NAMES):
        cv2.imwrite(str(folder / f"{name}.jpg"), room(rng, i % 2 == 0))
    whole = (folder / f"{BROKEN}.jpg").read_bytes()
    (folder / f"{BROKEN}.jpg").write_bytes(whole[: len(whole) // 2])
    return folder.parent


class Labeller:
    """`visuomotor weak label` in a process of its own, always on the same port."""

    def __init__(self, pictures: Path) -> None:
        server = PageServer({})
        server.close()
        port = server.url.rstrip("/").rpartition(":")[2]
        self.url, self.out = f"http://127.0.0.1:{port}/", pictures.parent / "weak"
        words = ["weak", "label", pictures.name, "--out", self.out.name, "--port", port]
        self._command = [sys.executable, "-m", "visuomotor.cli", *words]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        self._process = subprocess.Popen(
            self._command,
            cwd=self.out.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = ""
        while "label at" not in said:
            line = self._process.stdout.readline()
            assert line, said
            said += line
        return said

    def interrupt(self) -> str:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=30)
        assert self._process.returncode == 0, said
        return said

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def labelled(self) -> dict[str, str]:
        """Source's name -> label, of all that is on disk."""
        files = [p for p in self.out.rglob("*") if p.is_file()]
        assert all(p.parent.parent == self.out and p.suffix == ".jpg" for p in files), files
        found = {p.name.split("_", 2)[2].rpartition("-")[0]: p.parent.name for p in files}
        assert len(found) == len(files), "each once"
        return found


@pytest.fixture
def labeller(pictures: Path) -> Iterator[Labeller]:
    made = Labeller(pictures)
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture
def page(labeller: Labeller) -> Iterator[Tab]:
    with browser(1240, 800) as tab:
        tab.open(labeller.url)
        tab.until(f"{SHOWN} === 11")
        yield tab
        assert tab.errors == []


def press(tab: Tab, key: str, shift: bool = False) -> None:
    """A key goes down and up."""
    event = {"key": key, "code": KEYS.get(key, key), "modifiers": 8 if shift else 0}
    for kind in ("rawKeyDown", "keyUp"):
        tab.tell("Input.dispatchKeyEvent", type=kind, **event)


def test_keys_label_and_files_follow(page: Tab, labeller: Labeller, tmp_path: Path) -> None:
    assert NAMES[0] in page.run(CURRENT)
    for key in "12":
        press(page, key)
    press(page, " ")
    page.until(SAVED)
    assert labeller.labelled() == {NAMES[0]: "with", NAMES[1]: "without"}
    press(page, "2")
    page.until(f"({CURRENT}).includes('{NAMES[5]}')")  # the broken one is passed over
    press(page, "u")
    page.until(f"({CURRENT}).includes('{NAMES[3]}')")
    assert labeller.labelled() == {NAMES[0]: "with", NAMES[1]: "without"}
    press(page, "2")
    for _ in range(3):
        press(page, "ArrowLeft")
    press(page, "1")
    page.until(f"{SAVED} && ({PROGRESS}).startsWith('4 of 14')")
    assert labeller.labelled() == dict(zip(NAMES, ("with", "without") * 2, strict=False))
    press(page, "Home")
    page.until(f"({CURRENT}).includes('{NAMES[5]}')")
    path = tmp_path / "page.png"
    page.picture(path)
    assert path.stat().st_size > 20_000, "an empty page is smaller"
    if wanted := os.environ.get("VISUOMOTOR_PICTURES"):
        assert path.stat().st_size < 300_000, "too large for the docs"
        shutil.copy(path, Path(wanted) / "weak_label.png")
    press(page, "@", shift=True)  # no key of ours
    page.tell("Input.dispatchKeyEvent", type="rawKeyDown", key='"', code="Digit2", modifiers=8)
    page.until(f"{SAVED} && ({PROGRESS}).startsWith('11 of 14')")
    found = labeller.labelled()
    assert [found[n] for n in NAMES[5:12]] == ["without"] * 7
    assert BROKEN not in found
    counts = page.run("[...document.querySelectorAll('.label .count')].map((e) => e.innerText)")
    assert counts == ["2", "9"]
    press(page, "u")
    page.until(f"{SAVED} && ({PROGRESS}).startsWith('4 of 14')")
    assert len(labeller.labelled()) == 4, "one undo takes all of it back"
    for _ in range(6):
        press(page, "u")
    page.until(f"({ALARM}).includes('nothing to undo')")
    assert labeller.labelled() == {}
    for key in "1211":
        press(page, key)
    page.until(f"{SAVED} && ({PROGRESS}).startsWith('4 of 14')")
    page.until(f"!({ALARM})")
    said = labeller.interrupt()
    assert "3 with, 1 without; 9 not asked yet" in said


def test_what_is_said_to_a_stopped_labeller_is_written_by_the_next(
    page: Tab, labeller: Labeller
) -> None:
    press(page, "1")
    page.until(SAVED)
    labeller.interrupt()
    for key in "221":
        press(page, key)
    page.until(f"({ALARM}).includes('3 of your answers')")
    assert labeller.labelled() == {NAMES[0]: "with"}
    assert "14 pictures" in labeller.start()
    page.until(f"{SAVED} && !({ALARM})")
    expected = {**dict.fromkeys((NAMES[0], NAMES[3]), "with")}
    expected |= dict.fromkeys((NAMES[1], NAMES[2]), "without")
    assert labeller.labelled() == expected
    page.open(labeller.url)  # a page opened anew asks for what has no label
    page.until(f"({CURRENT}).includes('{NAMES[5]}') && ({PROGRESS}).startsWith('4 of 14')")
    press(page, "PageDown")
    page.until(f"({CURRENT}).includes('{NAMES[13]}')")
    page.click("#labels .label:nth-child(2) button")
    page.until(f"({PROGRESS}).startsWith('5 of 14') && {SAVED}")
    assert labeller.labelled()[NAMES[13]] == "without"


def test_ctrl_c_among_many_labels_leaves_whole_files(page: Tab, labeller: Labeller) -> None:
    for key in "1212121212":
        press(page, key)
    labeller.interrupt()
    written = labeller.labelled()
    for file in labeller.out.rglob("*.jpg"):
        assert cv2.imread(str(file)) is not None
    labeller.start()
    page.until(SAVED)
    asked = [n for n in NAMES if n != BROKEN]
    expected = {n: ("with", "without")[i % 2] for i, n in enumerate(asked[:10])}
    assert labeller.labelled() == expected
    assert written.items() <= expected.items()


def test_pages_of_others_change_nothing(labeller: Labeller) -> None:
    body, headers = b"{}", {"Content-Type": "application/json", "Origin": "http://elsewhere"}
    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(f"{labeller.url}undo", body, headers), timeout=30)
    for wrong in ("image?id=../../etc/passwd&px=640", "image?id=&px=1e9"):
        with pytest.raises(HTTPError, match="400"):
            urlopen(labeller.url + wrong, timeout=30)
