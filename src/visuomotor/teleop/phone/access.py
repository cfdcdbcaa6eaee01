"""Who may talk to the phone's server: the right token, from our own page, under our own name."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

LOCAL = ("127.0.0.1", "localhost", "::1")


def refusal(path: str, headers: Mapping[str, str], token: str, local: bool) -> str:
    """Why a request is refused, in one word that is counted: host, origin or token; "" if not.

    path: with its query, where the token stands. token "": none is asked for. local: the server
    is for this machine alone, and no name that leads here from elsewhere may be used for it.
    """
    host = headers.get("Host", "")
    if local and urlsplit(f"//{host}").hostname not in LOCAL:
        return "host"
    origin = headers.get("Origin")
    # a page of another site must not command the arm through a browser that may
    if origin is not None and urlsplit(origin).netloc != host:
        return "origin"
    given = parse_qs(urlsplit(path).query).get("token", [""])[0]
    if token and not hmac.compare_digest(given.encode(), token.encode()):
        return "token"
    return ""
