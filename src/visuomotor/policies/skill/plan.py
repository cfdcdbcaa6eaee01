"""Where a skill's frame stands so that the arm can do all of it, and how the hand gets there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.control.reach import Reach, Standing, at_most, reach
from visuomotor.errors import CheckpointError, RobotError
from visuomotor.geometry import pose
from visuomotor.geometry.pointing import hand_angles, hand_rotation
from visuomotor.policies.skill.arm_config import SkillArmConfig
from visuomotor.policies.skill.hand import LEAVE_S, Hand
from visuomotor.policies.skill.motion import Sizes, SkillMotion, foreseen
from visuomotor.policies.skill.path import points_of, sparse, straight
from visuomotor.policies.skill.placement import RADIUS_M, Placement, placed

_STEEPEST_RAD = np.deg2rad(80.0)
_GRASP_S = 1.2
_GRASPED = 0.6
"""Of half its height, a thing may be taken so far above its middle at most."""
_PITCHES_RAD = tuple(float(np.deg2rad(p)) for p in (0.0, 15.0, 30.0, 45.0))
_HOMEWARD, _CHECKED = (0.15, 0.5), 8
"""So many of the easiest ways are followed again with an elbow that goes home faster: the slower a
way is gone, the farther home an elbow gets."""
_EASY = 0.3
"""A margin with which a plan is taken as it is: what the arm does departs a little from what is
foreseen here."""
_FARTHEST_M = 20.0
"""In the manipulation's frame; within an episode no hand of a skill comes as far."""


@dataclass(frozen=True)
class Scene:
    """What the arm finds: origin (3,) of the frame in base, on the table; joints (7,), hand (4, 4).

    sizes: of the objects, in the frame; fetched (3,): the centre in base of the object that is to
    be in the hand first, or None.
    """

    origin: Float64
    T_base_ee: Float64
    q: Float64
    sizes: Sizes
    fetched: Float64 | None = None


@dataclass(frozen=True)
class Waypoint:
    """A pose (4, 4) in base on the way to the start; there the hand opens to width_m and waits."""

    T_base_ee: Float64
    width_m: float
    wait_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A placement that the arm can reach, the way to the start, and the start itself.

    yaw_rad: of the frame; margin: how easily, 0 to about 1.
    """

    placement: Placement
    start: Hand
    way: tuple[Waypoint, ...]
    yaw_rad: float
    raised_m: float
    margin: float


def make_plan(motion: SkillMotion, scene: Scene, config: SkillArmConfig) -> Plan:
    """The easiest of the yaws, with the hand turned either way.

    The frame stands as high as fits the objects' sizes, or a little higher, or else on the table:
    the first such height that is easy counts, with the first of the starts, or else the easiest.
    RobotError says of the nearest miss what the arm cannot do, and where.
    """
    starts = motion.starts(scene.sizes, config)
    ways = [foreseen(motion, start, scene.sizes) for start in starts]
    _check_hands(motion.action, starts + [hand for hands in ways for hand in hands])
    foretold = [
        _Foretold(h, config.scale * motion.rise(h, scene.sizes), motion.taken(h)) for h in ways
    ]
    heights = [
        (told, fitted, higher_m)
        for fitted, higher_m in product((True, False), config.raises_m)
        for told in foretold
        if fitted or told.rise_m != 0
    ]
    best: _Tried | None = None
    for promising, (told, fitted, higher_m) in product((True, False), heights):
        above_m = higher_m
        if scene.fetched is not None:
            above_m = min(higher_m, _GRASPED * config.scale * scene.sizes.moved)
        raised_m = above_m + told.rise_m if fitted else higher_m
        tried = _easiest(told, scene, config, raised_m, above_m, promising)
        if tried is None:
            continue
        if tried.plan.margin > _EASY:
            return tried.plan
        if best is None or tried.rank < best.rank:
            best = tried
    if best is not None and best.plan.margin > 0:
        return best.plan
    x, y, _ = scene.origin
    raise RobotError(
        f"{motion.action} at ({x:.2f}, {y:.2f}) m in base: none of {len(config.yaws_rad)} yaws can "
        f"be reached; nearest is {best.snag if best else ''}; move the object, or choose another "
        "scale, yaw or raises_m (docs/skills.md)"
    )


@dataclass(frozen=True)
class _Foretold:
    """A skill's hands from one start; by how much (m) they go higher; which takes the object."""

    hands: Sequence[Hand]
    rise_m: float
    taken: int | None


