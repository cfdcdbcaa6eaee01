"""Whom the phone's server believes, and for how long."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.errors import DataError
from visuomotor.teleop import Arm, TeleopConfig
from visuomotor.teleop.phone.access import refusal
from visuomotor.teleop.phone.certificate import certificate
from visuomotor.teleop.phone.message import parse
from visuomotor.teleop.phone.phone import Phone
from visuomotor.teleop.phone.qr_code import qr_code
from visuomotor.teleop.phone.server import page
from visuomotor.teleop.registry import make_operator

MS = 1_000_000
GOOD = {
    "clutch": True,
    "gripper": False,
    "policy": False,
    "position": [0, 0, 0],
    "quat_xyzw": [0, 0, 0, 1],
    "echo": 0,
}


def message(**changes: object) -> str:
    return json.dumps({**GOOD, **changes})


acts = st.one_of(
    st.tuples(st.just("take"), st.booleans(), st.integers(-50, 800)),  # clutch, age of the echo
    st.tuples(st.just("junk"), st.sampled_from(["", "{", "[]", "7", message(clutch=1)])),
    st.tuples(st.just("lost"), st.none()),  # connected, but without its place
    st.tuples(st.just("drop"), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 400)),
)


@given(st.lists(acts, max_size=40))
@settings(deadline=None)
def test_nothing_is_enabled_without_a_fresh_word_of_a_held_clutch(sequence) -> None:
    phone, operator = (
        Phone(timeout_s=0.3, max_lag_s=0.5),
        make_operator(TeleopConfig(device="phone")),
    )
    now_ms, session, held_ms = 0, None, None
    for kind, *values in sequence:
        now_ms += 15
        if session is None:
            now_ms += 1100  # the one before is silent for long enough
            session = phone.connect(now_ms * MS)
            assert session is not None
        if kind == "take":
            clutch, age_ms = values
            phone.take(session, message(clutch=clutch, echo=now_ms - age_ms), now_ms * MS)
            if 0 <= age_ms <= 500:
                held_ms = now_ms if clutch else None
        elif kind == "junk":
            phone.take(session, values[0], now_ms * MS)
        elif kind == "lost":
            phone.take(session, message(position=None, echo=now_ms), now_ms * MS)
            held_ms = None
        elif kind == "drop":
            phone.disconnect(session)
            session = held_ms = None
        else:
            now_ms += values[0]
        expected = held_ms is not None and now_ms - held_ms <= 300
        wish = operator.step(phone.read(now_ms * MS), Arm(np.eye(4)), now_ms * MS)
        assert (wish.enable is True) == expected
        assert (wish.target is not None) == expected


def test_presses_are_edges_even_between_two_readings() -> None:
    phone = Phone()
    session = phone.connect(0)
    for down in (False, True, True, False, True, False):
        phone.take(session, message(gripper=down), MS)
    assert phone.read(2 * MS).toggles == 2
    assert phone.read(3 * MS).toggles == 0


def test_one_phone_at_a_time_until_it_is_silent() -> None:
    phone = Phone()
    first = phone.connect(0)
    assert phone.connect(500 * MS) is None
    phone.take(first, message(), 600 * MS)
    assert phone.read(600 * MS).held is False  # its echo is older than half a second
    phone.take(first, message(echo=600), 600 * MS)
    assert phone.read(610 * MS).held
    second = phone.connect(1700 * MS)
    assert second is not None
    phone.take(first, message(echo=1700), 1700 * MS)
    assert not phone.read(1700 * MS).held
    phone.disconnect(first)
    phone.take(second, message(echo=1700), 1710 * MS)
    assert phone.read(1710 * MS).held
    assert phone.counters() == {"busy": 1, "late": 1}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "no JSON"),
        ("[" * 4000, "no JSON"),
        ("[]", "expected an object"),
        (message(clutch="true"), "clutch"),
        (message(position=[0, 0]), "position"),
        (message(position=[0, 0, float("nan")]), "position"),
        (message(position=[0, 0, 1e9]), "position"),
        (message(position=[0, 0, True]), "position"),
        (message(quat_xyzw=[0, 0, 0, 0]), "unit length"),
        (message(quat_xyzw=None), "quat_xyzw"),
        (message(echo=0.5), "echo"),
    ],
)
def test_other_messages_are_errors(text, error) -> None:
    with pytest.raises(DataError, match=error):
        parse(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.data())
@settings(max_examples=50, deadline=None)
def test_no_json_does_more_than_be_refused(value, data) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    phone = Phone()
    session = phone.connect(0)
    phone.take(session, json.dumps({**GOOD, name: value}), MS)
    if phone.counters().get("message", 0) == 0:
        parse(json.dumps({**GOOD, name: value}))


@pytest.mark.parametrize(
    ("path", "host", "origin", "token", "local", "reason"),
    [
        ("/", "127.0.0.1:8443", "", "", True, ""),
        ("/ws", "localhost:8443", "http://localhost:8443", "", True, ""),
        ("/ws", "[::1]:1", "", "", True, ""),
        ("/ws", "evil.example:8443", "", "", True, "host"),
        ("/ws", "127.0.0.1.evil.example", "", "", True, "host"),
        ("/ws", "", "", "", True, "host"),
        ("/ws", "[", "", "", True, "host"),
        ("/ws", "127.0.0.1:1,127.0.0.1:1", "", "", True, "host"),
        ("/ws", "127.0.0.1:8443", "https://evil.example", "", True, "origin"),
        ("/ws", "127.0.0.1:8443", "null", "", True, "origin"),
        ("/ws?token=right-one", "10.0.0.2:8443", "", "right-one", False, ""),
        ("/ws?token=right-on", "10.0.0.2:8443", "", "right-one", False, "token"),
        ("/ws?token=right-one", "a:1", "https://b:1", "right-one", False, "origin"),
        ("/ws?token=&token=right-one", "10.0.0.2", "", "right-one", False, ""),
        ("/ws", "10.0.0.2:8443", "", "right-one", False, "token"),
        ("/ws?token=ä", "10.0.0.2:8443", "", "right-one", False, "token"),
    ],
)
def test_who_may_talk(path, host, origin, token, local, reason) -> None:
    assert refusal(path, host, origin, token, local) == reason


def test_a_certificate_is_kept_until_it_ends_or_the_address_changes(tmp_path) -> None:
    now = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
    day = datetime.timedelta(days=1)

    def made(*names: str, at: datetime.datetime = now) -> bytes:
        path, key = certificate(names, tmp_path / "new", at)
        assert key.stat().st_mode & 0o077 == 0
        return path.read_bytes()

    first = made("robot", "10.0.0.2")
    assert made("10.0.0.2", "robot", at=now + 300 * day) == first
    assert made("robot") == first
    second = made("robot", "10.0.0.3")
    assert second != first
    assert made("robot", "10.0.0.3", at=now + 365 * day) != second


def test_the_page_is_one_piece_and_the_picture_is_the_address() -> None:
    import cv2

    text = page()
    assert "<!-- js -->" not in text
    assert "src=" not in text
    assert "requestSession" in text
    url = "https://192.168.1.20:8443/?token=AbCdEfGhIjKlMnOp"
    rows = qr_code(url).splitlines()
    bits = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    image = np.array([[[bits[c][half] for c in row] for half in (0, 1)] for row in rows])
    image = (image.reshape(-1, len(rows[0])) * 255).astype(np.uint8)
    large = cv2.resize(image, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    assert cv2.QRCodeDetector().detectAndDecode(large)[0] == url
