"""A headless Chromium that is driven over its DevTools protocol; tests without one are skipped."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Browser:
    """One page. `script` is evaluated in it; `mouse` moves and presses as a hand does."""

    def __init__(self, folder: Path) -> None:
        program = next((p for n in NAMES if (p := shutil.which(n))), None)
        if program is None:
            pytest.skip(f"no browser: none of {', '.join(NAMES)}")
        self._process = subprocess.Popen(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--use-angle=swiftshader",  # WebGL without a GPU
                "--enable-unsafe-swiftshader",
                "--ignore-certificate-errors",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder}",
                "--window-size=400,800",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        file, end = folder / "DevToolsActivePort", time.monotonic() + 60
        while not (file.exists() and file.read_text().count("\n")):
            assert time.monotonic() < end, "the browser does not start"
            assert self._process.poll() is None, "the browser died"
            time.sleep(0.05)
        port = file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as reply:
            pages = [t for t in json.load(reply) if t["type"] == "page"]
        self._connection = connect(pages[0]["webSocketDebuggerUrl"], max_size=None)
        self._socket = self._connection.__enter__()
        self._numbers = itertools.count(1)

    def call(self, method: str, **parameters: object) -> dict:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str, before: str = "") -> None:
        """before: a script that runs before those of the page."""
        if before:
            self.call("Page.enable")
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.call("Page.navigate", url=url)

    def script(self, text: str) -> object:
        answer = self.call("Runtime.evaluate", expression=text, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def centre(self, selector: str) -> tuple[float, float]:
        x, y = self.script(
            f"(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        return x, y

    def mouse(self, kind: str, x: float, y: float) -> None:
        """kind: Pressed, Moved or Released."""
        self.call(
            "Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, button="left", buttons=1,
            clickCount=1, pointerType="mouse",
        )  # fmt: skip

    def picture(self, file: Path) -> None:
        """Writes what is to be seen as a PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self._connection.__exit__(None, None, None)
        self._process.terminate()
        self._process.wait(30)
