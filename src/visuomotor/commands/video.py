"""`video`: from a video's tracks to 3-D states and to what an arm can learn from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def estimate(
    tracks: Positional[Path],
    action: str,
    out: Path,
    video: str | None = None,
    phases: Path | None = None,
    demonstration: Path | None = None,
    lift: str = "action",
    iterations: int = 300,
    threads: int = 1,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> int:
    """Estimate the 3-D states of hand and objects in a video from their tracks.

    Args:
        tracks: JSON of tracks, or with --video, Something-Else's boxes.
        action: What is done, such as push_left_to_right, or Something-Something's number.
        out: The states, as .npz.
        video: Its number in Something-Else's boxes.
        phases: CSV of video_id, action_id, approach, action, leave; without it and without phases
            in the tracks, they are predicted from the boxes.
        demonstration: Also write the aligned demonstration to this .npz file.
        lift: action: only actions that lift take the object off the table; evidence: the loss says.
        iterations: Of the descent.
        threads: Threads of torch.
        as_json: Print the result as JSON.
    """
    import torch

    from visuomotor.video.actions import find_action
    from visuomotor.video.alignment import align, trajectory_of
    from visuomotor.video.demonstration import save_demonstration
    from visuomotor.video.doubts import doubts
    from visuomotor.video.estimation import EstimationSettings, estimate_states
    from visuomotor.video.metrics import satisfied_actions
    from visuomotor.video.something_else import open_tracks
    from visuomotor.video.states import save_states

    torch.set_num_threads(max(threads, 1))
    kind = find_action(action)
    seen = open_tracks(tracks, kind, video, phases)
    for doubt in doubts(seen):
        print(f"look again: {doubt}", file=sys.stderr)
    settings = EstimationSettings(iterations=iterations, lift=lift)
    states = estimate_states(seen, kind.name, settings)
    save_states(out, states)
    if demonstration is not None:
        save_demonstration(demonstration, align(states, kind.name))
    fits = [name for name, true in satisfied_actions(trajectory_of(states)).items() if true]
    if as_json:
        figures = {
            "video": states.name,
            "frames": len(states.touch),
            "loss": states.loss,
            "camera_distance_m": float(states.camera[0]),
            "moved_spread_m": float(states.moved_spread.max()),
            "satisfies": fits,
        }
        print(json.dumps(figures, indent=1))
    else:
        print(
            f"video {states.name}: {len(states.touch)} frames, loss {states.loss:.2f}, the object "
            f"uncertain by {100 * states.moved_spread.max():.1f} cm; satisfies "
            f"{', '.join(fits) or 'no action'}\nwritten: {out}"
        )
    return 0


def phases(
    tracks: Positional[Path],
    phases: Path,
    out: Path = Path("benchmarks/results/phase_setups.json"),
    estimate: bool = True,
    iterations: int = 300,
    threads: int = 1,
) -> int:
    """Compare predicted with labelled phases, and the states that either gives; goes on if stopped.

    Says how much the predicted action overlaps the labelled one, of how many videos the states
    estimated with labelled and with predicted phases satisfy their action's metric, and which of
    the nine metrics they satisfy at all. Results hold neither names nor paths.

    Args:
        tracks: Something-Else's boxes (JSON), or a folder of our own tracks.
        phases: CSV of video_id, action_id, approach, action, leave.
        out: The result file; a page beside it, `.md`.
        estimate: Also estimate the states, some 10 s per video and setup.
        iterations: Of the descent.
        threads: Threads of torch.
    """
    import shutil

    import torch

    from visuomotor.bench.real2sim.phase_setups import (
        CHOSEN_WITH,
        compare_setups,
        page,
        phased_videos,
    )
    from visuomotor.bench.results import save_result
    from visuomotor.video.estimation import EstimationSettings

    torch.set_num_threads(max(threads, 1))
    videos, lacking = phased_videos(tracks, phases)
    print(f"{len(videos)} videos with labelled phases; {lacking} more have no tracks")

    def told(i: int, row: dict[str, object]) -> None:
        print(f"{i + 1} of {len(videos)}: {row['action']}, overlap {row['overlap']}", flush=True)

    parts = out.with_suffix("")
    found = compare_setups(videos, parts, EstimationSettings(iterations=iterations), estimate, told)
    limited = "where an action begins and ends is a matter of opinion; tracks are as given"
    if found["digest"] == CHOSEN_WITH:
        limited += "; the estimator's constants were chosen with these very videos in view"
    result = save_result(
        out,
        found,
        limited,
        "visuomotor video phases TRACKS --phases PHASES.csv",
    )
    shutil.rmtree(parts, ignore_errors=True)
    out.with_suffix(".md").write_text(page(result))
    print(page(result))
    return 0


def example(action: str, out: Path = Path("cup.mp4"), seed: int = 0) -> int:
    """Render a video of a hand doing an action, for trying without a camera.

    Says the command that parses it, with the boxes of hand and objects.

    Args:
        action: Such as push_left_to_right; docs/skills.md lists them.
        out: The video (mp4).
        seed: Of camera, pace, sizes and path.
    """
    from visuomotor.bench.real2sim.known_videos import known_video, tracks_of
    from visuomotor.sim.hand_video import RATE_HZ
    from visuomotor.video.actions import find_action
    from visuomotor.video.overlay import write_video

    known, video = known_video(find_action(action).name, seed)
    write_video(video.images, RATE_HZ, out)
    frame = known.phases.action[0]
    boxes = tracks_of(known, video, masks=False).boxes
    given = " ".join(
        f"--{body} {' '.join(f'{v:.0f}' for v in box[frame])}" for body, box in boxes.items()
    )
    print(f"{len(video.images)} frames: {out}; to follow hand and objects in it:")
    print(f"visuomotor video parse {out} {given} --frame {frame} --out {out.with_suffix('')}")
    return 0
