"""A checked folder as text and as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from visuomotor.labelling.check import FolderReport
from visuomotor.labelling.verdict import Verdict

_SHOWN = 8


def report_lines(report: FolderReport, verdict: Verdict) -> list[str]:
    """What a person wants to know, the verdict last."""
    lines = [f"{'label':<16} {'pictures':>8} {'different':>9} {'near duplicates':>16}  sizes"]
    for name, label in report.labels.items():
        sizes = ", ".join(f"{n} of {w}x{h}" for (w, h), n in list(label.sizes.items())[:3])
        more = f" and {len(label.sizes) - 3} others" if len(label.sizes) > 3 else ""
        near = label.images - label.distinct
        lines.append(f"{name:<16} {label.images:>8} {label.distinct:>9} {near:>16}  {sizes}{more}")
    for name, label in report.labels.items():
        lines += _some(f"alike, {name}", (", ".join(_first(group)) for group in label.alike))
    lines += _some("broken", (f"{file}: {why}" for file, why in report.broken.items()))
    lines += _some("two labels", (" and ".join(files) for files in report.twice))
    lines += _some("not read", iter(report.ignored))
    lines.append(f"{report.path} {verdict}")
    return lines + [f"  - {text}" for text in verdict.add]


def as_values(report: FolderReport, verdict: Verdict) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "folder": str(report.path),
        "serves": verdict.serves,
        "because": verdict.because,
        "add": list(verdict.add),
        "labels": {
            name: {
                "images": label.images,
                "distinct": label.distinct,
                "sizes": {f"{w}x{h}": n for (w, h), n in label.sizes.items()},
                "alike": [list(group) for group in label.alike],
            }
            for name, label in report.labels.items()
        },
        "broken": report.broken,
        "twice": [list(files) for files in report.twice],
        "ignored": list(report.ignored),
    }


def _first(names: tuple[str, ...]) -> Iterator[str]:
    yield from names[:3]
    if len(names) > 3:
        yield f"{len(names) - 3} more"


def _some(what: str, texts: Iterable[str]) -> list[str]:
    """The first of many, each on a line, and how many there are besides."""
    known = list(texts)
    lines = [f"  {what}: {text}" for text in known[:_SHOWN]]
    return lines + ([f"  {what}: {len(known) - _SHOWN} more"] if len(known) > _SHOWN else [])
