"""docs/results/faults.md, made of `faults.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from visuomotor.bench.faults.judge import CRITERIA, Row, row_of
from visuomotor.bench.results import measured
from visuomotor.bench.study.markdown import grid

HEAD = """# What the graph does when something fails

`visuomotor bench faults` writes this page: the complete simulated cell
(`launch/cell.launch.xml`: simulation, synchroniser, recorder, policy, bridge and the operator's
page) with the released policy lifting a cube, an episode being recorded and the dead-man held on
the page. Each fault comes while the arm moves, and is healed before the next one. How to read it,
and how to try one: [faults](../faults.md). The arm is a simulated one.

**{safe} of {rows} are safe.** A row is safe where all of this holds:

"""

TABLE = """
*At rest*: seconds after its source was lost, where the arm must stop. *Farthest*: from where it was
when the fault came, until that was healed. *Again*: seconds from the fault until targets were
accepted again, and what it took. *Episode*: what became of the one being recorded, its sets, those
it lost, and those that came to others meanwhile but not, or not complete, to the recorder (images
are sent once).

"""

_HEAD = (
    *("fault", "the bridge", "peak, m/s", "at rest, s", "farthest, mm", "in the workspace"),
    *("episode", "again, s", "by", "safe"),
)


def page(result: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    rows = [row_of(r) for r in result["figures"]["faults"]]
    parts = [HEAD.format(safe=sum(r.safe for r in rows), rows=len(rows))]
    parts += [f"{i}. {text}.\n" for i, text in enumerate(CRITERIA, 1)]
    parts += [TABLE, grid(_HEAD, [_line(r) for r in rows]), "\n\n## What was done\n\n"]
    parts.append(grid(("fault", "done"), [[r.fault, r.done] for r in rows]))
    parts.append(f"\n\n{measured(result)}\n")
    return "".join(parts)


def _line(r: Row) -> list[str]:
    return [
        r.fault,
        f"{r.state}: {r.reason}" if r.reason else r.state,
        f"{r.peak_speed:.2f}",
        _rest(r),
        f"{r.farthest_mm:.0f}",
        "yes" if r.outside_mm <= 0 else f"by {r.outside_mm:.1f} mm out",
        _episode(r),
        f"{r.again_s:.1f}" if math.isfinite(r.again_s) else "not",
        r.by,
        "yes" if r.safe else f"**no**: {', '.join(r.wrongs)}",
    ]


def _rest(r: Row) -> str:
    if r.must == "goes on":
        return "goes on"
    return f"{r.rest_s:.2f}" if math.isfinite(r.rest_s) else "not"


def _episode(r: Row) -> str:
    parts = [r.episode, f"{r.sets} sets"]
    parts += [f"{r.lost_sets} lost"] if r.lost_sets else []
    parts += [f"{r.missed_sets} missed"] if r.missed_sets else []
    return ", ".join(parts)
