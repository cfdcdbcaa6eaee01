"""Several processes that train one model together, as torchrun starts them.

The one place that knows torch.distributed. In a process that was started alone, `number` is 0,
`count` is 1, and nothing here costs anything.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from datetime import timedelta

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from visuomotor.errors import ConfigError

Step = Callable[[np.random.Generator, torch.Generator], tuple[Tensor, Mapping[str, Tensor]]]
"""Draws a batch with the generators of its step; returns the loss and metrics to report."""

_PATIENCE = timedelta(days=1)
"""The processes wait so long for one another; when one ends, torchrun ends the others."""


def launched() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ and "RANK" in os.environ


def number() -> int:
    """Which of the processes this one is."""
    return distributed.get_rank() if _joined() else 0


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _joined() else 1


def first() -> bool:
    """Whether this process is the one that writes files and tells of progress."""
    return number() == 0


def join() -> None:
    """Makes this process one of those that torchrun started, if it started it, until its end.

    gloo connects tensors in memory, and nccl those on a GPU, of which each process then takes one.
    """
    if not launched() or _joined():
        return
    backend = "gloo"
    if torch.cuda.is_available() and distributed.is_nccl_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    atexit.register(distributed.destroy_process_group)


def wait() -> None:
    """Returns when all processes are here."""
    if count() > 1:
        agreed(False)


def agreed(wish: bool) -> bool:
    """Whether any of the processes wishes so."""
    if count() == 1:
        return wish
    wishes = torch.tensor([float(wish)])
    distributed.all_reduce(wishes, distributed.ReduceOp.MAX)
    return bool(wishes.item())


def means(values: Mapping[str, Tensor], names: tuple[str, ...]) -> dict[str, float]:
    """The named values, each the mean over the processes that have it; those none has left out."""
    if count() == 1:
        return {name: float(values[name].detach()) for name in names if name in values}
    sums = torch.zeros(len(names), 2, dtype=torch.float64)
    for i, name in enumerate(names):
        if name in values:
            sums[i] = torch.tensor([float(values[name].detach()), 1.0])
    distributed.all_reduce(sums)
    return {name: float(s / n) for name, (s, n) in zip(names, sums, strict=True) if n > 0}


def check_same(value: int, what: str) -> None:
    """Raises ConfigError unless all processes have the same number."""
    if count() == 1:
        return
    ends = torch.tensor([value, -value])
    distributed.all_reduce(ends, distributed.ReduceOp.MAX)
    if ends[0] != -ends[1]:
        raise ConfigError(
            f"{what}: got {value} in process {number()}, and {-int(ends[1])} to {int(ends[0])} in "
            "all, expected the same; dataset and output must be folders that all machines share"
        )


def refuse(what: str, why: str) -> None:
    """Raises ConfigError where torchrun started several processes for what one does."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if launched() and processes > 1:
        raise ConfigError(
            f"{what}: got {processes} processes of torchrun, expected one: {why}; start it without "
            "torchrun"
        )


class _Stepped(nn.Module):
    """A step as the forward pass of a module, which is how gradients of all processes are met."""

    def __init__(self, model: nn.Module, step: Step) -> None:
        super().__init__()
        self.model, self.values = model, dict[str, Tensor]()
        self._step = step

    def forward(self, rng: np.random.Generator, generator: torch.Generator) -> Tensor:
        """The loss; the metrics are kept aside."""
        loss, values = self._step(rng, generator)
        self.values = {name: value.detach() for name, value in values.items()}
        return loss


def together(model: nn.Module, step: Step) -> Step:
    """The step of a model whose gradients are then the mean over all processes'.

    Weights and buffers are those of the first process. Parameters that a step does not use are
    left as they are in all.
    """
    if count() == 1:
        return step
    stepped = _Stepped(model, step)
    parallel = DistributedDataParallel(stepped, find_unused_parameters=True)

    def joint(
        rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        loss: Tensor = parallel(rng, generator)
        return loss, stepped.values

    return joint


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
