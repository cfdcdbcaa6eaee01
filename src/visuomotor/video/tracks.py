"""What is seen of a video: boxes (and masks) of hand and objects per frame, and its phases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import DataError

BODIES = ("hand", "moved", "static")
"""The hand, the object that it moves, and the one that nobody touches, if there is one."""

FORMAT = "visuomotor-tracks-1"


@dataclass(frozen=True)
class Phases:
    """Frame ranges, first and one past the last, of approach, action and leave.

    An empty range (first == last) means that the video lacks the phase.
    """

    approach: tuple[int, int]
    action: tuple[int, int]
    leave: tuple[int, int]


@dataclass(frozen=True)
class Tracks:
    """T frames of one video at rate_hz, seen by a camera that stands still.

    name: of the video, for messages. size: width, height in px. boxes: per body of BODIES that was
    seen, (T, 4) x1, y1, x2, y2 px inside the image, NaN in gaps. masks: per body (T, H, W) bool,
    downscaled; where a body has none, its boxes count. phases: where they are known. Raises
    DataError for fewer than 3 frames, a missing hand or moved object, an action outside the frames,
    and boxes without an area, naming video and frame.
    """

    name: str
    rate_hz: float
    size: tuple[int, int]
    boxes: dict[str, Float64]
    masks: dict[str, NDArray[np.bool_]] | None = None
    phases: Phases | None = None

    def __post_init__(self) -> None:
        for body in ("hand", "moved"):
            seen = self.boxes.get(body)
            if seen is None or not np.isfinite(seen).all(axis=1).any():
                raise DataError(
                    f"video {self.name}: no {'hand' if body == 'hand' else 'object'} in any frame "
                    f"of {self.frames}; expected boxes of hand and moved object"
                )
        if self.frames < 3:
            raise DataError(f"video {self.name}: {self.frames} frames, expected at least 3")
        if self.phases is not None:
            first, last = self.phases.action
            if not 0 <= first < last <= self.frames:
                raise DataError(
                    f"video {self.name}: the action lasts from frame {first} to before {last}, "
                    f"expected a range within {self.frames} frames"
                )
        width, height = self.size
        for body, boxes in self.boxes.items():
            if boxes.shape != (self.frames, 4):
                raise DataError(
                    f"video {self.name}: boxes of {body} have shape {boxes.shape}, expected "
                    f"{(self.frames, 4)}"
                )
            for frame in np.flatnonzero(np.isfinite(boxes).all(axis=1)):
                x1, y1, x2, y2 = boxes[frame]
                if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
                    raise DataError(
                        f"video {self.name}, frame {frame}: box of {body} is "
                        f"{x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f}, not inside {width}x{height}"
                    )

    @property
    def frames(self) -> int:
        """T."""
        return max((len(b) for b in self.boxes.values()), default=0)

    def seen(self, body: str) -> NDArray[np.bool_]:
        """(T,): in which frames the body has a box; none for a body that the video lacks."""
        if body not in self.boxes:
            return np.zeros(self.frames, dtype=bool)
        return np.asarray(np.isfinite(self.boxes[body]).all(axis=1))


def clip_boxes(name: str, body: str, boxes: Float64, size: tuple[int, int]) -> Float64:
    """The boxes inside the image; raises DataError for one that lies outside, naming its frame."""
    crossed = (boxes[:, 0] > boxes[:, 2]) | (boxes[:, 1] > boxes[:, 3])
    if crossed.any():
        frame = int(np.flatnonzero(crossed)[0])
        raise DataError(
            f"video {name}, frame {frame}: the corners of the box of {body} "
            f"({', '.join(f'{v:.0f}' for v in boxes[frame])}) are exchanged; expected x1 < x2 and "
            "y1 < y2"
        )
    clipped: Float64 = boxes.copy()
    clipped[:, [0, 2]] = np.clip(boxes[:, [0, 2]], 0, size[0])
    clipped[:, [1, 3]] = np.clip(boxes[:, [1, 3]], 0, size[1])
    empty = (clipped[:, 0] >= clipped[:, 2]) | (clipped[:, 1] >= clipped[:, 3])
    if empty.any():
        frame = int(np.flatnonzero(empty)[0])
        raise DataError(
            f"video {name}, frame {frame}: the box of {body} "
            f"({', '.join(f'{v:.0f}' for v in boxes[frame])}) has no area inside the image of "
            f"{size[0]}x{size[1]}; give the size of the video's frames, or mend the box"
        )
    return clipped


def save_tracks(path: Path, tracks: Tracks) -> None:
    """Writes tracks as JSON, and masks as `.npz` beside it; gaps are null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = {
        body: [None if np.isnan(b).any() else [round(float(v), 2) for v in b] for b in values]
        for body, values in tracks.boxes.items()
    }
    phases = tracks.phases
    plain = {
        "format": FORMAT,
        "name": tracks.name,
        "rate_hz": tracks.rate_hz,
        "size": list(tracks.size),
        "phases": phases and [list(phases.approach), list(phases.action), list(phases.leave)],
        "boxes": boxes,
    }
    path.write_text(json.dumps(plain))
    if tracks.masks is not None:
        masks = {name: np.asarray(mask) for name, mask in tracks.masks.items()}
        with path.with_suffix(".masks.npz").open("wb") as file:
            np.savez_compressed(file, **masks)  # type: ignore[arg-type]


def load_tracks(path: Path) -> Tracks:
    """Reads what `save_tracks` wrote; raises DataError where it is something else."""
    try:
        plain = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as tracks (JSON): {error}") from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise DataError(f"{path}: not tracks: expected format {FORMAT!r}")
    try:
        width, height = plain["size"]
        phases = plain["phases"]
        ranges = phases and [(int(a), int(b)) for a, b in phases]
        rate_hz, name = float(plain["rate_hz"]), str(plain["name"])
        listed = {str(body): list(values) for body, values in plain["boxes"].items()}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not tracks of format {FORMAT}: {error!r}") from error
    boxes = {
        body: clip_boxes(name, body, _boxes(path, body, values), (int(width), int(height)))
        for body, values in listed.items()
    }
    masks = None
    if path.with_suffix(".masks.npz").exists():
        with np.load(path.with_suffix(".masks.npz"), allow_pickle=False) as file:
            masks = {body: file[body].astype(bool) for body in file.files}
    return Tracks(
        name, rate_hz, (int(width), int(height)), boxes, masks, Phases(*ranges) if ranges else None
    )


def _boxes(path: Path, body: str, values: list[Any]) -> Float64:
    """(T, 4), NaN for null; DataError naming the frame of what is no box."""
    found = np.full((len(values), 4), np.nan)
    for frame, box in enumerate(values):
        if box is not None:
            try:
                x1, y1, x2, y2 = (float(v) for v in box)
                found[frame] = x1, y1, x2, y2
            except (TypeError, ValueError, OverflowError):
                raise DataError(
                    f"{path}: frame {frame}: the box of {body} is {box!r}, expected [x1, y1, x2, "
                    "y2] in px, or null where it is not seen"
                ) from None
    return found
