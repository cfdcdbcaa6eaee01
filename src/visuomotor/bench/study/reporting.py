"""What a family says about its table: claims to test, targets, the paper's figures, pictures."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_REGIONS = ("interpolation",)


@dataclass(frozen=True)
class Claim:
    """That `better` succeeds more often than `worse` less `margin`, on the same starts.

    tasks: where, all without any. demonstrations: (of better, of worse); None: in every setting
    that has both. margin 0.05 claims that `better` is at most .05 worse.
    """

    better: str
    worse: str
    tasks: tuple[str, ...] = ()
    regions: tuple[str, ...] = DEFAULT_REGIONS
    demonstrations: tuple[int, int] | None = None
    margin: float = 0.0


@dataclass(frozen=True)
class Target:
    """A share of rollouts that a method is to reach. demonstrations: None: every number."""

    method: str
    rate: float
    tasks: tuple[str, ...] = ()
    regions: tuple[str, ...] = DEFAULT_REGIONS
    demonstrations: int | None = None


@dataclass(frozen=True)
class Gap:
    """The share of the way from `lower` to `upper` that a method goes, and the share it is to go.

    All on the same starts; of training seeds those that all three have.
    """

    method: str
    lower: str
    upper: str
    share: float
    tasks: tuple[str, ...] = ()
    regions: tuple[str, ...] = DEFAULT_REGIONS


@dataclass(frozen=True)
class PaperFigure:
    """A success rate (0 to 1) that a paper reports, from its own simulator.

    demonstrations: None where the paper does not say. note: what else to know. region, source:
    which of ours it stands beside.
    """

    method: str
    task: str
    rate: float
    demonstrations: int | None = None
    note: str = ""
    region: str = "interpolation"
    source: str = "expert"


@dataclass(frozen=True)
class StartMap:
    """A picture of success over the objects' starts: methods across, demonstrations down.

    axes: of x (m), y (m) and yaw (rad), which is drawn to the right and which upwards. Empty
    choices: all that the cells have.
    """

    task: str
    methods: tuple[str, ...] = ()
    axes: tuple[str, str] = ("yaw", "y")
    regions: tuple[str, ...] = ("interpolation", "extrapolation")
    demonstrations: tuple[int, ...] = ()


@dataclass(frozen=True)
class CurvePlot:
    """Learning curves side by side: methods on one task, their `metric` over the steps."""

    task: str
    methods: tuple[str, ...] = ()
    metric: str = "loss"
    stage: str = "policy"
