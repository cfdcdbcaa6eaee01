"""Success rates of the Hand-Eye Action Networks paper, by our names."""

from __future__ import annotations

from visuomotor.bench.study.reporting import PaperFigure

HAN_TITLE = (
    "C. Wang, R. Wang, A. Mandlekar, L. Fei-Fei, S. Savarese, D. Xu: Generalization Through "
    "Hand-Eye Coordination, 2021, tables I to III; the maximum over training of 30 rollouts each, "
    "where ours is the last checkpoint's share of all"
)
_METHODS = ("bc_states", "bc_image", "mlp_atn", "no_roi", "no_con", "han")
_REGIONS = ("interpolation", "extrapolation")
_TABLES: dict[tuple[str, str, int, str], tuple[tuple[float, float] | None, ...]] = {
    ("lift", "expert", 50, "table I"): (
        (0.77, 0.20),
        (0.37, 0.10),
        (1.00, 0.47),
        (0.33, 0.07),
        (1.00, 0.53),
        (1.00, 0.60),
    ),
    ("lift", "expert", 200, "table I"): (
        (0.97, 0.50),
        (0.67, 0.13),
        (1.00, 0.57),
        (0.97, 0.10),
        (1.00, 0.67),
        (1.00, 0.73),
    ),
    ("stack", "expert", 200, "table II"): (
        (0.97, 0.73),
        (0.80, 0.13),
        (0.93, 0.70),
        (0.90, 0.13),
        (0.90, 0.63),
        (0.93, 0.87),
    ),
    ("stack", "human_like", 200, "table II (people)"): (
        (0.67, 0.13),
        (0.50, 0.10),
        (0.73, 0.23),
        (0.50, 0.03),
        (0.43, 0.30),
        (0.83, 0.57),
    ),
    ("tool_use", "expert", 200, "table III"): (
        (0.23, 0.00),
        (0.33, 0.07),
        (0.87, 0.33),
        (0.00, 0.00),
        None,
        (0.90, 0.60),
    ),
}
"""(interpolation, extrapolation) of each method; None: not reported."""

HAN = tuple(
    PaperFigure(method, task, rate, n, note, region, source)
    for (task, source, n, note), figures in _TABLES.items()
    for method, rates in zip(_METHODS, figures, strict=True)
    if rates is not None
    for region, rate in zip(_REGIONS, rates, strict=True)
)
"""Table II's second half is of people, ours of a script that is like one."""
