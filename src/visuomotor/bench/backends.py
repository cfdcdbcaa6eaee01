"""The same policy from the same starts through the graph, with either of the arm's backends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visuomotor.bench.graph_evaluation import GraphRollout
from visuomotor.bench.in_graph import evaluate_in_graph, figures_of, own_domain
from visuomotor.bench.loop_metrics import LoopLog, loop_figures
from visuomotor.bench.quiet import QuietMachine
from visuomotor.bench.results import save_result
from visuomotor.bench.statistics import mcnemar
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig

BACKENDS = ("mujoco", "libfranka")
TASK, CHECKPOINT = "lift", "models/checkpoints/lift_dense"
FIRST_SEED, ROLLOUTS, TURN = 280_000, 100, 5
ATTEMPTS = 4
"""So often a turn is run in which the machine lost its speed; the last one counts in any case."""
PATIENCE_S = 240.0


@dataclass
class _Turn:
    """The same starts with each backend, one after the other."""

    rollouts: dict[str, list[GraphRollout]]
    logs: dict[str, list[LoopLog]]
    quiet: bool

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"seeds": [r.seed for r in self.rollouts["mujoco"]]}
        for backend in BACKENDS:
            row[backend] = sum(r.success for r in self.rollouts[backend])
            row[f"{backend}_hz"] = round(loop_figures(self.logs[backend]).rate_hz, 1)
        return {**row, "quiet": self.quiet}


def run(out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Runs the paired rollouts and writes `backends.json`; by default of the released policy.

    The backends take turns, TURN starts at a time, so that what else the machine does meets both.
    A graph that runs in real time measures the machine where that has lost its speed: a turn is
    begun when it has it, and run again where it had not at the end (`bench/quiet.py`, which looks
    at neither backend). What was run again is counted and kept in the result beside the rest.
    """
    own_domain()
    sim = SimConfig(task=TASK, cameras=("front", "side"))
    folder = checkpoint or share_folder() / CHECKPOINT
    machine, turns, again = QuietMachine(), list[_Turn](), list[_Turn]()
    for _ in range(3):
        machine.probe()
    firsts = range(FIRST_SEED, FIRST_SEED + ROLLOUTS, TURN)
    for first in tqdm(firsts, disable=None, leave=False):
        seeds = range(first, min(first + TURN, FIRST_SEED + ROLLOUTS))
        for attempt in range(ATTEMPTS):
            machine.wait(PATIENCE_S)
            turn = _Turn({}, {}, True)
            for backend in BACKENDS:
                turn.rollouts[backend], turn.logs[backend] = evaluate_in_graph(
                    folder, sim, seeds, backend
                )
                turn.quiet &= machine.probe()
            print(f"attempt {attempt + 1}: {turn.row()}", flush=True)
            if turn.quiet or attempt + 1 == ATTEMPTS:
                turns.append(turn)
                break
            again.append(turn)
    rollouts = {b: [r for t in turns for r in t.rollouts[b]] for b in BACKENDS}
    logs = {b: [log for t in turns for log in t.logs[b]] for b in BACKENDS}
    figures: dict[str, Any] = {"task": TASK}
    for backend in BACKENDS:
        figures[backend] = figures_of(rollouts[backend], logs[backend])
    pairs = list(zip(*([r.success for r in rollouts[b]] for b in BACKENDS), strict=True))
    only = [sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)]
    figures["only_mujoco"], figures["only_libfranka"] = only
    figures["mcnemar_p"] = mcnemar(*only)
    figures["turns"] = [turn.row() for turn in turns]
    figures["run_again"] = [turn.row() for turn in again]
    figures["probe_s"] = [round(t, 3) for t in machine.times_s]
    return save_result(
        out / "backends.json",
        figures,
        "two cores for an arm in Python, its libfranka client at 500 Hz, rendering and the policy",
        "visuomotor bench backends",
        [FIRST_SEED, FIRST_SEED + ROLLOUTS - 1],
    )
