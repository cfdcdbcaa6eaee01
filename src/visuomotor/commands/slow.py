"""`slow`: another command in slowed time."""

from __future__ import annotations

from tyro.conf import Positional


def slow(factor: Positional[float], command: Positional[tuple[str, ...]]) -> int:
    """Run a command, and all that it starts, in slowed time.

    A graph of nodes keeps its rate then on a machine that is too slow for it. Simulations only: a
    real arm lives in the world's time, and its backends refuse.

    Args:
        factor: How many times longer a second lasts, such as 4.
        command: The command and its arguments, such as: visuomotor eval CHECKPOINT --graph
    """
    from visuomotor.slow import run_slowed

    return run_slowed(factor, command)
