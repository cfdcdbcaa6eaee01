"""A headless Chromium, driven through its DevTools protocol: a page as a person uses it."""

import base64
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

websockets = pytest.importorskip("websockets.sync.client")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--remote-debugging-port=0",
)


def chromium() -> str:
    """Its path; skips the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on the path")
    return found


class Tab:
    """One page: `run` a script in it, `click` and `type_into` what is there, take a picture."""

    def __init__(self, address: str) -> None:
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            websockets.connect(address, max_size=None, compression=None)
        )
        self._sent = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, and its result."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._sent:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._take(answer)

    def _take(self, event: dict[str, Any]) -> None:
        kind, values = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(values["exceptionDetails"])[:2000])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])

    def open(self, url: str) -> None:
        self.tell("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """An expression's value, awaited; AssertionError for what it throws."""
        answer = self.tell(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, f"{script}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 40.0) -> Any:
        """Waits until an expression is true, and returns it."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > end:
                text = self.run("document.body.innerText")
                raise AssertionError(f"not within {seconds} s: {script}\n{self.errors}\n{text}")
            time.sleep(0.05)
        return value

    def point(self, selector: str) -> tuple[float, float]:
        """The middle of what a person would click; it must be there, visible and enabled."""
        quoted = json.dumps(selector)
        self.until(
            f"(() => {{ const e = document.querySelector({quoted}); "
            "return e && !e.disabled && e.getClientRects().length > 0; })()"
        )
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({quoted}); "
            "e.scrollIntoView({ block: 'nearest' }); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return float(x), float(y)

    def mouse(self, kind: str, at: tuple[float, float]) -> None:
        """kind: mousePressed, mouseReleased or mouseMoved."""
        button = "none" if kind == "mouseMoved" else "left"
        count = int(kind != "mouseMoved")
        self.tell(
            "Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button=button, clickCount=count
        )

    def click(self, selector: str) -> None:
        at = self.point(selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, at)

    def type_into(self, selector: str, text: str) -> None:
        """Replaces the text of a field."""
        self.click(selector)
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self.tell("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """Writes what is seen as PNG."""
        data = self.tell("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self._open.close()


@contextlib.contextmanager
def browser(width: int = 1500, height: int = 1000) -> Iterator[Tab]:
    """A running Chromium with one empty tab."""
    program = chromium()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                program,
                *OPTIONS,
                f"--window-size={width},{height}",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_follow_parent,
        )
        try:
            with contextlib.closing(Tab(_address(process, Path(folder)))) as tab:
                tab.tell(
                    "Emulation.setDeviceMetricsOverride",
                    width=width,
                    height=height,
                    deviceScaleFactor=1,
                    mobile=False,
                )
                yield tab
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _follow_parent() -> None:
    """A test run that is killed leaves no browser behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _address(process: subprocess.Popen[bytes], folder: Path, seconds: float = 60.0) -> str:
    """The WebSocket of the first tab."""
    from urllib.request import urlopen

    file = folder / "DevToolsActivePort"

    def ready(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, f"Chromium ended with {process.returncode}"
            assert time.monotonic() < end, f"Chromium was not up within {seconds} s"
            time.sleep(0.05)

    ready(lambda: file.is_file() and file.read_text().count("\n") > 0)
    port = file.read_text().splitlines()[0]
    found: list[str] = []

    def look() -> bool:
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as reply:
            pages = [t for t in json.loads(reply.read()) if t["type"] == "page"]
        found.extend(t["webSocketDebuggerUrl"] for t in pages)
        return bool(found)

    ready(look)
    return found[0]
