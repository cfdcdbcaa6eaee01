"""The whole chain from nothing to a report: record, train, run through the graph, measure."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visuomotor.bench.evaluation import evaluate, run_rollouts
from visuomotor.bench.graph_evaluation import evaluate_graph
from visuomotor.bench.loop_metrics import ONE_HOP_LESS, loop_figures
from visuomotor.bench.media import demonstration_gif, rollout_gifs
from visuomotor.bench.report import write_report
from visuomotor.bench.results import commit, cores, machine
from visuomotor.bench.stages import Launched, Stages, say
from visuomotor.bench.statistics import wilson
from visuomotor.recording import find_episodes
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig
from visuomotor.sim.rollout import Rollout
from visuomotor.sim.tasks import make_task


@dataclass(frozen=True)
class DemoConfig:
    """What the demo does; the seeds of demonstrations and tests are disjoint."""

    task: str = "lift"
    episodes: int = 40
    graph_rollouts: int = 40
    lockstep_rollouts: int = 200
    blind_rollouts: int = 60
    cameras: tuple[str, ...] = ("front", "side")
    demonstration_seed: int = 1_000
    graph_seed: int = 210_000
    lockstep_seed: int = 310_000


def run_demo(out: Path, config: DemoConfig | None = None) -> dict[str, Any]:
    """Runs every stage that is not complete yet; returns and writes `summary.json`."""
    config = config or DemoConfig()
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    # A domain of its own: another graph on this machine must not drive this arm.
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    demo = _Demo(out, config)
    stages = Stages(out)
    recorded = {"task": config.task, "episodes": config.episodes, "cameras": config.cameras}
    stages.run("record", recorded, demo.record)
    trained = {**recorded, "config": _texts(share_folder() / "config", "*dense*.yaml")}
    stages.run("train_descriptors", trained, demo.train_descriptors)
    stages.run("train_policy", trained, demo.train_policy)
    stages.run("graph", {**trained, "n": config.graph_rollouts}, demo.graph)
    stages.run("lockstep", {**trained, "n": config.lockstep_rollouts}, demo.lockstep)
    stages.run("blind", {**trained, "n": config.blind_rollouts}, demo.blind)
    summary = demo.summary(stages.seconds())
    report = write_report(out)
    lower, upper = summary["interval"]
    say(f"success through the graph {summary['success']:.2f} [{lower:.2f}, {upper:.2f}]")
    say(f"report: {report}")
    return summary


class _Demo:
    """The stages' work; every method returns a sentence on what came of it."""

    def __init__(self, out: Path, config: DemoConfig) -> None:
        self.out, self.config = out, config
        self.launch = share_folder() / "launch"
        self.dataset = out / "dataset"
        self.descriptors, self.policy = out / "descriptors", out / "policy"
        self.sim = SimConfig(task=config.task, cameras=config.cameras)

    def record(self) -> str:
        """Demonstrations through the graph: simulation, synchroniser, bridge, recorder."""
        config = self.config
        self.dataset.mkdir(exist_ok=True)

        def recorded() -> int:
            return len(find_episodes(self.dataset, task=config.task))

        there = recorded()
        if there < config.episodes:
            arguments = {
                "task": config.task,
                "cameras": list(config.cameras),
                "dataset": self.dataset,
                "episodes": config.episodes - there,
                "first_seed": config.demonstration_seed + there,
            }
            with Launched(
                self.launch / "record.launch.xml", arguments, self.out / "logs" / "record.log"
            ) as run:
                run.wait(config.episodes, recorded, "recording", 30.0 + 15.0 * config.episodes)
                if recorded() < config.episodes:
                    raise run.failure(f"recorded {recorded()} of {config.episodes} episodes")
        demonstration_gif(find_episodes(self.dataset, task=config.task)[0], self.out / "media")
        return f"{recorded()} demonstrations of {config.task} through the ROS graph"

    def train_descriptors(self) -> str:
        """Dense descriptors from the bags, by the training node."""
        self._train("train_descriptors", self.descriptors, {"only_descriptors": "true"})
        return _last_row(self.descriptors / "progress.csv")

    def train_policy(self) -> str:
        """The policy from the same bags, by the training node."""
        self._train("train_policy", self.policy, {"descriptors": self.descriptors})
        return _last_row(self.policy / "progress.csv")

    def _train(self, stage: str, out: Path, extra: dict[str, Any]) -> None:
        arguments = {"dataset": self.dataset, "out": out, **extra}
        progress = out / "progress.csv"

        def rows() -> int:
            return len(progress.read_text().splitlines()) if progress.exists() else 0

        log = self.out / "logs" / f"{stage}.log"
        with Launched(self.launch / "train.launch.xml", arguments, log) as run:
            run.wait(0, rows, stage, 1800.0)
            if not (out / "config.yaml").exists():
                raise run.failure(f"{stage} ended without a checkpoint; run the demo again")

    def graph(self) -> str:
        """The policy node at 20 Hz from unseen starts."""
        config = self.config
        arguments = {
            "task": config.task,
            "cameras": list(config.cameras),
            "policy": self.policy,
            **ONE_HOP_LESS,
        }
        log = self.out / "logs" / "graph.log"
        horizon = make_task(config.task).horizon_steps
        seeds = range(config.graph_seed, config.graph_seed + config.graph_rollouts)
        with Launched(self.launch / "demo.launch.xml", arguments, log) as run:
            bar = tqdm(total=len(seeds), desc="graph", disable=None, leave=False)
            with bar:
                rollouts, logs = evaluate_graph(seeds, horizon, lambda _: bar.update())
            if all(r.error for r in rollouts):
                raise run.failure(f"no rollout worked: {rollouts[0].error}")
        figures = loop_figures(logs)
        self._write(
            "graph",
            rollouts=[asdict(r) for r in rollouts],
            rate_hz=figures.rate_hz,
            missed_deadline_fraction=figures.missed_deadline_fraction,
            latency_ms=figures.latency_ms(),
            intervals_ms=figures.intervals_ms,
            latencies_ms=figures.latencies_ms,
        )
        return f"{_share(rollouts)} at {figures.rate_hz:.2f} Hz"

    def lockstep(self) -> str:
        """The same checkpoint in lockstep, from many more starts; the first ones as pictures."""
        seeds = self._lockstep_seeds(self.config.lockstep_rollouts)
        rollouts = self._evaluate("lockstep", seeds, blind=False)
        with rollout_gifs(self.out / "media", seeds[:4]) as on_step:
            list(run_rollouts(self.policy, self.sim, seeds[:4], on_step=on_step))
        self._write("lockstep", rollouts=[asdict(r) for r in rollouts])
        return _share(rollouts)

    def blind(self) -> str:
        """The same starts with black images: does it look?"""
        seeds = self._lockstep_seeds(self.config.blind_rollouts)
        rollouts = self._evaluate("blind", seeds, blind=True)
        self._write("blind", rollouts=[asdict(r) for r in rollouts])
        return _share(rollouts)

    def _evaluate(self, name: str, seeds: range, blind: bool) -> list[Rollout]:
        bar = tqdm(total=len(seeds), desc=name, disable=None, leave=False)
        with bar:
            return evaluate(
                self.policy, self.sim, seeds, blind, lambda _: bar.update(), workers=cores()
            )

    def summary(self, stage_s: dict[str, float]) -> dict[str, Any]:
        """All figures of the run; written to `summary.json`."""
        graph = self._read("graph")
        summary = {
            **_success(graph),
            "lockstep": _success(self._read("lockstep")),
            "blind": _success(self._read("blind")),
            "rate_hz": graph["rate_hz"],
            "missed_deadline_fraction": graph["missed_deadline_fraction"],
            "latency_ms": graph["latency_ms"],
            "stage_s": stage_s,
            "machine": machine(),
            "commit": commit(),
            "config": asdict(self.config),
        }
        (self.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        return summary

    def _lockstep_seeds(self, n: int) -> range:
        return range(self.config.lockstep_seed, self.config.lockstep_seed + n)

    def _write(self, name: str, **values: Any) -> None:
        path = self.out / "rollouts" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def _read(self, name: str) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.out / "rollouts" / f"{name}.json").read_text())
        return values


def _success(result: dict[str, Any]) -> dict[str, Any]:
    n, k = len(result["rollouts"]), sum(r["success"] for r in result["rollouts"])
    return {"success": round(k / n, 4), "n": n, "interval": [round(v, 4) for v in wilson(k, n)]}


def _share(rollouts: Sequence[Rollout | Any]) -> str:
    return f"{sum(r.success for r in rollouts)} of {len(rollouts)} rollouts solved"


def _last_row(csv: Path) -> str:
    header, *rows = csv.read_text().splitlines()
    pairs = zip(header.split(","), rows[-1].split(","), strict=False)
    return ", ".join(f"{k} {v}" for k, v in pairs if v)


def _texts(folder: Path, pattern: str) -> dict[str, str]:
    return {f.name: f.read_text() for f in sorted(folder.glob(pattern))}
