"""From videos to demonstrations, on the way to a skill: parsed and estimated where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from visuomotor.errors import ConfigError

TRACKS, DEMONSTRATION = "tracks.json", "demonstration.npz"


def demonstrations_of(videos: Sequence[Path], action: str, folder: Path) -> list[Path]:
    """The aligned demonstration of each video, below FOLDER/NAME, estimated unless it is there.

    A video is a folder of `video parse`, its tracks.json, or a video itself, for which the page
    opens on which boxes are drawn. Says what it does. Raises ConfigError for two of one name.
    """
    from visuomotor.commands.video import estimate
    from visuomotor.commands.video_parse import parse
    from visuomotor.video.actions import find_action
    from visuomotor.video.demonstration import load_demonstration

    kind = find_action(action)
    names = [_name_of(path) for path in videos]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"--video: got {', '.join(twice)} twice, expected distinct names")
    found = []
    for path, name in zip(videos, names, strict=True):
        place = folder / name
        shown = place / DEMONSTRATION
        found.append(shown)
        if shown.exists() and load_demonstration(shown).action == kind.name:
            print(f"{name}: estimated before, {shown} (remove it to estimate it anew)")
            continue
        tracks = _tracks_of(path)
        if tracks is None:
            tracks = place / TRACKS
            if not tracks.exists():
                print(f"{name}: not parsed yet; hand and object are followed from boxes")
                parse(path, out=place)
        print(f"{name}: estimating hand and object as {kind.name} ...", flush=True)
        estimate(tracks, kind.name, place / "states.npz", demonstration=shown)
    return found


def _tracks_of(path: Path) -> Path | None:
    """The tracks that were parsed already."""
    if path.suffix == ".json":
        return path
    return path / TRACKS if (path / TRACKS).exists() else None


def _name_of(path: Path) -> str:
    return path.parent.name if path.name == TRACKS else path.stem
