"""What moves the hand of a skill: a learned actor, or a demonstration that is replayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from visuomotor.contracts import Float64
from visuomotor.geometry import rotvec_from_matrix
from visuomotor.geometry.pointing import hand_rotation
from visuomotor.policies.skill.arm_config import SkillArmConfig
from visuomotor.policies.skill.hand import ACT_S, CONTROL_HZ, LEAVE_S, SPEED_M_S, TURN_RAD_S, Hand
from visuomotor.policies.skill.network import EPISODE_S, SkillNetwork
from visuomotor.policies.skill.placement import OPENING_M
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, APPROACH, LEAVE, Demonstration


@dataclass(frozen=True)
class Sizes:
    """Half the heights, m in the manipulation's frame, of the moved and of the static object."""

    moved: float
    static: float = 0.0


class SkillMotion(Protocol):
    """Where a skill's hand may begin, and what it does next."""

    @property
    def action(self) -> str:
        """A name of video.actions.ACTIONS."""

    def starts(self, sizes: Sizes, config: SkillArmConfig) -> list[Hand]:
        """Hands to begin with, the best first; with what is in the hand where something is."""

    def tell(self, hand: Hand, seen: Hand, sizes: Sizes) -> Hand:
        """At the end of the hand's step: the same hand, told the next one.

        seen: where it really is, and how far its fingers are open.
        """

    def rise(self, way: Sequence[Hand], sizes: Sizes) -> float:
        """By how much (m) the whole way should be higher, or lower, for objects of these sizes."""

    def taken(self, way: Sequence[Hand]) -> int | None:
        """The first of the way's hands about an object that stood on the table; None: none is.

        Until then palm and wrist are to keep clear of it.
        """


@dataclass(frozen=True)
class Actor:
    """A policy of `train skill`: it sees time, the hand's pose and its opening."""

    network: SkillNetwork

    @property
    def action(self) -> str:
        """That it learned."""
        return self.network.config.action

    def starts(self, sizes: Sizes, config: SkillArmConfig) -> list[Hand]:
        """As the configuration says, one for every azimuth."""
        static = find_action(self.action).static
        place = config.put_position_m if static else config.position_m
        opening = 0.0 if static else OPENING_M
        elevation = np.deg2rad(config.elevation_deg)
        return [
            Hand(np.array(place), hand_rotation(np.deg2rad(azimuth), elevation), opening)
            for azimuth in config.azimuths_deg
        ]

    @torch.inference_mode()
    def tell(self, hand: Hand, seen: Hand, sizes: Sizes) -> Hand:
        """The network's mean action, as the gripper world takes it; along the table with care.

        It has learned on a table without friction to speak of, where a touch is enough. On others
        what is dragged by a touch stays behind, and what is pushed near its top or lifted meanwhile
        topples. So a hand that pushes or pulls comes down to the thing's middle shortly before it
        acts, and stays so high while it does; one that pulls closes about the thing. Meanwhile the
        network sees the height and the opening that it has told itself.
        """
        own = hand.meant or (float(seen.position[2]), seen.opening)
        place = np.array([*seen.position[:2], own[0]])
        told = self.network.observe_hand(
            np.array([hand.time_s]), place[None], seen.rotation[None], np.array([own[1]])
        )
        mean = self.network.mean(torch.from_numpy(told.astype(np.float32)))[0].double().numpy()
        bounded = np.tanh(mean)
        twist = bounded[:6] * np.repeat([SPEED_M_S, TURN_RAD_S], 3)
        opening = float((bounded[6] + 1) * OPENING_M / 2)
        if hand.time_s > LEAVE_S - 1e-6:
            return hand.told(twist, 0.0 if self.action == "pick_up" else OPENING_M)
        if not self.action.startswith(("push", "pull")):
            return hand.told(twist, opening)
        meant = (own[0] + float(twist[2]) / CONTROL_HZ, opening)
        if hand.time_s > ACT_S - DOWN_S - 1e-6:
            left_s = max(ACT_S - hand.time_s, STEADY_S)
            twist[2] = np.clip((sizes.moved - seen.position[2]) / left_s, -SPEED_M_S, SPEED_M_S)
        if self.action.startswith("pull"):
            opening = 0.0 if self._about_it(seen) else OPENING_M
        return hand.told(twist, opening, meant)

    def _about_it(self, hand: Hand) -> bool:
        """Whether a hand that pulls is over the middle of what it is to take, or has taken it."""
        way = 1.0 if self.action.endswith("left_to_right") else -1.0
        return hand.time_s > ACT_S - 1e-6 and bool(way * hand.position[0] > -NEAR_M)

    def taken(self, way: Sequence[Hand]) -> int | None:
        """Of pulls the hand that closes."""
        if not self.action.startswith("pull"):
            return None
        return next((i for i, hand in enumerate(way) if self._about_it(hand)), None)

    def rise(self, way: Sequence[Hand], sizes: Sizes) -> float:
        """It has learned a height that serves objects of all sizes, which it does not see.

        So it carries a thing above the highest it might be put onto and lets it fall. Who knows the
        sizes can do better: what is put down is let go SET_DOWN_M above where it will rest, and
        what is picked up is met at its middle, unless the hand comes lower anyway.
        """
        before = [hand for hand in way if hand.time_s < LEAVE_S + 1e-6]
        if self.action == "pick_up":
            return min(0.0, sizes.moved - min(float(hand.position[2]) for hand in before))
        if not find_action(self.action).static:
            return 0.0
        under = 2 * sizes.static if self.action == "put_onto" else 0.0
        return under + sizes.moved + SET_DOWN_M - float(before[-1].position[2])


