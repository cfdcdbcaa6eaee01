"""Finding, describing, relabelling, trimming and putting away; the bag never changes."""

import hashlib
from pathlib import Path

import cv2
import pytest

from visuomotor.bench.dataset import synthetic_frames, write_synthetic
from visuomotor.contracts import SyncedFrame
from visuomotor.dataset.cache import cached_arrays
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording import (
    RecordingSession,
    Sidecar,
    WriterConfig,
    describe,
    discard,
    discarded,
    export_video,
    find_episodes,
    info,
    label,
    load_sidecar,
    play,
    read_frames,
    restore,
    table,
    trim,
)
from visuomotor.recording.sidecar import LONGEST_S
from visuomotor.recording.stills import episode_still

SIZES = {"front": (48, 64), "side": (40, 60)}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    write_synthetic(tmp_path, 2, 12, sizes=SIZES)
    return tmp_path


def content(episode: Path) -> str:
    return hashlib.sha256((episode / f"{episode.name}.mcap").read_bytes()).hexdigest()


def test_labels_and_trims_change_only_the_sidecar(dataset: Path) -> None:
    first, second = find_episodes(dataset)
    before = content(first)
    label(first, "failure", add_tags=("blurry", "short"))
    label(first, remove_tags=("short",), operator="bo")
    trim(first, 0.1, None)
    sidecar = load_sidecar(first)
    assert (sidecar.outcome, sidecar.tags, sidecar.operator) == ("failure", ("blurry",), "bo")
    assert sidecar.trim_s == (0.1, LONGEST_S)
    assert content(first) == before
    assert find_episodes(dataset, outcomes=["failure"]) == [first]
    assert find_episodes(dataset, tag="blurry") == [first]
    assert find_episodes(dataset, task="bench") == [first, second]
    assert find_episodes(dataset, task="other") == []
    assert trim(first, None, None).trim_s is None
    with pytest.raises(DataError, match=r"expected 0 <= start < end"):
        trim(first, 3.0, 1.0)
    with pytest.raises(DataError, match="expected one of success, failure, unknown"):
        label(first, "great")  # type: ignore[arg-type]


def test_discard_and_restore(dataset: Path) -> None:
    first, second = find_episodes(dataset)
    gone = discard(first)
    assert find_episodes(dataset) == [second]
    assert discarded(dataset) == [gone]
    assert restore(gone) == first
    assert find_episodes(dataset) == [first, second]
    with pytest.raises(DataError, match=r"not in \.trash"):
        restore(first)
    with pytest.raises(DataError, match="no finished episode"):
        discard(dataset / "bench" / "none")


def test_what_a_person_reads(dataset: Path) -> None:
    first, _ = find_episodes(dataset)
    lines = table(dataset).splitlines()
    assert len(lines) == 3
    assert "success" in lines[1]
    assert "front, side" in lines[1]
    text = describe(first)
    assert "/synced/front/color/compressed" in text
    assert "20.00 Hz" in text
    assert info(first).bytes > 10_000


def test_a_bad_sidecar_names_the_file_and_the_key(dataset: Path) -> None:
    first, _ = find_episodes(dataset)
    (first / "episode.yaml").write_text("task: lift\noutcom: success\n")
    with pytest.raises(DataError, match=r"episode\.yaml.*did you mean 'outcome'"):
        load_sidecar(first)
    (first / "episode.yaml").unlink()
    assert load_sidecar(first) == Sidecar("bench"), "a bag of `ros2 bag` is unlabelled"


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_video(dataset: Path, suffix: str) -> None:
    first, _ = find_episodes(dataset)
    out = export_video(first, dataset / f"video{suffix}", height=48)
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 64 + 72
    assert video.get(cv2.CAP_PROP_FPS) == 20
    with pytest.raises(DataError, match="unknown camera 'frnt'; did you mean 'front'"):
        export_video(first, dataset / "x.mp4", ["frnt"])
    with pytest.raises(DataError, match="unknown video format"):
        export_video(first, dataset / "x.wmv")


def test_play_gives_every_message_when_it_is_due(dataset: Path) -> None:
    first, _ = find_episodes(dataset)
    played = list(play(first, speed=2.0))
    due = [m.due_s for m in played]
    assert due == sorted(due)
    assert due[-1] == pytest.approx((11 * 0.05 + 0.025) / 2)
    later = list(play(first, start_s=0.3))
    assert later[0].topic.endswith("/extrinsics"), "a late player still needs the latched ones"
    assert 0 < len(later) < len(played)
    with pytest.raises(DataError, match="expected a positive number"):
        list(play(first, speed=0))