@dataclass(frozen=True)
class _Tried:
    """A plan, how good it is (see `_rank`), and what is nearest to impossible on it."""

    plan: Plan
    rank: tuple[float, float, float]
    snag: str


def _rank(margin: float, pitch_rad: float) -> tuple[float, float, float]:
    """The less, the better: of easy ways the one that is pitched least."""
    if margin > _EASY:
        return 0.0, pitch_rad, -margin
    return 1.0, -margin, pitch_rad


def _easiest(
    told: _Foretold,
    scene: Scene,
    config: SkillArmConfig,
    raised_m: float,
    above_m: float,
    promising: bool,
) -> _Tried | None:
    """The best placement of a way whose frame stands raised_m above the table.

    above_m: how far above its middle an object that is fetched is taken. promising: only those are
    looked at whose hand is high enough for an easy way, if there are any.
    """
    hands = told.hands
    candidates, grasped = _candidates(scene, config, raised_m), _grasp(hands)
    ways = [_way(c.placement, hands[0], grasped, scene, config, above_m) for c in candidates]
    kept = sparse(hands, config.scale)
    skills = points_of([c.placement for c in candidates], [hands[k] for k in kept])
    corners = np.stack([np.stack([w.T_base_ee for w in way]) for way in ways], axis=1)
    before = straight(scene.T_base_ee, corners)
    paths, points = np.concatenate([before, skills]), len(before)
    until = None if told.taken is None else points + int(np.searchsorted(kept, told.taken))
    if promising:
        high = np.flatnonzero(at_most(paths, config.limits, config.reach) > _EASY)
        if not len(high):
            return None
        candidates, ways = [candidates[i] for i in high], [ways[i] for i in high]
        paths = paths[:, high]
    things = (config.limits, config.reach, _standing(scene, config, until))
    found = reach(scene.q, paths, *things)
    pitches = [c.placement.pitch_rad for c in candidates]
    order = sorted(range(len(candidates)), key=lambda i: _rank(float(found.margin[i]), pitches[i]))
    few = np.array(order[:_CHECKED])
    checks = [Reach(found.margin[few], found.step[few], tuple(found.reason[i] for i in few))]
    if checks[0].margin[0] > 0:
        checks += [reach(scene.q, paths[:, few], *things, homeward=h) for h in _HOMEWARD]
    margins = np.stack([check.margin for check in checks])
    ranks = [_rank(float(margins[:, i].min()), pitches[k]) for i, k in enumerate(few)]
    i = ranks.index(min(ranks))
    chosen, worst = candidates[few[i]], int(margins[:, i].argmin())
    margin = float(margins[worst, i])
    plan = Plan(chosen.placement, hands[0], ways[few[i]], chosen.yaw_rad, raised_m, margin)
    snag = _snag(checks[worst], i, paths[:, few[i]], points, chosen.yaw_rad)
    return _Tried(plan, ranks[i], snag)


def _standing(scene: Scene, config: SkillArmConfig, until: int | None) -> tuple[Standing, ...]:
    """The object that is to stay, or the one that is to be taken, until the path's point `until`.

    As wide as any that skills practise with.
    """
    if scene.fetched is None and until is None:
        return ()
    half = scene.sizes.moved if scene.fetched is None else scene.sizes.static
    x, y, table = (float(value) for value in scene.origin)
    return (Standing(x, y, config.scale * RADIUS_M, table + 2 * config.scale * half, until),)


