"""The random numbers of a step, dealt to the processes that train together.

A generator draws for all processes alike, and gives each its part: so N processes with a batch of B
learn from what one with a batch of N B would learn from, in the same order, and with the same
noise where NumPy draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from visuomotor import ranks

_APART = 7_919_000_003
"""Between the seeds of the processes' own generators."""


class DealtGenerator(np.random.Generator):
    """Draws with a size are this process's part of a draw for all, along the first dimension.

    Draws of single numbers, and choices of so many of a few without repetition, are alike in all
    processes; bounds that are arrays, and single choices, are drawn by each process on its own.
    Methods that are not named here are alike in all.
    """

    def __init__(self, seed: Sequence[int], number: int, count: int) -> None:
        super().__init__(np.random.PCG64(list(seed)))  # as default_rng does
        self._number, self._count = number, count
        self._own = np.random.default_rng([*seed, number + 1])

    def integers(
        self, low: Any, high: Any = None, size: Any = None, *more: Any, **named: Any
    ) -> Any:
        """See `numpy.random.Generator.integers`."""
        if size is not None:
            return self._part(super().integers(low, high, self._whole(size), *more, **named))
        if np.ndim(low) or np.ndim(0 if high is None else high):
            return self._own.integers(low, high, None, *more, **named)
        return super().integers(low, high, None, *more, **named)

    def random(self, size: Any = None, *more: Any, **named: Any) -> Any:
        """See `numpy.random.Generator.random`."""
        return self._part(super().random(self._whole(size), *more, **named), size)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """See `numpy.random.Generator.normal`."""
        return self._part(super().normal(loc, scale, self._whole(size)), size)

    def standard_normal(self, size: Any = None, *more: Any, **named: Any) -> Any:
        """See `numpy.random.Generator.standard_normal`."""
        return self._part(super().standard_normal(self._whole(size), *more, **named), size)

    def choice(self, a: Any, size: Any = None, *more: Any, **named: Any) -> Any:
        """See `numpy.random.Generator.choice`."""
        if size is None:
            return self._own.choice(a, None, *more, **named)
        return super().choice(a, size, *more, **named)

    def _whole(self, size: Any) -> Any:
        """The size of a draw for all processes."""
        if size is None or size == ():
            return size
        first, *rest = (size,) if np.ndim(size) == 0 else size
        return (first * self._count, *rest)

    def _part(self, drawn: Any, size: Any = 0) -> Any:
        """What of a draw for all is this process's."""
        if size is None or size == ():
            return drawn
        share = len(drawn) // self._count
        return drawn[self._number * share : (self._number + 1) * share]


def step_generators(seed: int, step: int) -> tuple[np.random.Generator, torch.Generator]:
    """A step's generators, and torch's own (dropout) seeded.

    NumPy's is dealt; torch's are of each process on its own.
    """
    own = seed * 1_000_003 + step + ranks.number() * _APART
    torch.manual_seed(own)
    generator = torch.Generator().manual_seed(own)
    if ranks.count() == 1:
        return np.random.default_rng([seed, step]), generator
    return DealtGenerator([seed, step], ranks.number(), ranks.count()), generator