def test_a_session_opens_with_its_pre_roll(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.5)
    frames = list(synthetic_frames(40, SIZES))
    for f in frames[:20]:
        session.add_frame(f)
    session.start(Sidecar("lift"), frames[20].stamp_ns)
    for f in frames[20:]:
        session.add_frame(f)
    session.mark("success", frames[-1].stamp_ns)
    path = session.stop()
    stamps = [f.stamp_ns for f in read_frames(path)]
    assert stamps == [f.stamp_ns for f in frames[9:]]
    sidecar = load_sidecar(path)
    assert sidecar.outcome == "success"
    assert sidecar.markers[0].stamp_ns == frames[-1].stamp_ns
    session.mark("failure", 0)
    assert load_sidecar(path).outcome == "failure"
    with pytest.raises(DataError, match="call recorder/start first"):
        session.stop()
    assert session.discard().parent == tmp_path / ".trash" / "lift"
    assert session.close() is None


def recorded(session: RecordingSession, frames: list[SyncedFrame]) -> Path:
    session.start(Sidecar("lift"), frames[0].stamp_ns)
    for f in frames:
        session.add_frame(f)
    return session.stop()


def test_a_session_brings_back_what_it_discarded(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.0)
    frames = list(synthetic_frames(12, SIZES))
    with pytest.raises(DataError, match="nothing was discarded since this recorder started"):
        session.undo()
    first = recorded(session, frames[:6])
    session.discard()
    second = recorded(session, frames[6:])
    session.discard()
    assert find_episodes(tmp_path) == []
    assert session.undo() == second
    session.mark("failure", 0)
    assert load_sidecar(second).outcome == "failure", "it is the last episode again"
    assert session.undo() == first
    assert session.mark("success", 0) == second, "the newer one stays the last"
    with pytest.raises(DataError, match="episodes list --trash"):
        session.undo()


def test_a_recording_that_failed_leaves_the_one_before_alone(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.0)
    good = recorded(session, list(synthetic_frames(6, SIZES)))
    session.start(Sidecar("lift"), 10**9)
    with pytest.raises(DataError, match="no set was recorded"):
        session.stop()
    for meant_for_the_second in (lambda: session.mark("failure", 0), session.discard):
        with pytest.raises(DataError, match="no episode yet"):
            meant_for_the_second()
    assert load_sidecar(good).outcome == "unknown"


def test_every_way_of_ending_says_what_was_lost_before(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.0)
    session.upstream = lambda: {"front/depth no_partner": 3}
    frames = list(synthetic_frames(4, SIZES))
    ended = [recorded(session, frames)]
    for end in (session.discard, session.close):
        session.start(Sidecar("lift"), 10**9)
        for f in frames:
            session.add_frame(f)
        ended.append(end() or tmp_path)
    assert [load_sidecar(path).drops for path in ended] == [{"front/depth no_partner": 3}] * 3


def test_a_trim_without_an_end_keeps_the_last_set(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.0)
    path = recorded(session, list(synthetic_frames(6, SIZES)))
    with pytest.raises(DataError, match="expected one before its end"):
        trim(path, 5.0, None)
    trim(path, 0.1, None)
    assert "trim 0.1 s to its end" in describe(path)
    spec = ObservationSpec(tuple(CameraSpec(n, *size) for n, size in SIZES.items()))
    assert len(cached_arrays(path, spec, tmp_path / "cache").stamps_ns) == 4
    assert episode_still(path, "front").shape == (48, 64, 3)


def test_an_episode_discarded_while_it_is_recorded_is_not_lost(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.0)
    frames = list(synthetic_frames(10, SIZES))
    path = session.start(Sidecar("lift"), frames[0].stamp_ns)
    for f in frames:
        session.add_frame(f)
    gone = session.discard()
    assert not session.recording
    assert discarded(tmp_path) == [gone]
    assert session.undo() == path
    assert [f.stamp_ns for f in read_frames(path)] == [f.stamp_ns for f in frames]
    session.start(Sidecar("lift"), frames[-1].stamp_ns + 10**9)
    session.discard()
    assert find_episodes(tmp_path) == [path]
    assert discarded(tmp_path) == [], "nothing was in it"


def test_undo_passes_over_what_somebody_else_restored(tmp_path: Path) -> None:
    session = RecordingSession(tmp_path, WriterConfig(color="png"), pre_roll_s=0.0)
    frames = list(synthetic_frames(12, SIZES))
    first = recorded(session, frames[:6])
    session.discard()
    recorded(session, frames[6:])
    restore(session.discard())
    assert session.undo() == first
