"""`skill page`: everything about one action in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from visuomotor.commands.progress import ProgressLine


def page(
    action: str,
    states: tuple[Path, ...] = (),
    tracks: tuple[Path, ...] = (),
    source: tuple[Path, ...] = (),
    checkpoint: Path | None = None,
    rollouts: int = 4,
    scores: tuple[Path, ...] = (),
    height: int = 200,
    out: Path = Path("skill.html"),
) -> int:
    """Write a page of an action: its videos, their estimated states, and the skill at work.

    Per video: the input, the states, the demonstration, which of the nine actions they are, how
    uncertain they are, and the demonstration replayed in physics. With a checkpoint: its rollouts
    from the first starts of the easy and of the hard benchmark. One file, without the network.

    Args:
        action: Such as push_left_to_right.
        states: Estimated states, .npz of `video estimate`.
        tracks: What they were estimated from: our JSON, or Something-Else's boxes.
        source: The videos themselves; without them the files that the tracks name, or boxes alone.
        checkpoint: Folder of a trained skill.
        rollouts: Of each benchmark.
        scores: JSON files of `skill eval --out`.
        height: Of the videos' pictures, px.
        out: The .html file.
    """
    from visuomotor.bench.real2sim.inputs import estimated_video
    from visuomotor.bench.real2sim.page import write_page
    from visuomotor.bench.real2sim.rollouts import skill_rollouts
    from visuomotor.errors import ConfigError
    from visuomotor.video.actions import find_action

    name = find_action(action).name
    if not states and checkpoint is None:
        raise ConfigError("got neither --states nor --checkpoint, expected something to show")
    if height < 60:
        raise ConfigError(f"--height: got {height}, expected 60 px or more")
    if rollouts < 1:
        raise ConfigError(f"--rollouts: got {rollouts}, expected 1 or more")
    judged = [_score(path, name) for path in scores]
    benchmarks = ("easy", "hard") if checkpoint is not None else ()
    with ProgressLine("page", len(states) + len(benchmarks)) as line:
        videos = []
        for path in states:
            videos.append(estimated_video(path, tracks, name, source))
            line.step(f"video {videos[-1].name}")
        films = {}
        for benchmark in benchmarks:
            assert checkpoint is not None
            films[benchmark] = skill_rollouts(checkpoint, benchmark, rollouts, name)
            line.step(f"rollouts, {benchmark}")
    write_page(out, name, videos, films, judged, height)
    print(f"page: {out} ({out.stat().st_size / 1e6:.1f} MB)")
    return 0


def _score(path: Path, action: str) -> dict[str, Any]:
    from visuomotor.errors import DataError

    try:
        found = json.loads(path.read_text())
        known = {k: found[k] for k in ("benchmark", "starts", "success", "interval_95", "action")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not what `skill eval --out` writes: {error!r}") from error
    if known["action"] != action:
        raise DataError(f"{path}: is of {known['action']}, expected {action}")
    return known
