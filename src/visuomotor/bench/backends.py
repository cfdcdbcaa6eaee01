"""The same policy from the same starts through the graph, with either of the arm's backends."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.graph_evaluation import GraphRollout
from visuomotor.bench.in_graph import evaluate_in_graph, own_domain
from visuomotor.bench.quiet import QuietMachine, StolenTime, most_stolen
from visuomotor.bench.results import save_result
from visuomotor.bench.statistics import mcnemar, wilson
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig

BACKENDS = ("mujoco", "libfranka")
TASK, CHECKPOINT = "lift", "models/checkpoints/lift_dense"
FIRST_SEED, ROLLOUTS, TURN = 300_000, 100, 5
ATTEMPTS = 6
"""So often a rollout is run while the host takes its time; the last one counts in any case."""
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Attempt:
    """One rollout; stolen: the share of the processor time that the host gave to others in it."""

    backend: str
    seed: int
    success: bool
    rate_hz: float
    stolen: float
    error: str

    @property
    def quiet(self) -> bool:
        """Whether the host left it the time that it needed."""
        return self.stolen <= most_stolen()


class Attempts:
    """All that was run, on disk after every turn: a run that was interrupted goes on from there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.all = [Attempt(**json.loads(line)) for line in lines]

    def add(self, attempts: list[Attempt]) -> None:
        """Those of a turn."""
        self.all += attempts
        with self._path.open("a") as f:
            f.writelines(json.dumps(asdict(a)) + "\n" for a in attempts)

    def counted(self, backend: str, seed: int) -> Attempt | None:
        """The first that ran in quiet, else the last of ATTEMPTS; None while there is neither."""
        these = [a for a in self.all if (a.backend, a.seed) == (backend, seed)]
        quiet = [a for a in these if a.quiet]
        return quiet[0] if quiet else these[-1] if len(these) >= ATTEMPTS else None


def run(out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Runs the paired rollouts and writes `backends.json`; by default of the released policy.

    The backends take turns, TURN starts at a time, so that what else the machine does meets both.
    A graph in real time needs the machine's time: a turn is begun when the machine has it, and a
    rollout in which the host gave too much of it to others is run again (`bench/quiet.py`, which
    looks at neither backend). Under `visuomotor slow` it needs less of it. An interrupted run goes
    on from `backends.jsonl`, which the result replaces.
    """
    own_domain()
    sim = SimConfig(task=TASK, cameras=("front", "side"))
    folder = checkpoint or share_folder() / CHECKPOINT
    seeds = range(FIRST_SEED, FIRST_SEED + ROLLOUTS)
    machine, kept = QuietMachine(), out / "backends.jsonl"
    attempts = Attempts(kept)
    while True:
        open_ = {b: [s for s in seeds if attempts.counted(b, s) is None] for b in BACKENDS}
        if not any(open_.values()):
            break
        for backend in BACKENDS:
            if open_[backend]:
                machine.wait(PATIENCE_S)
                attempts.add(_turn(folder, sim, backend, open_[backend][:TURN]))
                print(_line(attempts.all[-len(open_[backend][:TURN]) :]), flush=True)
    result = save_result(
        out / "backends.json",
        _figures(attempts, seeds, machine),
        "two cores for an arm in Python, its libfranka client at 500 Hz, rendering and the policy",
        "visuomotor bench backends",
        [FIRST_SEED, FIRST_SEED + ROLLOUTS - 1],
    )
    kept.unlink()
    return result


def _turn(folder: Path, sim: SimConfig, backend: str, seeds: list[int]) -> list[Attempt]:
    stolen, attempts = StolenTime(), list[Attempt]()

    def add(r: GraphRollout) -> None:
        attempts.append(
            Attempt(backend, r.seed, r.success, r.rate_hz, round(stolen.share(), 4), r.error)
        )

    evaluate_in_graph(folder, sim, seeds, backend, progress=add)
    return attempts


def _line(turn: list[Attempt]) -> str:
    rows = (f"{a.seed} {'solved' if a.success else 'not'} {a.rate_hz:.1f} Hz" for a in turn)
    return f"{turn[0].backend}: " + ", ".join(rows) + f"; {sum(a.quiet for a in turn)} in quiet"


def _figures(attempts: Attempts, seeds: range, machine: QuietMachine) -> dict[str, Any]:
    counted = {b: [a for s in seeds if (a := attempts.counted(b, s)) is not None] for b in BACKENDS}
    figures: dict[str, Any] = {"task": TASK}
    for backend, rows in counted.items():
        successes, n = sum(a.success for a in rows), len(rows)
        low, high = wilson(successes, n)
        rates = np.percentile([a.rate_hz for a in rows], (5, 50))
        figures[backend] = {
            "successes": successes,
            "rollouts": n,
            "low": low,
            "high": high,
            "rate_hz": round(float(rates[1]), 2),
            "rate_hz_p5": round(float(rates[0]), 2),
            "not_quiet": sum(not a.quiet for a in rows),
            "attempts": sum(a.backend == backend for a in attempts.all),
            "errors": [a.error for a in rows if a.error],
            "failed_seeds": [a.seed for a in rows if not a.success],
        }
    pairs = list(zip(*([a.success for a in counted[b]] for b in BACKENDS), strict=True))
    only = [sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)]
    figures["only_mujoco"], figures["only_libfranka"] = only
    figures["mcnemar_p"] = mcnemar(*only)
    figures["probe_s"] = [round(t, 3) for t in machine.times_s]
    return figures
