"""Which cells to fill: choices of the command line, and blocks of a plan file in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from visuomotor.bench.study.cell import Cell, load, result_path
from visuomotor.bench.study.pairs import KINDS, expanded, pair_region
from visuomotor.bench.study.plan import study_of
from visuomotor.config import from_mapping, read_yaml
from visuomotor.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Block:
    """Cells that a plan asks for, by the command line's names; empty: the study's default."""

    task: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    task_variant: tuple[str, ...] = ("plain",)
    source: tuple[str, ...] = ()
    demonstrations: tuple[int, ...] = ()
    seed: tuple[int, ...] = (0,)
    region: tuple[str, ...] = ()
    rollouts: int = 0

    def __post_init__(self) -> None:
        if self.rollouts < 0 or min((*self.demonstrations, 1)) < 1:
            raise ValueError(
                f"got rollouts {self.rollouts}, demonstrations {self.demonstrations}; expected 0 "
                "or more, 1 or more"
            )


@dataclass(frozen=True)
class Wanted:
    """A cell, and how many rollouts in which regions."""

    cell: Cell
    rollouts: Mapping[str, int]


@dataclass(frozen=True)
class Request:
    """What to fill, and where it lies.

    blocks: in order of priority. first_seeds: region -> seed of its first start; without any, those
    of the study's tables. work: folder of datasets and checkpoints. results: of the cells' JSON
    files. given: the user's own demonstrations, for studies that are made from them. starts: region
    -> the user's own file of start states, for studies that take some. device: that trainings
    compute on; no part of what a cell is.
    """

    family: str
    blocks: tuple[Block, ...] = (Block(),)
    first_seeds: tuple[tuple[str, int], ...] = ()
    work: Path = Path("study")
    results: Path = Path("benchmarks/results/study")
    given: Path | None = None
    starts: tuple[tuple[str, Path], ...] = ()
    device: str = "auto"

    def wanted(self) -> list[Wanted]:
        """Every cell once, where it first occurs, with all that the blocks ask of it.

        ConfigError for a task, method, source or region that the family's study lacks.
        """
        found: dict[Cell, dict[str, int]] = {}
        for block in self.blocks:
            for each in self._of(block):
                rollouts = found.setdefault(each.cell, {})
                for region, n in each.rollouts.items():
                    rollouts[region] = max(n, rollouts.get(region, 0))
        return [Wanted(cell, rollouts) for cell, rollouts in found.items()]

    @property
    def development(self) -> bool:
        """Whether its starts are those on which methods are chosen."""
        study = study_of(self.family)
        chosen = study.development_seeds != study.first_seeds
        return chosen and dict(self.first_seeds) == dict(study.development_seeds)

    def missing(self, wanted: Wanted) -> list[str]:
        """The regions without (enough) rollouts."""
        filling = study_of(self.family).filling
        if filling is not None:
            return filling.missing(self, wanted)
        path = result_path(self.results, wanted.cell)
        there = load(path).regions if path.exists() else {}
        return [
            r
            for r, n in wanted.rollouts.items()
            if r not in there
            or len(there[r]["success"]) < n
            or there[r]["first_seed"] != self.first_seed(r, wanted.cell.task)
        ]

    def first_seed(self, region: str, task: str = "") -> int:
        """Of a region's first start; pairs of start and goal have those of the region below.

        task: which may have starts of its own.
        """
        pair = pair_region(region)
        below = region if pair is None else pair.underlying
        if self.first_seeds:
            return dict(self.first_seeds)[below]
        found = study_of(self.family).first_seed(below, task)
        if found is None:
            raise ConfigError(f"study {self.family}: no starts in region {region!r}")
        return found

    def _of(self, block: Block) -> Iterable[Wanted]:
        study = study_of(self.family)
        _check("method", block.method, study.methods)
        _check("task", block.task, study.tasks)
        _check("source", block.source, study.sources)
        usual = (0,) if study.filling else study.demonstrations[:1]
        for n, task, variant, source, seed, method in product(
            block.demonstrations or usual,
            block.task or study.tasks,
            block.task_variant,
            block.source or tuple(study.sources)[:1],
            block.seed,
            block.method or tuple(study.methods),
        ):
            regions = expanded(task, block.region or study.usual_regions(method, variant))
            known = [r for r in regions if pair_region(r) is None]
            there = dict(self.first_seeds) or study.first_seeds
            _check("region", known, [*there, *dict(self.starts), *KINDS])
            rollouts = dict.fromkeys(regions, block.rollouts or study.rollouts)
            if study.filling and not n:
                n = study.filling.demonstrations(self, task, method)
            yield Wanted(Cell(self.family, method, task, variant, source, n, seed), rollouts)


def read_plan(path: Path) -> tuple[Block, ...]:
    """The blocks of a YAML file; ConfigError names file, block and key of what is wrong.

    The file holds `blocks:`, a list of mappings of Block's fields; one value need not be a list.
    """
    blocks = read_yaml(path).get("blocks")
    if not isinstance(blocks, list) or not blocks:
        raise ConfigError(
            f"{path}: got no list `blocks`, expected blocks such as "
            "{task: reach_t, method: [dd3d], demonstrations: 50}"
        )
    return tuple(_block(b, f"{path}: block {i}") for i, b in enumerate(blocks, 1))


def _block(values: Any, where: str) -> Block:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: got {values!r}, expected a mapping of Block's fields")
    listed = {k: v if k == "rollouts" or isinstance(v, list) else [v] for k, v in values.items()}
    return from_mapping(Block, listed, where)


def _check(what: str, chosen: Sequence[str], known: Any) -> None:
    for name in chosen:
        if name not in known:
            raise ConfigError(unknown_name(what, name, list(known)))
