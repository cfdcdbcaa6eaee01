"""SIGKILL, full disks, truncated and foreign bags: one clear error, nothing recorded is lost."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from visuomotor.bench.dataset import synthetic_frames, write_synthetic
from visuomotor.contracts import STEP_NS
from visuomotor.errors import DataError
from visuomotor.recording import (
    EpisodeWriter,
    Sidecar,
    WriterConfig,
    find_episodes,
    find_partial,
    load_sidecar,
    read_actions,
    read_frames,
    repair,
    repair_all,
)
from visuomotor.recording.catalogue import describe
from visuomotor.recording.scan import scan_messages

SIZES = {"front": (48, 64), "side": (40, 60)}


def record_and_die(root: Path, sets: int) -> None:
    """Records in real order, then is killed before it could close anything."""
    writer = EpisodeWriter(root, Sidecar("lift", operator="ada"), 0, WriterConfig(color="png"))
    for f in synthetic_frames(sets, SIZES):
        writer.add_frame(f)
        writer.add_action(f.stamp_ns + STEP_NS // 2, f.robot.T_base_ee, 0.03)
    deadline = time.monotonic() + 20
    while writer.queue_length and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    process = multiprocessing.get_context("spawn").Process(
        target=record_and_die, args=(tmp_path, 100)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    (partial,) = find_partial(tmp_path)
    return partial


def test_repair_after_sigkill_loses_at_most_the_last_second(killed: Path) -> None:
    assert find_episodes(killed.parents[1]) == []
    with pytest.raises(DataError, match="visuomotor episodes repair"):
        list(read_frames(killed))
    episode = repair(killed)
    assert not killed.exists()
    frames = list(read_frames(episode))
    assert len(frames) >= 100 - 22
    for a, b in zip(frames, synthetic_frames(100, SIZES), strict=False):
        assert a.stamp_ns == b.stamp_ns
        for name, camera in a.cameras.items():
            np.testing.assert_array_equal(camera.color, b.cameras[name].color)
            np.testing.assert_array_equal(camera.depth_mm, b.cameras[name].depth_mm)
    assert len(read_actions(episode)[0]) >= len(frames) - 1
    sidecar = load_sidecar(episode)
    assert (sidecar.task, sidecar.operator, sidecar.outcome) == ("lift", "ada", "unknown")
    assert sidecar.tags == ("repaired",)
    assert sidecar.cameras == ("front", "side")
    assert sidecar.sets >= len(frames)
    with pytest.raises(DataError, match="nothing to repair"):
        repair(episode)


def test_a_failure_stays_one_when_it_is_repaired(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path, Sidecar("lift"), 0, WriterConfig(color="png"))
    for f in synthetic_frames(30, SIZES):
        writer.add_frame(f)
    writer.mark("failure", 7, "failure")
    seen = load_sidecar(writer.partial)
    assert (seen.outcome, seen.markers[0].stamp_ns) == ("failure", 7), "a kill would leave this"
    episode = writer.close()
    before = load_sidecar(episode)
    bag = episode / f"{episode.name}.mcap"
    os.truncate(bag, int(bag.stat().st_size * 0.9))
    after = load_sidecar(repair(episode))
    assert after.outcome == "failure"
    assert [m.name for m in after.markers] == ["failure"]
    assert (after.calibration, after.skew_ms) == (before.calibration, before.skew_ms)


def test_damage_with_an_intact_index_is_repaired(tmp_path: Path) -> None:
    (episode,) = write_synthetic(tmp_path, 1, 120, WriterConfig(color="png"), SIZES)
    bag = episode / f"{episode.name}.mcap"
    data = bytearray(bag.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    bag.write_bytes(bytes(data))
    with pytest.raises(DataError):
        list(read_frames(episode))
    assert 40 < len(list(read_frames(repair(episode)))) < 120


def test_a_clock_that_goes_back_ends_the_episode_before_it(tmp_path: Path) -> None:
    frames = list(synthetic_frames(12, SIZES))
    writer = EpisodeWriter(tmp_path, Sidecar("lift"), 0, WriterConfig(color="png"))
    assert all(writer.add_frame(f) for f in frames[2:])
    assert not writer.add_frame(frames[0])
    assert "the clock went back by 0.550 s" in str(writer.error)
    assert not writer.add_frame(frames[-1])
    episode = writer.close()
    assert [f.stamp_ns for f in read_frames(episode)] == [f.stamp_ns for f in frames[2:]]
    assert load_sidecar(episode).sets == 10


def test_an_episode_being_recorded_is_left_alone(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, Sidecar("lift"), 0) as writer:
        for f in synthetic_frames(3, SIZES):
            writer.add_frame(f)
        mended, errors = repair_all(tmp_path)
        assert mended == []
        assert "is being recorded at this moment" in str(errors[0])
    assert len(list(read_frames(writer.path))) == 3


def test_killed_between_the_last_byte_and_the_rename(tmp_path: Path) -> None:
    (episode,) = write_synthetic(tmp_path, 1, 5, sizes=SIZES)
    partial = episode.rename(episode.with_name(episode.name + ".partial"))
    assert repair(partial) == episode
    assert load_sidecar(episode).outcome == "success"
    assert len(list(read_frames(episode))) == 5


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_bag_is_one_error_and_can_be_repaired(tmp_path: Path, keep: float) -> None:
    (episode,) = write_synthetic(tmp_path, 1, 120, WriterConfig(color="png"), SIZES)
    bag = episode / f"{episode.name}.mcap"
    before = list(scan_messages(bag))
    os.truncate(bag, int(bag.stat().st_size * keep))
    with pytest.raises(DataError, match="not a readable rosbag2 bag"):
        list(read_frames(episode))
    after = list(scan_messages(bag))
    assert after == before[: len(after)], "what is read is what was there"
    assert len(after) > 0.6 * keep * len(before)
    assert repair(episode) == episode
    assert len(list(read_frames(episode))) > 0.6 * keep * 120
    assert (tmp_path / ".trash" / "bench" / episode.name).is_dir(), "the damaged one is kept"


@pytest.mark.parametrize("where", [0.2, 0.35, 0.5, 0.65, 0.8])
def test_damage_in_the_middle_costs_only_itself(tmp_path: Path, where: float) -> None:
    (episode,) = write_synthetic(tmp_path, 1, 120, WriterConfig(color="png"), SIZES)
    bag = episode / f"{episode.name}.mcap"
    data = bytearray(bag.read_bytes())
    middle = int(len(data) * where)
    data[middle : middle + 2000] = bytes(2000)
    bag.write_bytes(bytes(data[:-100]))
    stamps = [f.stamp_ns for f in read_frames(repair(episode))]
    assert 60 < len(stamps) < 120
    assert stamps == sorted(stamps)


def test_foreign_folders_and_files_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        list(read_frames(tmp_path / "nowhere"))
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    with pytest.raises(DataError, match=r"metadata\.yaml is missing"):
        list(read_frames(foreign))
    (foreign / "metadata.yaml").write_text("name: something else\n")
    with pytest.raises(DataError, match="not a readable rosbag2 bag"):
        list(read_frames(foreign))
    (foreign / "x.mcap").write_bytes(b"PK\x03\x04 a zip file, not a bag")
    with pytest.raises(DataError, match="expected an MCAP file"):
        repair(foreign)
    empty = tmp_path / "empty.partial"
    empty.mkdir()
    (empty / "empty.mcap").touch()
    with pytest.raises(DataError, match="no set reached the disk"):
        repair(empty)
    assert empty.is_dir()


def test_metadata_of_another_kind_is_one_error(tmp_path: Path) -> None:
    """What rosbags takes as it is, whatever it is."""
    (episode,) = write_synthetic(tmp_path, 1, 2, sizes={"front": (8, 12)})
    path = episode / "metadata.yaml"
    whole = path.read_text()
    pose, tenfold = "/synced/current_pose", ["x"]
    for _ in range(6):
        tenfold = [tenfold] * 10

    def refused(change: Callable[[dict[str, Any], dict[str, Any]], object], said: str) -> None:
        values = yaml.safe_load(whole)["rosbag2_bagfile_information"]
        listed = values["topics_with_message_count"]
        change(values, {t["topic_metadata"]["name"]: t for t in listed})
        path.write_text(yaml.safe_dump({"rosbag2_bagfile_information": values}))
        with pytest.raises(DataError, match=said):
            _read_all(episode)

    def typed(topic: str, msgtype: object) -> Callable[[dict[str, Any], dict[str, Any]], object]:
        return lambda _, topics: topics[topic]["topic_metadata"].update(type=msgtype)

    refused(typed(pose, ["x"]), r"got the type \['x'\] of '/synced/current_pose'")
    refused(typed("/command/gripper", "std_msgs/msg/String"), "got std_msgs/msg/String on /command")
    refused(lambda _, t: t[pose].update(message_count="many"), "got 'many' messages on '/synced/cu")
    refused(lambda v, _: v["duration"].update(nanoseconds=0.5), "expected nanoseconds")
    refused(lambda v, _: v.update(files="x"), "got the files 'x', expected a list")
    refused(lambda v, _: v.update(files=tenfold), "more than 200000 values")
    refused(
        lambda _, t: t["/front/extrinsics"]["topic_metadata"].update(offered_qos_profiles=[]),
        "no readable message on its extrinsics",
    )
    path.write_text(whole)
    _read_all(episode)


def _read_all(episode: Path) -> None:
    describe(episode)
    read_actions(episode)
    list(read_frames(episode))


@pytest.mark.parametrize(
    "missing", ["/synced/current_pose", "/synced/side/camera_info", "/side/extrinsics"]
)
def test_a_missing_topic_is_named(tmp_path: Path, missing: str) -> None:
    from visuomotor.recording.bag import BagWriter

    (episode,) = write_synthetic(tmp_path, 1, 4, sizes=SIZES)
    writer = BagWriter(tmp_path / "lacking")
    for m in scan_messages(episode / f"{episode.name}.mcap"):
        if m.topic != missing:
            writer.add_topic(m.topic, m.msgtype)
            writer.write(m.topic, m.log_time_ns, m.cdr)
    writer.close()
    with pytest.raises(DataError, match=f"no message on {missing}"):
        list(read_frames(tmp_path / "lacking"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def fill(root: Path, config: WriterConfig) -> EpisodeWriter:
    """Adds sets until recording stops; the disk must give out long before the end."""
    writer = EpisodeWriter(root, Sidecar("lift"), 0, config)
    for added, f in enumerate(synthetic_frames(2000, {"front": (240, 320)})):
        if not writer.add_frame(f):
            assert added > 1
            return writer
    raise AssertionError("the disk never filled")


def test_a_full_disk_stops_recording_and_keeps_what_was_written(
    small_disk: Path, tmp_path: Path
) -> None:
    writer = fill(small_disk, WriterConfig(color="png", min_free_mb=0))
    assert writer.add_action(0, np.eye(4)) is False
    with pytest.raises(DataError, match=r"No space left on device.*episodes repair"):
        writer.close()
    with pytest.raises(DataError, match="as much free disk space as it holds"):
        repair(writer.partial)
    elsewhere = shutil.copytree(writer.partial, tmp_path / "lift" / writer.partial.name)
    frames = list(read_frames(repair(elsewhere)))
    assert len(frames) >= 5
    for a, b in zip(frames, synthetic_frames(2000, {"front": (240, 320)}), strict=False):
        np.testing.assert_array_equal(a.cameras["front"].color, b.cameras["front"].color)


def test_the_reserve_ends_the_episode_complete(small_disk: Path) -> None:
    writer = fill(small_disk, WriterConfig(color="jpeg", min_free_mb=1.0))
    assert "min_free_mb" in str(writer.error)
    episode = writer.close("success")
    assert len(list(read_frames(episode))) >= 5
    assert load_sidecar(episode).outcome == "success"
    with pytest.raises(DataError, match="min_free_mb"):
        EpisodeWriter(small_disk, Sidecar("lift"), 0, WriterConfig(min_free_mb=1000))


def record_with_a_limit(root: Path) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    writer = fill(root, WriterConfig(color="png", min_free_mb=0))
    try:
        writer.close()
    except DataError as error:
        (root / "error.txt").write_text(str(error))


def test_a_quota_stops_recording_without_a_crash(tmp_path: Path) -> None:
    """As the full disk, where no tmpfs can be mounted: the file may not grow further."""
    process = multiprocessing.get_context("spawn").Process(
        target=record_with_a_limit, args=(tmp_path,)
    )
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert "File too large" in (tmp_path / "error.txt").read_text()
    (mended,), errors = repair_all(tmp_path)
    assert errors == []
    assert len(list(read_frames(mended))) >= 5
