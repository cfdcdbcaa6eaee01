"""A small web server for our pages: files of this package, and functions that answer."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from visuomotor.errors import ConfigError, VisuomotorError

Reply = tuple[str, bytes]
"""Content type and body."""

Route = Callable[[Mapping[str, str]], Reply]
"""Answers a request from its query; a VisuomotorError becomes status 400 with its text."""

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_LOCAL = ("127.0.0.1", "localhost", "::1")
_log = logging.getLogger(__name__)


def json_reply(value: Any) -> Reply:
    """A value as JSON."""
    return "application/json", json.dumps(value, separators=(",", ":")).encode()


def page_file(name: str) -> Route:
    """A route that answers with a file of console/pages."""
    content = (files("visuomotor.console") / "pages" / name).read_bytes()
    kind = f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8"
    return lambda _: (kind, content)


class PageServer:
    """Serves routes by path over HTTP; each request in a thread of its own.

    host: 127.0.0.1 unless others on the network shall see the page: there is no password. port 0
    takes a free one. Raises ConfigError for an address that cannot be had.
    """

    def __init__(self, routes: Mapping[str, Route], port: int = 0, host: str = "127.0.0.1") -> None:
        local_only = host in _LOCAL

        class Handler(_Handler):
            pages = routes
            hosts = _LOCAL if local_only else None

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"{host}:{port}: no page can be served here ({error}); end what uses the port, or "
                "give another --port"
            ) from error
        self._server.daemon_threads = True
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def start(self) -> None:
        """Serves in a thread until `close`."""
        self._thread = threading.Thread(target=self.serve, name="pages", daemon=True)
        self._thread.start()

    def serve(self) -> None:
        """Serves until `close`, or Ctrl-C."""
        self._server.serve_forever(poll_interval=0.2)

    def close(self) -> None:
        """Ends serving and frees the port."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    pages: Mapping[str, Route]
    hosts: tuple[str, ...] | None = None
    protocol_version = "HTTP/1.1"  # one connection for many requests

    def do_GET(self) -> None:
        """Answers by the path's route."""
        host = self.headers.get("Host", "").rpartition(":")[0].strip("[]")
        if self.hosts is not None and host not in self.hosts:
            # Another site whose name leads here must not read what a browser here may see.
            self._send(403, "text/plain", b"this page is for this machine only")
            return
        url = urlsplit(self.path)
        route = self.pages.get(url.path)
        if route is None:
            known = ", ".join(sorted(self.pages))
            self._send(404, "text/plain", f"{url.path}: no such page; there are {known}".encode())
            return
        try:
            kind, body = route(dict(parse_qsl(url.query)))
        except VisuomotorError as error:
            kind, body = json_reply({"error": str(error)})
            self._send(400, kind, body)
        except Exception:
            _log.exception("%s failed", self.path)
            kind, body = json_reply({"error": "this failed; see the terminal"})
            self._send(500, kind, body)
        else:
            self._send(200, kind, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Every hover is a request: not for the terminal."""
        _log.debug(format, *args)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):  # the browser went on without it
            self.close_connection = True
