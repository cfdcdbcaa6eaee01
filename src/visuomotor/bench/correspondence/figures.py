"""Points -> figures: medians, shares and AUROC, each with an interval clustered by scene."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np

from visuomotor.bench.clustered import Clusters, Estimate
from visuomotor.bench.correspondence.measure import ALL_CAMERAS, KINDS, Points
from visuomotor.descriptors.evaluation import METHODS, PCK_PX
from visuomotor.descriptors.ground_truth import OCCLUDED, OUT_OF_VIEW, VISIBLE

SHARE_OF_SIZE = 0.1


def figures(found: dict[str, Points], scenes: int, seed: int = 0) -> dict[str, Any]:
    """By kind: counts, the errors of every method and the AUROCs; kinds without a point left out.

    all_cameras: of what all cameras of the other scene find together.

    Every figure is [value, low, high], the latter two its 95% interval by bootstrap over scenes;
    null: infinite (nothing was found or measured), or nothing to estimate from.
    """
    clusters = Clusters(scenes, seed=seed)
    content = {kind: _of(found[kind], clusters) for kind in KINDS if len(found[kind])}
    for kind, all_cameras in ALL_CAMERAS.items():
        if len(found[all_cameras]):
            content[kind]["all_cameras"] = _of_all_cameras(found[all_cameras], clusters)
    return content


def _of(points: Points, clusters: Clusters) -> dict[str, Any]:
    scene = points.column("scene").astype(np.int64)
    visibility = points.column("visibility")
    visible = visibility == VISIBLE
    size_mm = 1e3 * points.column("size_m").astype(float)[visible]
    by_method = {}
    for method in METHODS:
        px = points.column(f"{method}/px").astype(float)[visible]
        mm = points.column(f"{method}/mm").astype(float)[visible]
        of = scene[visible]
        by_method[method] = {
            **{f"pck_{t}": _row(clusters.share(px <= t, of)) for t in PCK_PX},
            "median_px": _row(clusters.quantiles(px, of, (0.5,))[0]),
            **_in_space(mm, size_mm, of, clusters),
        }
    return {
        "points": int(visible.sum()),
        "scenes": len(np.unique(scene)),
        "occluded": int((visibility == OCCLUDED).sum()),
        "out_of_view": int((visibility == OUT_OF_VIEW).sum()),
        "size_mm": float(np.median(size_mm)) if len(size_mm) else None,
        "methods": by_method,
        "auroc": _aurocs(points, scene, clusters),
    }


def _in_space(mm: Any, size_mm: Any, scene: Any, clusters: Clusters) -> dict[str, Any]:
    median, p90 = clusters.quantiles(mm, scene, (0.5, 0.9))
    within = clusters.share(mm <= SHARE_OF_SIZE * size_mm, scene)
    return {"median_mm": _row(median), "p90_mm": _row(p90), "within_10_percent": _row(within)}


def _of_all_cameras(points: Points, clusters: Clusters) -> dict[str, Any]:
    scene = points.column("scene").astype(np.int64)
    visible = points.column("visibility") == VISIBLE
    hidden = points.column("visibility") == OCCLUDED
    mm = points.column("mm").astype(float)
    size_mm = 1e3 * points.column("size_m").astype(float)
    confidence = points.column("confidence").astype(float)
    auroc = clusters.auroc(
        (confidence[visible], scene[visible]), (confidence[hidden], scene[hidden])
    )
    return {
        "points": int(visible.sum()),
        "hidden": int(hidden.sum()),
        **_in_space(mm[visible], size_mm[visible], scene[visible], clusters),
        "auroc": _row(auroc),
    }


def _aurocs(points: Points, scene: Any, clusters: Clusters) -> dict[str, Any]:
    """How well each score tells visible points from those occluded, and from those out of view."""
    visibility = points.column("visibility")
    found: dict[str, Any] = {}
    for score in ("likeness", "confidence"):
        values = points.column(score).astype(float)
        for what, code in (("occluded", OCCLUDED), ("out_of_view", OUT_OF_VIEW)):
            positive, negative = visibility == VISIBLE, visibility == code
            found[f"{score}_{what}"] = _row(
                clusters.auroc(
                    (values[positive], scene[positive]), (values[negative], scene[negative])
                )
            )
    return found


def _row(estimate: Estimate) -> list[float | None]:
    return [None if v is None else round(v, 4) for v in astuple(estimate)]