def _check_hands(action: str, hands: list[Hand]) -> None:
    """CheckpointError for a motion that no arm's could be: its numbers are not a skill's."""
    position = np.stack([h.position for h in hands])
    rotation = np.stack([h.rotation for h in hands])
    if not (np.isfinite(rotation).all() and bool((np.abs(position) <= _FARTHEST_M).all())):
        raise CheckpointError(
            f"{action}: the skill's hand goes to what is no pose or is farther than "
            f"{_FARTHEST_M:g} m, expected a motion about the object; the checkpoint is damaged, "
            "train or record it again"
        )


@dataclass(frozen=True)
class _Candidate:
    """A placement of the frame, and its yaw."""

    placement: Placement
    yaw_rad: float


def _candidates(scene: Scene, config: SkillArmConfig, raised_m: float) -> list[_Candidate]:
    """All yaws, the hand turned either way and pitched by several angles.

    Pointing ahead, the arm would be in its own way near the table where a thing stands; so all of
    the skill may point down more than it was learned.
    """
    x, y, z = scene.origin
    return [
        _Candidate(placed(x, y, z + raised_m, yaw, config.scale, flipped, pitch), yaw)
        for yaw, flipped, pitch in product(config.yaws_rad, (False, True), _PITCHES_RAD)
    ]


def _grasp(hands: Sequence[Hand]) -> Float64:
    """The rotation (3, 3), the skill's, with which a thing is fetched.

    It is taken as it will be let go, so that it is upright then.
    """
    before = [hand for hand in hands if hand.time_s < LEAVE_S + 1e-6]
    azimuth, _ = hand_angles(hands[0].rotation)
    _, elevation = hand_angles(before[-1].rotation)
    return hand_rotation(azimuth, np.clip(elevation, -_STEEPEST_RAD, _STEEPEST_RAD))


def _way(
    placement: Placement,
    start: Hand,
    grasped: Float64,
    scene: Scene,
    config: SkillArmConfig,
    raised_m: float,
) -> tuple[Waypoint, ...]:
    """Up, over, and to the start along where the hand points; first by way of what is fetched.

    That is taken with the rotation `grasped` (3, 3) in the frame, raised_m above its middle.
    """
    table = config.limits.table_z_m
    T_start = placement.ee(start.position, start.rotation)
    high = max(float(scene.T_base_ee[2, 3]), table + config.safe_m)
    wide = MAX_GRIPPER_WIDTH_M
    first = pose(scene.T_base_ee[:3, :3], [*scene.T_base_ee[:2, 3], high])
    way = [Waypoint(first, wide)]

    def come(T: Float64, width_m: float) -> None:
        behind = T[:3, 3] - config.retreat_m * T[:3, 2]
        above = np.array([*behind[:2], max(table + config.safe_m, behind[2])])
        way.extend(Waypoint(pose(T[:3, :3], p), width_m) for p in (above, behind))

    if scene.fetched is None:
        come(T_start, wide)
        way.append(Waypoint(T_start, placement.width(start.opening), 0.3))
        return tuple(way)
    R = placement.ee(start.position, grasped)[:3, :3]
    grasp = pose(R, scene.fetched + np.array([0.0, 0.0, raised_m]))
    come(grasp, wide)
    way.append(Waypoint(grasp, 0.0, _GRASP_S))
    for place, turn in ((grasp, R), (T_start, T_start[:3, :3])):
        way.append(Waypoint(pose(turn, [*place[:2, 3], table + config.safe_m]), 0.0))
    way.append(Waypoint(T_start, 0.0, 0.3))
    return tuple(way)


def _snag(found: Reach, best: int, path: Float64, way: int, yaw_rad: float) -> str:
    step = int(found.step[best])
    x, y, z = path[step, :3, 3]
    share = (step - way) / max(len(path) - way - 1, 1)
    where = "on the way to its start" if step < way else f"after {share:.0%} of the skill's way"
    return (
        f"yaw {np.degrees(yaw_rad):.0f}°, where {found.reason[best]} {where}, "
        f"the hand at ({x:.2f}, {y:.2f}, {z:.2f}) m"
    )
