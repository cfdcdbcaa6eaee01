"""A page about one action: its videos, what was estimated of them, and the skill that was learned.

As in the supplement of Petrik et al. 2020. The page is one file and asks nothing of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.charts import Series, interval_chart, line_chart
from visuomotor.bench.real2sim.animation import picture_tag
from visuomotor.bench.real2sim.inputs import EstimatedVideo
from visuomotor.bench.real2sim.rollouts import Film, replay_film
from visuomotor.bench.report_style import STYLE
from visuomotor.bench.results import commit
from visuomotor.video.alignment import AlignmentSettings, trajectory_of
from visuomotor.video.metrics import satisfied_actions
from visuomotor.video.replay import Replay
from visuomotor.video.side_by_side import demonstration_frames, side_by_side
from visuomotor.video.states import VideoStates

_PAGE_STYLE = """
main { max-width: 1180px; }
.video { margin-top: 34px; }
.video h3 { font-size: 17px; margin: 0 0 10px; }
.strip { display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-start; }
.strip figure { flex: 0 1 auto; min-width: 0; }
.strip img { width: auto; max-width: 100%; height: auto; background: none; }
.films { display: flex; flex-wrap: wrap; gap: 10px; margin: 0 0 16px; }
.films figure { flex: 0 1 calc((100% - 30px) / 4); min-width: 190px; }
.facts { display: grid; gap: 14px; margin-top: 12px;
  grid-template-columns: repeat(auto-fit, minmax(min(330px, 100%), 1fr)); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; padding: 0; margin: 0 0 10px; }
.chips li { list-style: none; font-size: 13px; padding: 2px 9px; border-radius: 99px;
  border: 1px solid var(--rule); color: var(--soft); }
.chips .yes { color: var(--c1); border-color: var(--c1); }
.chips .label { font-weight: 650; } .chips .label:not(.yes) { color: var(--c2);
  border-color: var(--c2); }
