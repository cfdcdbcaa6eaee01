"""Who may ask a page's server for what: this machine's own pages, and who has the token."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from visuomotor.errors import ConfigError

LOCAL = ("127.0.0.1", "localhost", "::1")
SHORTEST_TOKEN = 12


@dataclass(frozen=True)
class Access:
    """Decides by a request's headers.

    local_only: the page was served to this machine alone, and answers under its names alone, so
    that no foreign name may lead here. token: what a browser must have been given, in the address
    it first opened (`?token=`), then in a cookie; empty: none is asked for.
    """

    local_only: bool = True
    token: str = ""

    def __post_init__(self) -> None:
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise ConfigError(
                f"token: got {len(self.token)} characters, expected {SHORTEST_TOKEN} or more; "
                "leave it empty to have one made"
            )

    def refusal(self, headers: Message[str, str], query: str = "", posted: bool = False) -> str:
        """Why this request gets no answer; empty: it gets one.

        What is posted changes something, so no other page may have sent it: browsers name the
        sender in Origin, and ask before they send JSON to a foreign server, which never agrees.
        """
        host = headers.get("Host", "")
        if self.local_only and _address(host)[0] not in LOCAL:
            # Another site whose name leads here must not read what a browser here may see.
            return "this page is for this machine only"
        if not self.has_token(headers, query):
            return "open this page with the address that the console printed: it holds a token"
        if not posted:
            return ""
        origin = headers.get("Origin", "")
        if origin and origin.partition("://")[2] != host:
            return f"refused: this came from another page ({origin})"
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return "refused: this came from another page"
        if headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            return "refused: expected Content-Type application/json"
        return ""

    def has_token(self, headers: Message[str, str], query: str = "") -> bool:
        """Whether the cookie, or a query's `token`, is the token."""
        if not self.token:
            return True
        given = query
        if not given:
            try:
                cookie = SimpleCookie(headers.get("Cookie", "")).get(self.cookie_name(headers))
            except CookieError:
                return False
            given = cookie.value if cookie else ""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def cookie(self, headers: Message[str, str]) -> str:
        """Set-Cookie's value, for a browser that came with the token in its address."""
        return f"{self.cookie_name(headers)}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    @staticmethod
    def cookie_name(headers: Message[str, str]) -> str:
        """One per port: browsers share a host's cookies among its ports."""
        return f"visuomotor_{_address(headers.get('Host', ''))[1]}"


def _address(host: str) -> tuple[str, int]:
    """A Host header's name and port; ("", 0) for nonsense."""
    try:
        split = urlsplit(f"//{host}")
        return split.hostname or "", split.port or 80
    except ValueError:
        return "", 0
