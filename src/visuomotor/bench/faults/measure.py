"""`bench faults`: one fault after the other, each from a healthy graph in motion."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visuomotor.bench.faults import command_faults, node_faults, recording_faults, stream_faults
from visuomotor.bench.faults.cell import complete_cell
from visuomotor.bench.faults.fault import Fault
from visuomotor.bench.faults.judge import Row
from visuomotor.bench.faults.operator import PageOperator
from visuomotor.bench.faults.rig import Rig
from visuomotor.bench.faults.run_fault import run_fault
from visuomotor.bench.in_graph import own_domain
from visuomotor.bench.results import save_result
from visuomotor.bench.stages import say
from visuomotor.errors import ConfigError
from visuomotor.ros.launch import share_folder

CHECKPOINT = "models/checkpoints/lift_dense"
FIRST_SEED = 420_000


def run(out: Path, only: str = "") -> dict[str, Any]:
    """Measures and writes `faults.json`; only: faults by words of their names, with commas."""
    own_domain()
    with small_disk() as (dataset, disk):
        words = only.split(",")
        chosen = [f for f in all_faults(disk) if any(word in f.name for word in words)]
        if not chosen:
            names = ", ".join(f.name for f in all_faults(disk))
            raise ConfigError(f"no fault has {only!r} in its name; there are {names}")
        with rig(dataset) as made:
            rows = list(_rows(made, chosen))
    name = "faults.json" if not only else "faults_some.json"
    return save_result(
        out / name,
        {
            "rows": len(rows),
            "safe": sum(r.safe for r in rows),
            "faults": [r.figures() for r in rows],
        },
        "stamps and waits of a machine whose cores also render, infer and listen",
        "visuomotor bench faults",
        [FIRST_SEED + i for i in range(len(rows))],
    )


def all_faults(disk: bool = True) -> list[Fault]:
    """The whole matrix; disk: with a small disk to fill."""
    return [
        *node_faults.faults(),
        *stream_faults.faults(),
        *command_faults.faults(),
        *recording_faults.faults(disk),
    ]


@contextmanager
def rig(dataset: Path) -> Iterator[Rig]:
    """The complete graph with the released policy, and an operator before its page."""
    checkpoint = share_folder() / CHECKPOINT
    if not (checkpoint / "config.yaml").is_file():
        raise ConfigError(f"no policy at {checkpoint}; it comes with a checkout of the repository")
    log = Path(tempfile.mkdtemp(prefix="visuomotor-faults-")) / "launch.log"
    reserve = recording_faults.MIN_FREE_MB
    with (
        complete_cell(checkpoint, dataset, log, min_free_mb=reserve) as (cell, launched, port),
        ExitStack() as stack,
    ):
        operator = PageOperator(port)
        stack.callback(operator.close)
        made = Rig(cell, launched.pid, operator, checkpoint)
        stack.callback(made.calm)
        yield made


@contextmanager
def small_disk() -> Iterator[tuple[Path, bool]]:
    """A folder for the episodes, and whether it is a disk of its own that can be filled."""
    folder = Path(tempfile.mkdtemp(prefix="visuomotor-faults-"))
    mounted = recording_faults.small_disk(folder)
    try:
        yield folder, mounted
    finally:
        if mounted:
            recording_faults.unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _rows(made: Rig, faults: Sequence[Fault]) -> Iterator[Row]:
    for i, fault in enumerate(tqdm(faults, desc="faults", unit="")):
        row = run_fault(made, fault, FIRST_SEED + i)
        verdict = "safe" if row.safe else f"NOT SAFE: {', '.join(row.wrongs)}"
        say(f"{fault.name}: {row.state}; {verdict}")
        yield row
