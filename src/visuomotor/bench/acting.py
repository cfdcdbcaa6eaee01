"""How long a policy takes for one observation."""

from __future__ import annotations

import time

import numpy as np
import torch

from visuomotor.contracts import Observation, Policy

_ACTS, _WARM_UP = 40, 2


def acting(policy: Policy, observation: Observation, threads: int) -> dict[str, float]:
    """p50_ms and p95_ms of `act` with so many threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    taken = []
    try:
        for _ in range(_ACTS):
            start = time.perf_counter()
            policy.act(observation)
            taken.append(1e3 * (time.perf_counter() - start))
    finally:
        torch.set_num_threads(before)
    p50, p95 = np.percentile(taken[_WARM_UP:], [50, 95])
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}
