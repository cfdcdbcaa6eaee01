"""Labelled pictures on disk: whole, once, found again, nothing overwritten."""

import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_pictures import encoded, picture

from visuomotor.errors import ConfigError, DataError
from visuomotor.labelling import LabelFolder, check_labels
from visuomotor.labelling.images import decode
from visuomotor.labelling.naming import file_identity, identity, identity_in, stem
from visuomotor.labelling.snapping import Snapper


def test_what_is_there_is_known_by_the_next_run_and_never_overwritten(tmp_path: Path) -> None:
    folder, data = LabelFolder(tmp_path / "weak"), encoded(picture(1))
    file = folder.add(identity("a"), ("phone", "IMG 1"), data, "with")
    assert file.name == f"phone_IMG-1-{identity('a')}.jpg"
    again = LabelFolder(tmp_path / "weak")
    assert again.label_of(identity("a")) == "with"
    with pytest.raises(DataError, match="there already"):
        again.add(identity("a"), ("other",), encoded(picture(2)), "without")
    assert again.move(identity("a"), "without").read_bytes() == data
    assert LabelFolder(tmp_path / "weak").counts() == {"with": 0, "without": 1}
    again.remove(identity("a"))
    assert again.counts() == {"with": 0, "without": 0}
    assert again.label_of(identity("a")) is None


def test_a_foreign_file_of_that_name_stays(tmp_path: Path) -> None:
    folder = LabelFolder(tmp_path)
    (tmp_path / "with").mkdir()
    mine = tmp_path / "with" / f"phone-{identity('a')}.jpg"
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match="not written"):
        folder.add(identity("a"), ("phone",), encoded(picture(1)), "with")
    assert mine.read_bytes() == b"mine"
    assert [p.name for p in (tmp_path / "with").iterdir()] == [mine.name]


@given(st.lists(st.text(max_size=300), max_size=4), st.text())
def test_every_source_makes_a_name_that_can_be_written_and_read_back(
    words: list[str], key: str
) -> None:
    name = stem(words, identity(key))
    assert identity_in(name) == identity(key)
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert len(name.encode()) < 200


@pytest.mark.parametrize(
    "labels", [[""], ["a/b"], ["..", "b"], ["With", "with"], [" a"], ["x" * 99]]
)
def test_labels_that_cannot_be_folders_are_refused(labels: list[str]) -> None:
    with pytest.raises(ConfigError, match="labels: got"):
        check_labels(labels)


@given(st.integers(0, 3_000_000), st.integers(0, 3_000_000))
def test_large_files_that_differ_at_either_end_are_different(at: int, length: int) -> None:
    data = np.zeros(length + 1, np.uint8)
    changed = data.copy()
    changed[at % len(data)] = 1
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a", "b")]
        for path, content in zip(paths, (data, changed), strict=True):
            path.write_bytes(content.tobytes())
        seen = at % len(data) < 1 << 20 or at % len(data) >= len(data) - (1 << 16)
        assert (file_identity(paths[0]) != file_identity(paths[1])) == seen


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def fill(path: Path) -> str:
    """Adds pictures until one cannot be written; why."""
    folder = LabelFolder(path)
    for i in range(100):
        try:
            folder.add(identity(str(i)), ("a",), encoded(picture(i, 480, 640), ".png"), "with")
        except DataError as error:
            return str(error)
    raise AssertionError("the disk never filled")


def whole_files(path: Path) -> int:
    files = [p for p in path.rglob("*") if p.is_file()]
    for file in files:
        decode(file.read_bytes(), str(file))
    return len(files)


def test_a_full_disk_keeps_what_was_written_and_nothing_half(small_disk: Path) -> None:
    said = fill(small_disk / "weak")
    assert "No space left on device" in said
    assert "is kept" in said
    assert whole_files(small_disk / "weak") >= 1
    assert sum(LabelFolder(small_disk / "weak").counts().values()) == whole_files(small_disk)
    snapper = Snapper(LabelFolder(small_disk / "weak"), "jpeg", 640, min_free_mb=100)
    with pytest.raises(DataError, match="nothing was written, 0 MB are free"):
        snapper.snap({"front": picture(0)}, "with", 0)


def fill_with_a_limit(path: Path) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    folder = LabelFolder(path)
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    folder.add(identity("small"), ("a",), encoded(picture(0)), "with")
    try:
        folder.add(identity("large"), ("a",), encoded(noise, ".png"), "with")
    except DataError as error:
        path.with_suffix(".txt").write_text(str(error))


def test_a_quota_leaves_no_half_picture(tmp_path: Path) -> None:
    """As the full disk, where no tmpfs can be mounted."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=fill_with_a_limit, args=(tmp_path / "weak",))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert "File too large" in (tmp_path / "weak.txt").read_text()
    assert whole_files(tmp_path / "weak") == 1


def test_a_snap_of_what_is_there_already_is_told(tmp_path: Path) -> None:
    snapper = Snapper(LabelFolder(tmp_path), "png", 0, 0)
    now_ns = 1_700_000_000_123_456_789
    first = {"front": picture(1), "side": picture(2)}
    assert "with: front, side" in snapper.snap(first, "with", now_ns)
    assert "with: side;" in snapper.snap({**first, "side": picture(3)}, "with", now_ns)
    with pytest.raises(DataError, match="exactly what is there already as with"):
        snapper.snap(first, "without", now_ns)
    files = sorted(p.name for p in tmp_path.rglob("*.png"))
    assert [f.rpartition("-")[0] for f in files] == [
        "front_20231114T221320.123Z",
        *["side_20231114T221320.123Z"] * 2,
    ]
