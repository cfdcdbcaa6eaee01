"""The paper's two setups: states estimated with the phases given, and with phases predicted.

Petrik et al. 2020, section 5.2 and table 4: setups A and B. Beside them the same with nothing said
of lifting, and which of the nine metrics each video's states satisfy: what a label alone has forced
would show there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.real2sim.partial import judged_once
from visuomotor.bench.statistics import wilson
from visuomotor.bench.study.markdown import grid, percent
from visuomotor.bench.study.real2sim_figures import ESTIMATES, PHASE_OVERLAP
from visuomotor.errors import DataError
from visuomotor.video.actions import ACTIONS, Action
from visuomotor.video.alignment import trajectory_of
from visuomotor.video.estimation import EstimationSettings, estimate_states
from visuomotor.video.metrics import satisfied_actions
from visuomotor.video.phases import overlap, predict_phases
from visuomotor.video.something_else import read_annotations, read_phases, tracks_of
from visuomotor.video.tracks import Phases, Tracks, load_tracks

GIVEN, PREDICTED, EVIDENCE = "given", "predicted", "evidence"
SETUPS = {
    GIVEN: "phases given",
    PREDICTED: "phases predicted",
    EVIDENCE: "phases given, lifted or not by evidence",
}
"""The setups, as the page calls them. Evidence: the action's label does not say whether the object
may leave the table; where there is a second object it never does, so `put` is as given."""
CHOSEN_WITH = "5044edb628f155ff"
"""Digest of the videos that the estimator's constants were chosen with."""


@dataclass(frozen=True)
class PhasedVideo:
    """A video's tracks with the phases that somebody has labelled."""

    tracks: Tracks
    action: Action


def phased_videos(tracks: Path, phases: Path) -> tuple[list[PhasedVideo], int]:
    """The videos that have tracks and labelled phases, by action, and how many lack tracks.

    tracks: Something-Else's boxes, or a folder of our own tracks (JSON), each by its name. Raises
    DataError as the readers do, and where there is no such video.
    """
    labelled, found = read_phases(phases), []
    if tracks.is_dir():
        own = {t.name: t for t in map(load_tracks, sorted(tracks.glob("*.json")))}
        for name, (action, given) in labelled.items():
            if name in own:
                found.append(PhasedVideo(replace(own[name], phases=given), action))
    else:
        boxes = read_annotations(tracks)
        for name, (action, given) in labelled.items():
            if name in boxes:
                found.append(PhasedVideo(tracks_of(boxes, name, action, given), action))
    if not found:
        raise DataError(f"{tracks}: has none of the {len(labelled)} videos of {phases}")
    order = list(ACTIONS)
    found.sort(key=lambda v: order.index(v.action.name))
    return found, len(labelled) - len(found)


def judge(
    video: PhasedVideo, settings: EstimationSettings | None, estimated: bool = True
) -> dict[str, Any]:
    """One video's overlap of predicted with given action, and what the estimates satisfy.

    `satisfies`: setup -> the actions whose metric the states satisfy; None where no phase could be
    predicted, {} without `estimated`.
    """
    given = video.tracks.phases
    assert given is not None
    row: dict[str, Any] = {"action": video.action.name, "frames": video.tracks.frames}
    phases = {GIVEN: given}
    try:
        phases[PREDICTED] = predict_phases(video.tracks)
        row["overlap"] = round(overlap(phases[PREDICTED].action, given.action), 4)
    except DataError:  # its text names the video
        row |= {"overlap": 0.0, "unpredicted": True}
    satisfies: dict[str, list[str] | None] = {}
    chosen = settings or EstimationSettings()
    if estimated:
        satisfies = {s: _satisfied(video, phases.get(s), chosen) for s in (GIVEN, PREDICTED)}
        satisfies[EVIDENCE] = satisfies[GIVEN]
        if not video.action.static:
            satisfies[EVIDENCE] = _satisfied(video, given, replace(chosen, lift="evidence"))
    return {**row, "satisfies": satisfies}


def _satisfied(
    video: PhasedVideo, phases: Phases | None, settings: EstimationSettings
) -> list[str] | None:
    """The actions whose metric the states satisfy; None without phases."""
    if phases is None:
        return None
    tracks = replace(video.tracks, phases=phases)
    states = estimate_states(tracks, video.action.name, settings)
    return [n for n, holds in satisfied_actions(trajectory_of(states)).items() if holds]


