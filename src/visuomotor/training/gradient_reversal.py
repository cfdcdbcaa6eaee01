"""Gradient reversal: features from which a domain cannot be told (Ganin and Lempitsky 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, x: Tensor, strength: float) -> Tensor:
        context.strength = strength  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(
        context: torch.autograd.function.FunctionCtx, gradient: Tensor
    ) -> tuple[Tensor, None]:
        return -context.strength * gradient, None  # type: ignore[attr-defined]


def reversed_gradient(x: Tensor, strength: float) -> Tensor:
    """What is given; what flows back is multiplied by -strength."""
    y: Tensor = _Reversal.apply(x, strength)  # type: ignore[no-untyped-call]
    return y


def ramp(progress: float) -> float:
    """The strength over a training's progress in [0, 1]: from 0 to nearly 1 (section 3.1)."""
    return 2.0 / (1.0 + math.exp(-10.0 * progress)) - 1.0
