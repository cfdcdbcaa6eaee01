"""The regions of a table: those that are rolled out, and what is derived from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.hull import outside_hull
from visuomotor.bench.study.pairs import with_goals_reached

OUTSIDE_HULL = "_outside_hull"
TITLES = {
    "interpolation": "Interpolation",
    "extrapolation": "Extrapolation",
    "unseen": "Unseen objects or surroundings",
    "interpolation_outside_hull": "Interpolation, outside the training configurations' hull",
    "extrapolation_outside_hull": "Extrapolation, outside the training configurations' hull",
}
_HULL_TEXT = (
    "rollouts of that region whose object started outside the convex hull of the demonstrations' "
    "starts in (x, y, yaw); yaw counts where it varies over less than a half turn"
)
EXPLAINED = {
    "interpolation": "starts uniform over the area that the demonstrations were drawn from",
    "extrapolation": "starts uniform in a ring around that area, as wide as the arm allows",
    "unseen": "the same area with instances, clutter, table, walls or light never demonstrated",
    "interpolation_outside_hull": _HULL_TEXT,
    "extrapolation_outside_hull": _HULL_TEXT,
}


def with_derived(result: CellResult) -> CellResult:
    """The cell with regions `..._outside_hull` beside those whose starts it holds, and pairs.

    Cells of an older format lack training configurations or starts: they get none.
    """
    derived: dict[str, dict[str, Any]] = {}
    for name in ("interpolation", "extrapolation"):
        region = result.regions.get(name)
        if region is None or not result.training_starts:
            continue
        n = len(region["success"])
        if len(region.get("start", ())) != n:
            continue
        outside = outside_hull(result.training_starts, region["start"])
        if outside.any():
            derived[name + OUTSIDE_HULL] = {
                k: [v for v, out in zip(values, outside, strict=True) if out]
                if isinstance(values, list) and len(values) == n
                else values
                for k, values in region.items()
            }
    return with_goals_reached(replace(result, regions={**result.regions, **derived}))


def underlying(region: str) -> str:
    """The region that was rolled out for a derived one; any other is its own."""
    return region.removesuffix(OUTSIDE_HULL)


def order(region: str) -> tuple[int, str]:
    """For sorting: those known in their order, then the others by name."""
    known = list(TITLES)
    return (known.index(region) if region in known else len(known), region)
