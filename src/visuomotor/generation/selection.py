"""Which generated episodes are worth keeping."""

from __future__ import annotations

from visuomotor.generation.config import GenerationConfig
from visuomotor.generation.coverage import Coverage


def left_out(
    config: GenerationConfig, kept: Coverage, start: str, goal: str, duration_s: float
) -> str:
    """Why an episode is not worth keeping beside those that are kept; "" if it is.

    goal: the one it reached, "" for none.
    """
    if config.keep == "reached":
        if not goal:
            return "no goal reached"
        if config.longest_s and duration_s > config.longest_s:
            return f"took {duration_s:.1f} s, more than {config.longest_s:g} s"
    if config.per_pair and kept.counts.get((start, goal), 0) >= config.per_pair:
        return f"there are {config.per_pair} of {start} > {goal or 'no goal'} already"
    return ""
