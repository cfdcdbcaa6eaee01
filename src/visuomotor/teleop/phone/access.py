"""Who may talk to the phone's server: the right token, from our own page, under our own name."""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qs

LOCAL = ("127.0.0.1", "localhost", "::1")
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?")


def refusal(path: str, host: str, origin: str, token: str, local: bool) -> str:
    """Why a request is refused, in one word that is counted: host, origin or token; "" if not.

    path: with its query, where the token stands. host, origin: those headers, "" without. token
    "": none is asked for. local: the server is for this machine alone, and no name that leads here
    from elsewhere may be used for it.
    """
    if local and _LOCAL_HOST.fullmatch(host) is None:
        return "host"
    # a page of another site must not command the arm through a browser that may
    if origin and origin not in (f"http://{host}", f"https://{host}"):
        return "origin"
    query = path.partition("?")[2]
    given = parse_qs(query).get("token", [""])[0]
    if token and not hmac.compare_digest(given.encode(), token.encode()):
        return "token"
    return ""
