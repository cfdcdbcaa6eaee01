"""Rendered videos of the nine actions with known states: camera, pace and sizes vary by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.sim.hand_video import RATE_HZ, HandVideo, View, render_hand_video
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, APPROACH, LEAVE
from visuomotor.video.examples import example_demonstration, minimum_jerk
from visuomotor.video.tracks import Phases, Tracks

SEEN = ("masks", "boxes", "boxes, a fifth of the frames lost", "parsed from pixels")
"""What the estimator is given: true masks, their boxes, some of those, or what `parse` finds."""

APPROACH_S, LEAVE_S = 1.2, 0.8
_WAY_M = 0.25
"""From where the hand comes, and how far it goes when it leaves."""


@dataclass(frozen=True)
class Known:
    """What is true of a video of T frames, in the frame of `Demonstration`.

    moved (T, 3) m, the moved object's centre, moved_rotation (T, 3, 3); hand (T, 3) m, the fingers'
    end; azimuth, elevation (T,) rad; sizes_m: full edges of the moved object, and of the static one
    if there is one, which stands at static (3,).
    """

    action: str
    view: View
    moved: Float64
    moved_rotation: Float64
    hand: Float64
    azimuth: Float64
    elevation: Float64
    phase: NDArray[np.int64]
    sizes_m: tuple[Float64, ...]
    static: Float64 | None

    @property
    def phases(self) -> Phases:
        """The frames of approach, action and leave."""
        ends = [int((self.phase <= p).sum()) for p in (APPROACH, ACT, LEAVE)]
        return Phases((0, ends[0]), (ends[0], ends[1]), (ends[1], ends[2]))


def known_video(action: str, seed: int) -> tuple[Known, HandVideo]:
    """One video and its truth; a seed gives one camera, one pace, one set of sizes and one path.

    action: a name of video.actions.ACTIONS.
    """
    known = known_states(action, seed)
    poses = [_poses(known.moved, known.moved_rotation)]
    if known.static is not None:
        count = len(known.moved)
        still = np.tile(np.eye(3), (count, 1, 1))
        poses.append(_poses(np.tile(known.static, (count, 1)), still))
    video = render_hand_video(
        known.view,
        known.hand,
        pointing(known.azimuth, known.elevation),
        known.sizes_m,
        poses,
        seed,
        length_m=0.40,
    )
    return known, video


def tracks_of(
    known: Known, video: HandVideo, masks: bool = True, dropped: float = 0.0, seed: int = 0
) -> Tracks:
    """What a perfect parser would see, or one that has the boxes alone, or loses frames.

    dropped: the share of frames in which a body is not seen although it is there.
    """
    rng = np.random.default_rng(seed)
    names = {"hand": "hand", "moved": "object 0", "static": "object 1"}
    boxes, kept = {}, {}
    for body, name in names.items():
        if name not in video.masks:
            continue
        mask = video.masks[name].copy()
        mask[rng.random(len(mask)) < dropped] = False
        boxes[body], kept[body] = _boxes(mask), mask[:, ::8, ::8]
    height, width = video.images.shape[1:3]
    title = f"{known.action}, made"
    seen = kept if masks else None
    return Tracks(title, RATE_HZ, (width, height), boxes, seen, known.phases)


def pointing(azimuth: Float64, elevation: Float64) -> Float64:
    """Unit vectors (T, 3) along which the hand points, as `Demonstration` says."""
    flat = np.cos(elevation)
    return np.column_stack([flat * np.cos(azimuth), flat * np.sin(azimuth), -np.sin(elevation)])


def known_states(action: str, seed: int) -> Known:
    """What is true of one video.

    Camera: 0.55 to 1.0 m from the origin, 15 to 50 degrees high, up to 20 to either side. Pushes
    and pulls as `example_demonstration` has them; of the others the hand comes from the side as
    much as from the camera.
    """
    rng = np.random.default_rng([seed, *action.encode()])
    act_s = rng.uniform(1.5, 3.0)
    count = round((APPROACH_S + act_s + LEAVE_S) * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    share = np.clip((time_s - APPROACH_S) / act_s, 0.0, 1.0)
    size = rng.uniform((0.05, 0.05, 0.06), (0.09, 0.09, 0.095))
    sizes, static = [size], None
    degrees = rng.uniform((15.0, -20.0), (50.0, 20.0))
    view = View(rng.uniform(0.55, 1.0), np.deg2rad(degrees[1]), np.deg2rad(degrees[0]))
    elevation, side = rng.uniform(0.2, 0.6), rng.choice([-1.0, 1.0])
    azimuth = np.pi / 2 - side * rng.uniform(0.4, 1.1)
    on_table = np.array([0.0, 0.0, size[2] / 2])
    if find_action(action).static:
        other = rng.uniform((0.07, 0.07, 0.05), (0.11, 0.11, 0.08))
        sizes, static = [size, other], np.array([0.0, 0.0, other[2] / 2])
        end = on_table + _target(action, size, other, rng)
        begin = end + np.array([-side * rng.uniform(0.08, 0.14), -0.06, 0.0])
        begin[2] = size[2] / 2
        moved = _carried(begin, end, share)
    elif action == "pick_up":
        lifted = on_table + np.array([0.0, 0.0, rng.uniform(0.06, 0.11)])
        moved = _carried(on_table, lifted, share, arch=0.0)
    else:
        shown = example_demonstration(action, seed)
        way = shown.object_position[-1] - shown.object_position[0]
        moved = on_table + minimum_jerk(share)[:, None] * [way[0], way[1], 0.0]
        azimuth = float(shown.hand_azimuth[0])
    directions = np.full(count, azimuth), np.full(count, elevation)
    away = 1.0 - minimum_jerk(time_s / APPROACH_S)
    held = action == "pick_up"
    leaving = np.zeros(count) if held else minimum_jerk((time_s - APPROACH_S - act_s) / LEAVE_S)
    back = 0.35 * size.min() + _WAY_M * (away + leaving)
    hand = moved - pointing(*directions) * back[:, None]
    phase = np.where(share <= 0, APPROACH, np.where(time_s <= APPROACH_S + act_s, ACT, LEAVE))
    upright, phases = np.tile(np.eye(3), (count, 1, 1)), phase.astype(np.int64)
    return Known(action, view, moved, upright, hand, *directions, phases, tuple(sizes), static)


def _target(action: str, size: Float64, other: Float64, rng: np.random.Generator) -> Float64:
    """Where the moved object ends, from where it would stand on the static one's place."""
    beside = (size + other) / 2 + rng.uniform(0.01, 0.05)
    side = rng.choice([-1.0, 1.0])
    return {
        "put_behind": np.array([0.0, beside[1], 0.0]),
        "put_in_front_of": np.array([0.0, -beside[1], 0.0]),
        "put_next_to": np.array([side * beside[0], 0.0, 0.0]),
        "put_onto": np.array([0.0, 0.0, other[2]]),
    }[action]


def _carried(begin: Float64, end: Float64, share: Float64, arch: float = 0.07) -> Float64:
    """A minimum-jerk way (T, 3) with an arch over its middle."""
    progress = minimum_jerk(share)
    path = begin + progress[:, None] * (end - begin)
    path[:, 2] += arch * np.sin(np.pi * progress) ** 2
    return np.asarray(path)


def _poses(places: Float64, rotations: Float64) -> Float64:
    T = np.tile(np.eye(4), (len(places), 1, 1))
    T[:, :3, :3], T[:, :3, 3] = rotations, places
    return T


def _boxes(masks: NDArray[np.bool_]) -> Float64:
    boxes = np.full((len(masks), 4), np.nan)
    for t, mask in enumerate(masks):
        v, u = np.nonzero(mask)
        if len(u) >= 12:
            boxes[t] = u.min(), v.min(), u.max() + 1, v.max() + 1
    return boxes