.card p { margin: 0 0 6px; font-size: 14.5px; }
.good { color: var(--c1); } .bad { color: var(--c2); }
"""


def write_page(
    out: Path,
    action: str,
    videos: Sequence[EstimatedVideo],
    films: Mapping[str, Sequence[Film]],
    scores: Sequence[Mapping[str, Any]] = (),
    height: int = 200,
) -> Path:
    """Writes the page of an action's videos.

    films: rollouts of a trained skill by benchmark. scores: what `skill eval --out` wrote of it.
    height: of pictures, px.
    """
    parts = [_video(v, action, height) for v in videos]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_title(action))}</title><style>{STYLE}{_PAGE_STYLE}</style></head>"
        f"<body><main>{_header(action, videos, scores)}{_skill(films, scores)}"
        f"<section><h2>Videos</h2><p>{_EXPLAINED}</p>{''.join(parts)}</section>"
        f"<footer>commit {escape(str(commit()))}</footer></main></body></html>\n"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page)
    return out


_EXPLAINED = (
    "Left: the input with what was followed, the estimated states over it, and the states from "
    "above (lines 10 cm apart, the camera at the bottom; the circle is how far other explanations "
    "of the video have the object). Then the demonstration that the states became, and the gripper "
    "led along it in MuJoCo with the object free: green where that still is the action."
)


def _title(action: str) -> str:
    return action.replace("_", " ").capitalize()


def _header(
    action: str, videos: Sequence[EstimatedVideo], scores: Sequence[Mapping[str, Any]]
) -> str:
    met = sum(satisfied_actions(trajectory_of(v.states))[action] for v in videos)
    cells = [(f"{met} of {len(videos)}", "videos whose states are the action")] if videos else []
    for s in scores:
        low, high = s["interval_95"]
        text = f"of {s['starts']} {s['benchmark']} starts, {low:.0%} to {high:.0%}"
        cells.append((f"{s['success']:.0%}", text))
    figures = "".join(f"<div><b>{escape(a)}</b><span>{escape(b)}</span></div>" for a, b in cells)
    return (
        '<header><p class="over">visuomotor: learned from videos</p>'
        f"<h1>{escape(_title(action))}</h1>"
        '<p class="lead">What a hand did in each video, estimated in 3-D from the video alone, '
        "brought into one frame and one time, and imitated by a gripper in simulation.</p>"
        f'<div class="figures">{figures}</div></header>'
    )


def _skill(films: Mapping[str, Sequence[Film]], scores: Sequence[Mapping[str, Any]]) -> str:
    if not films and not scores:
        return ""
    rows = [(str(s["benchmark"]), float(s["success"]), *s["interval_95"]) for s in scores]
    chart = f'<div class="card">{interval_chart(rows)}</div>' if rows else ""
    parts = []
    for name, made in films.items():
        solved = sum(f.solved for f in made)
        parts.append(f"<h3>{escape(name)}: {solved} of these {len(made)}</h3>")
        parts.append(f'<div class="films">{"".join(_film(f) for f in made)}</div>')
    shown = (
        "<p>Its mean actions from the first starts of each benchmark, not chosen: green where the "
        "action's metric is satisfied at the end.</p>"
        if films
        else ""
    )
    return f"<section><h2>The skill</h2>{shown}{''.join(parts)}{chart}</section>"


def _film(film: Film) -> str:
    word, kind = ("solved", "good") if film.solved else ("not solved", "bad")
    return (
        f"<figure>{picture_tag(film.images, 12.0, film.title)}<figcaption>"
        f'<b>{escape(film.title)}</b>, <span class="{kind}">{word}</span></figcaption></figure>'
    )


def _video(video: EstimatedVideo, action: str, height: int) -> str:
    states, scale = video.states, AlignmentSettings().scale
    seen = side_by_side(video.tracks, states, video.images, height)
    static = None if states.static_size is None else scale * np.asarray(states.static_size)
    shown = demonstration_frames(
        video.demonstration, scale * np.asarray(states.moved_size), static, height
    )
    done, film = replay_film(video.name, video.demonstration)
    pictures = (
        picture_tag(seen, states.rate_hz, f"video {video.name} and its states"),
        picture_tag(shown, video.demonstration.rate_hz, f"demonstration of video {video.name}"),
        picture_tag(film.images, 12.0, f"video {video.name} replayed in physics"),
    )
    strip = "".join(f"<figure>{p}</figure>" for p in pictures)
    return (
        f'<div class="video"><h3>Video {escape(video.name)}</h3><div class="strip">{strip}</div>'
        f'<div class="facts"><div class="card"><h3>Which action the states are</h3>'
        f"{_chips(states, action)}{_numbers(states, done)}</div>"
        f'<div class="card"><h3>Uncertainty</h3>{_uncertainty(states)}</div></div></div>'
    )


def _chips(states: VideoStates, action: str) -> str:
    items = []
    for name, met in satisfied_actions(trajectory_of(states)).items():
        kind = " ".join(k for k, on in (("yes", met), ("label", name == action)) if on)
        mark = "✓ " if met else ""
        items.append(f'<li class="{kind}">{mark}{escape(name.replace("_", " "))}</li>')
    return f'<ul class="chips">{"".join(items)}</ul>'


def _numbers(states: VideoStates, done: Replay) -> str:
    off = done.off_m
    word, kind = ("still is", "good") if done.as_replayed else ("is not", "bad")
    degrees = np.rad2deg(states.camera[1:])
    return (
        f"<p>Camera {states.camera[0]:.2f} m away, {degrees[0]:.0f}° to the side, {degrees[1]:.0f}°"
        f" above the table; loss {states.loss:.2f}, the best of {len(states.losses)} starts.</p>"
        f'<p>Replayed, it <span class="{kind}">{word}</span> the action: the object is '
        f"{100 * off.mean():.1f} cm from where it was shown on average, {100 * off[-1]:.1f} cm at "
        "the end.</p>"
    )


def _uncertainty(states: VideoStates) -> str:
    frames = list(range(len(states.touch)))
    lines = [
        Series("object", frames, [100 * float(v) for v in states.moved_spread]),
        Series("hand", frames, [100 * float(v) for v in states.hand_spread]),
    ]
    return line_chart(lines, "frame", "other explanations, cm", height=180)
