"""The loop that every gradient-trained part shares: schedule, resume, progress, interruption."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from visuomotor import ranks
from visuomotor.errors import Interrupted
from visuomotor.ranks import Step
from visuomotor.training.dealing import step_generators
from visuomotor.training.device import CPU
from visuomotor.training.progress import Progress, ProgressFile, Report
from visuomotor.training.state import TrainingState


class Budget(Protocol):
    """How long and how fast is learned; every training's configuration is one."""

    @property
    def steps(self) -> int:
        """Of gradient descent."""

    @property
    def learning_rate(self) -> float:
        """At its highest."""

    @property
    def weight_decay(self) -> float:
        """AdamW's."""


def optimise(
    stage: str,
    model: nn.Module,
    step: Step,
    budget: Budget,
    *,
    seed: int,
    out: Path,
    key: str,
    metrics: tuple[str, ...],
    report: Report,
    should_stop: Callable[[], bool],
    report_every: int = 20,
    save_every: int = 200,
    begin: Callable[[int], None] = lambda n: None,
    device: torch.device = CPU,
) -> None:
    """Adam with a linear warm-up of 5% and a cosine decay to zero; gradients clipped to norm 1.

    begin: told the number of each step before it. A metric that some steps lack is the mean of the
    others, or left out. device: where the model is while it learns; before and after it is on the
    CPU, and so is what is saved of it.

    Resumes a killed run of the same `key` at its last saved step, with the result that an
    uninterrupted one has. Raises Interrupted, state saved, when `should_stop` says so.

    Under torchrun (`ranks.join`) each process computes its part of every batch; gradients and
    metrics are means over all, the first process writes, and all stop when one is told to.
    """
    model.to(device)
    steps, learning_rate, decay = budget.steps, budget.learning_rate, budget.weight_decay
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=decay)
    state = TrainingState(out, key if ranks.count() == 1 else f"{key}-{ranks.count()}")
    first = state.restore(model, optimiser)
    ranks.check_same(first, f"{stage}: steps that are done")
    file = ProgressFile(out, ("seconds", *metrics), first) if ranks.first() else None
    model.train()
    kept: dict[str, list[float]] = {name: [] for name in metrics}
    joint = ranks.together(model, step)
    start = time.monotonic()
    for n in range(first, steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * schedule(n, steps)
        rng, generator = step_generators(seed, n)
        begin(n)
        loss, values = joint(rng, generator)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        for name, value in ranks.means(values, metrics).items():
            kept[name].append(value)
        done = n + 1
        if done % report_every == 0 or done == steps:
            means = {name: sum(past) / len(past) for name, past in kept.items() if past}
            kept = {name: [] for name in metrics}
            elapsed = time.monotonic() - start
            if file is not None:
                file.add(done, {"seconds": elapsed, **means})
            report(Progress(stage, done, steps, means, elapsed / (done - first) * (steps - done)))
        stop = ranks.agreed(should_stop())
        if stop or (done % save_every == 0 and done < steps):
            state.save(done, model, optimiser)
        if stop and done < steps:
            raise Interrupted(
                f"{stage}: stopped after step {done} of {steps}; run it again to go on"
            )
    model.to(CPU).eval()


def schedule(step: int, steps: int) -> float:
    """The learning rate's factor at a step: linear warm-up, then half a cosine to zero."""
    warm_up = max(1, steps // 20)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Layers as small as a head's run slower on more threads, many times so on a busy machine."""
    with torch_threads(1):
        yield


@contextlib.contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Torch computes with so many threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
