"""How the methods of the real2sim study learn, and from which of the videos."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from visuomotor.bench.study.plan import Job
from visuomotor.config import from_mapping
from visuomotor.errors import DataError
from visuomotor.training.skill import train_skill
from visuomotor.training.skill_config import SkillTrainingConfig
from visuomotor.video.demonstration import Demonstration, digest, load_demonstration

UPDATES = 300
"""Of every policy, with a curriculum as much faster; the paper's have 1000. With 250 `put_onto`
succeeded from 96% of hard starts (benchmarks/results/development/real2sim_put_onto.json)."""
SINGLES = 6
"""At most so many videos of an action are learned from one by one; the paper has six."""


@dataclass(frozen=True)
class Shown:
    """The videos that a cell learns from.

    key: tells them apart by their content, in whatever order; of: how many the action has.
    """

    demonstrations: tuple[Demonstration, ...]
    of: int

    @property
    def key(self) -> str:
        """16 hexadecimal digits, the same for the same videos."""
        return sha256(" ".join(sorted(map(digest, self.demonstrations))).encode()).hexdigest()[:16]


def skill(**settings: Any) -> Callable[[Job], Mapping[str, Any]]:
    """UPDATES of training with these departures from SkillTrainingConfig's defaults."""

    def method(job: Job) -> Mapping[str, Any]:
        shown = videos(job.dataset, job.cell.method)
        values = {"action": job.cell.task, "seed": job.cell.seed, "threads": job.threads}
        budget = {"ppo": {"updates": UPDATES}}
        made = {**values, **budget, **settings}
        config = from_mapping(SkillTrainingConfig, made, job.cell.method)
        if config.curriculum.at is None and config.ppo.updates < 1000:
            config = replace(config, curriculum=replace(config.curriculum, at=config.ppo.updates))
        train_skill(config, shown.demonstrations, job.out, job.report, job.should_stop)
        return {"updates": config.ppo.updates, "videos": shown.key, "videos_there": shown.of}

    return method


def video_files(folder: Path) -> list[Path]:
    """An action's demonstrations, in the natural order of their names: 2 before 10."""

    def natural(path: Path) -> list[tuple[int, str]]:
        return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", path.stem)]

    return sorted(folder.glob("*.npz"), key=natural)


def videos(folder: Path, method: str) -> Shown:
    """What a method learns from: all of the folder's files, or for `single_video_<k>` the k-th.

    DataError where there is none.
    """
    files = video_files(folder)
    k = single(method)
    chosen = files if k is None else files[k - 1 : k]
    if not chosen:
        raise DataError(
            f"{folder}: got {len(files)} demonstrations (.npz), expected {k or 1} or more; make "
            "them with `visuomotor video estimate --demonstration`"
        )
    return Shown(tuple(load_demonstration(path) for path in chosen), len(files))


def single(method: str) -> int | None:
    """Which video, from 1 on, a method is taught by; None: by all."""
    found = re.fullmatch(r"single_video_(\d+)", method)
    return int(found[1]) if found else None
