"""Images: every encoding, row step and byte order; the way there and back changes nothing."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sensor_msgs = pytest.importorskip("sensor_msgs.msg")

from visuomotor.errors import DataError  # noqa: E402
from visuomotor.ros import images  # noqa: E402

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
SEEDS = st.integers(0, 2**16)


def message(pixels: np.ndarray, encoding: str, padding: int = 0, bigendian: bool = False):
    """An Image whose rows are followed by `padding` bytes of rubbish, the last one's not."""
    order = ">" if bigendian else "<"
    rows = pixels.astype(pixels.dtype.newbyteorder(order)).reshape(len(pixels), -1)
    row = rows.view(np.uint8).reshape(len(pixels), -1)
    padded = np.full((row.shape[0], row.shape[1] + padding), 0xA5, np.uint8)
    padded[:, : row.shape[1]] = row
    msg = sensor_msgs.Image()
    msg.height, msg.width = pixels.shape[:2]
    msg.encoding, msg.is_bigendian, msg.step = encoding, int(bigendian), padded.shape[1]
    msg.data = padded.tobytes()[: padded.size - padding]
    return msg


def pixels(seed: int, shape: tuple[int, ...], dtype: str = "u1") -> np.ndarray:
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(0, info.max + 1, shape).astype(dtype)


@given(SIZES, SEEDS, st.integers(0, 5), st.sampled_from(["rgb8", "bgr8", "rgba8", "bgra8"]))
def test_colour_in_any_channel_order_and_step(size, seed, padding, encoding) -> None:
    rgb = pixels(seed, (*size, 3))
    stored = rgb[..., ::-1] if encoding.startswith("bgr") else rgb
    if encoding.endswith("a8"):
        stored = np.dstack([stored, pixels(seed + 1, size)])
    np.testing.assert_array_equal(
        images.color_from_msg(message(np.ascontiguousarray(stored), encoding, padding)), rgb
    )


@given(SIZES, SEEDS, st.integers(0, 5), st.booleans())
def test_grey_becomes_three_equal_channels(size, seed, padding, bigendian) -> None:
    grey = pixels(seed, size)
    expected = np.dstack([grey] * 3)
    deep = (grey.astype(np.uint16) << 8) | 7
    for stored, encoding in ((grey, "mono8"), (deep, "mono16")):
        got = images.color_from_msg(message(stored, encoding, padding, bigendian))
        np.testing.assert_array_equal(got, expected)


@given(SIZES, SEEDS, st.integers(0, 5), st.booleans(), st.sampled_from(["16UC1", "mono16"]))
def test_depth_in_mm_in_any_step_and_byte_order(size, seed, padding, bigendian, encoding) -> None:
    depth = pixels(seed, size, "u2")
    got = images.depth_mm_from_msg(message(depth, encoding, padding, bigendian))
    assert got.dtype == np.uint16
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, depth)


@given(SIZES, SEEDS, st.integers(0, 5), st.booleans())
def test_depth_in_metres_is_rounded_to_mm(size, seed, padding, bigendian) -> None:
    depth = pixels(seed, size, "u2")
    metres = (depth / 1000.0).astype(np.float32)
    got = images.depth_mm_from_msg(message(metres, "32FC1", padding, bigendian))
    np.testing.assert_array_equal(got, depth)


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf, -0.5, 65.54, 1e30])
def test_what_is_no_depth_becomes_zero(nothing: float) -> None:
    metres = np.array([[nothing, 1.25]], np.float32)
    assert images.depth_mm_from_msg(message(metres, "32FC1")).tolist() == [[0, 1250]]


@given(SIZES, SEEDS)
def test_messages_give_back_what_they_were_made_of(size, seed) -> None:
    rgb, depth = pixels(seed, (*size, 3)), pixels(seed, size, "u2")
    color_msg = images.color_msg(rgb, 123_456_789_012, "camera")
    depth_msg = images.depth_msg(depth, 123_456_789_012, "camera")
    np.testing.assert_array_equal(images.color_from_msg(color_msg), rgb)
    np.testing.assert_array_equal(images.depth_mm_from_msg(depth_msg), depth)
    assert (color_msg.header.stamp.sec, color_msg.header.stamp.nanosec) == (123, 456_789_012)
    assert (color_msg.step, depth_msg.step) == (3 * size[1], 2 * size[1])


def test_slices_of_images_can_be_sent() -> None:
    rgb = pixels(0, (8, 9, 3))[::2, 1::2]
    np.testing.assert_array_equal(images.color_from_msg(images.color_msg(rgb, 0, "")), rgb)


def test_rgb_and_native_depth_are_views_on_the_message() -> None:
    rgb = images.color_msg(pixels(0, (4, 5, 3)), 0, "")
    depth = images.depth_msg(pixels(0, (4, 5), "u2"), 0, "")
    for view, msg in ((images.color_from_msg(rgb), rgb), (images.depth_mm_from_msg(depth), depth)):
        before = view.copy()
        msg.data[0] ^= 0xFF
        assert (view != before).any()


@settings(max_examples=50)
@given(st.sampled_from(sorted(images.LAYOUTS)), st.integers(1, 40), SIZES)
def test_short_images_are_errors(encoding: str, missing: int, size: tuple[int, int]) -> None:
    kind, channels = images.LAYOUTS[encoding]
    msg = message(np.zeros((*size, channels), kind), encoding)
    msg.data = bytes(msg.data)[: max(0, len(msg.data) - missing)]
    read = images.color_from_msg if channels > 1 else images.depth_mm_from_msg
    if encoding == "mono8":
        read = images.color_from_msg
    with pytest.raises(DataError, match=rf"{encoding} with step .* bytes, expected .* camera"):
        read(msg)


def test_a_step_below_the_width_is_an_error() -> None:
    msg = images.color_msg(np.zeros((2, 3, 3), np.uint8), 0, "cam")
    msg.step = 8
    with pytest.raises(DataError, match="expected a step of at least 9"):
        images.color_from_msg(msg)


@pytest.mark.parametrize(
    ("read", "encoding", "known"),
    [
        (images.color_from_msg, "bayer_rggb8", "rgb8, bgr8, rgba8, bgra8, mono8, mono16"),
        (images.color_from_msg, "32FC1", "rgb8"),
        (images.depth_mm_from_msg, "rgb8", "16UC1, mono16, 32FC1"),
    ],
)
def test_other_encodings_name_what_is_expected(read, encoding: str, known: str) -> None:
    if importlib.util.find_spec("cv_bridge"):
        pytest.skip("cv_bridge converts the rest")
    msg = sensor_msgs.Image(encoding=encoding, height=1, width=1, step=4, data=bytes(4))
    with pytest.raises(DataError, match=f"{encoding!r}, expected one of {known}.*cv_bridge"):
        read(msg)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.float32)])
def test_wrong_arrays_are_not_sent(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected"):
        images.color_msg(wrong, 0, "")
    with pytest.raises(DataError, match="expected"):
        images.depth_msg(wrong, 0, "")
