"""Correspondence between pairs of images of held-out scenes, point by point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.bench.correspondence.scenes import Scene, as_dataset
from visuomotor.descriptors.evaluation import METHODS, localise
from visuomotor.descriptors.ground_truth import (
    OCCLUDED,
    OUT_OF_VIEW,
    UNCLEAR,
    VISIBLE,
    Parts,
    carried,
    true_places,
)
from visuomotor.descriptors.keypoints import locate_in_maps
from visuomotor.descriptors.masks import above_table, of_robot, points_in_base
from visuomotor.descriptors.matching import Views
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.networks import pixels_to_cells, sample_map
from visuomotor.training.batches import camera_views, hands

KINDS = ("across_views", "across_scenes", "across_instances")
ALL_CAMERAS = {k: f"{k}/all_cameras" for k in KINDS[1:]}
"""Where what all cameras of the other scene find together is kept."""
_FEWEST = 8  # pixels of an object in a view, below which it asks no questions
_SIZED = 400  # points that an unknown object's size is taken from


@dataclass(frozen=True)
class Sight:
    """One image of a scene: its views (batch size 1) and map (D, h, w).

    points (H, W, 3) in base; part (H, W): which part of the objects a pixel shows, -1: none.
    parts: None where the truth is not known, then the objects' only part is 0 and stays put.
    """

    scene: int
    camera: str
    views: Views
    descriptors: Tensor
    points: Tensor
    part: Tensor
    parts: Parts | None
    size_m: float


@dataclass
class Points:
    """What was measured at every queried point of one kind, N in all; columns are NumPy arrays.

    scene, partner: of the query and of the image that is searched. visibility: see ground_truth.
    px and mm by method. size_m: the object's diagonal in the searched image's scene.
    """

    columns: dict[str, list[NDArray[np.generic]]] = field(default_factory=dict)

    def add(self, count: int, **columns: Tensor | float | int) -> None:
        """`count` more points; a number stands for all of them."""
        for name, values in columns.items():
            array = np.full(count, values) if not isinstance(values, Tensor) else values.numpy()
            self.columns.setdefault(name, []).append(array)

    def column(self, name: str) -> NDArray[np.generic]:
        """(N,)."""
        found = self.columns.get(name)
        return np.concatenate(found) if found else np.zeros(0)

    def __len__(self) -> int:
        return sum(len(c) for c in self.columns.get("scene", []))


@torch.inference_mode()
def measure(
    model: DescriptorModel,
    scenes: Sequence[Scene],
    points: int = 64,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Points]:
    """Every query on the objects of every scene, by kind.

    across_views: from each camera to each other one at the same instant. across_scenes and
    across_instances: from each camera to each camera of one other scene, drawn at random, that
    shows the same object elsewhere, or another instance of its category; only where the truth is
    known. There all its cameras are also searched together, as policies do it: ALL_CAMERAS.
    points: per image, drawn uniformly from the objects' pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    found = {kind: Points() for kind in (*KINDS, *ALL_CAMERAS.values())}
    sights = [list(_sights(model, scenes, i)) for i in range(len(scenes))]
    for done, (scene, own) in enumerate(zip(scenes, sights, strict=True), 1):
        for instant in own:
            others = [i for i in range(len(scenes)) if i != done - 1]
            away: list[Sight] = []
            if others and scene.shapes is not None:
                there = sights[others[int(rng.integers(len(others)))]]
                away = there[int(rng.integers(len(there)))]
            for a in instant:
                pixels = _draw(a.part >= 0, points, generator)
                if pixels is None:
                    continue
                for b in instant:
                    if b is not a:
                        _compare(model, a, b, pixels, found["across_views"])
                kind = _kind(scene, scenes[away[0].scene]) if away else None
                if kind is not None:
                    for b in away:
                        _compare(model, a, b, pixels, found[kind])
                    _find(model, a, away, pixels, found[ALL_CAMERAS[kind]])
        progress(done, len(scenes))
    return found


def _kind(a: Scene, b: Scene) -> str | None:
    """What another scene is to a scene; None if points of one have no counterpart in the other."""
    one, other = a.shapes, b.shapes
    if one is None or other is None or one.names != other.names:
        return None
    if one.instance == other.instance:
        return "across_scenes"
    if one.cylinder.any():  # turned about their axis at random: no point has a counterpart
        return None
    return "across_instances"


def _queries(model: DescriptorModel, a: Sight, pixels: Tensor) -> Tensor:
    """Descriptors (N, D) at pixels (N, 2) of an image."""
    cells = pixels_to_cells(pixels.float(), model.network.grid)
    return sample_map(a.descriptors[None], cells[None])[0]


