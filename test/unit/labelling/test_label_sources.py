"""Where pictures come from: folders, recorded episodes, bags of drivers; each asked once."""

from pathlib import Path

import numpy as np
import pytest
from made_pictures import encoded, picture

from visuomotor.bench.dataset import synthetic_frames
from visuomotor.errors import ConfigError, DataError
from visuomotor.labelling import LabelFolder, LabelSession, Picture, Sources, find_pictures
from visuomotor.labelling.images import decode, suffix_of
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig, open_bag, read_frames
from visuomotor.recording.bag import BagWriter
from visuomotor.recording.schema import typestore

SIZES = {"overhead": (37, 53), "hand_left": (48, 64)}
START_NS = 1_700_000_000_000_000_000
IMAGE = "sensor_msgs/msg/Image"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of 3 s at 20 Hz, one with lossless colour."""
    root = tmp_path_factory.mktemp("dataset")
    for i, color in enumerate(("png", "jpeg")):
        start_ns = START_NS + i * 10**10
        config = WriterConfig(color=color)  # type: ignore[arg-type]
        with EpisodeWriter(root, Sidecar("lift", seed=i), start_ns, config) as writer:
            for frame in synthetic_frames(60, SIZES, i, start_ns):
                writer.add_frame(frame)
            writer.close("success")
    return root


def drivers_bag(path: Path, pictures: dict[int, np.ndarray], topic: str, encoding: str) -> Path:
    """A bag as `ros2 bag record` writes it of a camera's own topic; ms -> picture."""
    types = typestore().types
    writer = BagWriter(path)
    writer.add_topic(topic, IMAGE)
    for ms, pixels in pictures.items():
        stamp = START_NS + ms * 10**6
        time = types["builtin_interfaces/msg/Time"](*divmod(stamp, 10**9))
        header = types["std_msgs/msg/Header"](time, "camera")
        data = np.ascontiguousarray(pixels).view(np.uint8).ravel()
        step = data.size // pixels.shape[0]
        message = types[IMAGE](header, *pixels.shape[:2], encoding, 0, step, data)
        writer.write(topic, stamp, bytes(typestore().serialize_cdr(message, IMAGE)))
    writer.close()
    return path


def seconds(found: list[Picture]) -> list[float]:
    return [float(p.source[-1][:-1]) for p in found]


def test_a_datasets_frames_come_every_so_often_as_they_were_recorded(dataset: Path) -> None:
    found, refused = find_pictures([dataset], Sources("overhead", every_s=1.0))
    assert refused == []
    assert len(found) == 6
    episodes = sorted((dataset / "lift").iterdir())
    assert {p.source[1] for p in found} == {e.name for e in episodes}
    assert all(p.source[0] == "lift" and p.source[2] == "overhead" for p in found)
    frames = list(read_frames(episodes[0]))
    assert seconds(found[:3]) == pytest.approx([0, 1, 2], abs=0.051)
    for p in found[:3]:
        data = p.read()
        assert suffix_of(data, p.where) == ".png", "its bytes, not encoded anew"
        rgb = decode(data, p.where)
        assert any(np.array_equal(rgb, f.cameras["overhead"].color) for f in frames)
    with open_bag(episodes[1]) as bag:
        recorded = {
            bytes(message.data) for _, message in bag.read({"/synced/overhead/color/compressed"})
        }
    assert all(p.read() in recorded for p in found[3:])


@pytest.mark.parametrize("finer", [0.5, 0.25, 0.05])
def test_looking_closer_asks_for_no_frame_twice(dataset: Path, finer: float) -> None:
    coarse, _ = find_pictures([dataset], Sources("overhead", 1.0))
    fine, _ = find_pictures([dataset], Sources("overhead", finer))
    assert len(fine) == round(6 / finer)
    assert {p.identity for p in coarse} <= {p.identity for p in fine}
    other, _ = find_pictures([dataset], Sources("hand_left", 1.0))
    assert not {p.identity for p in other} & {p.identity for p in fine}


