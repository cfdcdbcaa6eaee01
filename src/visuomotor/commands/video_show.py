"""`video show` and `video replay`: look at what was estimated, and try it in physics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def show(
    states: Positional[Path],
    tracks: tuple[Path, ...],
    action: str,
    source: Path | None = None,
    height: int = 360,
    out: Path = Path("states.mp4"),
) -> int:
    """Write a video of the input, the estimated states over it, and the states from above.

    Args:
        states: The states, .npz of `video estimate`.
        tracks: What they were estimated from: our JSON, or Something-Else's boxes.
        action: What is done, such as push_left_to_right.
        source: The video itself; without it the file that the tracks name, or their boxes alone.
        height: Of each of the three panels, px.
        out: The .mp4 file.
    """
    from visuomotor.bench.real2sim.inputs import estimated_video
    from visuomotor.errors import ConfigError
    from visuomotor.video.actions import find_action
    from visuomotor.video.overlay import write_video
    from visuomotor.video.side_by_side import side_by_side

    if height < 60:
        raise ConfigError(f"--height: got {height}, expected 60 px or more")
    name = find_action(action).name
    video = estimated_video(states, tracks, name, source=source)
    images = side_by_side(video.tracks, video.states, video.images, height)
    write_video(images, video.states.rate_hz, out)
    print(f"video {video.name}: {len(images)} frames; written: {out}")
    return 0


def replay(
    demonstration: Positional[tuple[Path, ...]],
    out: Path = Path("replay"),
    film: bool = False,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Lead a gripper along demonstrations in MuJoCo, with the objects free: can they be?

    Writes OUT/replay.json and OUT/paths.svg, the objects' paths as shown and as simulated.

    Args:
        demonstration: Files of aligned demonstrations (.npz).
        out: Folder of the results.
        film: Also write a rendered video of each.
        as_json: Print the figures as JSON.
    """
    from visuomotor.bench.real2sim.replay_figure import replay_figure
    from visuomotor.errors import ConfigError
    from visuomotor.video.demonstration import load_demonstration
    from visuomotor.video.replay import replay as run

    if not demonstration:
        raise ConfigError("got no demonstration, expected one .npz file or more")
    done = {}
    for path in demonstration:
        shown = load_demonstration(path)
        name = path.stem if path.stem not in done else str(path)
        if film:
            from visuomotor.bench.real2sim.rollouts import replay_film
            from visuomotor.video.overlay import write_video

            done[name], made = replay_film(path.stem, shown)
            write_video(made.images, shown.rate_hz, out / f"{path.stem}.mp4")
        else:
            done[name] = run(shown)
    figures = {name: r.figures() for name, r in done.items()}
    out.mkdir(parents=True, exist_ok=True)
    (out / "replay.json").write_text(json.dumps(figures, indent=2) + "\n")
    (out / "paths.svg").write_text(replay_figure(done))
    if as_json:
        print(json.dumps(figures, indent=1))
        return 0
    for name, r in done.items():
        verdict = "still is" if r.as_replayed else "is not" if r.as_shown else "is not, nor shown,"
        print(
            f"{name}: {verdict} {r.action}; the object {100 * r.off_m.mean():.1f} cm off on "
            f"average, {100 * r.off_m[-1]:.1f} cm at the end"
        )
    kept = sum(r.as_replayed for r in done.values())
    print(f"{kept} of {len(done)} are the action in replay; written: {out}")
    return 0
