"""The bridge's states, and which follows which."""

from __future__ import annotations

from typing import Literal

State = Literal["idle", "teleop", "policy", "hold", "fault"]

TRANSITIONS: dict[State, frozenset[State]] = {
    "idle": frozenset({"teleop", "policy", "hold", "fault"}),
    "teleop": frozenset({"policy", "hold", "fault", "idle"}),
    "policy": frozenset({"teleop", "hold", "fault", "idle"}),
    "hold": frozenset({"teleop", "policy", "fault", "idle"}),
    "fault": frozenset(),
}
"""From a state to those that may follow it; each may also stay, and a reset may lead to any.

`idle` is before the first command and after a reset; `teleop` and `policy` say who moves the arm;
`hold` brakes and stands until an acceptable target comes, or `bridge/reset` where the operator
asked for it; `fault` ends with `bridge/reset` alone.
"""
