"""A straight push as the paper's real robot does it: to its begin, down, and along a line.

Singh et al. 2017, section 6.2: the network gives the arm's place at the push's begin alone.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.policies.gplac.config import PushConfig

NEAR_M = 0.006
"""The hand is there."""
PATIENCE = 15
"""Steps without getting nearer, after which a part is over all the same."""

Part = Literal["above", "down", "push", "rest"]


class StraightPush:
    """One push, by feedback on the hand's pose; it ends by holding still.

    start: the hand's pose (4, 4) in base where it begins, at the height that the settings say. A
    hand that cannot come above it holds still where it is.
    """

    def __init__(self, start: Float64, config: PushConfig) -> None:
        self.part: Part = "above"
        self.start = np.array(start, float)
        self.start[2, 3] = config.height_m
        self._config = config
        self._along = np.array([*config.direction, 0.0]) / np.hypot(*config.direction)
        self._nearest, self._waited = np.inf, 0
        self._rest = self.start[:3, 3]

    def target(self, T_base_ee: Float64) -> Float64:
        """The next target (4, 4) in base, at most `lead_m` from the hand."""
        hand = T_base_ee[:3, 3]
        while self.part != "rest" and self._over(float(np.linalg.norm(self._goal() - hand))):
            self._nearest, self._waited = np.inf, 0
            self._rest = np.array(hand)
        T = np.array(self.start)
        T[:3, 3] = self._rest if self.part == "rest" else hand + self._step(hand)
        return T

    def _goal(self) -> Float64:
        place = np.array(self.start[:3, 3])
        if self.part == "above":
            place[2] += self._config.above_m
        elif self.part == "push":
            place += self._along * self._config.length_m
        return place

    def _step(self, hand: Float64) -> Float64:
        """(3,) m towards the goal; while pushing along the line, however the hand has strayed."""
        goal = self._goal()
        if self.part == "push":
            begin = self.start[:3, 3]
            done = float((hand - begin) @ self._along)
            ahead = min(done + self._config.lead_m, self._config.length_m)
            goal = begin + self._along * ahead
        away = goal - hand
        distance = float(np.linalg.norm(away))
        step: Float64 = away * min(1.0, self._config.lead_m / max(distance, 1e-9))
        return step

    def _over(self, distance: float) -> bool:
        """Whether the next part begins, so far from this one's goal."""
        if distance < self._nearest - 1e-3:
            self._nearest, self._waited = distance, 0
        else:
            self._waited += 1
        if distance >= NEAR_M and self._waited <= PATIENCE:
            return False
        following: dict[Part, Part] = {"above": "down", "down": "push", "push": "rest"}
        lost = self.part == "above" and distance >= NEAR_M
        self.part = "rest" if lost else following[self.part]
        return True
