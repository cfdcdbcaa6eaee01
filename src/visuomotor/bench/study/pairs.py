"""Regions that name a start and a goal of a task that has several: `a>d`, `a>`, `a>d:held`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from visuomotor.bench.study.cell import CellResult
from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.tasks import make_task
from visuomotor.sim.tasks.goals import WithGoals

DISTURBANCES = ("held", "moved")
KINDS = ("starts", "pairs", *DISTURBANCES)
"""What a plan may say for all of a task's regions of a kind."""


@dataclass(frozen=True)
class PairRegion:
    """Rollouts from one start to one goal, or to any; disturbance: as SimConfig's."""

    start: str
    goal: str = ""
    disturbance: str = "none"

    @property
    def pair(self) -> str:
        """`a>d`, or `a>` for any goal."""
        return f"{self.start}>{self.goal}"

    @property
    def underlying(self) -> str:
        """The kind of region that its starts are drawn from."""
        return "interpolation"


def pair_region(region: str) -> PairRegion | None:
    """What a region's name says; None for a region without a pair.

    >>> pair_region("a>d:held")
    PairRegion(start='a', goal='d', disturbance='held')
    >>> pair_region("a>").goal, pair_region("extrapolation")
    ('', None)
    """
    if ">" not in region:
        return None
    pair, _, disturbance = region.partition(":")
    start, _, goal = pair.partition(">")
    return PairRegion(start, goal, disturbance or "none")


def expanded(task: str, regions: Iterable[str]) -> tuple[str, ...]:
    """The regions, a kind of KINDS replaced by all of the task's.

    ConfigError for a kind or pair that the task lacks; other names are as they were.
    """
    found: list[str] = []
    for region in regions:
        pair = pair_region(region)
        if region not in KINDS and pair is None:
            found.append(region)
            continue
        made = make_task(task)
        if not isinstance(made, WithGoals):
            raise ConfigError(f"region {region!r}: task {task} has no starts and goals")
        if pair is not None:
            _check(task, made, pair)
            found.append(region)
        elif region == "starts":
            found += [f"{start}>" for start in made.starts]
        else:
            suffix = "" if region == "pairs" else f":{region}"
            found += [f"{start}>{goal}{suffix}" for start in made.starts for goal in made.goals]
    return tuple(found)


def with_goals_reached(result: CellResult) -> CellResult:
    """The cell with a region `a>d` for each goal d beside `a>`: how often it ended there.

    Only where `a>d` itself was not rolled out.
    """
    if not any(pair_region(name) for name in result.regions):
        return result
    made, derived = make_task(result.cell.task), {}
    if not isinstance(made, WithGoals):
        return result
    for name, region in result.regions.items():
        pair = pair_region(name)
        if pair is None or pair.goal or "reached" not in region:
            continue
        for goal in made.goals:
            asked = f"{pair.start}>{goal}" + name[len(pair.pair) :]
            derived[asked] = {**region, "success": [int(r == goal) for r in region["reached"]]}
    return replace(result, regions={**derived, **result.regions})


def named(region: str) -> Mapping[str, Any]:
    """What a row of the table says of its region: `region` and, where it has one, `pair`."""
    pair = pair_region(region)
    if pair is None:
        return {"region": region}
    disturbed = pair.disturbance != "none"
    return {"region": pair.disturbance if disturbed else pair.underlying, "pair": pair.pair}


def _check(task: str, made: WithGoals, pair: PairRegion) -> None:
    if pair.start not in made.starts:
        raise ConfigError(unknown_name(f"start of {task}", pair.start, made.starts))
    if pair.goal and pair.goal not in made.goals:
        raise ConfigError(unknown_name(f"goal of {task}", pair.goal, made.goals))
    if pair.disturbance not in ("none", *DISTURBANCES):
        raise ConfigError(unknown_name("disturbance", pair.disturbance, DISTURBANCES))
