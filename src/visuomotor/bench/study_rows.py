"""The README's lines of what the studies found, from the cells' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visuomotor.bench.study.cell import CellResult, load_all
from visuomotor.bench.study.gti import UNSEEN
from visuomotor.bench.study.real2sim_figures import reported
from visuomotor.sim.environments import ENVIRONMENTS
from visuomotor.video.actions import ACTIONS


def study_rows(results: Path) -> list[tuple[str, str]]:
    """What and how much, of the studies that have cells in a folder of results; seed 0."""
    lines = []
    composed = _pairs([c for c in load_all(results / "study", "gti") if c.cell.method == "gti"])
    if composed:
        lines.append(composed)
    lines += _rooms(load_all(results / "study", "gplac"))
    skills = [c for c in load_all(results / "study", "real2sim") if c.cell.method == "multi_video"]
    judged = [c for c in skills if c.cell.seed == 0 and "hard" in c.regions]
    if judged:
        lines.append(_skills(judged))
    return lines


def _pairs(cells: list[CellResult]) -> tuple[str, str] | None:
    """Of `cross`, whose both pairs must have been rolled out."""
    for cell in cells:
        pairs = [cell.regions.get(pair) for pair in UNSEEN["cross"]]
        if cell.cell.task == "cross" and cell.cell.seed == 0 and all(pairs):
            outcomes = [o for pair in pairs if pair for o in pair["success"]]
            what = (
                "`cross`: to the goal that an image shows, from a start with which nobody showed "
                "it ([gti](docs/results/gti.md))"
            )
            return what, f"{sum(outcomes)} of {len(outcomes)}"
    return None


def _rooms(cells: list[CellResult]) -> list[tuple[str, str]]:
    """Of every task that was rolled out in unseen rooms with weak images and without."""
    found = {
        (c.cell.task, c.cell.method): float(np.mean(c.regions["unseen"]["success"]))
        for c in cells
        if c.cell.seed == 0 and "unseen" in c.regions
    }
    lines = []
    for task in sorted({task for task, _ in found}):
        if {(task, "gplac"), (task, "att_1")} <= set(found):
            what = (
                f"`{task}` in {ENVIRONMENTS} rooms that no training saw, with labelled pictures of "
                "others and without ([gplac](docs/results/gplac.md))"
            )
            lines.append((what, f"{found[task, 'gplac']:.1%} and {found[task, 'att_1']:.1%}"))
    return lines


def _skills(cells: list[CellResult]) -> tuple[str, str]:
    ours = np.mean([np.mean(c.regions["hard"]["success"]) for c in cells])
    paper = np.mean([reported("A", "hard", c.cell.task).multi for c in cells])
    there = f"{len(cells)} of {len(ACTIONS)} actions"
    what = (
        "skills from a few real videos of a hand, hard starts; the paper's of the same actions "
        "([real2sim](docs/results/real2sim.md))"
    )
    return what, f"{ours:.1%} and {paper:.0%} ({there})"
