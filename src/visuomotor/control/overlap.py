"""What several chunks say of one instant, as one pose on SE(3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import ActionChunk, Float64
from visuomotor.geometry import interpolate_pose, mean_pose


@dataclass(frozen=True)
class Splice:
    """A chunk that took over at start_ns, within window_ns (0: at once)."""

    chunk: ActionChunk
    start_ns: int
    window_ns: int = 0

    def share(self, arrival_ns: int) -> float:
        """How much of the command at this instant is this chunk's, 0 to 1, against older ones."""
        if self.window_ns == 0 or arrival_ns >= self.start_ns + self.window_ns:
            return 1.0
        return max(0.0, (arrival_ns - self.start_ns) / self.window_ns)


def blended(plan: Sequence[Splice], arrival_ns: int) -> Float64:
    """The pose (4, 4) at an instant that the newest covers: each on the way from those before.

    Straight in position, by the exponential map in rotation. What was begun before the last
    splice goes on below it, so that no splice makes a step.
    """
    result: Float64 | None = None
    for splice in plan:
        index, share = splice.chunk.index_at(arrival_ns), splice.share(arrival_ns)
        if index < len(splice.chunk):
            T = splice.chunk.poses[index]
            result = T if result is None or share == 1 else interpolate_pose(result, T, share)
    assert result is not None
    return result


def ensembled(plan: Sequence[Splice], arrival_ns: int, decay: float) -> Float64:
    """The mean pose (4, 4) of all that cover an instant, the i-th oldest weighing exp(-decay i)."""
    at = [(s.chunk, s.chunk.index_at(arrival_ns)) for s in plan]
    poses = np.stack([chunk.poses[i] for chunk, i in at if i < len(chunk)])
    return poses[0] if len(poses) == 1 else mean_pose(poses, np.exp(-decay * np.arange(len(poses))))
