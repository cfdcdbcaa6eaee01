"""LeRobot's own training program, run as a process: resumed, watched, and ended with this one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visuomotor.errors import DataError, Interrupted
from visuomotor.training.progress import Progress, ProgressFile, Report

METRICS = {"loss": "loss", "grad_norm": "grdn"}
"""Our name of a metric -> LeRobot's, in its log."""
_LAST = Path("checkpoints") / "last"
_END_S = 10.0


@dataclass(frozen=True)
class LeRobotTraining:
    """What LeRobot is asked to train.

    kind: `act` or `diffusion`. policy: departures from that policy's defaults, by LeRobot's names.
    save_every: steps between checkpoints, a multiple of log_every; an interrupted training goes on
    from the last. workers: processes that decode images.
    """

    kind: str
    steps: int
    batch: int
    seed: int = 0
    policy: Mapping[str, Any] = field(default_factory=dict)
    log_every: int = 50
    save_every: int = 500
    workers: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.log_every) < 1 or self.save_every % self.log_every:
            raise ValueError(
                f"got steps {self.steps}, batch {self.batch}, log_every {self.log_every}, "
                f"save_every {self.save_every}; expected at least 1, and a multiple of log_every"
            )

    def arguments(self, dataset: Path, run: Path) -> list[str]:
        """Of LeRobot's program, for a training from the beginning."""
        values: dict[str, Any] = {
            "dataset.repo_id": f"visuomotor/{dataset.name}",
            "dataset.root": str(dataset),
            "output_dir": str(run),
            "policy.type": self.kind,
            "policy.device": "cpu",
            "policy.push_to_hub": False,
            **{f"policy.{name}": value for name, value in self.policy.items()},
            "steps": self.steps,
            "batch_size": self.batch,
            "seed": self.seed,
            "num_workers": self.workers,
            "log_freq": self.log_every,
            "save_freq": self.save_every,
            "eval_freq": 0,
            "wandb.enable": False,
        }
        return [f"--{name}={_text(value)}" for name, value in values.items()]


def train_lerobot(
    training: LeRobotTraining,
    dataset: Path,
    run: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Trains until it has its steps, and returns LeRobot's folder of the policy.

    dataset: of `export_lerobot`. run: LeRobot's folder of the training, whose last checkpoint it
    goes on from. out: gets progress.csv. Raises Interrupted when `should_stop` says so, and
    DataError with the end of its log when LeRobot ends otherwise than well.
    """
    done = trained_steps(run)
    if done >= training.steps:
        return run / _LAST / "pretrained_model"
    if done:
        config = run / _LAST / "pretrained_model" / "train_config.json"
        arguments = [f"--config_path={config}", "--resume=true", f"--steps={training.steps}"]
    else:
        shutil.rmtree(run, ignore_errors=True)  # LeRobot takes no folder that exists
        run.parent.mkdir(parents=True, exist_ok=True)
        arguments = training.arguments(dataset.resolve(), run.resolve())
    out.mkdir(parents=True, exist_ok=True)
    file = ProgressFile(out, ("seconds", *METRICS), done)
    tail: deque[str] = deque(maxlen=30)
    start = time.monotonic()
    step = done
    for line in _lines(arguments, tail, should_stop):
        if "Checkpoint policy after" in line:
            _prune(run)
        if metrics := _metrics(line):
            step += training.log_every
            elapsed = time.monotonic() - start
            left = elapsed / (step - done) * (training.steps - step)
            file.add(step, {"seconds": elapsed, **metrics})
            report(Progress(training.kind, step, training.steps, metrics, left))
    if should_stop():
        raise Interrupted(
            f"{training.kind}: stopped after step {trained_steps(run)} of {training.steps}; run it "
            "again to go on"
        )
    if trained_steps(run) < training.steps:
        raise DataError(f"LeRobot's training of {training.kind} failed:\n" + "\n".join(tail))
    _prune(run, keep=1)
    return run / _LAST / "pretrained_model"


def _lines(
    arguments: list[str], tail: deque[str], should_stop: Callable[[], bool]
) -> Iterator[str]:
    """What the program prints, its progress bar too; told to stop, it is ended."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}
    environment.setdefault("OMP_NUM_THREADS", "1")
    command = [sys.executable, "-m", "lerobot.scripts.lerobot_train", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                tail.append(line.rstrip())
                yield line
                if should_stop():
                    break
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_END_S)
                except subprocess.TimeoutExpired:
                    process.kill()


def _metrics(line: str) -> dict[str, float]:
    """Of a line of LeRobot's log that has any."""
    if " updt_s:" not in line:
        return {}
    found = dict(re.findall(r"(\w+):(\S+)", line))
    return {ours: float(found[theirs]) for ours, theirs in METRICS.items() if theirs in found}


def trained_steps(run: Path) -> int:
    """How many steps the newest checkpoint has; 0 without one that is whole."""
    try:
        state = json.loads((run / _LAST / "training_state" / "training_step.json").read_text())
        return int(state["step"])
    except (OSError, ValueError, KeyError):
        return 0


def _prune(run: Path, keep: int = 2) -> None:
    """Removes all but the newest checkpoints, each of which has the optimiser's state."""
    made = sorted(p for p in (run / "checkpoints").glob("*") if p.is_dir() and not p.is_symlink())
    for old in made[:-keep]:
        shutil.rmtree(old)


def _text(value: Any) -> str:
    """A value as draccus reads it on the command line."""
    return json.dumps(value) if not isinstance(value, str) else value
