"""`bench`: what is measured, printed and written as JSON."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from tyro.conf import Positional

Speed = Literal[
    "sim",
    "worlds",
    "image",
    "loop",
    "dataset",
    "sync",
    "dense",
    "descriptors",
    "han",
    "gplac",
    "control",
]
Benchmark = Literal[
    Speed, "backends", "estimator", "faults", "soak", "scale", "peers", "lerobot", "fuzz", "all"
]


LISTED = 12
"""Longer lists are only counted where figures are printed."""


def bench(
    name: Positional[Benchmark],
    out: Path = Path("benchmarks/results"),
    minutes: float = 60.0,
    only: str = "",
    keep: bool = False,
) -> int:
    """Measure the speed of a part, print its figures and write them as JSON.

    Args:
        name: What is measured: one 20 Hz control step (sim), images of environments that change
            (worlds), an image's way between two processes (image), the whole loop (loop), windows
            from bags (dataset), the synchroniser (sync), training and acting of the dense policy
            (dense) and of a hand-eye action network (han), joint training with weak images (gplac),
            training of descriptors (descriptors), how the arm follows and stops (control); all of
            these (all); or success from the same starts with either backend (backends), the errors
            of states that are estimated from videos (estimator), what the complete graph does when
            something fails (faults), whether it runs for long as at first (soak), how opening,
            memory and windows per second grow up to 2000 episodes (scale), ours beside LeRobot,
            robomimic, robosuite and message_filters, where these are installed (peers: make peers),
            some hundred steps of LeRobot's ACT on bags of ours (lerobot: make lerobot), or what
            becomes of 100 000 damaged and malicious inputs (fuzz).
        out: Folder of the results.
        minutes: How long the soak lasts.
        only: Faults by words of their names, with commas between, into faults_some.json.
        keep: The soak's episodes are not deleted.
    """
    names = get_args(Speed) if name == "all" else (name,)
    options: dict[str, dict[str, Any]] = {
        "soak": {"minutes": minutes, "keep": keep},
        "faults": {"only": only},
    }
    for one in names:
        print(f"bench {one} ...", flush=True)
        module = importlib.import_module(f"visuomotor.bench.{one}")
        result = module.run(out, **options.get(one, {}))
        print(figures_table(result), flush=True)
        pages = out.resolve().parent.parent / "docs" / "results"
        published = out.name == "results" and pages.is_dir() and result["name"] == one
        if hasattr(module, "page") and published:
            (pages / f"{one}.md").write_text(module.page(result))
        if hasattr(module, "pictures") and published:
            for file, svg in module.pictures(result).items():
                (pages / file).write_text(svg)
    from visuomotor.bench.tables import BEGIN, update_readme

    readme = out.resolve().parent.parent / "README.md"
    if out.name == "results" and readme.is_file() and BEGIN in readme.read_text():
        update_readme(readme, out)
    return 0


def figures_table(result: Mapping[str, Any]) -> str:
    """A benchmark's figures as text, one a line, nested names joined by dots.

    >>> print(figures_table({"name": "sim", "figures": {"a_ms": {"p50": 1.5}}, "limited_by": "x"}))
    sim
      a_ms.p50  1.5
      limited by: x
    """
    rows = list(_flat(result["figures"]))
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {name:<{width}}  {_text(value)}" for name, value in rows]
    return "\n".join([str(result["name"]), *lines, f"  limited by: {result['limited_by']}"])


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(v) for v in value) if len(value) <= LISTED else f"{len(value)} rows"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
