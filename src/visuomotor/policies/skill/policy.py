"""A skill on an arm, as the runtime calls it: the hand goes to the start, then the skill's way."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np

from visuomotor.checkpoint import Checkpoint
from visuomotor.config import load_yaml
from visuomotor.contracts import STEP_NS, ActionChunk, Float64, Observation
from visuomotor.errors import ConfigError, RobotError
from visuomotor.geometry import matrix_from_rotvec, pose, pose_delta, rotvec_from_matrix
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.skill.arm_config import SkillArmConfig
from visuomotor.policies.skill.hand import Hand, advance
from visuomotor.policies.skill.motion import Actor, Sizes, SkillMotion
from visuomotor.policies.skill.network import EPISODE_S, load_skill
from visuomotor.policies.skill.placement import OPENING_M
from visuomotor.policies.skill.plan import Plan, Scene, make_plan
from visuomotor.policies.skill.way import Way
from visuomotor.video.actions import find_action

_LONGEST_S = 0.2
"""Sets farther apart than this count as so far apart."""
_WIDTH_STEP_M = 0.01
"""A gripper is told to move by so much or more: the Franka hand's moves do not blend."""


class SkillPolicy:
    """Plans at the first set of an episode, then goes there, then lets the skill move the hand.

    Targets are those of a hand that does exactly what the skill says; the skill is told where that
    hand would be if it deviated as the arm does, less the arm's lag. While the arm is more than a
    leash behind, time stands still. `plan` is None before the first set.
    """

    def __init__(self, motion: SkillMotion, config: SkillArmConfig | None = None) -> None:
        self.motion, self.config = motion, config or SkillArmConfig()
        self._static = find_action(motion.action).static
        self.spec = ObservationSpec(objects=("static", "object") if self._static else ("object",))
        if self.config.place_m:
            self.spec = ObservationSpec((CameraSpec(self.config.camera, depth=False),))
            if self._static and not self.config.moved_m:
                raise ConfigError(
                    f"skill {motion.action}: got place_m of the standing object but no moved_m, "
                    "where the other one is to be fetched"
                )
            if self.config.height_m is None:
                raise ConfigError("skill: got place_m without height_m of the object, expected it")
        self.reset()

    def reset(self) -> None:
        """Forgets the episode; the next set is planned for."""
        self.plan: Plan | None = None
        self._failure: RobotError | None = None
        self._way: Way | None = None
        self._hand: Hand | None = None
        self._sizes = Sizes(0.0)
        self._stamp_ns: int | None = None
        self._width_m = np.inf
        self._sent: deque[tuple[int, Float64]] = deque()

    def act(self, observation: Observation) -> ActionChunk:
        """One target. Info: `frame` (4, 4), the manipulation's in base; `skill_s` (1,), its time,
        below 0 on the way to its start; `done` (1,); `action_target` (1, 3).

        Raises RobotError for a place where the arm cannot do it, at every set until `reset`.
        """
        if self._failure is not None:
            raise self._failure
        stamp_ns, measured = observation.stamp_ns, observation.T_base_ee
        if self.plan is None or self._way is None:
            try:
                self.plan = make_plan(self.motion, self._scene(observation), self.config)
            except RobotError as error:
                self._failure = error
                raise
            self._way = Way(measured, self.plan.way, *self._speeds())
            self._sent.clear()
        passed_s = 0.0
        if self._stamp_ns is not None:
            passed_s = float(np.clip((stamp_ns - self._stamp_ns) * 1e-9, 0.0, _LONGEST_S))
        self._stamp_ns = stamp_ns
        if self._within_leash(measured):
            self._advance(passed_s, observation)
        T = self._target()
        self._sent.append((stamp_ns + STEP_NS, T))
        return ActionChunk(
            stamp_ns,
            T[None],
            np.array([self._width()]),
            {
                "frame": self.plan.placement.T_base_manipulation,
                "skill_s": np.array([self._hand.time_s if self._hand else -1.0]),
                "done": np.array([float(self.done)]),
                "action_target": T[None, :3, 3],
            },
        )

    @property
    def done(self) -> bool:
        """Whether the skill's 10 s are over: the hand stays."""
        return self._hand is not None and self._hand.time_s > EPISODE_S - 1e-6

    def _speeds(self) -> tuple[float, float]:
        limits, share = self.config.limits, self.config.speed_share
        return share * limits.max_speed, share * limits.max_angular_speed

    def _advance(self, passed_s: float, observation: Observation) -> None:
        assert self.plan is not None
        assert self._way is not None
        if self._hand is None:
            passed_s = self._way.advance(passed_s)
            if not self._way.over:
                return
            self._hand = self.plan.start
        speed, turn = self._speeds()
        while passed_s > 1e-6 and not self.done:
            if self._hand.left_s <= 1e-9:
                seen = self._seen(self._hand, observation)
                self._hand = self.motion.tell(self._hand, seen, self._sizes)
            self._hand, passed_s = advance(self._hand, passed_s, speed / self.config.scale, turn)

    def _target(self) -> Float64:
        assert self.plan is not None
        assert self._way is not None
        if self._hand is None:
            return self._way.T_base_ee
        return self.plan.placement.ee(self._hand.position, self._hand.rotation)

    def _width(self) -> float:
        """What the fingers are told: it changes by steps, or to the very end."""
        assert self.plan is not None
        assert self._way is not None
        wished = self._way.width_m
        if self._hand is not None:
            wished = self.plan.placement.width(self._hand.opening)
        at_end = wished < 1e-3 or wished > self.plan.placement.width(OPENING_M) - 1e-3
        if abs(wished - self._width_m) > _WIDTH_STEP_M or at_end:
            self._width_m = wished
        return self._width_m

    def _within_leash(self, measured: Float64) -> bool:
        if not self._sent:
            return True
        delta = pose_delta(measured, self._sent[-1][1])
        c = self.config
        far = float(np.linalg.norm(delta[:3])) > c.leash_m
        return not far and float(np.linalg.norm(delta[3:])) <= c.leash_rad

    def _seen(self, hand: Hand, observation: Observation) -> Hand:
        """The hand as far beside its way as the arm is beside what it was told a lag ago."""
        assert self.plan is not None
        placement, share = self.plan.placement, self.config.feedback
        opening = placement.opening(observation.gripper_width_m)
        told = self._told_at(observation.stamp_ns - round(1e9 * self.config.lag_s))
        if told is None or share == 0:
            return replace(hand, opening=opening)
        there, R_there = placement.hand(observation.T_base_ee)
        wished, R_wished = placement.hand(told)
        turn = matrix_from_rotvec(share * rotvec_from_matrix(R_there @ R_wished.T))
        position = hand.position + share * (there - wished)
        return replace(hand, position=position, rotation=turn @ hand.rotation, opening=opening)

    def _told_at(self, stamp_ns: int) -> Float64 | None:
        """The target (4, 4) of a moment, between those that were given; None before the first."""
        while len(self._sent) > 2 and self._sent[1][0] <= stamp_ns:
            self._sent.popleft()
        if len(self._sent) < 2 or self._sent[0][0] > stamp_ns:
            return None
        (t0, T0), (t1, T1) = self._sent[0], self._sent[1]
        share = min(max((stamp_ns - t0) / max(t1 - t0, 1), 0.0), 1.0)
        delta = share * pose_delta(T0, T1)
        return pose(matrix_from_rotvec(delta[3:]) @ T0[:3, :3], T0[:3, 3] + delta[:3])

    def _scene(self, observation: Observation) -> Scene:
        c, table, seen = self.config, self.config.limits.table_z_m, observation.objects
        moved = np.array([*c.moved_m, 0.0]) if c.moved_m else np.zeros(3)
        static_half = 0.0
        if c.place_m:
            origin = np.array([*c.place_m, table])
        else:
            first = seen["static" if self._static else "object"][:3, 3]
            origin = np.array([*first[:2], table])
            static_half = float(first[2]) - table if self._static else 0.0
            moved = np.array(seen["object"][:3, 3])
        half = c.height_m / 2 if c.height_m is not None else float(moved[2]) - table
        if c.place_m and self._static:
            static_half = half
        if not 0 < half < 0.3:
            raise RobotError(
                f"skill {self.motion.action}: the object's centre is {half:.3f} m above the table "
                f"at z = {table} m, expected 0 to 0.3; check its pose, or set height_m"
            )
        moved[2] = table + half
        self._sizes = Sizes(half / c.scale, static_half / c.scale)
        fetched = moved if self._static else None
        return Scene(origin, observation.T_base_ee, observation.q, self._sizes, fetched)


def load(checkpoint: Checkpoint, folder: Path, config: SkillArmConfig | None = None) -> SkillPolicy:
    """The actor of `train skill` on an arm; CheckpointError if its parts do not fit."""
    return SkillPolicy(Actor(load_skill(folder)), config)


def load_with_settings(checkpoint: Checkpoint, folder: Path, settings: Path) -> SkillPolicy:
    """The same, with a SkillArmConfig in YAML."""
    return load(checkpoint, folder, load_yaml(SkillArmConfig, settings))
