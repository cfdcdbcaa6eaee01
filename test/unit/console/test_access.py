"""Who may ask: over real HTTP, with the headers that a browser sends for this page and others."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from visuomotor.console.access import Access
from visuomotor.console.server import PageServer, json_reply
from visuomotor.errors import ConfigError, DataError

TOKEN = "correct-horse-battery"


class Door:
    """A server whose one action counts how often it was done."""

    def __init__(self, **more: Any) -> None:
        self.done: list[Any] = []
        routes = {"/": lambda query: json_reply(dict(query))}
        self.server = PageServer(routes, actions={"/open": self.open}, **more)
        self.server.start()
        self.port = int(self.server.url.rstrip("/").rpartition(":")[2])

    def open(self, values: Any) -> Any:
        if "error" in values:
            raise DataError(values["error"])
        self.done.append(values)
        return json_reply({"said": "open"})

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": f"127.0.0.1:{self.port}", **names})
        reply = connection.getresponse()
        answer = (reply.status, dict(reply.getheaders()), reply.read().decode())
        connection.close()
        return answer

    def post(self, body: bytes = b"{}", **headers: str) -> tuple[int, str]:
        status, _, text = self.ask(
            "POST", "/open", body, **{"Content_Type": "application/json", **headers}
        )
        return status, text


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.server.close()


@pytest.fixture
def locked() -> Iterator[Door]:
    door = Door(host="0.0.0.0", token=TOKEN)
    yield door
    door.server.close()


def test_the_page_itself_may_post(door: Door) -> None:
    own = {"Origin": f"http://127.0.0.1:{door.port}", "Sec_Fetch_Site": "same-origin"}
    assert door.post(b'{"a": 1}', **own)[0] == 200
    assert door.post(b'{"a": 2}')[0] == 200, "a shell has no Origin"
    assert door.done == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Origin": "http://evil.example"}, "another page (http://evil.example)"),
        ({"Origin": "http://127.0.0.1:1"}, "another page"),
        ({"Origin": "null"}, "another page"),
        ({"Sec_Fetch_Site": "cross-site"}, "another page"),
        ({"Sec_Fetch_Site": "same-site"}, "another page"),
        ({"Content_Type": "text/plain"}, "application/json"),
        ({"Content_Type": "application/x-www-form-urlencoded"}, "application/json"),
        ({"Host": "evil.example"}, "this machine only"),
        ({"Host": "[::"}, "this machine only"),
    ],
)
def test_no_other_page_may_post(door: Door, headers: dict[str, str], reason: str) -> None:
    status, text = door.post(**headers)
    assert status == 403
    assert reason in text
    assert door.done == []


def test_nothing_is_done_by_looking(door: Door) -> None:
    assert door.ask("GET", "/open")[0] == 404
    assert door.ask("OPTIONS", "/open", Origin="http://evil.example")[0] == 501
    assert door.done == []
    _, headers, _ = door.ask("GET", "/")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


def test_what_is_no_question_is_refused(door: Door) -> None:
    assert door.post(b"[1]")[0] == 400
    assert door.post(b"\xff{")[0] == 400
    assert door.post(b'{"error": "no such thing"}') == (400, '{"error":"no such thing"}')
    assert door.post(b"[" * 60_000)[0] == 400
    assert door.post(b" " * (1 << 17))[0] == 413
    assert door.post(b"{}", Content_Length="\xb2")[0] == 413
    assert door.post(b"{}", Content_Length="9" * 5000)[0] == 413
    assert door.ask("GET", "http://[x/")[0] == 400
    assert door.ask("POST", "/none", b"{}", Content_Type="application/json")[0] == 404
    assert door.done == []


def test_others_need_the_token(locked: Door) -> None:
    assert locked.ask("GET", "/")[0] == 403
    assert locked.ask("GET", "/?token=wrong-horse-battery")[0] == 403
    assert locked.post()[0] == 403
    status, headers, _ = locked.ask("GET", f"/?token={TOKEN}&a=1")
    assert (status, headers["Location"]) == (303, "/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    value = cookie.partition(";")[0]
    status, _, text = locked.ask("GET", "/", Cookie=value)
    assert (status, json.loads(text)) == (200, {})
    assert locked.post(Cookie=value)[0] == 200
    assert locked.post(Cookie=value, Origin="http://evil.example")[0] == 403
    assert locked.post(Cookie=value.replace("horse", "mouse"))[0] == 403
    assert len(locked.done) == 1


def test_buttons_are_never_served_to_others_without_a_token() -> None:
    with pytest.raises(ConfigError, match="with a token only"):
        PageServer({}, host="0.0.0.0", actions={"/open": lambda _: json_reply(0)})
    with pytest.raises(ConfigError, match="got 5 characters, expected 12 or more"):
        Access(token="short")
