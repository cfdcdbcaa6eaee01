"""Which instances of a category an episode may show, and which variants there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.config import Variant
from visuomotor.sim.environments import SPLITS
from visuomotor.sim.tasks.twins import TWINS

VARIANTS: tuple[Variant, ...] = get_args(Variant)

DRESSED: tuple[Variant, ...] = tuple(v for v in VARIANTS if v not in (*TWINS, *SPLITS))
"""Those of tasks whose objects have instances and looks."""

SEEN = range(12)
"""The instances of `class_general`."""
UNSEEN = range(12, 20)
"""The instances of `class_general_unseen`."""


def instances(variant: Variant) -> Sequence[int]:
    """The numbers of a variant's instances; none where the object is always the plain one."""
    return {"class_general": SEEN, "class_general_unseen": UNSEEN}.get(variant, ())


def check_variant(task: str, variant: str, known: Sequence[str] = DRESSED) -> None:
    """ConfigError names the variants that the task has."""
    if variant not in known:
        raise ConfigError(unknown_name(f"variant of {task}", variant, known))
