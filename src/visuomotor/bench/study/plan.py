"""What a family's study consists of: its methods, tasks, demonstrations, seeds and starts."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visuomotor.bench.study.cell import Cell, CellResult
from visuomotor.bench.study.reporting import (
    Claim,
    CurvePlot,
    Gap,
    PaperFigure,
    StartMap,
    Target,
)
from visuomotor.errors import ConfigError, MissingDependencyError, unknown_name
from visuomotor.sim.tasks.twins import TWINS
from visuomotor.training import Report

if TYPE_CHECKING:
    from visuomotor.bench.study.report import Report as Page
    from visuomotor.bench.study.request import Request, Wanted

STUDIES: dict[str, str] = {
    "dense": "visuomotor.bench.study.dense",
    "gplac": "visuomotor.bench.study.gplac",
    "gti": "visuomotor.bench.study.gti",
    "han": "visuomotor.bench.study.han",
    "real2sim": "visuomotor.bench.study.real2sim",
}
"""Family -> the module whose `STUDY` tells its plan."""

FIRST_SEEDS = {"interpolation": 510_000, "extrapolation": 610_000, "unseen": 710_000}
"""Starts of the tables, by region; disjoint from the demonstrations and from all development."""
UNSEEN = "unseen"
"""The region of a variant's objects or surroundings that were never demonstrated."""
DEMONSTRATION_SEED = 1_000
DEVELOPMENT_SEEDS = {"interpolation": 800_000, "extrapolation": 820_000, "unseen": 840_000}
"""For looking while a method is made and tuned: `visuomotor study run --development`."""


@dataclass(frozen=True)
class Job:
    """One cell to train: the bags, the shared and the own folder, and whom to tell.

    shared: for what several cells of these demonstrations use; take `locked` around making it.
    threads: that the cell may use, where its training can. device: as `training.train` takes it.
    """

    cell: Cell
    dataset: Path
    shared: Path
    out: Path
    report: Report
    should_stop: Callable[[], bool]
    threads: int = 1
    device: str = "auto"


@dataclass(frozen=True)
class Method:
    """A column of the table: `train` leaves a policy in job.out, and may return figures.

    The figure `stages` is taken apart: stage -> folder of another training run (descriptors, an
    autoencoder) whose learning curve the cell is to hold beside the policy's. summary, inputs:
    what it is and what it sees, for the table's text. regions: where it is rolled out unless
    otherwise asked; without any, in the study's. needs: a module that only another environment
    has, made by `make <module>`; the cell is then filled by that environment's command.
    """

    summary: str
    train: Callable[[Job], Mapping[str, Any] | None]
    inputs: str = ""
    regions: tuple[str, ...] = ()
    needs: str = ""

    def check(self) -> None:
        """Raises MissingDependencyError where the library that it needs is not installed."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            raise MissingDependencyError(
                f"this method needs {self.needs}, which has an environment of its own: `make "
                f"{self.needs}`, then the same command with .venv-{self.needs}/bin/visuomotor"
            )


@dataclass(frozen=True)
class Filling:
    """How cells are filled that are no policies for tasks of ours, in a world of their own.

    demonstrations: of a request's cells of this task and method. missing: the regions that a cell
    lacks. fill: as `filling.fill_cell`; it is given how many threads it may use.
    """

    demonstrations: Callable[[Request, str, str], int]
    missing: Callable[[Request, Wanted], list[str]]
    fill: Callable[[Request, Wanted, Callable[[str], None], Callable[[], bool], int], None]


@dataclass(frozen=True)
class Study:
    """A family's plan; the first of each is what `study run` does without being told.

    sources: demonstrator -> fields of its SimConfig, `region` among them; departures: task -> those
    that differ for it, whoever demonstrates. row_fields: names of
    figures that the methods return, to be averaged over seeds into every row. notes: paragraphs
    for the table's text. unseen: variant -> the one that its region `unseen` is rolled out in, by
    default `<variant>_unseen`; unseen_development: the same where methods are chosen. clusters:
    region -> in how many surroundings its rollouts are, start i in surroundings i % clusters;
    intervals are then bootstrapped over them. regions: where
    methods are rolled out unless otherwise asked, by `pairs.KINDS` or by name; without any, in
    those that the variant has. demonstrated: of pairs of start and goal, those that are shown.
    first_seeds, development_seeds: region -> seed of its first start, of tables and of development;
    task_seeds: task -> its own instead of first_seeds, where those had been seen too early.
    filling: of cells that are filled in another way, from demonstrations that the user gives.
    row_names: further names of a row's fields. page: makes the report where `make_report` does not.
    The rest is what the report shows: see `reporting`.
    """

    family: str
    methods: Mapping[str, Method]
    tasks: tuple[str, ...]
    sources: Mapping[str, Mapping[str, Any]]
    demonstrations: tuple[int, ...]
    departures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cameras: tuple[str, ...] = ("front", "side")
    rollouts: int = 100
    row_fields: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    targets: tuple[Target, ...] = ()
    paper: tuple[PaperFigure, ...] = ()
    paper_title: str = ""
    maps: tuple[StartMap, ...] = ()
    curves: tuple[CurvePlot, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)
    unseen_development: Mapping[str, str] = field(default_factory=dict)
    clusters: Mapping[str, int] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    demonstrated: tuple[str, ...] = ()
    first_seeds: Mapping[str, int] = field(default_factory=lambda: dict(FIRST_SEEDS))
    development_seeds: Mapping[str, int] = field(default_factory=lambda: dict(DEVELOPMENT_SEEDS))
    task_seeds: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    filling: Filling | None = None
    row_names: Mapping[str, str] = field(default_factory=dict)
    page: Callable[[Study, Sequence[CellResult], str, Sequence[Mapping[str, str]]], Page] | None = (
        None
    )

    def unseen_variant(self, variant: str, development: bool = False) -> str:
        """The variant that the region `unseen` of another one is rolled out in."""
        chosen = self.unseen_development if development else self.unseen
        return chosen.get(variant, self.unseen.get(variant, f"{variant}_unseen"))

    def first_seed(self, region: str, task: str = "") -> int | None:
        """Of the tables' first start in a region, of any task or of this; None: no such region."""
        return {**self.first_seeds, **self.task_seeds.get(task, {})}.get(region)

    def usual_regions(self, method: str, variant: str) -> tuple[str, ...]:
        """Where a method is rolled out unless otherwise asked."""
        alike = variant == "plain" or variant in TWINS
        by_variant = ("interpolation", "extrapolation" if alike else UNSEEN)
        return self.methods[method].regions or self.regions or by_variant


def study_of(family: str) -> Study:
    """The plan of a family, or of a module of your own by its dotted name, `my_lab.study`.

    ConfigError names those there are.
    """
    if family not in STUDIES and "." not in family:
        raise ConfigError(unknown_name("study", family, STUDIES))
    try:
        found: Study = importlib.import_module(STUDIES.get(family, family)).STUDY
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(f"study {family!r}: {error}; expected a module with STUDY") from error
    return found
