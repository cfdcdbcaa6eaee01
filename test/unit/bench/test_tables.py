"""The README's figures are those of the result files."""

import json
from pathlib import Path

import pytest

from visuomotor.bench.study.cell import Cell, CellResult
from visuomotor.bench.study.cell import save as save_cell
from visuomotor.bench.tables import BEGIN, END, results_table, update_readme
from visuomotor.errors import DataError

ROOT = Path(__file__).parents[3]
MACHINE = {"cpu": "a processor", "cores": 2}


def save(folder: Path, name: str, **values: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"machine": MACHINE, **values}))


def test_readme_shows_what_the_result_files_hold(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text((ROOT / "README.md").read_text())
    changed = update_readme(readme, ROOT / "benchmarks" / "results")
    assert not changed, "run `python -m visuomotor.bench.tables` and commit README.md"


def test_only_what_was_measured_has_a_row(tmp_path: Path) -> None:
    save(tmp_path, "sync", figures={"loss_5%": {"sets_possible": 300, "sets_emitted": 297}})
    table = results_table(tmp_path)
    assert "| 297 of 300 |" in table
    assert "lift" not in table
    assert "a processor, 2 cores" in table


def test_success_stands_with_its_interval(tmp_path: Path) -> None:
    part = {"success": 0.95, "n": 40, "interval": [0.835, 0.986]}
    blind = {"success": 0.0, "n": 100, "interval": [0.0, 0.037]}
    save(tmp_path, "demo", **part, lockstep={**part, "n": 200}, blind=blind)
    table = results_table(tmp_path)
    assert "0.950 of 40 [0.835, 0.986]" in table
    assert "0.950 of 200" in table
    assert "0.000 of 100" in table


def test_studies_have_lines_of_what_their_cells_hold(tmp_path: Path) -> None:
    save(tmp_path, "sync", figures={"loss_5%": {"sets_possible": 300, "sets_emitted": 297}})
    assert "docs/results" not in results_table(tmp_path)
    for seed, solved in ((0, [1, 1, 1, 0]), (1, [0, 0, 0, 0])):
        cell = Cell("real2sim", "multi_video", "put_onto", "plain", "videos", 4, seed)
        regions = {"hard": {"success": solved}}
        save_cell(tmp_path / "study", CellResult(cell, 1.0, "abc", MACHINE, "", regions, {}))
    table = results_table(tmp_path)
    assert "| 75.0% and 57% (1 of 9 actions) |" in table
    pairs = {"a>d": {"success": [1, 1]}, "b>c": {"success": [1, 0]}, "a>c": {"success": [0, 0]}}
    cell = Cell("gti", "gti", "cross", "plain", "human_like", 100, 0)
    save_cell(tmp_path / "study", CellResult(cell, 1.0, "abc", MACHINE, "", pairs, {}))
    assert "| 3 of 4 |" in results_table(tmp_path)


def test_text_around_the_markers_stays_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    save(tmp_path, "sync", figures={"loss_5%": {"sets_possible": 3, "sets_emitted": 2}})
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert update_readme(readme, tmp_path)
    assert not update_readme(readme, tmp_path)
    text = readme.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| what")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text


def test_missing_markers_and_missing_figures_are_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(DataError, match="no results markers"):
        update_readme(tmp_path / "README.md", tmp_path)
    save(tmp_path, "sync", figures={})
    with pytest.raises(DataError, match=r"sync\.json has no figure 'loss_5%'"):
        results_table(tmp_path)
