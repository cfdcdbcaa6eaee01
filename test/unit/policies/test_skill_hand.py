"""A skill's hand without a simulator: the gripper world's motion, its pace, and its frame."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from visuomotor.geometry import matrix_from_rotvec, pose, rotation_angle
from visuomotor.geometry.pointing import LEVELLED_RAD, hand_angles, hand_rotation, level
from visuomotor.policies.skill import hand as skill_hand
from visuomotor.policies.skill.hand import CONTROL_HZ, Hand, advance, pace
from visuomotor.policies.skill.placement import OPENING_M, placed
from visuomotor.sim import gripper
from visuomotor.sim.gripper import GripperWorlds, Starts, worlds
from visuomotor.video.alignment import AlignmentSettings

FREE = (1e3, 1e3)


def start(azimuth: float = 0.4, elevation: float = 0.2) -> Hand:
    return Hand(np.array([0.0, 0.3, 0.6]), hand_rotation(azimuth, elevation), OPENING_M)


def random_twists(n: int = 30, seed: int = 0) -> np.ndarray:
    bounded = np.tanh(np.random.default_rng(seed).normal(0.0, 1.0, (n, 6)))
    return bounded * np.repeat([worlds.SPEED_M_S, worlds.TURN_RAD_S], 3)


def run(hand: Hand, twists: np.ndarray, real_s: float, speed: float, turn: float) -> list[Hand]:
    """Every hand of control steps of real_s until the twists are used up."""
    told, found, left = 0, [hand], 0.0
    while True:
        left = real_s
        while left > 1e-9:
            if hand.left_s <= 1e-9:
                if told == len(twists):
                    return found
                hand, told = hand.told(twists[told], 0.0), told + 1
            hand, left = advance(hand, left, speed, turn)
        found.append(hand)


def test_its_constants_are_the_gripper_worlds() -> None:
    ours = (CONTROL_HZ, OPENING_M, skill_hand.SPEED_M_S, skill_hand.TURN_RAD_S, skill_hand.LEAVE_S)
    theirs = (gripper.CONTROL_HZ, gripper.OPENING_M, worlds.SPEED_M_S, worlds.TURN_RAD_S)
    assert ours == (*theirs, worlds.LEAVE_S)
    assert AlignmentSettings().action_s == (skill_hand.ACT_S, skill_hand.LEAVE_S)


def test_it_moves_as_the_gripper_worlds_hand() -> None:
    hand, twists = start(), random_twists()
    world = GripperWorlds(1, 1, threads=0)
    size = np.full((1, 2), 0.045)
    position = hand.position[None]
    world.reset(
        Starts(np.array([0.4]), np.array([0.2]), position, np.zeros((1, 2)), size, size),
        np.random.default_rng(0),
    )
    for twist in twists:
        actions = np.arctanh(twist / np.repeat([worlds.SPEED_M_S, worlds.TURN_RAD_S], 3))
        state = world.step(np.append(actions, 0.0)[None])
        hand = hand.told(twist, 0.0)
        hand, _ = advance(hand, 1.0 / CONTROL_HZ, *FREE)
        assert hand.left_s < 1e-9
        np.testing.assert_allclose(hand.position, state.position[0], atol=0.002)
        assert rotation_angle(hand.rotation.T @ state.rotation[0]) < 0.03


@pytest.mark.parametrize("real_s", [0.05, 0.013, 1 / 12])
def test_any_rate_of_asking_gives_the_same_way(real_s: float) -> None:
    twists = random_twists()
    end = run(start(), twists, real_s, *FREE)[-1]
    reference = run(start(), twists, 1 / 12, *FREE)[-1]
    assert end.time_s == pytest.approx(len(twists) / CONTROL_HZ, abs=real_s + 1e-9)
    last = end.left_s + 1e-9  # up to here the last step may be cut off
    assert np.linalg.norm(end.position - reference.position) < 0.6 * (last + real_s)


def test_too_fast_is_slower_and_not_another_way() -> None:
    twists = random_twists()
    speed, turn = 0.1, 0.8
    slow = run(start(), twists, 0.05, speed, turn)
    free = run(start(), twists, 0.002, *FREE)
    steps = np.diff([h.position for h in slow], axis=0)
    assert np.linalg.norm(steps, axis=1).max() <= 0.05 * speed + 1e-6
    turned = [rotation_angle(b.rotation @ a.rotation.T) for a, b in itertools.pairwise(slow)]
    assert max(turned) <= 0.05 * turn + 1e-6
    assert len(slow) * 0.05 > 1.5 * len(twists) / CONTROL_HZ
    way = np.stack([h.position for h in free])
    for hand in slow:  # at the same time of the skill the hand is at the same place
        same = min(free, key=lambda h: abs(h.time_s - hand.time_s))
        assert np.linalg.norm(same.position - hand.position) < 0.002
        assert np.linalg.norm(way - hand.position, axis=1).min() < 0.002


def test_pace_keeps_both_bounds() -> None:
    twist = np.array([0.3, 0.0, 0.4, 0.0, 3.0, 0.0])
    rate = pace(twist, 0.25, 1.0)
    assert rate == pytest.approx(1 / 3)
    assert pace(np.zeros(6), 0.1, 0.1) == 1.0


@pytest.mark.parametrize("flipped", [False, True])
def test_a_placement_is_undone_exactly(flipped: bool) -> None:
    rng = np.random.default_rng(1)
    there = placed(0.5, -0.1, 0.01, 0.7, 0.4, flipped)
    position = rng.normal(0, 0.3, (20, 3))
    rotation = level(matrix_from_rotvec(rng.normal(0, 1, (20, 3))))
    T = there.ee(position, rotation)
    back, R_back = there.hand(T)
    np.testing.assert_allclose(back, position, atol=1e-12)
    few = np.abs(hand_angles(rotation)[1]) < LEVELLED_RAD  # what is steep is levelled in part
    np.testing.assert_allclose(R_back[few], rotation[few], atol=1e-12)
    for i in range(20):
        np.testing.assert_allclose(there.ee(position[i], rotation[i]), T[i], atol=1e-12)


@pytest.mark.parametrize("flipped", [False, True])
def test_fr3_hand_tcp_points_and_closes_as_the_skills_hand(flipped: bool) -> None:
    yaw, azimuth, elevation = 0.6, 0.9, 0.3
    there = placed(0.5, 0.1, 0.0, yaw, 0.5, flipped)
    T = there.ee(np.array([0.2, 0.0, 0.1]), hand_rotation(azimuth, elevation))
    a, e = yaw + azimuth, elevation
    ahead = [np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), -np.sin(e)]
    np.testing.assert_allclose(T[:3, 2], ahead, atol=1e-12)
    across = np.array([-np.sin(a), np.cos(a), 0.0])
    assert abs(T[:3, 1] @ across) == pytest.approx(1.0)
    place = [0.5 + 0.1 * np.cos(yaw), 0.1 + 0.1 * np.sin(yaw), 0.05]
    np.testing.assert_allclose(T[:3, 3], place, atol=1e-12)
    down = there.ee(np.zeros(3), hand_rotation(0.0, np.pi / 2))
    np.testing.assert_allclose(np.abs(pose(down[:3, :3])[2]), [0, 0, 1, 0], atol=1e-12)


def test_widths_and_openings() -> None:
    there = placed(0.5, 0.0, 0.0, 0.0, 0.5, False)
    assert there.width(OPENING_M) == pytest.approx(0.075)
    assert there.opening(there.width(0.03)) == pytest.approx(0.03)
    assert there.opening(0.08) == OPENING_M
    assert placed(0.5, 0, 0, 0, 1.0, False).width(OPENING_M) == 0.08
