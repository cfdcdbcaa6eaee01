"""Whether labelled pictures will serve for training, in plain words.

The bounds are those of GPLAC's Table 3, in which 800 weakly labelled pictures do nearly as well as
80 000, and with 80 one of two tasks gains nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from visuomotor.labelling.balance import imbalance
from visuomotor.labelling.check import FolderReport, LabelReport

FEW, ENOUGH = 80, 800
_MOST_ALIKE = 1 / 3
_MOST_TALL = 1 / 4


@dataclass(frozen=True)
class Verdict:
    """serves: no, somewhat or yes; because: the reasons; add: what to do about them."""

    serves: Literal["no", "somewhat", "yes"]
    because: str
    add: tuple[str, ...]

    def __str__(self) -> str:
        words = {"no": "will not serve", "somewhat": "will serve somewhat", "yes": "will serve"}
        return f"{words[self.serves]} for training: {self.because}"


def judge(report: FolderReport) -> Verdict:
    """Judges by how many different pictures there are, how even, and by what may mislead."""
    distinct = {name: label.distinct for name, label in report.labels.items()}
    total = sum(distinct.values())
    empty = [name for name, n in distinct.items() if not n]
    add: list[str] = []
    if report.twice:
        n = len(report.twice)
        add.append(f"decide on one label for {n} picture{'s' * (n > 1)} with two")
    if uneven := imbalance(distinct):
        add.append(uneven)
    add += _alike(report.labels)
    if upright := _portrait(report.labels):
        add.append(upright)
    if len(distinct) > 1 and not empty and (mixed := _sizes_tell(report.labels)):
        add.append(mixed)
    if len(distinct) < 2 or empty:
        what = f"nothing is labelled {', '.join(empty)}" if empty else "there is one label alone"
        return Verdict("no", what, (*add, "pictures without the object teach as much as with it"))
    if total < ENOUGH:
        add.append(
            f"{ENOUGH - total} more pictures, with other backgrounds, light and distances, make "
            f"the {ENOUGH} that are nearly as good as any number"
        )
    counts = f"{total} different pictures"
    if total < FEW:
        why = f"{counts}; with {FEW} one of two simulated tasks gained nothing"
        return Verdict("no", why, tuple(add))
    if total < ENOUGH:
        return Verdict("somewhat", f"{counts}; {ENOUGH} are enough", tuple(add))
    if add:
        return Verdict("somewhat", f"{counts} are enough, but see below", tuple(add))
    return Verdict("yes", f"{counts} are enough", ())


def _alike(labels: Mapping[str, LabelReport]) -> list[str]:
    return [
        f"{label.images - label.distinct} of {label.images} {name} are near duplicates: take "
        "pictures of other places rather than more of the same"
        for name, label in labels.items()
        if label.images and (label.images - label.distinct) / label.images > _MOST_ALIKE
    ]


def _portrait(labels: Mapping[str, LabelReport]) -> str:
    """A warning where many are taller than wide, of which training keeps a part alone."""
    sizes = [item for label in labels.values() for item in label.sizes.items()]
    n, tall = sum(n for _, n in sizes), sum(n for (w, h), n in sizes if h > w)
    if not tall or tall / n <= _MOST_TALL:
        return ""
    return (
        f"{tall} of {n} are taller than wide: training keeps their middle, in the shape of the "
        "robot's images, and may lose the object; hold the phone sideways"
    )


def _sizes_tell(labels: Mapping[str, LabelReport]) -> str:
    """A warning where each label has a size of its own: then another camera took each of them."""
    usual = set()
    for label in labels.values():
        shapes: Counter[tuple[int, ...]] = Counter()
        for size, n in label.sizes.items():
            shapes[tuple(sorted(size))] += n
        (shape, n), *_ = shapes.most_common(1)
        if 2 * n <= label.images:  # of all sizes: no camera to be known by
            return ""
        usual.add(shape)
    if len(usual) < len(labels):
        return ""
    return (
        "each label's pictures are mostly of a size of their own: take pictures of every label "
        "with the same camera, or the network learns which camera it was"
    )
