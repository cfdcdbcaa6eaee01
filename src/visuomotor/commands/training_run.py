"""What every `train` command is given, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro


@dataclass(frozen=True)
class TrainingRun:
    """The options that all trainings share."""

    dataset: Path
    """Folder of the recorded episodes."""
    out: Path
    """Folder of the checkpoint."""
    task: str | None = None
    """Only episodes of this task."""
    episodes: int | None = None
    """Only the first so many, to see how much a method needs."""
    config: Path | None = None
    """YAML file of the run; without it the defaults."""
    threads: int = 1
    """Threads of torch; more pay for large networks alone. 0: its own choice."""
    seed: int | None = None
    """Of weights and batches; another one is another training."""
    device: str = "auto"
    """What it computes on: auto (a GPU where torch finds one), cpu, cuda, or cuda:N for GPU number
    N. A training goes on on either, and its checkpoint loads on a CPU. No GPU was tried yet."""

    @property
    def overrides(self) -> dict[str, Any]:
        """Those that every family's configuration has as fields."""
        return {"task": self.task, "episodes": self.episodes, "seed": self.seed}


@dataclass(frozen=True)
class OwnThreads(TrainingRun):
    """The same, where torch chooses its threads."""

    threads: int = 0
    """Threads of torch; 0: its own choice."""


Run = Annotated[TrainingRun, tyro.conf.arg(name="")]
"""As a command's parameter: its options stand beside the command's own, without a prefix."""
ThreadedRun = Annotated[OwnThreads, tyro.conf.arg(name="")]
