"""Faults of single streams: which messages they touch, and how."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.sim.stream_faults import FaultyStreams, StreamFault

CAMERAS = ("front", "side")
STREAMS = ("front/color", "front/depth", "side/color", "side/depth", "robot")


def streams(*texts: str) -> FaultyStreams:
    return FaultyStreams([StreamFault.parse(t, CAMERAS) for t in texts])


@pytest.mark.parametrize(
    ("text", "touched"),
    [
        ("front/color dead", STREAMS[:1]),
        ("front dead", STREAMS[:2]),
        ("robot dead", STREAMS[4:]),
        ("all dead", STREAMS),
    ],
)
def test_a_fault_touches_its_streams_alone(text: str, touched: tuple[str, ...]) -> None:
    made = streams(text)
    assert tuple(s for s in STREAMS if made.stamp_ns(s, 5) is None) == touched
    assert all(made.stamp_ns(s, 5) == 5 for s in set(STREAMS) - set(touched))


@given(st.integers(1, 9), st.integers(1, 60))
def test_every_nth_message_comes(n: int, sent: int) -> None:
    made = streams(f"front every {n}")
    for stream in STREAMS[:2]:  # each is counted by itself
        came = [made.stamp_ns(stream, i) for i in range(sent)]
        assert len([i for i in came if i is not None]) == sent // n


@given(st.floats(-3600, 3600), st.integers(0, 2**60))
def test_shifted_and_frozen_stamps(shift_s: float, stamp_ns: int) -> None:
    shifted = streams(f"robot shift {shift_s}").stamp_ns("robot", stamp_ns)
    assert shifted == stamp_ns + round(1e9 * shift_s)
    frozen = streams("robot frozen")
    assert [frozen.stamp_ns("robot", stamp_ns + i) for i in range(3)] == [stamp_ns] * 3
    assert frozen.stamp_ns("front/color", stamp_ns + 1) == stamp_ns + 1


@pytest.mark.parametrize(
    "text",
    [
        *("", "front", "back dead", "front/depht dead", "front dies", "front dead 3"),
        *("front every", "front every 0", "front every 1.5", "robot shift nan", "robot shift 1e9"),
    ],
)
def test_what_it_does_not_know_is_refused_with_what_exists(text: str) -> None:
    with pytest.raises(ValueError, match=r"stream_faults: got .*front/depth.*every N"):
        StreamFault.parse(text, CAMERAS)
