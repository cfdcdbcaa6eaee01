"""Where estimation starts from: boxes cast onto the table, for several suppositions at once."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.contracts import Float64
from visuomotor.video.camera import OrbitCamera
from visuomotor.video.losses import Evidence, LossWeights
from visuomotor.video.mask_windows import mask_windows
from visuomotor.video.scene import AZIMUTH, ELEVATION, LARGEST_M, Contact, Parameters, Supposition
from visuomotor.video.splines import fit_knots
from visuomotor.video.tracks import Tracks

BORDER_PX = 3.0
"""A box that ends so near to the image's border is cut by it."""

IN_FRONT = 0.3
"""The share of the moved object's box inside the static one's that says it is seen in front."""


def contact_of(tracks: Tracks) -> Contact:
    """When the moved object is touched, from the tracks' phases.

    An object that is not seen at first, before the action, is brought in by the hand.
    """
    assert tracks.phases is not None
    first, last = tracks.phases.action
    appears = int(np.flatnonzero(tracks.seen("moved"))[0])
    brought = appears > 0
    first = 0 if brought else min(first, tracks.frames - 2)
    last = max(last, first + 2)
    return Contact(tracks.frames, first, last, brought, last < tracks.frames)


def evidence_of(tracks: Tracks, masks: bool = True) -> Evidence:
    """The tracks as tensors; masks at their own resolution."""
    width, height = tracks.size
    boxes, seen, open_sides = {}, {}, {}
    limits = np.array([0.0, 0.0, width, height])
    for body, values in tracks.boxes.items():
        known = _known(values)
        filled = np.where(known[:, None], values, 0.0)
        boxes[body] = torch.tensor(filled, dtype=torch.float32)
        seen[body] = torch.tensor(known, dtype=torch.float32)
        open_sides[body] = torch.tensor(np.abs(filled - limits) <= BORDER_PX)
    frames, pixels = _seen_in_front(tracks)
    kept = {b: mask_windows(m, tracks.size) for b, m in (tracks.masks or {}).items() if masks}
    return Evidence(
        boxes,
        seen,
        open_sides,
        {body: windows for body, windows in kept.items() if windows is not None},
        torch.tensor(pixels, dtype=torch.float32).reshape(-1, 2),
        torch.tensor(frames, dtype=torch.long),
    )


def _seen_in_front(tracks: Tracks) -> tuple[list[int], list[list[float]]]:
    """Frames and pixels where the moved object's box lies in the static one's: it is seen, so
    it is in front (a hidden object's box would end at the other's outline).
    """
    frames: list[int] = []
    pixels: list[list[float]] = []
    for t in np.flatnonzero(tracks.seen("moved") & tracks.seen("static")):
        a, b = tracks.boxes["moved"][t], tracks.boxes["static"][t]
        low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
        if (high <= low).any():
            continue
        if np.prod(high - low) > IN_FRONT * np.prod(a[2:] - a[:2]):
            frames.append(int(t))
            pixels.append([float(v) for v in (low + high) / 2])
    return frames, pixels


def suppositions(
    lifted: tuple[bool, ...], static: bool, lengths: tuple[float, ...]
) -> list[tuple[float, float, float, float]]:
    """Every (lifted, onto, kept, hand's length) that is worth a start.

    An object that is lifted is put down where there is a second one, else it stays in the hand.
    """
    onto = (0.0, 1.0) if static else (0.0,)
    return [
        (float(up), on, float(up and not static), length)
        for up, on, length in itertools.product(lifted, onto, lengths)
    ]


def starting_parameters(
    tracks: Tracks,
    contact: Contact,
    basis: Float64,
    cases: list[tuple[float, float, float, float]],
    cameras: tuple[tuple[float, float], ...],
    focal_px: float,
    weights: LossWeights,
) -> tuple[Parameters, Supposition]:
    """One start per case and camera (azimuth, elevation) rad, all at the usual distance."""
    single: list[Parameters] = []
    rows: list[tuple[float, float, float, float]] = []
    for case, (azimuth, elevation) in itertools.product(cases, cameras):
        single.append(_start(tracks, contact, basis, case, azimuth, elevation, focal_px, weights))
        rows.append(case)
    names = list(vars(single[0]))
    stacked = {n: torch.cat([getattr(p, n) for p in single]) for n in names}
    supposed = torch.tensor(rows, dtype=torch.float32).unbind(1)
    return Parameters(**stacked), Supposition(*supposed)


