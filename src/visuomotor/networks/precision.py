"""Number formats of a training step's network: bfloat16 where the processor computes in it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Literal

import torch

Precision = Literal["auto", "bfloat16", "float32"]


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """The context in which the network's forward pass runs; "auto": bfloat16 where it is faster."""
    if precision == "float32" or (precision == "auto" and not computes_bfloat16(device.type)):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


@cache
def computes_bfloat16(device_type: str) -> bool:
    """Whether the device has instructions for it; without them it is converted, which is slow."""
    if device_type != "cpu":
        return device_type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """The context in which nothing is reduced, also within `autocast`."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
