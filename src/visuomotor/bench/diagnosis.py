"""One line of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and how to get what is wanted.

    required: nothing works without it.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""
    required: bool = False


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, "ok", found)


def warning(name: str, found: str, remedy: str = "") -> Check:
    """It works, but not as well as it could."""
    return Check(name, "warning", found, remedy)


def missing(name: str, found: str, remedy: str, required: bool = False) -> Check:
    """It is not there."""
    return Check(name, "missing", found, remedy, required)