def _start(
    tracks: Tracks,
    contact: Contact,
    basis: Float64,
    case: tuple[float, float, float, float],
    azimuth: float,
    elevation: float,
    focal_px: float,
    weights: LossWeights,
) -> Parameters:
    distance = weights.camera_distance_m
    camera = OrbitCamera(
        torch.tensor([distance]),
        torch.tensor([azimuth]),
        torch.tensor([elevation]),
        focal_px,
        tracks.size,
    )
    size = {
        body: _side(tracks.boxes[body], distance, elevation, focal_px)
        for body in ("moved", "static")
        if tracks.seen(body).any()
    }
    rest = {b: _cast(camera, _centres(tracks.boxes[b]), 0.5 * s) for b, s in size.items()}
    hand = _cast(camera, _centres(tracks.boxes["hand"]), 0.05)
    ends = np.where(_known(rest["moved"])[:, None], rest["moved"], np.nan)
    touched = np.zeros(tracks.frames, dtype=bool)
    touched[contact.first : contact.last] = True
    path = np.where(touched[:, None], ends, hand)
    path = np.where(np.isfinite(path), path, hand)
    known = _known(path)
    if not known.any():
        path, known = ends, _known(ends)
    knots = fit_knots(basis, path, known.astype(float))
    if case[0]:
        knots[:, 2] += 0.02
    angle = _heading(hand, rest["moved"], touched)
    count = basis.shape[1]
    level = float(np.clip(elevation / ELEVATION, 0.02, 0.98))
    static_at = np.zeros((1, 3)) if "static" in rest else np.zeros((1, 0))
    if "static" in rest:
        static_at[0, :2] = np.nanmedian(rest["static"], axis=0)[:2]
    return Parameters(
        camera=_tensor(
            [[math.log(distance), math.atanh(azimuth / AZIMUTH), math.log(level / (1 - level))]]
        ),
        hand=_tensor(knots[None]),
        angles=_tensor(np.tile([[angle, math.atanh(0.5 / (0.5 * math.pi))]], (1, count, 1))),
        moved_size=_tensor(np.full((1, 3), _raw(size["moved"]))),
        turn=torch.zeros(1, count, 3),
        grip=torch.zeros(1, 3),
        static=_tensor(static_at),
        static_size=_tensor(np.full((1, 3), _raw(size.get("static", weights.size_m)))),
    )


def _tensor(values: object) -> Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def _raw(side_m: float) -> float:
    share = min(max(side_m / LARGEST_M, 0.05), 0.9)
    return math.log(share / (1 - share))


def _known(rows: Float64) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(rows).all(axis=1))


def _centres(boxes: Float64) -> Float64:
    return 0.5 * (boxes[:, :2] + boxes[:, 2:])


def _cast(camera: OrbitCamera, pixels: Float64, height: float) -> Float64:
    points = camera.cast(
        _tensor(np.nan_to_num(pixels))[None], torch.full((1, len(pixels)), height)
    )[0].numpy()
    found: Float64 = np.where(_known(pixels)[:, None], points, np.nan)
    return found.astype(np.float64)


def _side(boxes: Float64, distance: float, elevation: float, focal_px: float) -> float:
    """m: the side of a cube that is about as large as the boxes."""
    wide, high = np.nanmedian(boxes[:, 2:] - boxes[:, :2], axis=0)
    high /= math.cos(elevation) + math.sin(elevation)
    return float(math.sqrt(wide * high) * distance / focal_px)


def _heading(hand: Float64, moved: Float64, touched: NDArray[np.bool_]) -> float:
    """rad: the hand's azimuth, between away from the camera and from its box to the object's."""
    both = touched & _known(hand) & _known(moved)
    if not both.any():
        return 0.5 * math.pi
    toward = (moved - hand)[both, :2].mean(axis=0)
    toward = toward / max(float(np.linalg.norm(toward)), 0.02) + [0.0, 0.5]
    return float(np.arctan2(toward[1], toward[0]))
