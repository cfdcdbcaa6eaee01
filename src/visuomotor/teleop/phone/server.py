"""Serves the phone's page and talks to it over a WebSocket: on this machine, or with TLS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

from visuomotor.errors import ConfigError, MissingDependencyError
from visuomotor.teleop.device import Reading
from visuomotor.teleop.phone.access import LOCAL, refusal
from visuomotor.teleop.phone.certificate import certificate, config_folder, local_addresses
from visuomotor.teleop.phone.phone import Phone
from visuomotor.teleop.phone.qr_code import qr_code

STAMP_PERIOD_S = 0.05
_EVERYWHERE = ("0.0.0.0", "::", "")
_ANSWERS = {
    "token": (401, "the pairing token is missing or wrong: open the address that the node shows"),
    "host": (403, "this page is for this machine only"),
    "origin": (403, "this is for our own page only"),
    "path": (404, "there is / and /ws"),
}
_log = logging.getLogger(__name__)


class PhoneServer:
    """A `Device`: the phone that talks to this server, whose connections share one thread.

    One, because a TLS connection that is read in one thread and written in another loses answers.

    host: on anything but this machine's own names, TLS with a certificate in `folder` and a token
    are always on. token "": a new one. port 0: a free one. clock: monotonic nanoseconds. Raises
    MissingDependencyError without websockets or cryptography, ConfigError for an address that
    cannot be had.
    """

    def __init__(
        self,
        phone: Phone,
        clock: Callable[[], int],
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        folder: Path | None = None,
    ) -> None:
        self._phone, self._clock = phone, clock
        self._local = host in LOCAL
        self._token = token or ("" if self._local else secrets.token_urlsafe(12))
        self._page, self._serve = page(), _serve()
        context = None if self._local else _tls(host, folder or config_folder())
        self._loop = asyncio.new_event_loop()
        try:
            self._server = self._loop.run_until_complete(self._listen(host, port, context))
        except (OSError, OverflowError) as error:
            self._loop.close()
            raise ConfigError(
                f"phone: {host}:{port} cannot be had ({error}); end what uses the port, or give "
                "another port"
            ) from error
        name = local_addresses()[-1] if host in _EVERYWHERE else host
        name = f"[{name}]" if ":" in name else name
        query = f"?token={self._token}" if self._token else ""
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'http' if self._local else 'https'}://{name}:{port}/{query}"
        self._thread = threading.Thread(target=self._run, name="phone", daemon=True)
        self._thread.start()

    @property
    def picture(self) -> str:
        """The address as a QR code of block characters, to be read with the phone's camera."""
        return qr_code(self.url)

    def read(self, now_ns: int) -> Reading:
        """What the phone's operator asks for."""
        return self._phone.read(now_ns)

    def tell(self, text: str) -> None:
        """Shows a line on the phone."""
        self._phone.tell(text)

    def counters(self) -> Mapping[str, int]:
        """What was refused, by reason."""
        return self._phone.counters()

    def close(self) -> None:
        """Lets the phone go and frees the port."""
        self._phone.close()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._server.close)
            self._thread.join()

    async def _listen(self, host: str, port: int, context: ssl.SSLContext | None) -> Any:
        return await self._serve(
            self._talk,
            host or None,
            port,
            ssl=context,
            process_request=self._answer,
            compression=None,
            max_size=4096,
            open_timeout=5,
            close_timeout=1,
            logger=logging.getLogger(f"{__name__}.connections"),
        )

    def _run(self) -> None:
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.close()

    def _answer(self, connection: Any, request: Any) -> Any:
        # two headers of one name, which nobody honest sends, become one that is refused
        host, origin = (",".join(request.headers.get_all(n)) for n in ("Host", "Origin"))
        reason = refusal(request.path, host, origin, self._token, self._local)
        path = request.path.partition("?")[0]
        if not reason and path not in ("/", "/ws"):
            reason = "path"
        if reason:
            self._phone.refuse(reason)
            status, text = _ANSWERS[reason]
            return connection.respond(HTTPStatus(status), text + "\n")
        if path == "/ws":
            return None
        response = connection.respond(HTTPStatus.OK, self._page)
        del response.headers["Content-Type"]
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    async def _talk(self, connection: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        number = self._phone.connect(self._clock())
        if number is None:
            await connection.close(4409, "another phone is connected")
            return
        stamps = asyncio.create_task(self._stamp(connection))
        try:
            async for text in connection:
                self._phone.take(number, text, self._clock())
        except ConnectionClosed:
            pass
        finally:
            self._phone.disconnect(number)
            stamps.cancel()

    async def _stamp(self, connection: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(self._phone.stamp(self._clock()))
                await asyncio.sleep(STAMP_PERIOD_S)


_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # it would hold the token
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'",
}


def page() -> str:
    """The page in one piece, so that nothing else has to be asked for with the token."""
    folder = files("visuomotor.teleop") / "pages"
    text = (folder / "phone.html").read_text()
    for kind, tag in (("css", "style"), ("js", "script")):
        content = (folder / f"phone.{kind}").read_text()
        text = text.replace(f"<!-- {kind} -->", f"<{tag}>\n{content}</{tag}>")
    return text


def _tls(host: str, folder: Path) -> ssl.SSLContext:
    names = [*local_addresses(), "localhost"]
    if host not in _EVERYWHERE:
        names.append(host)
    chain, key = certificate(names, folder, datetime.now(timezone.utc))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, key)
    return context


def _serve() -> Any:
    try:
        from websockets.asyncio.server import serve
    except ImportError:
        raise MissingDependencyError(
            "phone: websockets is not installed; pip install 'visuomotor[teleop]'"
        ) from None
    return serve
