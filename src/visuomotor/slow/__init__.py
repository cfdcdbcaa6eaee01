"""Runs commands in slowed time, so that a graph keeps its rate on a machine too slow for it."""

from visuomotor.slow.run import is_here, no_real_arm, run_slowed, slowed, slowed_by

__all__ = ["is_here", "no_real_arm", "run_slowed", "slowed", "slowed_by"]
