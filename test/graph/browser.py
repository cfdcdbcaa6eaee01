"""A headless Chromium for as long as a test needs it; a test where there is none is skipped."""

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
from urllib.request import urlopen

import pytest
from browser_tab import PATIENCE_S, Tab

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
    "--use-angle=swiftshader",  # WebGL without a GPU
    "--enable-unsafe-swiftshader",
    "--ignore-certificate-errors",  # nodes sign their own
    "--remote-debugging-port=0",
)


def chromium() -> str:
    """Its path; skips the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on the path")
    return found


@contextlib.contextmanager
def browser(width_px: int = 1500, height_px: int = 1000) -> Iterator[Tab]:
    """A running Chromium with one empty tab of that size."""
    program = chromium()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                program,
                *OPTIONS,
                f"--window-size={width_px},{height_px}",
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
                    width=width_px,
                    height=height_px,
                    deviceScaleFactor=1,
                    mobile=False,
                )
                yield tab
        finally:
            _end(process)


def _follow_parent() -> None:
    """A test run that is killed leaves no browser behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the browser and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _address(process: subprocess.Popen[bytes], folder: Path) -> str:
    """The WebSocket of the first tab."""
    file = folder / "DevToolsActivePort"
    end = time.monotonic() + PATIENCE_S

    def ready(condition: Callable[[], bool]) -> None:
        while not condition():
            assert process.poll() is None, f"Chromium ended with {process.returncode}"
            assert time.monotonic() < end, f"Chromium was not up within {PATIENCE_S:g} s"
            time.sleep(0.05)

    ready(lambda: file.is_file() and file.read_text().count("\n") > 0)
    port = file.read_text().splitlines()[0]
    found: list[str] = []

    def look() -> bool:
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S) as reply:
            pages = [t for t in json.loads(reply.read()) if t["type"] == "page"]
        found.extend(t["webSocketDebuggerUrl"] for t in pages)
        return bool(found)

    ready(look)
    return found[0]
