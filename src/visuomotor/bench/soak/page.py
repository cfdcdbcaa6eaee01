"""docs/results/soak.md and its picture, made of `soak.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from visuomotor.bench.results import measured
from visuomotor.bench.study.markdown import grid
from visuomotor.bench.study.panels import COLOURS, LEFT, Panel, bounds, picture

PICTURE = "soak.svg"
HEAD = """# A long run

`visuomotor bench soak --minutes 60` writes this page: the complete simulated cell
(`launch/cell.launch.xml`) with the released policy acting, its dead-man held on the operator's page
and that page open in a second browser. Every minute the episode is cut and another scene begins;
every 10 s each node's process is looked at. Afterwards every episode is opened and decoded.

"""
GROWTH = """
## Growth

Proportional memory (PSS), file descriptors and threads after the warm-up (a third of the run, at
most ten minutes): mean, and slope per hour by linear regression over means of stretches, with its
95% interval.

![]({picture})

"""
_WIDTH, _HEIGHT, _ENTRY = 300, 190, 15


def page(result: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    f = result["figures"]
    parts = [HEAD, grid(("what", "measured"), _summary(f)), "\n"]
    parts += [GROWTH.format(picture=PICTURE), grid(_GROWTH, _growth(f["growth"])), "\n"]
    parts.append(f"\n{measured(result)}\n")
    return "".join(parts)


def pictures(result: Mapping[str, Any]) -> dict[str, str]:
    """File name -> SVG."""
    return {PICTURE: _picture(result["figures"])}


def _summary(f: Mapping[str, Any]) -> list[list[str]]:
    episodes = f["episodes"]
    drops: Counter[str] = Counter()
    for e in episodes:
        drops.update(e["drops"])
    broken = [e["error"] for e in episodes if e["error"]]
    return [
        ["minutes", f"{f['minutes']:.1f}"],
        ["sets per second", f"{f['rate_hz']:.3f}"],
        ["accepted targets per second", f"{f['accepted_hz']:.2f}"],
        ["messages that the synchroniser dropped", _counts(f["sync_drops"])],
        ["episodes, their sets", f"{len(episodes)}, {sum(e['sets'] for e in episodes)}"],
        ["sets that the recorder dropped, by reason", _counts(drops)],
        ["sets that only others heard", f"{sum(e['missed'] for e in episodes)}"],
        ["gaps in the episodes", f"{sum(e['gaps'] for e in episodes)}"],
        ["episodes that cannot be read", "; ".join(broken) or "none"],
        ["holds of the dead-man lost", f"{f['holds_lost']}"],
        ["pictures shown on the page", f"{f['pictures']}"],
    ]


_GROWTH = (
    *("node", "PSS, MB", "per hour, MB", "per hour, %"),
    *("descriptors", "per hour", "threads", "per hour"),
)


def _growth(growth: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[list[str]]:
    return [
        [
            node,
            f"{of['pss_mb']['mean']:.0f}",
            _slope(of["pss_mb"]),
            f"{of['pss_mb']['percent_per_hour']:+.2f}",
            f"{of['descriptors']['mean']:.0f}",
            _slope(of["descriptors"]),
            f"{of['threads']['mean']:.0f}",
            _slope(of["threads"]),
        ]
        for node, of in growth.items()
    ]


def _slope(g: Mapping[str, float]) -> str:
    return f"{g['per_hour']:+.2f} [{g['low']:+.2f}, {g['high']:+.2f}]"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in counts.items()) or "none"


def _picture(f: Mapping[str, Any]) -> str:
    """Memory, descriptors and threads of every node over the run, less their first values."""
    minutes = [t / 60.0 for t in f["times_s"]]
    quantities = (("pss_mb", "memory (PSS), MB"), ("descriptors", "file descriptors"))
    panels = (*quantities, ("threads", "threads"))
    body = []
    for i, (quantity, title) in enumerate(panels):
        lines = {n: _since(of[quantity], len(minutes) // 3) for n, of in f["samples"].items()}
        y = bounds([v for line in lines.values() for v in line] + [-1.0, 1.0])
        panel = Panel(i * _WIDTH, 0, _WIDTH, _HEIGHT, (0.0, max(minutes)), y)
        body.append(panel.frame(title, "minutes", "against a third of the run"))
        for colour, line in zip(COLOURS, lines.values(), strict=False):
            path = " ".join(
                f"{panel.to_x(x):.1f},{panel.to_y(v):.1f}"
                for x, v in zip(minutes, line, strict=True)
            )
            body.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
    for j, (node, colour) in enumerate(zip(f["samples"], COLOURS, strict=False)):
        left, top = LEFT + 150 * j, _HEIGHT + 12
        body.append(
            f'<line class="line" stroke="{colour}" x1="{left}" x2="{left + 18}" y1="{top}" '
            f'y2="{top}"/><text x="{left + 24}" y="{top + 4}">{escape(node)}</text>'
        )
    return picture(body, _WIDTH * len(panels), _HEIGHT + _ENTRY + 8, "growth over a long run")


def _since(values: Sequence[float], index: int) -> list[float]:
    """The values less the one at the index."""
    return [v - values[index] for v in values]
