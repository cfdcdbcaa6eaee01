"""`report.html`: what a demo run achieved, in one file that can be sent to a colleague."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import Any

from visuomotor.bench.charts import bar_chart, histogram, interval_chart, line_chart
from visuomotor.bench.report_style import STYLE
from visuomotor.bench.results import commit, machine
from visuomotor.bench.run_files import MODES, DatasetFacts, RunFiles, Success

MODE_TEXT = {
    "graph": ("ROS graph, 20 Hz", "the policy node in real time, every message over ROS 2"),
    "lockstep": ("lockstep", "the same checkpoint and bridge on one clock, more starts"),
    "blind": ("blind", "the same starts with black images: what needs no looking"),
}
STAGE_TEXT = {
    "record": "record demonstrations",
    "train_descriptors": "train descriptors",
    "train_policy": "train policy",
    "graph": "run in the graph",
    "lockstep": "run in lockstep",
    "blind": "run blind",
}
COMMANDS = """<i># everything on this page, from an empty machine</i>
make demo
<i># or stage by stage</i>
visuomotor up launch/record.launch.xml task:=lift dataset:=demo/dataset
visuomotor train descriptors --dataset demo/dataset --out demo/descriptors
visuomotor train policy --dataset demo/dataset --descriptors demo/descriptors --out demo/policy
visuomotor eval --checkpoint demo/policy --task lift --episodes 200"""


def write_report(out: Path) -> Path:
    """Writes `out/report.html` from what the stages left in `out`; parts not run are left out.

    The page holds its pictures and charts, and asks nothing of the network. Raises DataError for
    a file that is damaged.
    """
    files = RunFiles(out)
    successes = {m: s for m in MODES if (s := files.success(m)) is not None}
    graph = files.json("rollouts/graph.json")
    dataset = files.dataset()
    task = str(files.json("summary.json").get("config", {}).get("task", "lift"))
    parts = [
        _header(task, successes, graph, dataset),
        _section("Success", _success(successes)),
        _section("What it does", _pictures(files, successes)),
        _section("How it learned", _training(files)),
        _section("Timing through the graph", _timing(graph)),
        _section("The data", _dataset(dataset)),
        _section("Where the time went", _stages(files.stage_seconds())),
        _section("Do it again", f"<pre>{COMMANDS}</pre>"),
        _footer(files.json("summary.json")),
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>visuomotor: {escape(task)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
    path = out / "report.html"
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    return path


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _header(
    task: str,
    successes: Mapping[str, Success],
    graph: Mapping[str, Any],
    dataset: DatasetFacts | None,
) -> str:
    figures: list[tuple[str, str]] = []
    title = f"visuomotor: {task}"
    if (main := successes.get("graph")) is not None:
        title = f"{task}: solved from {main.solved} of {main.n} unseen starts, through ROS 2"
        low, high = main.interval
        figures.append((f"{main.share:.0%}", f"success, interval {low:.0%} to {high:.0%}"))
    if _finite(graph.get("rate_hz")):
        missed = float(graph.get("missed_deadline_fraction", math.nan))
        figures.append((f"{graph['rate_hz']:.2f} Hz", f"commands, {missed:.2%} deadlines missed"))
    latency = graph.get("latency_ms") or {}
    if _finite(latency.get("p50")):
        figures.append((f"{latency['p50']:.0f} ms", f"image to command, p95 {latency['p95']:.0f}"))
    if dataset is not None:
        text = f"demonstrations, {dataset.seconds / 60:.1f} min in all"
        figures.append((str(dataset.episodes), text))
    cells = "".join(f"<div><b>{escape(a)}</b><span>{escape(b)}</span></div>" for a, b in figures)
    return (
        '<header><p class="over">visuomotor demo report</p>'
        f"<h1>{escape(title[0].upper() + title[1:])}</h1>"
        '<p class="lead">Demonstrations were recorded through the ROS graph into bags; dense '
        "descriptors and a keypoint policy were trained from those bags alone; the policy then "
        "ran from starts that neither had seen.</p>"
        f'<div class="figures">{cells}</div></header>'
    )


def _success(successes: Mapping[str, Success]) -> str:
    if not successes:
        return ""
    rows, body = [], []
    for mode, s in successes.items():
        name, text = MODE_TEXT[mode]
        rows.append((name, s.share, *s.interval))
        low, high = s.interval
        body.append(
            f"<tr><td><b>{escape(name)}</b><br><small>{escape(text)}</small></td>"
            f'<td class="n">{s.solved} / {s.n}</td><td class="n">{s.share:.3f}</td>'
            f'<td class="n">[{low:.3f}, {high:.3f}]</td></tr>'
        )
    failures = _failures(successes)
    return (
        "<p>Each dot is the share of rollouts solved, its line Wilson's 95% interval. In the graph "
        "an infrastructure failure counts as a failed rollout.</p>"
        f'<div class="card">{interval_chart(rows)}</div>'
        '<div class="scroll"><table><thead><tr><th>rollouts</th><th class="n">solved</th>'
        '<th class="n">success</th><th class="n">95% interval</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{failures}"
    )


def _failures(successes: Mapping[str, Success]) -> str:
    """The seeds that failed where the policy could see, and the graph's own errors."""
    lines = []
    for mode in ("graph", "lockstep"):
        s = successes.get(mode)
        if s is not None and s.failed:
            seeds = ", ".join(
                str(f) + (f" ({escape(s.errors[f])})" if f in s.errors else "") for f in s.failed
            )
            lines.append(f"<p>Not solved, {escape(MODE_TEXT[mode][0])}: seeds {seeds}.</p>")
    return "".join(lines)


