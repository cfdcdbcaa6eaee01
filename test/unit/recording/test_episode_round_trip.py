"""What goes into a bag comes out of it, bit by bit where that is promised."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from visuomotor.bench.dataset import synthetic_frames
from visuomotor.contracts import STEP_NS, SyncedFrame
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.recording import (
    EpisodeWriter,
    Sidecar,
    WriterConfig,
    find_episodes,
    load_sidecar,
    open_bag,
    read_actions,
    read_frames,
)

SIZES = {"overhead": (37, 53), "hand_left": (48, 64)}


def record(
    root: Path, frames: list[SyncedFrame], config: WriterConfig | None = None, task: str = "lift"
) -> Path:
    sidecar = Sidecar(task, operator="ada", tags=("x",), seed=3)
    with EpisodeWriter(root, sidecar, frames[0].stamp_ns, config) as writer:
        for f in frames:
            assert writer.add_frame(f)
            assert writer.add_action(f.stamp_ns + STEP_NS // 2, f.robot.T_base_ee, 0.03)
        return writer.close("success", drops={"no_robot": 2})


def test_png_and_depth_are_bit_equal_and_the_rest_within_rounding(tmp_path: Path) -> None:
    frames = list(synthetic_frames(30, SIZES))
    got = list(read_frames(record(tmp_path, frames, WriterConfig(color="png"))))
    assert [f.stamp_ns for f in got] == [f.stamp_ns for f in frames]
    spec = ObservationSpec((CameraSpec("overhead", 24, 32), CameraSpec("hand_left")))
    for a, b in zip(frames, got, strict=True):
        assert list(b.cameras) == list(a.cameras)
        for name, camera in a.cameras.items():
            np.testing.assert_array_equal(b.cameras[name].color, camera.color)
            np.testing.assert_array_equal(b.cameras[name].depth_mm, camera.depth_mm)
            assert b.cameras[name].camera == camera.camera
        seen_a, seen_b = observe(a, spec), observe(b, spec)
        for name, view in seen_a.views.items():
            np.testing.assert_array_equal(view.color, seen_b.views[name].color)
            np.testing.assert_array_equal(view.depth_m, seen_b.views[name].depth_m)
            np.testing.assert_array_equal(view.K, seen_b.views[name].K)
        np.testing.assert_array_equal(b.robot.q, a.robot.q)
        assert b.robot.gripper_width_m == a.robot.gripper_width_m
        np.testing.assert_allclose(b.robot.T_base_ee, a.robot.T_base_ee, atol=1e-12)


def test_jpeg_changes_colour_little_and_depth_not_at_all(tmp_path: Path) -> None:
    frames = list(synthetic_frames(5, SIZES))
    got = list(read_frames(record(tmp_path, frames)))
    for a, b in zip(frames, got, strict=True):
        for name, camera in a.cameras.items():
            error = np.abs(camera.color.astype(int) - b.cameras[name].color)
            assert 0 < error.mean() < 4
            np.testing.assert_array_equal(b.cameras[name].depth_mm, camera.depth_mm)


def test_a_camera_that_moves_keeps_its_pose_in_every_set(tmp_path: Path) -> None:
    frames = list(synthetic_frames(6, {"wrist": (32, 32)}))
    for i, f in enumerate(frames):
        f.cameras["wrist"].T_base_camera[0, 3] = 0.1 * (i // 2)
    episode = record(tmp_path, frames)
    positions = [f.cameras["wrist"].T_base_camera[0, 3] for f in read_frames(episode)]
    assert positions == [0.0, 0.0, 0.1, 0.1, 0.2, 0.2]
    with open_bag(episode) as bag:
        assert bag.count("/wrist/extrinsics") == 3


def test_the_bag_opens_with_nothing_of_ours(tmp_path: Path) -> None:
    episode = record(tmp_path, list(synthetic_frames(4, SIZES)))
    with AnyReader([episode]) as reader:
        kinds = {c.topic: c.msgtype for c in reader.connections}
        count = 0
        for connection, _, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            count += 1
            if connection.topic.endswith("compressedDepth"):
                assert message.format == "16UC1; compressedDepth png"
                depth = cv2.imdecode(np.array(message.data[12:]), cv2.IMREAD_UNCHANGED)
                assert depth.dtype == np.uint16
        assert count == reader.message_count
        assert reader.duration > 0
    assert kinds["/synced/overhead/color/compressed"] == "sensor_msgs/msg/CompressedImage"
    assert kinds["/command/target_pose"] == "geometry_msgs/msg/PoseStamped"
    assert all(topic.startswith("/") for topic in kinds)
    files = sorted(p.name for p in episode.iterdir())
    assert files == [f"{episode.name}.mcap", "episode.yaml", "metadata.yaml"]


def test_metadata_is_what_ros2_bag_reads(tmp_path: Path) -> None:
    """The keys rosbag2_storage's YAML conversion requires up to metadata version 8."""
    import yaml

    episode = record(tmp_path, list(synthetic_frames(4, SIZES)))
    info = yaml.safe_load((episode / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert info["version"] == 8
    assert info["storage_identifier"] == "mcap"
    assert info["compression_mode"] == info["compression_format"] == ""
    assert info["relative_file_paths"] == [f["path"] for f in info["files"]]
    assert info["message_count"] == sum(
        t["message_count"] for t in info["topics_with_message_count"]
    )
    for topic in info["topics_with_message_count"]:
        meta = topic["topic_metadata"]
        assert meta["serialization_format"] == "cdr"
        assert meta["type_description_hash"].startswith("RIHS01_")
        (qos,) = yaml.safe_load(meta["offered_qos_profiles"])
        latched = meta["name"].endswith("/extrinsics")
        assert qos["durability"] == (1 if latched else 2)
        assert qos["reliability"] == (2 if "/synced/" in meta["name"] else 1)


def test_the_sidecar_tells_what_was_recorded(tmp_path: Path) -> None:
    episode = record(tmp_path, list(synthetic_frames(21, SIZES)))
    s = load_sidecar(episode)
    assert (s.task, s.operator, s.outcome, s.tags, s.seed) == ("lift", "ada", "success", ("x",), 3)
    assert s.sets == 21
    assert s.duration_s == pytest.approx(1.0)
    assert s.rates_hz["/synced/overhead/color/compressed"] == pytest.approx(20.0)
    assert s.drops == {"no_robot": 2}
    assert s.cameras == tuple(SIZES)
    assert len(s.calibration) == 16
    assert s.commit


def test_actions_come_back_in_order(tmp_path: Path) -> None:
    frames = list(synthetic_frames(8, SIZES))
    stamps, poses, widths = read_actions(record(tmp_path, frames))
    assert stamps.tolist() == [f.stamp_ns + STEP_NS // 2 for f in frames]
    np.testing.assert_allclose(poses, [f.robot.T_base_ee for f in frames], atol=1e-12)
    np.testing.assert_array_equal(widths, 0.03)


def test_other_messages_are_kept_and_unknown_types_refused(tmp_path: Path) -> None:
    from visuomotor.recording.messages import pose_cdr

    frames = list(synthetic_frames(3, SIZES))
    cdr = pose_cdr(frames[0].stamp_ns, frames[0].robot.T_base_ee)
    with EpisodeWriter(tmp_path, Sidecar("lift"), 0) as writer:
        for f in frames:
            writer.add_frame(f)
        writer.add_message("sim/objects/cube/pose", "geometry_msgs/msg/PoseStamped", cdr, 10)
        path = writer.close()
    with open_bag(path) as bag:
        assert bag.count("/sim/objects/cube/pose") == 1

    writer = EpisodeWriter(tmp_path, Sidecar("lift"), 0)
    writer.add_frame(frames[0])
    writer.add_message("/odd", "acme_msgs/msg/Odd", cdr, 10)
    kept = writer.close()
    assert writer.error is not None
    assert "acme_msgs/msg/Odd" in str(writer.error)
    assert len(list(read_frames(kept))) == 1


def test_a_set_with_other_cameras_is_dropped_and_counted(tmp_path: Path) -> None:
    frames = list(synthetic_frames(3, SIZES))
    del frames[1].cameras["overhead"]  # type: ignore[attr-defined]
    with EpisodeWriter(tmp_path, Sidecar("lift"), 0) as writer:
        assert [writer.add_frame(f) for f in frames] == [True, False, True]
        path = writer.close()
    assert load_sidecar(path).drops == {"cameras changed": 1}
    assert len(list(read_frames(path))) == 2


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    config = WriterConfig(color="png", workers=1, queue_length=1, on_full="drop")
    frames = list(synthetic_frames(10, {"big": (480, 640)}))
    with EpisodeWriter(tmp_path, Sidecar("lift"), 0, config) as writer:
        taken = [writer.add_frame(f) for f in frames]
        path = writer.close()
    assert not all(taken)
    assert load_sidecar(path).drops == {"compression too slow": taken.count(False)}
    got = [f.stamp_ns for f in read_frames(path)]
    assert got == [f.stamp_ns for f, ok in zip(frames, taken, strict=True) if ok]


def test_an_episode_without_sets_leaves_nothing(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path, Sidecar("lift"), 0)
    with pytest.raises(DataError, match="no set was recorded"):
        writer.close()
    assert list((tmp_path / "lift").iterdir()) == []


def test_an_exception_keeps_what_was_recorded(tmp_path: Path) -> None:
    frames = list(synthetic_frames(5, SIZES))
    writer = EpisodeWriter(tmp_path, Sidecar("lift"), 0)

    def interrupted() -> None:
        with writer:
            for f in frames:
                writer.add_frame(f)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert load_sidecar(writer.path).tags == ("aborted",)
    assert len(list(read_frames(writer.path))) == 5


def test_a_span_reads_only_its_own_sets(tmp_path: Path) -> None:
    frames = list(synthetic_frames(60, SIZES))
    episode = record(tmp_path, frames)
    span = (frames[30].stamp_ns, frames[35].stamp_ns)
    got = [f.stamp_ns for f in read_frames(episode, span)]
    assert got == [f.stamp_ns for f in frames[30:35]]


def test_episodes_of_one_second_sort_by_their_start(tmp_path: Path) -> None:
    frame = next(iter(synthetic_frames(1, SIZES)))
    written = []
    for start_ns in range(1_700_000_000_999_000_000, 1_700_000_001_004_000_000, 500_000):
        with EpisodeWriter(tmp_path, Sidecar("lift"), start_ns) as writer:
            writer.add_frame(frame)
            written.append(writer.close())
    assert find_episodes(tmp_path) == written
