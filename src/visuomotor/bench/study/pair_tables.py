"""Tables of tasks with several starts and goals: a column per start and goal."""

from __future__ import annotations

from collections.abc import Sequence

from visuomotor.bench.study.markdown import grid, percent
from visuomotor.bench.study.pairs import DISTURBANCES, PairRegion, pair_region
from visuomotor.bench.study.plan import Study
from visuomotor.bench.study.table import Row

_HEADS = {
    "none": "From each start to each goal. Of what is told no goal, it is the share that ended "
    "there. `any goal` counts whatever a rollout from there ended in",
    "held": "The same, the arm and its gripper held still for 2 s once on the way",
    "moved": "The same, an object moved by a few centimetres once on the way",
}


def pair_tables(study: Study, found: Sequence[Row]) -> list[str]:
    """A section per task and disturbance, [] for a study without pairs."""
    parts = []
    for task in study.tasks:
        for disturbance in ("none", *DISTURBANCES):
            rows = {
                (r.method, pair): r
                for r in found
                if r.task == task
                and (pair := pair_region(r.region)) is not None
                and pair.disturbance == disturbance
            }
            if rows:
                suffix = "" if disturbance == "none" else f", {disturbance}"
                parts.append(f"## {task.capitalize()}{suffix}\n\n{_HEADS[disturbance]}.")
                parts.append(_table(study, rows))
    return parts


def _table(study: Study, rows: dict[tuple[str, PairRegion], Row]) -> str:
    pairs = sorted({pair for _, pair in rows}, key=lambda p: (not p.goal, p.start, p.goal))
    lines = []
    for method in study.methods:
        if any(m == method for m, _ in rows):
            texts = [row_text(rows[method, p]) if (method, p) in rows else "" for p in pairs]
            lines.append([f"`{method}`", *texts])
    return grid(["method", *(_head(study, p) for p in pairs)], lines)


def _head(study: Study, pair: PairRegion) -> str:
    if not pair.goal:
        return f"{pair.start}, any goal"
    shown = "shown" if pair.pair in study.demonstrated else "**never shown**"
    return f"{pair.start} > {pair.goal}, {shown}"


def row_text(row: Row) -> str:
    """A rate in percent with its interval, number of rollouts and spread over the seeds."""
    text = f"**{percent(row.rate)}** [{percent(row.low, 0)}, {percent(row.high, 0)}] of "
    if len(row.seeds) == 1:
        return f"{text}{row.rollouts}"
    spread = f"{percent(min(row.seed_rates), 0)} to {percent(max(row.seed_rates), 0)}"
    return f"{text}{row.rollouts}; {len(row.seeds)} seeds, {spread}"
