"""A dead-man that several devices hold, over starts and resets."""

from __future__ import annotations

import pytest

from visuomotor.control.enabling import EnablingDevices

MS = 1_000_000
LATER = 5_000 * MS
"""Long after the start."""


def devices(afresh: bool = True, now_ns: int = LATER) -> EnablingDevices:
    """As they stand at `now_ns` after a start at 0, nothing heard yet."""
    made = EnablingDevices(0.2, afresh)
    assert not made.held(0)
    assert not made.held(now_ns)
    return made


def hold(made: EnablingDevices, *senders: str, since: int = LATER, ms: int = 500) -> int:
    """They say every 50 ms that they are held; when they said so last, in ns."""
    times = range(since, since + ms * MS, 50 * MS)
    for now_ns in times:
        for sender in senders:
            made.hear(True, now_ns, sender)
    return times[-1]


def test_one_device_holds_while_it_says_so() -> None:
    made = devices()
    last = hold(made, "pedal")
    assert made.held(last + 200 * MS)
    assert not made.held(last + 201 * MS)
    last = hold(made, "pedal", since=last + 1_000 * MS)
    assert made.held(last)
    made.hear(False, last + 50 * MS, "pedal")
    assert not made.held(last + 50 * MS)


@pytest.mark.parametrize("silently", [False, True])
def test_of_two_devices_that_are_held_whoever_lets_go_ends_it(silently: bool) -> None:
    made = devices()
    last = hold(made, "page", "keyboard")
    assert made.held(last)
    if not silently:
        made.hear(False, last + 10 * MS, "page")
        assert not made.held(last + 10 * MS)
    last = hold(made, "keyboard", since=last + 50 * MS)
    assert not made.held(last)
    assert "let it go" in made.why_not(last)
    made.hear(False, last + 50 * MS, "keyboard")
    made.hear(True, last + 100 * MS, "keyboard")
    assert made.held(last + 100 * MS)
    assert made.why_not(last + 100 * MS) == ""


def test_a_device_at_rest_does_not_end_what_another_one_holds() -> None:
    made = devices()
    for now_ns in range(LATER, LATER + 500 * MS, 50 * MS):
        made.hear(True, now_ns, "pedal")
        made.hear(False, now_ns + MS, "page")
        assert made.held(now_ns + 2 * MS)


def test_what_was_held_over_a_start_does_not_count_until_it_was_let_go() -> None:
    made = devices(now_ns=1_000 * MS)
    last = hold(made, "page", since=1_000 * MS, ms=10_000)
    assert not made.held(last)
    assert "let it go" in made.why_not(last)
    again = last + 300 * MS  # silence is a release, too
    made.hear(True, again, "page")
    assert made.held(again)


def test_what_is_pressed_after_a_start_counts_at_once_where_it_said_no_before() -> None:
    made = devices(now_ns=1_000 * MS)
    made.hear(False, 1_000 * MS, "page")
    made.hear(True, 1_050 * MS, "page")
    assert made.held(1_050 * MS)


def test_voiding_asks_for_a_new_press() -> None:
    made = devices()
    last = hold(made, "page")
    made.void(last)
    last = hold(made, "page", since=last + 50 * MS)
    assert not made.held(last)
    made.hear(False, last + 50 * MS, "page")
    made.hear(True, last + 60 * MS, "page")
    assert made.held(last + 60 * MS)


def test_without_afresh_neither_start_nor_voiding_counts() -> None:
    made = devices(afresh=False, now_ns=0)
    last = hold(made, "page", since=0)
    assert made.held(last)
    made.void(last)
    assert made.held(last)


def test_devices_that_are_gone_are_forgotten() -> None:
    made = devices()
    for i in range(100):
        made.hear(True, LATER + i * 1_000 * MS, f"device {i}")
    assert len(made._devices) < 65
