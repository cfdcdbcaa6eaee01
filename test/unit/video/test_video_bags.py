"""A topic of images in any rosbag2 is a video: raw or compressed, MCAP or SQLite."""

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from visuomotor.errors import DataError
from visuomotor.recording.compression import compress_color
from visuomotor.recording.messages import image_cdr
from visuomotor.recording.schema import COMPRESSED_IMAGE, typestore
from visuomotor.video.frames import read_video

RAW = "sensor_msgs/msg/Image"


def clip(count):
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (count, 24, 32, 3)).astype(np.uint8)


def raw_cdr(stamp_ns, image, encoding="bgr8"):
    types = typestore().types
    sec, nanosec = divmod(stamp_ns, 10**9)
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](sec, nanosec), "c")
    pixels = np.ascontiguousarray(image[..., ::-1]).reshape(-1)
    message = types[RAW](header, 24, 32, encoding, 0, 96, pixels)
    return bytes(typestore().serialize_cdr(message, RAW))


def write(path, images, rate_hz, storage, encoding="bgr8"):
    """A bag with the images on two topics, and another one of no images."""
    with Writer(path, version=9, storage_plugin=storage) as writer:
        kinds = {"/phone/image": RAW, "/phone/image/compressed": COMPRESSED_IMAGE}
        topics = {t: writer.add_connection(t, k, typestore=typestore()) for t, k in kinds.items()}
        for t, image in enumerate(images):
            stamp_ns = 10**18 + round(t * 1e9 / rate_hz)
            raw = raw_cdr(stamp_ns, image, encoding)
            writer.write(topics["/phone/image"], stamp_ns, raw)
            packed = image_cdr(stamp_ns, "c", "png", compress_color(image, "png"))
            writer.write(topics["/phone/image/compressed"], stamp_ns, packed)


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3], ids=str)
def test_both_kinds_of_image_are_read_by_their_stamps(tmp_path, storage) -> None:
    images = clip(31)
    write(tmp_path / "bag", images, 30.0, storage)
    for topic in ("/phone/image", "/phone/image/compressed"):
        found = read_video(tmp_path / "bag", 10.0, topic=topic)
        assert (found.images == images[::3]).all(), topic
    (file,) = (p for p in (tmp_path / "bag").iterdir() if p.suffix in (".mcap", ".db3"))
    assert len(read_video(file, 10.0, topic="/phone/image").images) == 11


def test_what_is_wrong_with_a_bag_is_told(tmp_path) -> None:
    write(tmp_path / "bag", clip(12), 6.0, StoragePlugin.MCAP)
    with pytest.raises(DataError, match=r"/phone/image: 6 frames a second, .* say --rate-hz 6"):
        read_video(tmp_path / "bag", 12.0, topic="/phone/image")
    with pytest.raises(DataError, match=r"unknown topic of images '/phone/imag'; did you mean"):
        read_video(tmp_path / "bag", 6.0, topic="/phone/imag")
    with pytest.raises(DataError, match=r"or say --topic, of the images here: /phone/im"):
        read_video(tmp_path / "bag", 6.0)
    with pytest.raises(DataError, match=r"expected a bag: no metadata\.yaml here"):
        read_video(tmp_path, 6.0, topic="/phone/image")
    write(tmp_path / "odd", clip(12), 12.0, StoragePlugin.MCAP, encoding="yuv422")
    with pytest.raises(DataError, match=r"/phone/image, frame 0: got encoding 'yuv422'"):
        read_video(tmp_path / "odd", topic="/phone/image")