def _pictures(files: RunFiles, successes: Mapping[str, Success]) -> str:
    rollouts, demonstration = files.gifs()
    failed = {s for m in ("graph", "lockstep") if m in successes for s in successes[m].failed}
    figures = [
        _figure(path, f"<b>Seed {seed}</b>, {'not solved' if seed in failed else 'solved'}")
        for seed, path in rollouts
    ]
    if demonstration is not None:
        figures.append(_figure(demonstration, "<b>A demonstration</b>, as it was recorded"))
    if not figures:
        return ""
    return (
        "<p>Rollouts from unseen starts, in real time, with the keypoints on which the policy "
        f'acts drawn into every camera.</p><div class="grid">{"".join(figures)}</div>'
    )


def _figure(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img src="data:image/gif;base64,{data}" alt="{escape(path.stem)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _training(files: RunFiles) -> str:
    cards = []
    for folder, title in (("descriptors", "Dense descriptors"), ("policy", "Policy")):
        columns = files.progress(folder)
        if not columns:
            continue
        values = [y for s in columns.values() for _, y in s.finite()]
        log = min(values) > 0 and max(values) > 20 * min(values)
        chart = line_chart(list(columns.values()), "step", "loss", log_y=log)
        last = ", ".join(f"{n} {s.finite()[-1][1]:.3g}" for n, s in columns.items())
        cards.append(
            f'<div class="card"><h3>{title}</h3>{chart}'
            f"<figcaption>at the end: {escape(last)}</figcaption></div>"
        )
    if not cards:
        return ""
    return (
        "<p>The losses of both trainings, each point the mean since the one before.</p>"
        f'<div class="grid">{"".join(cards)}</div>'
    )


def _timing(graph: Mapping[str, Any]) -> str:
    intervals, latencies = graph.get("intervals_ms") or [], graph.get("latencies_ms") or []
    if not intervals and not latencies:
        return ""
    marks = {k: float(v) for k, v in (graph.get("latency_ms") or {}).items() if _finite(v)}
    return (
        f"<p>{len(intervals)} intervals between accepted commands and {len(latencies)} ways from "
        "an image's stamp to the acceptance of its command. A set without a command within 100 ms "
        "is a missed deadline. The outer bars hold what lies beyond the axis.</p>"
        '<div class="grid"><div class="card"><h3>Command interval</h3>'
        f"{histogram(intervals, 'ms between commands', {'20 Hz:': 50.0})}</div>"
        '<div class="card"><h3>Latency</h3>'
        f"{histogram(latencies, 'ms from image to command', marks)}</div></div>"
    )


def _dataset(facts: DatasetFacts | None) -> str:
    if facts is None:
        return ""
    outcomes = ", ".join(f"{n} {name}" for name, n in sorted(facts.outcomes.items()))
    drops = ", ".join(f"{escape(k)} {n}" for k, n in sorted(facts.drops.items())) or "none"
    skews = ", ".join(f"{escape(k)} {v:.2f} ms" for k, v in sorted(facts.skew_ms.items())) or "-"
    per_set = facts.megabytes * 1e3 / max(facts.sets, 1)
    rates = "".join(
        f'<tr><td>{escape(t)}</td><td class="n">{low:.2f}</td><td class="n">{high:.2f}</td></tr>'
        for t, (low, high) in facts.rates_hz.items()
    )
    rows = (
        ("episodes", f"{facts.episodes} ({escape(outcomes)})"),
        ("sets", f"{facts.sets} in {facts.seconds:.0f} s"),
        ("cameras", escape(", ".join(facts.cameras))),
        ("size", f"{facts.megabytes:.1f} MB, {per_set:.0f} kB a set"),
        ("messages or sets lost", drops),
        ("skew within a set", f"95th percentile, worst episode: {skews}"),
    )  # fmt: skip
    facts_table = "".join(f"<tr><td>{name}</td><td>{text}</td></tr>" for name, text in rows)
    return (
        "<p>From the sidecars of the recorded episodes.</p>"
        f'<div class="card scroll"><table>{facts_table}</table></div>'
        '<div class="card scroll"><table><thead><tr><th>recorded topic</th>'
        '<th class="n">lowest Hz</th><th class="n">highest Hz</th></tr></thead>'
        f"<tbody>{rates}</tbody></table></div>"
    )


def _stages(seconds: Mapping[str, float]) -> str:
    if not seconds:
        return ""
    named = {STAGE_TEXT.get(n, n): s for n, s in seconds.items()}
    text: Callable[[float], str] = lambda s: f"{s:.0f} s" if s < 120 else f"{s / 60:.1f} min"  # noqa: E731
    return (
        f"<p>{text(sum(seconds.values()))} in all.</p>"
        f'<div class="card">{bar_chart(named, text)}</div>'
    )


def _footer(summary: Mapping[str, Any]) -> str:
    where = summary.get("machine") or machine()
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"<footer>{escape(str(where['cpu']))}, {where['cores']} cores; Python "
        f"{escape(str(where['python']))}; {escape(str(where['platform']))}<br>commit "
        f"{escape(str(summary.get('commit') or commit()))}; written {when}</footer>"
    )


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
