"""Goals are pictures: of a file, or of a moment of an episode."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.recording import WriterConfig, read_frames
from visuomotor.recording.catalogue import trim
from visuomotor.recording.compression import decompress_color
from visuomotor.recording.stills import still
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos


@pytest.fixture(scope="module")
def episode(tmp_path_factory):
    world = SimWorld(SimConfig(task="cross", cameras=("front",), width=48, height=36))
    png = WriterConfig(color="png")
    (path,) = write_demos(world, tmp_path_factory.mktemp("data"), range(1), png)
    world.close()
    return path


def test_a_moment_of_an_episode(episode) -> None:
    frames = list(read_frames(episode))
    images = [f.cameras["front"].color for f in frames]
    assert (still(episode, "front") == images[-1]).all()
    assert (still(episode, "front", 0.0) == images[0]).all()
    assert (still(episode, "front", 1.0) == images[20]).all()
    trim(episode, None, 1.0)
    assert (still(episode, "front") == images[20]).all()
    trim(episode, None, None)
    assert not (images[0] == images[-1]).all()


def test_a_picture_keeps_its_colours(tmp_path) -> None:
    red = np.zeros((6, 8, 3), np.uint8)
    red[..., 0] = 200
    cv2.imwrite(str(tmp_path / "red.png"), red[..., ::-1])
    assert (still(tmp_path / "red.png", "front") == red).all()


def gigapixels() -> bytes:
    """A small PNG that says to be 30 000 pixels high and wide."""
    data = bytes(cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1])
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def test_what_is_no_image_says_what_is(episode, tmp_path) -> None:
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(DataError, match=r"words\.png: got no readable image, expected a PNG"):
        still(tmp_path / "words.png", "front")
    with pytest.raises(DataError, match="got no readable image"):
        still(tmp_path / "nothing.png", "front")
    (tmp_path / "huge.png").write_bytes(gigapixels())
    with pytest.raises(DataError, match=r"huge\.png: got no readable image"):
        still(tmp_path / "huge.png", "front")
    with pytest.raises(DataError, match="that are no image"):
        decompress_color(np.frombuffer(gigapixels(), np.uint8), "a message")
    with pytest.raises(DataError, match="got a time of 2 s for a picture"):
        still(tmp_path / "words.png", "front", 2.0)
    with pytest.raises(DataError, match="got no camera 'side', expected one of front"):
        still(episode, "side")
    with pytest.raises(DataError, match=r"got no set at 99\.0 s, expected a time from 0 to"):
        still(episode, "front", 99.0)
    for never in (float("inf"), float("nan"), -1e300):
        with pytest.raises(DataError, match="expected one within the episode"):
            still(episode, "front", never)
    with pytest.raises(DataError, match=r"trim: got \(0\.0, inf\), expected 0 <= start < end"):
        trim(episode, 0.0, float("inf"))