def test_several_cameras_are_no_choice_of_ours(dataset: Path) -> None:
    with pytest.raises(DataError, match="several cameras: say --camera hand_left or overhead"):
        find_pictures([dataset], Sources())
    with pytest.raises(DataError, match="did you mean 'overhead'"):
        find_pictures([dataset], Sources("overhed"))
    with pytest.raises(ConfigError, match="every_s: got 0"):
        Sources(every_s=0)


@pytest.mark.parametrize(
    ("topic", "camera", "name"),
    [
        ("/front/color/image_raw", "front", "front"),
        ("/left_arm/front/color/image_raw", "", "front"),
        ("/usb_cam/image", "/usb_cam/image", "usb_cam_image"),
        ("/usb_cam/image", "usb_cam_image", "usb_cam_image"),
    ],
)
def test_any_cameras_own_topic_will_do(tmp_path: Path, topic: str, camera: str, name: str) -> None:
    shown = {0: picture(1), 100: picture(2), 2500: picture(3), 2600: picture(4)}
    bag = drivers_bag(tmp_path / "raw", shown, topic, "bgr8")
    found, _ = find_pictures([bag], Sources(camera, every_s=1.0))
    assert [p.source for p in found] == [("raw", name, "0.00s"), ("raw", name, "2.50s")]
    for p, expected in zip(found, (shown[0], shown[2500]), strict=True):
        rgb = decode(p.read(), p.where)
        assert np.abs(rgb[..., ::-1].astype(int) - expected).mean() < 6


def test_a_bag_that_cannot_be_read_does_not_end_the_others(dataset: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "metadata.yaml").write_text("rosbag2_bagfile_information: {}\n")
    found, refused = find_pictures([damaged, dataset], Sources("overhead", 1.0))
    assert len(found) == 6
    assert len(refused) == 1
    assert "not a readable rosbag2 bag" in refused[0]
    strange = drivers_bag(tmp_path / "strange", {0: picture(1)}, "/a/color/image_raw", "yuv422")
    found, _ = find_pictures([strange], Sources())
    with pytest.raises(DataError, match="got encoding 'yuv422'"):
        found[0].read()


def test_folders_are_searched_and_each_picture_is_asked_once(tmp_path: Path) -> None:
    phone = tmp_path / "phone"
    (phone / "büro 2" / ".trash").mkdir(parents=True)
    (phone / "IMG.JPG").write_bytes(encoded(picture(1)))
    (phone / "büro 2" / "IMG.png").write_bytes(encoded(picture(2), ".png"))
    (phone / "büro 2" / "copy of IMG.jpeg").write_bytes(encoded(picture(1)))
    (phone / "büro 2" / ".trash" / "gone.jpg").write_bytes(encoded(picture(3)))
    (phone / "._IMG.jpg").write_bytes(b"what macOS leaves")
    (phone / "a.HEIC").write_bytes(b"")
    (phone / "b.heic").write_bytes(b"")
    weak = phone / "weak"
    session = LabelSession(LabelFolder(weak), ["with", "without"], [])
    for turn in range(2):
        found, refused = find_pictures([phone], Sources(leave_out=weak))
        assert [p.source for p in found] == [("phone", "IMG"), ("phone", "büro 2", "IMG")]
        assert len(refused) == 1
        assert "2 .heic left out; convert them" in refused[0]
        session = LabelSession(LabelFolder(weak), ["with", "without"], found)
        assert sum(map(session.asked, session.pictures)) == 2 - turn
        if not turn:
            session.label([found[1].identity], "with")
    assert [p.name for p in weak.rglob("*.png")] == [f"phone_büro-2_IMG-{found[1].identity}.png"]
    for labelled in (weak, weak / "with"):
        with pytest.raises(DataError, match="labelled already"):
            find_pictures([labelled], Sources(leave_out=weak))
    phone.rename(tmp_path / "moved")
    found, _ = find_pictures([tmp_path / "moved" / "büro 2"], Sources())
    known = LabelFolder(tmp_path / "moved" / "weak")
    assert [known.label_of(p.identity) for p in found] == ["with", None], "moved, but known"


def test_nothing_to_label_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        find_pictures([tmp_path / "nowhere"], Sources())
    (tmp_path / "a.heic").write_bytes(b"")
    with pytest.raises(DataError, match=r"no picture, expected .*1 \.heic left out"):
        find_pictures([tmp_path], Sources())