def _moved(a: Sight, b: Sight, pixels: Tensor) -> Tensor:
    """Where the points (N, 3) at pixels (N, 2) of a truly are in b's scene, in base."""
    u, v = pixels.unbind(-1)
    where = a.points[v, u]
    if a.parts is None or b.parts is None:
        return where
    return carried(where, a.part[v, u], a.parts, b.parts)


def _compare(model: DescriptorModel, a: Sight, b: Sight, pixels: Tensor, to: Points) -> None:
    """Looks for pixels (N, 2) of a in the image b."""
    grid, queries = model.network.grid, _queries(model, a, pixels)
    truth = true_places(_moved(a, b, pixels)[None], b.views)
    mask = b.part >= 0
    found = localise(grid, model.config, queries, b.descriptors, b.views, mask, truth)
    to.add(
        len(pixels),
        scene=a.scene,
        partner=b.scene,
        size_m=b.size_m,
        visibility=truth.visibility[0],
        likeness=found.likeness,
        confidence=found.confidence,
        **{f"{m}/px": found.errors[m].px for m in METHODS},
        **{f"{m}/mm": found.errors[m].mm for m in METHODS},
    )


def _find(
    model: DescriptorModel, a: Sight, others: Sequence[Sight], pixels: Tensor, to: Points
) -> None:
    """Looks for pixels (N, 2) of a in all images of another instant together.

    A point is visible if one of them shows it, and occluded if none can.
    """
    views = [b.views for b in others]
    points = _moved(a, others[0], pixels)
    seen = torch.stack([true_places(points[None], v).visibility[0] for v in views])  # (C, N)
    visibility = torch.full_like(seen[0], UNCLEAR)
    visibility[((seen == OCCLUDED) | (seen == OUT_OF_VIEW)).all(0)] = OCCLUDED
    visibility[(seen == VISIBLE).any(0)] = VISIBLE
    maps = [b.descriptors[None] for b in others]
    queries = _queries(model, a, pixels)
    found = locate_in_maps(maps, views, queries, model.network.grid, model.config)
    to.add(
        len(pixels),
        scene=a.scene,
        partner=others[0].scene,
        size_m=others[0].size_m,
        visibility=visibility,
        confidence=found.confidence[0],
        mm=(1e3 * (found.points[0] - points).norm(dim=-1)).nan_to_num(nan=torch.inf),
    )


def _draw(mask: Tensor, count: int, generator: torch.Generator) -> Tensor | None:
    """Up to `count` different pixels (N, 2) as (u, v) of a mask (H, W)."""
    v, u = mask.nonzero(as_tuple=True)
    if len(u) < _FEWEST:
        return None
    order = torch.randperm(len(u), generator=generator)[:count]
    return torch.stack([u[order], v[order]], dim=-1)


def _sights(model: DescriptorModel, scenes: Sequence[Scene], number: int) -> Iterator[list[Sight]]:
    """The images of a scene, instant by instant, all cameras of each."""
    scene, spec = scenes[number], model.spec
    dataset = as_dataset([scene], spec)
    at = np.stack([np.zeros_like(scene.steps), scene.steps], axis=1)
    seen = {camera: camera_views(dataset, camera, at) for camera in spec.names}
    maps = {camera: model.network.describe(views.color) for camera, views in seen.items()}
    for i, step in enumerate(scene.steps):
        parts = scene.parts(int(step))
        hand, width = hands(dataset, at[i : i + 1])
        shown = []
        for camera, views in seen.items():
            one = Views(*(t[i : i + 1] for t in vars(views).values()))
            points, valid = points_in_base(one.depth_m, one.K, one.T_base_camera)
            if parts is None:
                mask = above_table(points, valid, model.config.workspace)
                part = (mask & ~of_robot(points, hand, width))[0].long() - 1
            else:
                part = parts.containing(points[0]).masked_fill(~valid[0], -1)
            shown.append((camera, one, points[0], part, maps[camera][i]))
        size_m = _diameter(shown) if parts is None else parts.size_m
        yield [Sight(number, c, one, m, x, part, parts, size_m) for c, one, x, part, m in shown]


def _diameter(shown: Sequence[tuple[str, Views, Tensor, Tensor, Tensor]]) -> float:
    """The longest distance within all cameras' points of the objects together; 0 without any."""
    points = torch.cat([x[part >= 0] for _, _, x, part, _ in shown])
    points = points[:: max(1, len(points) // _SIZED)]
    return float(torch.cdist(points, points).max()) if len(points) else 0.0
