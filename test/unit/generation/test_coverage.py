"""Which goals were reached from which starts, and which rollouts are kept."""

from dataclasses import replace

import pytest

from visuomotor.errors import DataError
from visuomotor.generation import Coverage, Generated, GenerationConfig, GenerationLog, coverage_of
from visuomotor.generation.selection import left_out
from visuomotor.recording import Sidecar


def sidecar(*tags: str, outcome: str = "success") -> Sidecar:
    return Sidecar("cross", outcome=outcome, tags=tags)


def test_coverage_is_counted_from_tags() -> None:
    found = coverage_of(
        [
            sidecar("start a", "goal c"),
            sidecar("start a", "goal d"),
            sidecar("start a", "goal c"),
            sidecar("start a", "goal c", outcome="failure"),
            sidecar("start b", "goal d"),
            sidecar("interpolation"),
        ]
    )
    assert found.starts == ("a", "b")
    assert found.goals == ("c", "d")
    assert (found.episodes("a"), found.episodes("b"), found.episodes("z")) == (4, 1, 0)
    assert found.share("a", "c") == 0.5
    assert found.share("a", "") == 0.25
    assert found.solved("a") == 0.75
    assert found.solved("z") == 0.0
    assert found.figures() == {"a": {"c": 2, "d": 1, "": 1}, "b": {"c": 0, "d": 1, "": 0}}


def test_the_table_tells_every_pair() -> None:
    lines = Coverage({("a", "c"): 3, ("a", ""): 1, ("b", "d"): 4}).table().splitlines()
    assert lines[0].split() == ["start", "episodes", "any", "goal", "c", "d"]
    assert lines[1].split() == ["a", "4", "75%", "75%", "0%"]
    assert lines[2].split() == ["b", "4", "100%", "0%", "100%"]
    assert "no episodes" in Coverage().table()


KEPT = Coverage({("a", "c"): 2})


@pytest.mark.parametrize(
    ("config", "goal", "duration_s", "reason"),
    [
        (GenerationConfig(), "c", 5.0, ""),
        (GenerationConfig(), "", 5.0, "no goal reached"),
        (GenerationConfig(keep="all"), "", 5.0, ""),
        (GenerationConfig(longest_s=4.0), "c", 5.0, "took 5.0 s, more than 4 s"),
        (GenerationConfig(longest_s=6.0), "c", 5.0, ""),
        (GenerationConfig(per_pair=2), "c", 5.0, "there are 2 of a > c already"),
        (GenerationConfig(per_pair=2), "d", 5.0, ""),
        (GenerationConfig(per_pair=3), "c", 5.0, ""),
    ],
)
def test_what_is_left_out_says_why(config, goal, duration_s, reason) -> None:
    assert left_out(config, KEPT, "a", goal, duration_s) == reason


@pytest.mark.parametrize("wrong", [{"per_pair": -1}, {"rest_steps": -1}, {"longest_s": -0.1}])
def test_impossible_settings_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="expected 0 or more"):
        GenerationConfig(**wrong)


ROW = Generated(7, "a", "c", 80, "", "20260101-x")


def test_a_log_goes_on_where_it_ended(tmp_path) -> None:
    log = GenerationLog(tmp_path, "cross", "stage1")
    assert log.missing(range(6, 10)) == [6, 7, 8, 9]
    log.add(ROW)
    log.add(replace(ROW, seed=8, goal="", left_out="no goal reached", episode=""))
    again = GenerationLog(tmp_path, "cross", "stage1")
    assert again.rows == log.rows
    assert again.missing(range(6, 10)) == [6, 9]
    assert again.seen.counts == {("a", "c"): 1, ("a", ""): 1}
    assert again.kept.counts == {("a", "c"): 1}
    assert [p.name for p in log.path.parent.iterdir()] == ["generation.json"]


def test_rollouts_of_two_policies_do_not_mix(tmp_path) -> None:
    GenerationLog(tmp_path, "cross", "stage1").add(ROW)
    with pytest.raises(DataError, match="are of stage1, not of other; choose another folder"):
        GenerationLog(tmp_path, "cross", "other")


def test_a_broken_log_is_named(tmp_path) -> None:
    log = GenerationLog(tmp_path, "cross", "stage1")
    log.add(ROW)
    log.path.write_text('{"policy": "stage1", "rollouts": [{"seed": 1}]}')
    with pytest.raises(DataError, match=r"generation\.json: no log of a generation"):
        GenerationLog(tmp_path, "cross", "stage1")
