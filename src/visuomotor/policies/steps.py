"""The longest step that was demonstrated: what a policy's own may not exceed.

A network that is asked for what it never saw answers with steps of any length. The bridge refuses
those that jump, and the arm would never begin; shortened, they lead to where the network knows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64


def shortened_deltas(deltas: Float64, longest: Float64) -> Float64:
    """Deltas (..., 6) whose translation and rotation are no longer than `longest` (..., 2): m, rad.

    Their directions stay, and what is not finite stays as it is: for the runtime to refuse.
    """
    pairs = deltas.reshape(*deltas.shape[:-1], 2, 3)
    length = np.linalg.norm(pairs, axis=-1)
    too_long = np.isfinite(length) & (length > longest)
    share = np.where(too_long, longest / np.where(too_long, length, 1.0), 1.0)
    return (pairs * share[..., None]).reshape(deltas.shape)


def longest_deltas(deltas: Float64, valid: NDArray[np.generic] | None = None) -> Float64:
    """The longest translation and rotation (..., 2) of demonstrated deltas (N, ..., 6).

    valid (N, ...): False or 0 where a delta does not count.
    """
    length = np.linalg.norm(deltas.reshape(*deltas.shape[:-1], 2, 3), axis=-1)
    if valid is not None:
        length = length * (valid[..., None] != 0)
    longest: Float64 = length.max(axis=0)
    return longest
