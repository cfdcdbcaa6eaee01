"""Which threads the system runs first: those that a robot waits for."""

from __future__ import annotations

import os


def come_first(priority: int) -> str:
    """This thread, and those it makes from now on, run before all ordinary ones (SCHED_RR).

    priority: 1 to MAX_PRIORITY; 0 changes nothing. Returns "", or why the system does not allow it
    and how it would; all then runs as before.
    """
    if priority <= 0:
        return ""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except (OSError, AttributeError) as error:  # no permission; no Linux
        return (
            f"no real-time priority {priority} ({error}); a busy machine may delay the arm's loop. "
            "Allow it with `rtprio 99` for your user in /etc/security/limits.conf"
        )
    return ""


def stand_back() -> None:
    """This thread, and those it makes from now on, are ordinary ones."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
