"""The correspondence results as a page in Markdown, generated from their JSON files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visuomotor.descriptors.evaluation import METHODS, PCK_PX
from visuomotor.errors import DataError

HEADINGS = {
    "across_views": "Across views: the same instant, another camera",
    "across_scenes": "Across scenes: the same object elsewhere, any camera",
    "across_instances": "Across instances: another object of the category, any camera",
}
NAMES = {
    "argmax": "best match",
    "expectation": "expected pixel",
    "refined": "as keypoints are located",
    "centroid": "*the object's centroid*",
    "nearest_pixel": "*the true pixel, rounded*",
}
NOTES = """\
All on scenes that were not trained on. A query is a pixel of the object in one image, drawn
uniformly; errors are of the queries that are truly visible in the searched image, which is searched
whole. Truth comes from depth, calibration and the simulation's own poses and shapes; between
instances of a category the true counterpart has equal coordinates relative to the half extents.

- *Best match*: the pixel with the most alike descriptor, refined to a quarter of a pixel.
  *Expected pixel*: the mean over the image under the softmax. *As keypoints are located*: the
  refined 3-D localisation that policies use, in this one camera.
- In italics what needs no network: predicting the middle of the object, which is given the object's
  exact outline in the searched image, and rounding the true place to a pixel, an image's own limit.
- mm: the straight distance between the true point and the point of the surface that is measured at
  the place found, depth being interpolated on one surface and never across an edge.
- Size: the object's diagonal.
- AUROC: how well the likeness of the best match (and the keypoint's confidence, which multiplies it
  with the probability near the match) tells points that are visible from those that something
  hides by at least 1 cm, the object itself included, and from those out of view.
- Brackets: 95% intervals by bootstrap over scenes.

`visuomotor descriptors evaluate --descriptors FOLDER --dataset ROOT --first N --out FILE.json`
measures, `visuomotor descriptors table` writes this page from the files,
`visuomotor descriptors view` shows the same in a browser, or writes a figure."""


def page(results: Sequence[Path], picture: str | None = None) -> str:
    """The page from result files; DataError names a file that is none.

    picture: the name of a figure beside the page.
    """
    parts = ["# Correspondence", NOTES]
    if picture is not None:
        parts.append(
            "Green: a point; heat: how alike; red: the best match, at the same moment, later and "
            f"in other episodes.\n\n![Correspondence]({picture})"
        )
    for path in sorted(results):
        try:
            result = json.loads(path.read_text())
            parts.append(section(result, path.name))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise DataError(
                f"{path}: {error!r} where a result of `visuomotor descriptors evaluate --out` was "
                "expected; write it anew or take it out of the folder"
            ) from error
    return "\n\n".join(parts) + "\n"


def section(result: dict[str, Any], file: str) -> str:
    """One result file's tables."""
    data = result["figures"]["data"]
    title = ", ".join([data["task"], *data["tags"]])
    lines = [
        f"## {title}",
        "",
        f"{data['scenes']} scenes (seeds {data['seeds']}), {data['cameras']} at "
        f"{data['image']}; {result['commit']}, `{file}`. {data['trained_on']}",
    ]
    return "\n".join([*lines, "", tables(result["figures"])])


def tables(figures: dict[str, Any]) -> str:
    """A table for each kind of pair that was measured."""
    parts = [
        "\n".join([f"### {heading}", "", *_table(figures[kind])])
        for kind, heading in HEADINGS.items()
        if kind in figures
    ]
    return "\n\n".join(parts) or "No object was seen in two images: nothing to measure."


def _table(figures: dict[str, Any]) -> list[str]:
    pck = " | ".join(f"PCK@{t}" for t in PCK_PX)
    lines = [
        f"| | {pck} | median px | median mm | 90% mm | within 10% of size |",
        "|---" * (len(PCK_PX) + 5) + "|",
    ]
    for method in METHODS:
        row = figures["methods"][method]
        cells = [_text(row[f"pck_{t}"], 3, False) for t in PCK_PX]
        cells += [
            _text(row["median_px"], 2, False),
            _text(row["median_mm"], 1),
            _text(row["p90_mm"], 1),
            _text(row["within_10_percent"], 3),
        ]
        lines.append(f"| {NAMES[method]} | {' | '.join(cells)} |")
    auroc = figures["auroc"]
    size = figures["size_mm"]
    lines += [
        "",
        f"{figures['points']} visible points of {figures['scenes']} scenes, object {size:.0f} mm.",
        f"AUROC against {figures['occluded']} occluded points: likeness "
        f"{_text(auroc['likeness_occluded'], 3)}, keypoint's confidence "
        f"{_text(auroc['confidence_occluded'], 3)}.",
    ]
    if figures["out_of_view"]:
        lines.append(
            f"Against {figures['out_of_view']} out of view: "
            f"{_text(auroc['likeness_out_of_view'], 3)}, "
            f"{_text(auroc['confidence_out_of_view'], 3)}."
        )
    if "all_cameras" in figures:
        found = figures["all_cameras"]
        lines.append(
            "Keypoints of all cameras together, as policies find them: median "
            f"{_text(found['median_mm'], 1)} mm, 90% {_text(found['p90_mm'], 1)} mm, within 10% "
            f"{_text(found['within_10_percent'], 3)} of {found['points']} points that a camera "
            f"sees; AUROC of the confidence against {found['hidden']} that none sees "
            f"{_text(found['auroc'], 3)}."
        )
    return lines


def _text(estimate: Sequence[float | None], digits: int, interval: bool = True) -> str:
    value, low, high = estimate
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    if interval and low is not None:
        top = "∞" if high is None else f"{high:.{digits}f}"
        text += f" [{low:.{digits}f}, {top}]"
    return text
