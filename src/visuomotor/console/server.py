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

from visuomotor.console.access import LOCAL, Access
from visuomotor.errors import ConfigError, DataError, Interrupted, VisuomotorError, shown

Reply = tuple[str, bytes]
"""Content type and body."""

Route = Callable[[Mapping[str, str]], Reply]
"""Answers a request from its query; a VisuomotorError becomes status 400 with its text."""

Action = Callable[[Mapping[str, Any]], Reply]
"""Does what was posted, a JSON object, and answers as a Route does. Interrupted becomes status 503:
not now, ask again."""

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_LARGEST_POST = 1 << 16
_NO_FRAMES = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'"
"""Nothing from elsewhere, and no page may lay ours under its own buttons."""
_log = logging.getLogger(__name__)


def json_reply(value: Any) -> Reply:
    """A value as JSON."""
    return "application/json", json.dumps(value, separators=(",", ":")).encode()


def whole_number(name: str, text: Any, least: int, most: int) -> int:
    """A number that a page sent, as text or as JSON has it; DataError for anything else."""
    try:
        if isinstance(text, bool) or not isinstance(text, (int, str)):
            raise ValueError
        number = int(text)
        if not least <= number <= most:
            raise ValueError
    except ValueError:  # of more digits than Python reads, too
        raise DataError(
            f"{name}: got {shown(text)}, expected a whole number from {least} to {most}"
        ) from None
    return number


def page_file(name: str) -> Route:
    """A route that answers with a file of console/pages."""
    content = (files("visuomotor.console") / "pages" / name).read_bytes()
    kind = f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8"
    return lambda _: (kind, content)


class PageServer:
    """Serves routes by path over HTTP; each request in a thread of its own.

    host: 127.0.0.1 unless others on the network shall see the page. actions: what may be posted;
    served to others they need a token (Access). port 0 takes a free one. Raises ConfigError for an
    address that cannot be had.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        port: int = 0,
        host: str = "127.0.0.1",
        actions: Mapping[str, Action] | None = None,
        token: str = "",
    ) -> None:
        self.local_only = host in LOCAL
        if actions and not (self.local_only or token):
            raise ConfigError(f"{host}: a page with buttons is served to others with a token only")
        permission = Access(self.local_only, token)

        class Handler(_Handler):
            pages = routes
            posts = actions or {}
            access = permission

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
    posts: Mapping[str, Action]
    access: Access
    protocol_version = "HTTP/1.1"  # one connection for many requests
    timeout = 30.0  # of a connection that sends nothing more; a page opens another one
    disable_nagle_algorithm = True  # else a body waits 40 ms for its header's acknowledgement

    def do_GET(self) -> None:
        """Answers by the path's route; with the token in the address, by a cookie."""
        try:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
        except ValueError as error:
            self._send(400, "text/plain", f"no address: {error}".encode())
            return
        token = query.pop("token", "")
        if refusal := self.access.refusal(self.headers, token):
            self._send(403, "text/plain", refusal.encode())
        elif token and self.access.token:
            self._send(303, "text/plain", b"", Location=url.path)
        else:
            self._answer(url.path, self.pages, query)

    def do_POST(self) -> None:
        """Does what was posted by the path's action."""
        size = self.headers.get("Content-Length", "")
        if not (size.isdecimal() and len(size) < 9 and int(size) <= _LARGEST_POST):
            self.close_connection = True
            self._send(413, "text/plain", f"expected up to {_LARGEST_POST} bytes".encode())
            return
        body = self.rfile.read(int(size))
        if refusal := self.access.refusal(self.headers, posted=True):
            self._send(403, "text/plain", refusal.encode())
            return
        try:
            values = json.loads(body)
        except (ValueError, RecursionError):  # no JSON, or no text
            values = None
        if isinstance(values, dict):
            self._answer(self.path.partition("?")[0], self.posts, values)
        else:
            self._send(400, *json_reply({"error": "expected a JSON object"}))

    def _answer(
        self, path: str, routes: Mapping[str, Callable[[Any], Reply]], question: Mapping[str, Any]
    ) -> None:
        route = routes.get(path)
        if route is None:
            known = ", ".join(sorted(routes))
            self._send(404, "text/plain", f"{path}: no such page; there are {known}".encode())
            return
        try:
            kind, body = route(question)
        except Interrupted as error:
            self._send(503, *json_reply({"error": str(error)}))
        except VisuomotorError as error:
            self._send(400, *json_reply({"error": str(error)}))
        except Exception:
            _log.exception("%s failed", path)
            self._send(500, *json_reply({"error": "this failed; see the terminal"}))
        else:
            self._send(200, kind, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Every hover is a request: not for the terminal."""
        _log.debug(format, *args)

    def _send(self, status: int, kind: str, body: bytes, **more: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", _NO_FRAMES)
            self.send_header("Cross-Origin-Resource-Policy", "same-origin")
            if status == 303:
                self.send_header("Set-Cookie", self.access.cookie(self.headers))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):  # the browser went on without it
            self.close_connection = True
