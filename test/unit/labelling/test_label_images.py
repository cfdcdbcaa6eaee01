"""Pictures as they come: turned by EXIF, broken off, from other cameras, too large."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_pictures import encoded, held, picture

from visuomotor.errors import DataError
from visuomotor.labelling.images import decode, fitted, reduced, suffix_of

SUFFIXES = (".jpg", ".png", ".bmp", ".webp")
TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("longest_px", [0, 64, 4000])
def test_a_phones_picture_stands_upright_for_every_reader(
    orientation: int, longest_px: int
) -> None:
    stored = picture(1)
    data = held(encoded(stored), orientation)
    upright = TURNS[orientation](decode(encoded(stored), "plain"))
    np.testing.assert_array_equal(decode(data, "phone"), upright)
    written = np.frombuffer(fitted(data, "phone", longest_px), np.uint8)
    readers = (cv2.IMREAD_COLOR, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    heeding, ignoring = (cv2.imdecode(written, flags)[..., ::-1] for flags in readers)
    np.testing.assert_array_equal(heeding, ignoring)
    wanted = reduced(np.ascontiguousarray(upright), longest_px or 4000)
    assert heeding.shape == wanted.shape
    assert np.abs(heeding.astype(int) - wanted).mean() < 4


@given(st.sampled_from(SUFFIXES), st.integers(0, 99))
def test_what_breaks_off_is_told(suffix: str, percent: int) -> None:
    whole = encoded(picture(2), suffix)
    assert suffix_of(whole, "x") == suffix
    assert decode(whole, "x").shape == (96, 128, 3)
    part = whole[: percent * len(whole) // 100]
    with pytest.raises(DataError, match=r"^holiday: .*copy it again"):
        decode(part, "holiday")


def test_a_png_whose_part_says_to_be_longer_than_all_of_it_is_not_given_room_for() -> None:
    data = encoded(picture(2), ".png")
    at = data.index(b"IDAT") - 4
    with pytest.raises(DataError, match=r"^holiday: a damaged PNG"):
        decode(data[:at] + (10**9).to_bytes(4, "big") + data[at + 4 :], "holiday")


def test_what_a_phone_appends_does_no_harm() -> None:
    data = held(encoded(picture(3)), 1) + b"ftypmp4 and a film" * 100
    assert decode(data, "motion").shape == (96, 128, 3)


def test_others_are_named() -> None:
    with pytest.raises(DataError, match=r"a HEIC picture, .* set the phone's camera to JPEG"):
        decode(b"\0\0\0\x18ftypheic" + bytes(50), "IMG_1.HEIC")
    with pytest.raises(DataError, match="no picture"):
        decode(b"<html>", "page.jpg")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_fits_stays_as_it_is(suffix: str) -> None:
    data = encoded(picture(4), suffix)
    assert fitted(data, "x", 128) is data
    assert fitted(data, "x", 0) is data
    smaller = fitted(data, "x", 127)
    assert suffix_of(smaller, "x") == (".png" if suffix == ".png" else ".jpg")
    assert decode(smaller, "x").shape == (95, 127, 3)


def test_a_large_picture_may_come_reduced_but_not_below_what_is_enough() -> None:
    rng = np.random.default_rng(0)
    large = rng.integers(0, 255, (1200, 1600, 3), dtype=np.uint8)  # noise: over 1.5 MB
    data = encoded(large)
    assert len(data) > 1_500_000
    assert decode(data, "x").shape == large.shape
    assert decode(data, "x", 320).shape == (300, 400, 3)
    assert decode(data, "x", 500).shape == large.shape
    assert decode(fitted(data, "x", 300), "x").shape == (225, 300, 3)
