"""Opening many episodes: what is known already is neither read again nor copied."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from visuomotor.bench.dataset import write_synthetic
from visuomotor.dataset import EpisodeArrays, open_dataset, opening
from visuomotor.dataset.arrays import STEP_FIELDS, joined
from visuomotor.dataset.cache import cached_arrays
from visuomotor.dataset.index import INDEX
from visuomotor.dataset.table import open_table, save_table
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording.catalogue import find_episodes, label

SIZES = {"front": (24, 32)}
SPEC = ObservationSpec((CameraSpec("front", 24, 32),))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recorded")
    write_synthetic(root, 3, 6, sizes=SIZES)
    open_dataset(root, SPEC, cache_dir=root / "decoded")
    return root


@pytest.fixture
def root(recorded: Path, tmp_path: Path) -> Path:
    """A dataset of three episodes that nobody opened yet."""
    shutil.copytree(recorded / "bench", tmp_path / "bench")
    return tmp_path


@pytest.fixture
def known(recorded: Path, root: Path) -> Path:
    """The same, decoded."""
    shutil.copytree(recorded / "decoded", root / ".cache")
    return root


def assert_equal(a: EpisodeArrays, b: EpisodeArrays) -> None:
    assert a.name == b.name
    for field in STEP_FIELDS:
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    for kind in ("color", "depth_mm", "K", "T_base_camera"):
        assert list(getattr(a, kind)) == list(getattr(b, kind)) == ["front"]
        np.testing.assert_array_equal(getattr(a, kind)["front"], getattr(b, kind)["front"])


def test_what_is_known_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    for name in ("cache_key", "load_steps"):
        real = getattr(opening, name)

        def counting(path: Path, *more: ObservationSpec, real: object = real) -> object:
            read.append(path)
            return real(path, *more)  # type: ignore[operator]

        monkeypatch.setattr(opening, name, counting)
    open_dataset(root, SPEC)
    assert len(read) == 6
    again = open_dataset(root, SPEC)
    assert len(read) == 6, "neither bags nor the episodes' own arrays"
    for path, episode in zip(find_episodes(root), again.episodes, strict=True):
        assert_equal(episode, cached_arrays(path, SPEC, root / ".cache"))
    first = find_episodes(root)[0]
    label(first, outcome="failure")
    assert [e.name for e in open_dataset(root, SPEC).episodes] == [
        e.name for e in again.episodes[1:]
    ]
    assert len(read) == 6, "a label concerns no bag"
    bag = first / f"{first.name}.mcap"
    os.utime(bag)
    open_dataset(root, SPEC, outcomes=("failure",))
    assert read[6:] == [first], "it may be another one, and turns out to be the same"


@pytest.mark.parametrize("name", [INDEX, "steps-*.table"])
def test_what_is_kept_is_made_anew_if_damaged(known: Path, name: str) -> None:
    before = open_dataset(known, SPEC)
    (path,) = (known / ".cache").glob(name)
    whole = path.read_bytes()
    for content in (b"", b"vmsteps\n", b"vmsteps\n" + bytes(8), b"{}", whole[: len(whole) // 2]):
        path.unlink()  # it is mapped
        path.write_bytes(content)
        for a, b in zip(open_dataset(known, SPEC).episodes, before.episodes, strict=True):
            assert_equal(a, b)
        assert len(path.read_bytes()) == len(whole)


def test_an_episode_more_is_added(known: Path) -> None:
    before = open_dataset(known, SPEC)
    (more,) = write_synthetic(known / "elsewhere", 1, 4, sizes=SIZES)
    more.rename(known / "bench" / f"{before.episodes[-1].name}-later")
    after = open_dataset(known, SPEC)
    assert [len(e) for e in after.episodes] == [6, 6, 6, 4]
    for a, b in zip(before.episodes, after.episodes, strict=False):
        assert_equal(a, b)
    (path,) = (known / ".cache").glob("steps-*.table")
    assert len(list(open_table(path))) == 4


def test_windows_copy_nothing_that_lies_in_order(known: Path) -> None:
    dataset = open_dataset(known, SPEC)
    poses = [e.action_pose for e in dataset.episodes]
    whole = joined(poses)
    assert np.shares_memory(whole, poses[0])
    np.testing.assert_array_equal(whole, np.concatenate(poses))
    assert not whole.flags.writeable
    for chosen in ([0, 2], [1, 0]):
        other = joined([poses[i] for i in chosen])
        assert not np.shares_memory(other, poses[0])
        np.testing.assert_array_equal(other, np.concatenate([poses[i] for i in chosen]))


def test_a_table_holds_episodes_that_are_unlike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def episode(steps: int, joints: int, moves: bool) -> dict[str, np.ndarray]:
        shape = (steps, 4, 4) if moves else (4, 4)
        return {
            "stamps_ns": np.arange(steps),
            "q": rng.random((steps, joints)),
            "valid": rng.random(steps) < 0.5,
            "wrist/T_base_camera": rng.random(shape),
            "wrist/K": rng.random((3, 3)),
        }

    given = {
        "a": episode(4, 7, True),  # four steps: its camera's poses look like one of (4, 4)
        "b": episode(5, 7, False),
        "c": episode(1, 6, True),
        "d": episode(9, 7, True),
    }
    save_table(tmp_path / "t", given.items())
    table = open_table(tmp_path / "t")
    assert set(table) == set(given)
    for name, arrays in given.items():
        found = table.arrays(name)
        assert set(found) == set(arrays)
        for k, values in arrays.items():
            assert found[k].dtype == values.dtype
            np.testing.assert_array_equal(found[k], values)
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_processes_share_the_decoding(root: Path) -> None:
    """What another process holds is left to it, and waited for at last."""
    first = find_episodes(root)[0]
    held = os.open(first, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    told: list[tuple[int, int]] = []
    with ThreadPoolExecutor(1) as pool:
        try:
            opened = pool.submit(open_dataset, root, SPEC, progress=lambda *n: told.append(n))
            deadline = time.monotonic() + 30
            while len(told) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            made = [p.name for p in (root / ".cache").iterdir() if not p.name.startswith(".")]
            assert len(made) == 2
            assert not any(name.startswith(first.name) for name in made)
            assert not opened.done()
        finally:
            os.close(held)
        assert [len(e) for e in opened.result(timeout=30).episodes] == [6, 6, 6]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_cache_that_was_deleted_is_named(known: Path) -> None:
    dataset = open_dataset(known, SPEC)
    for path in (known / ".cache").glob("*/*.npy"):
        path.unlink()
    with pytest.raises(DataError, match=r"front\.color\.npy: .* open the dataset again"):
        dataset.windows(2).batch([0])
