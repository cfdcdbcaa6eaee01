"""Everything that is known of an estimated video, found by the name that its files share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.video.actions import find_action
from visuomotor.video.alignment import align
from visuomotor.video.demonstration import Demonstration
from visuomotor.video.frames import read_video
from visuomotor.video.side_by_side import check_one_video
from visuomotor.video.something_else import is_tracks, read_annotations, tracks_of
from visuomotor.video.states import VideoStates, load_states
from visuomotor.video.tracks import Tracks, load_tracks


@dataclass(frozen=True)
class EstimatedVideo:
    """tracks, the states estimated from them, the demonstration, and the frames if there are."""

    tracks: Tracks
    states: VideoStates
    demonstration: Demonstration
    images: UInt8 | None

    @property
    def name(self) -> str:
        """Of the video, without folders."""
        return Path(self.states.name).stem


def estimated_video(
    states: Path,
    tracks: Sequence[Path],
    action: str,
    sources: Sequence[Path] = (),
    source: Path | None = None,
) -> EstimatedVideo:
    """Finds the tracks of estimated states among files, and the video's frames.

    tracks: our own JSON or Something-Else's boxes. sources: videos by the name that the tracks
    have; without one among them the file or folder of pictures that the tracks name; else boxes do.
    source: the video, whatever its name.
    Raises DataError where no file has the tracks, or files are of different videos.
    """
    found = load_states(states)
    seen = _tracks(found.name, tracks, action)
    named = [p for p in sources if p.stem == Path(seen.name).stem]
    own = Path(seen.name)
    if source is None:
        there = own.is_file() or (own.is_dir() and not (own / "metadata.yaml").exists())
        source = named[0] if named else own if there else None
    images = None
    if source is not None:
        images = read_video(source, seen.rate_hz, seen.size[1]).images
    check_one_video(seen, found, None if images is None else len(images))
    return EstimatedVideo(seen, found, align(found, action), images)


def _tracks(name: str, files: Sequence[Path], action: str) -> Tracks:
    for file in files:
        if is_tracks(file):
            seen = load_tracks(file)
            if seen.name == name:
                return seen
        elif name in (annotations := read_annotations(file)):
            return tracks_of(annotations, name, find_action(action))
    raise DataError(
        f"video {name}: its tracks are in none of {', '.join(map(str, files)) or 'no files'}; give "
        "the file from which its states were estimated"
    )
