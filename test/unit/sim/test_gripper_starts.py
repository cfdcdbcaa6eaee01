"""Start states: drawn by seed within the paper's ranges, written, read, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.sim.gripper import BENCHMARKS, GripperWorlds, draw_starts, read_starts, write_starts


@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_starts_are_within_their_ranges_and_free(name: str) -> None:
    starts, ranges = draw_starts(name, 40, 1), BENCHMARKS[name]
    assert len(starts) == 40
    for value, (low, high) in (
        (starts.position[:, 0], ranges.x),
        (starts.position[:, 1], ranges.y),
        (starts.position[:, 2], ranges.z),
        (starts.elevation, ranges.elevation),
        (starts.heights, ranges.height),
        (starts.radii, ranges.radius),
    ):
        assert low <= value.min() < value.max() <= high
    for objects in (1, 2):
        worlds = GripperWorlds(40, objects, threads=0)
        worlds.reset(starts, np.random.default_rng(0))
        assert not worlds.colliding().any()


def test_the_seed_decides() -> None:
    one, same, other = (draw_starts("easy", 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.position, same.position)
    assert (one.position != other.position).all()
    np.testing.assert_array_equal(draw_starts("easy", 9, 1).position[:5], one.position)


def test_written_starts_are_read_again(tmp_path: Path) -> None:
    starts = draw_starts("hard", 7, 0)
    write_starts(tmp_path / "s.csv", starts)
    again = read_starts(tmp_path / "s.csv")
    for name in ("azimuth", "elevation", "position", "place", "heights", "radii"):
        np.testing.assert_array_equal(getattr(again, name), getattr(starts, name))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks hazi, hele"),
        ("hazi,hele\n1,2\n", "lacks hposx"),
        ("{header}\n{row}x\n", r"s\.csv:2: o1rad is '0.05x', expected a number"),
        ("{header}\n{row}1\n", r"s\.csv: starts: got radii .* what the gripper opens"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, text: str, message: str) -> None:
    header = "hazi,hele,hposx,hposy,hposz,o0posx,o0posy,o0posz,o0hei,o0rad,o1hei,o1rad"
    row = "0,0,0,0,0.2,0,0,0.03,0.06,0.7,0.06,0.05"
    if text.endswith("x\n"):
        row = row.replace("0.7", "0.045")
    (tmp_path / "s.csv").write_text(text.format(header=header, row=row))
    with pytest.raises(DataError, match=message):
        read_starts(tmp_path / "s.csv")


def test_unknown_benchmarks_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown benchmark 'hrd'; did you mean 'hard'"):
        draw_starts("hrd", 1, 0)
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        read_starts(tmp_path / "none.csv")
