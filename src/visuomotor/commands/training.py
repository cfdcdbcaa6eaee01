"""`train`: descriptors and policies from a dataset's bags, without a ROS graph."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from visuomotor.commands.progress import ProgressLine

if TYPE_CHECKING:
    from visuomotor.training import Progress


def train_descriptors(
    dataset: Path,
    out: Path,
    config: Path | None = None,
    task: str | None = None,
    episodes: int | None = None,
    threads: int = 0,
) -> int:
    """Train dense descriptors from bags; run again to go on where it was stopped.

    Args:
        dataset: Folder of the recorded episodes.
        out: Folder of the checkpoint.
        config: YAML file of the run; without it the defaults.
        task: Only episodes of this task.
        episodes: Only the first so many, to see how much a method needs.
        threads: Threads of torch; 0: its own choice.
    """
    return _train(
        "descriptors", config, dataset, out, threads, {"task": task, "episodes": episodes}
    )


def train_policy(
    dataset: Path,
    out: Path,
    family: str = "dense",
    config: Path | None = None,
    descriptors: Path | None = None,
    task: str | None = None,
    episodes: int | None = None,
    threads: int = 0,
) -> int:
    """Train a policy from bags; run again to go on where it was stopped.

    Args:
        dataset: Folder of the recorded episodes.
        out: Folder of the checkpoint.
        family: Which family of policy: `dense`, `bc` or `pointbc`.
        config: YAML file of the run; without it the defaults.
        descriptors: Folder of trained descriptors, for families that build on them.
        task: Only episodes of this task.
        episodes: Only the first so many, to see how much a method needs.
        threads: Threads of torch; 0: its own choice.
    """
    overrides: dict[str, Path | str | int | None]
    overrides = {"descriptors": descriptors, "task": task, "episodes": episodes}
    return _train(family, config, dataset, out, threads, overrides)


def _train(
    family: str,
    config: Path | None,
    dataset: Path,
    out: Path,
    threads: int,
    overrides: dict[str, Path | str | int | None],
) -> int:
    import torch

    from visuomotor.errors import Interrupted
    from visuomotor.training import train

    if threads > 0:
        torch.set_num_threads(threads)
    given = {k: str(v) if isinstance(v, Path) else v for k, v in overrides.items() if v is not None}
    with stop_on_interrupt() as should_stop, ProgressLine(family, 0, every_s=5.0) as line:

        def show(progress: Progress) -> None:
            values = {k: f"{v:.4g}" for k, v in progress.metrics.items()}
            if progress.eta_s is not None:
                values["left"] = f"{progress.eta_s:.0f} s"
            line.name = progress.stage
            text = ", ".join(f"{k} {v}" for k, v in values.items())
            line.to(progress.step, text, progress.total)

        try:
            train(family, config, dataset, out, show, should_stop, **given)
        except Interrupted as end:
            print(end)
            return 130
    print(f"checkpoint: {out}")
    return 0


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C makes the yielded function true, so that state is saved; the second ends."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop.set()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop.is_set
    finally:
        signal.signal(signal.SIGINT, before)
