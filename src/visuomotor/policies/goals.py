"""Policies that are told what to reach by an image of it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from visuomotor.contracts import UInt8


@runtime_checkable
class GoalConditioned(Protocol):
    """A policy that acts towards a goal; one without a goal raises DataError when it is to act."""

    @property
    def goal_camera(self) -> str:
        """Of which camera goal images are."""

    def set_goal(self, color: UInt8, camera: str | None = None) -> None:
        """What is to be reached: an image (H, W, 3) RGB of any size; it stays over resets.

        Raises DataError for another camera than `goal_camera` (None: that one) or no such image.
        """
