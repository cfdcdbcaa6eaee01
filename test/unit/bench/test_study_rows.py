"""The README's lines of what the studies found."""

from pathlib import Path

from visuomotor.bench.study.cell import Cell, CellResult, save
from visuomotor.bench.study_rows import study_rows


def test_a_task_has_its_line_once_it_was_tried_with_and_without_pictures(tmp_path: Path) -> None:
    def roll_out(method: str, task: str, successes: int, seed: int = 0) -> None:
        cell = Cell("gplac", method, task, "plain", "expert", 400, seed)
        region = {"first_seed": 0, "success": [i < successes for i in range(40)]}
        save(
            tmp_path / "study", CellResult(cell, 1.0, "abc", {}, "", {"unseen": region}, {}, {}, {})
        )

    assert study_rows(tmp_path) == []
    roll_out("gplac", "striker", 30)
    roll_out("gplac", "pusher", 38)
    roll_out("att_1", "pusher", 4)
    roll_out("att_1", "striker", 9, seed=1)
    ((what, found),) = study_rows(tmp_path)
    assert what.startswith("`pusher` in 40 rooms that no training saw")
    assert found == "95.0% and 10.0%"
