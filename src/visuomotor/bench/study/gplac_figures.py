"""Success rates of the GPLAC paper, by our names."""

from __future__ import annotations

from visuomotor.bench.study.reporting import PaperFigure

GPLAC_TITLE = (
    "A. Singh, L. Yang, S. Levine: GPLAC: Generalizing Vision-Based Robotic Skills using Weakly "
    "Labeled Images, 2017, tables 1 to 3; other simulators, expert and images than ours"
)
_METHODS = (
    *("att_1", "cnn_1", "att_40", "cnn_40", "cnn_c", "att_ae"),
    *("att_po", "att_ft", "att_da", "gplac_da", "gplac"),
)
_TABLE_1: dict[str, tuple[float, ...]] = {
    "pusher": (37.5, 40.25, 90.25, 75.5, 2.25, 42.5, 55.5, 52.75, 69.5, 66.5, 79.75),
    "striker": (35.5, 39.75, 69.5, 52.5, 21.5, 35.75, 39.5, 37.75, 40.5, 61.0, 59.25),
}
_TABLE_2 = {"att_1": 33.22, "att_da": 45.45, "gplac": 56.36}
_TABLE_3: dict[str, dict[str, float]] = {
    "pusher": {"gplac_80k": 79.75, "gplac": 79.5, "gplac_800": 78.5, "gplac_80": 56.0},
    "striker": {"gplac_80k": 59.25, "gplac": 56.75, "gplac_800": 53.0, "gplac_80": 33.5},
}

GPLAC = (
    *(
        PaperFigure(method, task, percent / 100, note="table 1, 80 000 images", region="unseen")
        for task, figures in _TABLE_1.items()
        for method, percent in zip(_METHODS, figures, strict=True)
    ),
    *(
        PaperFigure(m, "push_mug", p / 100, note="table 2, a real arm", region="unseen")
        for m, p in _TABLE_2.items()
    ),
    *(
        PaperFigure(method, task, percent / 100, note="table 3", region="unseen")
        for task, figures in _TABLE_3.items()
        for method, percent in figures.items()
    ),
)
