"""A browser that looks at the operator's page as its own script does: state and pictures."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Sequence

LOOK_S = 0.5


class Viewer:
    """Asks for the state and each camera's picture twice a second until `close`."""

    def __init__(self, port: int, cameras: Sequence[str]) -> None:
        self._port = port
        self._paths = ("/state", *(f"/image?view={c}" for c in cameras))
        self.pictures = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="viewer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Closes the page."""
        self._stopped.set()
        self._thread.join(5.0)

    def _look(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5.0)
        while not self._stopped.wait(LOOK_S):
            for path in self._paths:
                try:
                    connection.request("GET", path)
                    reply = connection.getresponse()
                    body = reply.read()
                    self.pictures += reply.status == 200 and path != "/state" and bool(body)
                except (OSError, http.client.HTTPException):
                    connection.close()  # it connects anew by itself
        with contextlib.suppress(OSError):
            connection.close()
