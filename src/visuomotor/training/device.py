"""Which device a training computes on: a GPU where there is one, else the CPU.

Networks are built, and random numbers drawn, on the CPU. `training.loop.optimise` moves the network
for as long as it learns; each loss moves its batch to where it finds the network (`device_of`,
`moved`), and everything else follows the tensors that it is given.
"""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from visuomotor import ranks
from visuomotor.errors import ConfigError

CPU = torch.device("cpu")
T = TypeVar("T")


def find_device(name: str) -> torch.device:
    """The device of a name: `auto` (a GPU where torch finds one), `cpu`, `cuda`, or `cuda:1`.

    Of processes that train together (`ranks`) each takes a GPU of its own, or none does. Raises
    ConfigError for a device that is not there.
    """
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if ranks.count() > 1 else 1
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0  # some it cannot use
    device = choose(name, gpus, here)
    is_gpu = device.type != "cpu"
    if ranks.agreed(is_gpu) and ranks.agreed(not is_gpu):
        raise ConfigError(
            f"device: got {name}, which is {device} for this process and another kind for others; "
            "expected the same kind for all: say cpu, or use machines that are alike"
        )
    return device


def choose(name: str, gpus: int, processes: int = 1) -> torch.device:
    """The device of a name on a machine with so many GPUs, for so many processes on it."""
    kind, colon, index = name.partition(":")
    known = name in ("auto", "cpu") or (kind == "cuda" and (not colon or index.isdecimal()))
    if not known:
        raise ConfigError(
            f"device: got {name!r}, expected auto (a GPU where torch finds one), cpu, cuda, or "
            "cuda:N for GPU number N"
        )
    if processes > 1 and colon:
        raise ConfigError(
            f"device: got {name} for {processes} processes, expected cuda: each takes a GPU of its "
            "own (CUDA_VISIBLE_DEVICES says of which)"
        )
    if name == "cpu" or (name == "auto" and not 0 < processes <= gpus):
        return CPU
    needed = int(index) + 1 if colon else processes
    if needed > gpus:
        if gpus:
            there = ", ".join(f"cuda:{i}" for i in range(gpus))
        else:
            there = f"no GPU (torch {torch.__version__}, built for CUDA: {torch.version.cuda})"
        wanted = name if processes == 1 else f"{name} for {processes} processes"
        raise ConfigError(
            f"device: got {wanted}, but torch finds {there}; say auto or cpu, or check the driver "
            "and that torch is a build with CUDA (visuomotor doctor)"
        )
    return torch.device(name if colon else "cuda")


def device_of(module: nn.Module) -> torch.device:
    """Where a network is, by its first parameter."""
    return next(module.parameters()).device


def moved(value: T, device: torch.device) -> T:
    """A tensor, or a dataclass or tuple of them, on a device; what is there is not copied."""
    if device.type == "cpu":
        return value  # batches are made there
    found: object = value
    if isinstance(value, Tensor):
        found = value.to(device)
    elif isinstance(value, tuple):
        found = tuple(moved(part, device) for part in value)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: moved(getattr(value, f.name), device) for f in fields(value)}
        found = type(value)(**parts)
    return found  # type: ignore[return-value]
