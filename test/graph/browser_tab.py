"""A tab of a browser, used through its DevTools protocol as a person uses a page."""

import base64
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

websockets = pytest.importorskip("websockets.sync.client")

PATIENCE_S = 60.0
MIDDLE = """(() => {
  const element = document.querySelector(%s);
  if (!element || element.disabled || !element.getClientRects().length) return null;
  element.scrollIntoView({ block: "nearest" });
  const box = element.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})()"""


class Tab:
    """One page: `run` a script in it, `click`, `press` and `drag`, `type_into`, take a picture.

    `errors` are the exceptions that nobody caught in the page, `requests` the addresses it asked.
    """

    def __init__(self, address: str) -> None:
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            websockets.connect(address, max_size=None, compression=None, open_timeout=PATIENCE_S)
        )
        self._sent = 0
        self._mouse, self._down = (0.0, 0.0), False
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, and its result."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        end = time.monotonic() + PATIENCE_S  # of the answer: events come all the time
        while True:
            try:
                answer = json.loads(self._socket.recv(timeout=max(0.0, end - time.monotonic())))
            except TimeoutError:
                raise AssertionError(f"{method}: no answer within {PATIENCE_S:g} s") from None
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

    def open(self, url: str, before: str = "") -> None:
        """before: a script that runs ahead of the page's own, in this page and later ones."""
        if before:
            self.tell("Page.addScriptToEvaluateOnNewDocument", source=before)
        answer = self.tell("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"

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
                text = self.run("document.body?.innerText")
                raise AssertionError(f"not within {seconds} s: {script}\n{self.errors}\n{text}")
            time.sleep(0.05)
        return value

    def press(self, selector: str) -> None:
        """The left button goes down on what can be seen and is enabled, and stays down."""
        x, y = self.until(MIDDLE % json.dumps(selector))
        self._move(x, y)
        self._down = True
        self._send_mouse("mousePressed")

    def drag(self, right_px: float, down_px: float) -> None:
        """Moves the mouse; its button stays as it is."""
        self._move(self._mouse[0] + right_px, self._mouse[1] + down_px)

    def draw(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Presses at one place of the page (px), moves to another and lets go."""
        self._move(*start)
        self._down = True
        self._send_mouse("mousePressed")
        self._move(*end)
        self.release()

    def release(self) -> None:
        """The left button comes up."""
        self._down = False
        self._send_mouse("mouseReleased")

    def click(self, selector: str) -> None:
        self.press(selector)
        self.release()

    def _move(self, x: float, y: float) -> None:
        self._mouse = (x, y)
        self._send_mouse("mouseMoved")

    def _send_mouse(self, kind: str) -> None:
        x, y = self._mouse
        moved = kind == "mouseMoved"
        self.tell(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="none" if moved and not self._down else "left",
            buttons=int(self._down),
            clickCount=int(not moved),
        )

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
