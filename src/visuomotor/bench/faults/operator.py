"""The operator's browser: holds the dead-man on the page as the page's own script would."""

from __future__ import annotations

import http.client
import json
import threading
import time

from visuomotor.errors import RobotError

KEEP_S = 0.07
"""Between two words that the button is still held; the page gives up after 0.3 s."""


class PageOperator:
    """One hold at a time, kept by a thread until `release`, `vanish` or until the page refuses.

    held: whether the page takes it for held. lost: how often a hold ended that nobody let go.
    """

    def __init__(self, port: int) -> None:
        self.lost = 0
        self._port = port
        self._hold = ""
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="operator", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether the button is down."""
        return bool(self._hold)

    def press(self, timeout_s: float = 20.0) -> None:
        """Presses the button; RobotError if the page does not take it in time."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                with self._lock:
                    self._hold = _post(_connected(self._port), "press")
                return
            except OSError as error:
                if time.monotonic() > end:
                    raise RobotError(f"the page does not take the dead-man: {error}") from error
                time.sleep(0.1)

    def release(self) -> None:
        """Lets go of the button."""
        hold = self.vanish()
        if hold:
            try:
                _post(_connected(self._port), "release", hold)
            except OSError:  # a page that is gone holds nothing
                return

    def vanish(self) -> str:
        """The browser is gone and says nothing any more; the hold that it had."""
        with self._lock:
            hold, self._hold = self._hold, ""
        return hold

    def close(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        self._thread.join(2.0)

    def _keep(self) -> None:
        connection = _connected(self._port)
        while not self._stopped.wait(KEEP_S):
            hold = self._hold
            if not hold:
                continue
            try:
                _post(connection, "keep", hold)
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = _connected(self._port)
                with self._lock:
                    if self._hold == hold:
                        self._hold = ""
                        self.lost += 1
        connection.close()


def _connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)


def _post(connection: http.client.HTTPConnection, what: str, hold: str = "") -> str:
    """Posts to the page and returns the hold's name; OSError for any answer but yes."""
    try:
        connection.request(
            "POST",
            "/enable",
            json.dumps({"do": what, "hold": hold}),
            {"Content-Type": "application/json"},
        )
        reply = connection.getresponse()
        body = reply.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    if reply.status != 200:
        raise OSError(f"status {reply.status}: {body.decode(errors='replace')}")
    return str(json.loads(body)["hold"])
