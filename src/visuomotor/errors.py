"""One base exception; every message says what was got, what was expected and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 200


class VisuomotorError(Exception):
    """Base of every error a user can cause or mend."""


class ConfigError(VisuomotorError):
    """An unknown key, a value out of its bounds, an unreadable YAML file."""


class DataError(VisuomotorError):
    """A bag, an episode, an image or a message that is not what it should be."""


class CalibrationError(VisuomotorError):
    """Intrinsics or extrinsics that are missing or impossible."""


class CheckpointError(VisuomotorError):
    """A checkpoint that is incomplete or belongs to another observation."""


class CommandError(VisuomotorError):
    """A command that must not reach the arm."""


class RobotError(VisuomotorError):
    """The arm, its gripper or their simulation cannot do what is asked."""


class Interrupted(VisuomotorError):
    """A long run was asked to stop; its state is saved, and running it again goes on."""


class MissingDependencyError(VisuomotorError):
    """An optional library that this machine lacks."""


def unknown_name(kind: str, got: str, known: Iterable[str]) -> str:
    """The text for a name that does not exist: the near ones first, then all that exist.

    >>> unknown_name("task", "lfit", ["lift", "stack"])
    "unknown task 'lfit'; did you mean 'lift'? Known: lift, stack"
    """
    names = sorted(known)
    near = difflib.get_close_matches(got[:_LONGEST], names, n=2, cutoff=0.6)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else "."
    return f"unknown {kind} {shown(got)}{hint} Known: {', '.join(names) or 'none'}"


def shown(value: object) -> str:
    """A value that came from outside, for an error's text: as Python writes it, but not endless.

    >>> shown("a" * 10_000)[-8:]
    'aaaa ...'
    """
    try:
        text = repr(value)
    except Exception as error:  # a number of more digits than Python writes
        return f"a {type(value).__name__} ({error})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