SET_DOWN_M = 0.01
NEAR_M = 0.01
"""A hand that pulls closes so far before it is over the middle of the thing."""
DOWN_S, STEADY_S = 1.0, 0.25
"""So long before it acts a hand that pushes or pulls begins to come down; so fast it goes back to
its height afterwards."""
GRASP_S, RELEASE_S = 1.0, 0.5
"""A replay closes its fingers so long before the action, and leaves so long after opening them."""
_PULL_1_S = 2.0


class Replay:
    """A demonstration, done again: open-loop imitation.

    The hand takes the object where it is and goes the object's way, pointing as the demonstration's
    hand does: a parallel gripper holds what a hand pushes. Heights count from where the object
    rests, as in the reward, so that an object of another size is set down and not let fall. After
    the action the hand leaves as the demonstration's does.
    """

    def __init__(self, shown: Demonstration) -> None:
        self._shown = shown
        self.action = shown.action
        self._keeps = shown.action == "pick_up"
        kind = find_action(shown.action)
        self._onto = shown.action == "put_onto"
        acting = np.flatnonzero(shown.phase == ACT)
        self._begin, self._end = (int(acting[0]), int(acting[-1])) if len(acting) else (0, 0)
        path, steps = shown.object_position.copy(), np.arange(len(shown.phase))
        if not self._keeps:
            late = np.maximum(steps - round(RELEASE_S * shown.rate_hz), self._end)
            away = shown.hand_position[late] - shown.hand_position[self._end]
            path = np.where((steps > self._end)[:, None], path[self._end] + away, path)
        rest = path[self._end, 2] if self._onto else shown.object_position[:, 2].min()
        self._path = path - [0.0, 0.0, rest]
        self._rotation = hand_rotation(shown.hand_azimuth, shown.hand_elevation)
        held = APPROACH if kind.static else ACT
        grasping = (steps >= self._begin - GRASP_S * shown.rate_hz) & (shown.phase != LEAVE)
        self._closed = (shown.phase == held) | (shown.phase == ACT) | grasping
        if self._keeps:
            self._closed |= shown.phase == LEAVE

    def starts(self, sizes: Sizes, config: SkillArmConfig) -> list[Hand]:
        """Where the demonstration begins."""
        place, rotation = self._at(0, sizes)
        return [Hand(place, rotation, 0.0 if self._closed[0] else OPENING_M)]

    def tell(self, hand: Hand, seen: Hand, sizes: Sizes) -> Hand:
        """At the path's own velocity, and back to the path where the hand is beside it."""
        step = round(hand.time_s * CONTROL_HZ)
        place, rotation = self._at(step, sizes)
        pull = np.concatenate(
            [place - seen.position, rotvec_from_matrix(rotation @ seen.rotation.T)]
        )
        twist = self._velocity(step + 1, sizes) + _PULL_1_S * pull
        index = self._index(step + 1)
        return hand.told(twist, 0.0 if self._closed[index] else OPENING_M)

    def rise(self, way: Sequence[Hand], sizes: Sizes) -> float:
        """None: its heights count from where the object rests."""
        return 0.0

    def taken(self, way: Sequence[Hand]) -> int | None:
        """None: it comes as the demonstration's hand did."""
        return None

    def _index(self, step: int) -> int:
        """The demonstration's step at the hand's step, the last one after its end."""
        index = round(step / CONTROL_HZ * self._shown.rate_hz)
        return min(max(index, 0), len(self._path) - 1)

    def _at(self, step: int, sizes: Sizes) -> tuple[Float64, Float64]:
        rest = sizes.moved + (2 * sizes.static if self._onto else 0.0)
        index = self._index(step)
        place = self._path[index] + [0.0, 0.0, rest]
        place[2] = max(place[2], sizes.moved)
        return place, self._rotation[index]

    def _velocity(self, step: int, sizes: Sizes) -> Float64:
        """(6,) of the path, from the step before to the one after."""
        (p0, R0), (p1, R1) = self._at(step - 1, sizes), self._at(step + 1, sizes)
        delta = np.concatenate([p1 - p0, rotvec_from_matrix(R1 @ R0.T)])
        result: Float64 = delta * CONTROL_HZ / 2
        return result


def foreseen(motion: SkillMotion, start: Hand, sizes: Sizes) -> list[Hand]:
    """The hand after every step, if it goes as it is told and its fingers close as fast.

    In the puts they close on what they hold from the start.
    """
    hands = [start]
    narrowest = _HELD_M if find_action(motion.action).static else 0.0
    opening = max(start.opening, narrowest)
    while hands[-1].time_s < EPISODE_S - 1e-6:
        hand = hands[-1]
        opening += (max(hand.opening, narrowest) - opening) * _CLOSING
        seen = Hand(hand.position, hand.rotation, opening)
        told = motion.tell(hand, seen, sizes)
        hands.append(told.moved(told.left_s))
    return hands


_HELD_M = 0.045
"""Of each finger from the middle, with a thing of middling size between them."""
_CLOSING = 1.0 - float(np.exp(-1.0 / (CONTROL_HZ * 0.2)))
"""What the gripper world's drives make of the way to their target in a step."""