def compare_setups(
    videos: Sequence[PhasedVideo],
    parts: Path,
    settings: EstimationSettings | None = None,
    estimated: bool = True,
    told: Callable[[int, dict[str, Any]], None] = lambda i, row: None,
) -> dict[str, Any]:
    """Figures of all videos; what was judged lies in `parts`, so that a stopped run goes on.

    Rows have no names: `digest` tells the set of videos and phases apart.
    """
    rows = []
    for i, video in enumerate(videos):
        name = f"{_digest([video])}{'' if estimated else '-phases'}.json"
        (row,) = judged_once(parts / name, partial(_rows, video, settings, estimated))
        told(i, row)
        rows.append(row)
    return {"digest": _digest(videos), **figures(rows), "rows": rows}


def _rows(
    video: PhasedVideo, settings: EstimationSettings | None, estimated: bool
) -> list[dict[str, Any]]:
    return [judge(video, settings, estimated)]


def figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean overlap, how many states satisfy their action by setup, and each action; by action."""

    def of(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "videos": len(some),
            "mean_overlap": round(float(np.mean([r["overlap"] for r in some])), 4),
        }
        for setup in SETUPS:
            judged = [r for r in some if setup in r["satisfies"]]
            if judged:
                met = [r["action"] in (r["satisfies"][setup] or []) for r in judged]
                found[f"satisfied_{setup}"] = sum(met)
        fits = [r["satisfies"].get(GIVEN) or [] for r in some]
        found["satisfies"] = {a: k for a in ACTIONS if (k := sum(a in f for f in fits))}
        return found

    names = [a for a in ACTIONS if any(r["action"] == a for r in rows)]
    by_action = {a: of([r for r in rows if r["action"] == a]) for a in names}
    unpredicted = sum("unpredicted" in r for r in rows)
    return {**of(rows), "unpredicted": unpredicted, "by_action": by_action}


def page(result: Mapping[str, Any]) -> str:
    """The result as a page of Markdown, beside the paper's figures."""
    f, machine = result["figures"], result["machine"]
    met = "met" if f["mean_overlap"] >= PHASE_OVERLAP else "**missed**"
    head = ["action", "videos", "overlap", *SETUPS.values()]
    lines = [_line(a, one) for a, one in f["by_action"].items()] + [_line("**all**", f)]
    paper = "; ".join(f"{s}: {k} of {n}, {percent(k / n, 0)}%" for s, (k, n) in ESTIMATES.items())
    return (
        "\n\n".join(
            [
                "# Phases given, and phases predicted",
                f"`{result['command']}` writes this page. *Overlap*: intersection over union of "
                "the predicted and the labelled frames of the action, mean over videos (0 where "
                "none could be predicted). The others: of how many videos the estimated states "
                "satisfy their action's metric.",
                grid(head, lines),
                f"Paper: overlap {PHASE_OVERLAP:.2f} ({met}); states that satisfy the metric, of "
                f"54 videos, by setup (A: phases given, B: predicted, C: boxes predicted, too): "
                f"{paper}.",
                *_any_action(f),
                f"Limited by: {result['limited_by']}. {machine['cpu']}, {machine['cores']} cores; "
                f"commit {result['commit']}; videos and labels {f['digest']}.",
            ]
        )
        + "\n"
    )


def _any_action(f: Mapping[str, Any]) -> list[str]:
    """Label by label, how many videos' states satisfy each of the nine metrics."""
    rows = {a: one.get("satisfies", {}) for a, one in f["by_action"].items()}
    if not any(rows.values()):
        return []
    head = ["label", *(a.replace("_", " ") for a in ACTIONS)]
    lines = [[a, *(str(k.get(b, "")) for b in ACTIONS)] for a, k in rows.items()]
    return [
        "## All nine metrics",
        "Of how many videos of a label the states (phases given) satisfy each action's metric. "
        "Metrics overlap: what stands on the other object is off the table as if picked up.",
        grid(head, lines),
    ]


def _line(name: str, f: Mapping[str, Any]) -> list[str]:
    cells = [name, str(f["videos"]), f"{f['mean_overlap']:.2f}"]
    for setup in SETUPS:
        k = f.get(f"satisfied_{setup}")
        if k is None:
            cells.append("")
            continue
        low, high = wilson(k, f["videos"])
        cells.append(f"{k} of {f['videos']} [{percent(low, 0)}, {percent(high, 0)}]%")
    return cells


def _digest(videos: Sequence[PhasedVideo]) -> str:
    """16 hexadecimal digits of boxes, actions and labels."""
    found = sha256()
    for video in videos:
        found.update(video.action.name.encode())
        found.update(str(video.tracks.phases).encode())
        for body, boxes in sorted(video.tracks.boxes.items()):
            found.update(body.encode() + np.ascontiguousarray(boxes).tobytes())
    return found.hexdigest()[:16]
