"""The page of `bench estimator`: errors of estimated states, also beside the extent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from visuomotor.bench.real2sim.known_videos import SEEN
from visuomotor.bench.study.markdown import grid

SECONDS, ERROR_M = 20.0, 0.03
"""Targets: of the median video with masks on one thread, and of the median position error."""
_EXPLAINED = """videos per action, of a hand with a forearm that moves cuboids; camera, sizes, pace
and path vary by seed. *Position*: median over frames and videos of the moved object's distance from
the truth, at the video's own scale; *of the extent*: divided by how far the object goes in that
video; *metric*: the estimated states are the action; *s*: CPU seconds of the estimation on one
thread, all starts, median, without the parsing."""


def page(result: Mapping[str, Any]) -> str:
    """The result as a page of Markdown."""
    figures, machine = result["figures"], result["machine"]
    if not all(figures[seen]["estimated"] for seen in SEEN[:2]):
        return "# States estimated from videos with known states\n\nNo video could be estimated.\n"
    head = ["seen", "videos", "position", "of the extent", "rotation", "metric", "s", "at most"]
    lines = [[seen, *_cells(figures[seen])] for seen in SEEN]
    actions = [[a, *_cells(f)] for a, f in figures["by_action"].items()]
    masks, boxes = figures[SEEN[0]], figures[SEEN[1]]
    frames = sorted(r["frames"] for r in figures["videos"] if "frames" in r)
    met = [
        f"{name}: {100 * f['median_position_m']:.1f} cm, "
        + ("met" if f["median_position_m"] <= ERROR_M else "**missed**")
        for name, f in (("masks", masks), ("boxes", boxes))
    ]
    within = f"in at most {SECONDS:.0f} s"
    fast = "met" if masks["most_cpu_s"] <= SECONDS else "**missed**"
    return (
        "\n\n".join(
            [
                "# States estimated from videos with known states",
                f"`{result['command']}` writes this page. {figures['videos_per_action']} rendered\n"
                + _EXPLAINED,
                grid(head, lines),
                f"Targets: the median error at most {100 * ERROR_M:.0f} cm ({'; '.join(met)}); a "
                f"video of {frames[0]} to {frames[-1]} frames with masks {within} ({fast}).",
                "With masks, by action:",
                grid(["action", *head[1:]], actions),
                f"Limited by: {result['limited_by']}. {machine['cpu']}, {machine['cores']} cores; "
                f"commit {result['commit']}; seeds {result['seeds'][0]} to {result['seeds'][-1]}.",
            ]
        )
        + "\n"
    )


def _cells(f: Mapping[str, Any]) -> list[str]:
    if not f["estimated"]:
        return [f"0 of {f['videos']}", *["–"] * 6]
    return [
        f"{f['estimated']} of {f['videos']}",
        f"{100 * f['median_position_m']:.1f} cm",
        f"{100 * f['median_of_extent']:.0f}%",
        f"{np.degrees(f['median_rotation_rad']):.0f}°",
        f"{f['satisfied']} of {f['videos']}",
        f"{f['median_cpu_s']:.1f}",
        f"{f['most_cpu_s']:.1f}",
    ]
