"""Success rates that papers report, from their own simulators, to be shown beside ours."""

from __future__ import annotations

from visuomotor.bench.study.reporting import PaperFigure

DENSE_TITLE = (
    "P. Florence, L. Manuelli, R. Tedrake: Self-Supervised Correspondence in Visuomotor Policy "
    "Learning, 2019, tables I and II"
)
_TASKS = ("reach_t", "reach_tr", "push_box", "push_plate")
_TABLE_I: dict[str, tuple[float | None, ...]] = {
    "gt3d": (100.0, 100.0, 100.0, 90.5),
    "gt2d": (94.1, 95.6, 100.0, 92.0),
    "ae": (8.1, 61.1, 31.0, 53.0),
    "ae_mask": (16.3, 10.0, 73.0, 67.0),
    "ae_e2e": (40.7, 38.9, None, 16.0),
    "e2e": (43.0, 32.2, 100.0, 5.5),
    "e2e34": (None, 3.3, None, None),
    "dd2d": (94.1, 97.8, 100.0, 87.0),
    "dd3d": (100.0, 100.0, None, 98.0),
}
"""Percent, by our names; None: not reported."""
_TABLE_II: dict[tuple[str, int], float] = {
    ("gt2d_no_noise", 30): 5.6,
    ("dd2d_no_noise", 30): 1.1,
    ("gt2d", 30): 73.3,
    ("dd2d", 30): 73.3,
    ("gt2d_no_noise", 200): 5.6,
    ("dd2d_no_noise", 200): 3.4,
    ("gt2d", 200): 95.6,
    ("dd2d", 200): 97.8,
}
"""Percent on reach_tr, by method and demonstrations; noise is that of the augmentation."""

DENSE = tuple(
    PaperFigure(method, task, percent / 100, note="table I")
    for method, figures in _TABLE_I.items()
    for task, percent in zip(_TASKS, figures, strict=True)
    if percent is not None
) + tuple(
    PaperFigure(method, "reach_tr", percent / 100, n, "table II")
    for (method, n), percent in _TABLE_II.items()
)
"""Table I does not say how many demonstrations; its Reach T+R agrees with table II's 200."""
