"""What disturbs an episode once: deterministic by seed, and no more than it says."""

import numpy as np
import pytest
from blind import blind, demonstrate

from visuomotor.errors import ConfigError
from visuomotor.geometry import pose
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.disturbances import HELD_S
from visuomotor.sim.franka import FrankaWorld
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.tasks.cross import MOVED_M


def track(world, seed, steps):
    """Hands (T, 3) and widths (T,) while the reference goes on and the hand is told to close."""
    world.reset(seed)
    start, hands, widths = world.robot_state().T_base_ee, [], []
    for i in range(steps):
        world.set_reference(pose(start[:3, :3], start[:3, 3] + (0, 0.0008 * i, 0)))
        world.set_gripper(0.0 if i % 2 else 0.01)
        world.step()
        hands.append(world.robot_state().T_base_ee[:3, 3])
        widths.append(world.robot_state().gripper_width_m)
    return np.array(hands), np.array(widths)


def test_a_held_arm_stands_for_two_seconds_and_then_follows_the_newest():
    free, held = blind("lift"), blind("lift", disturbance="held")
    starts = []
    for seed in (3, 4):
        hands, _ = track(held, seed, 80)
        still = np.linalg.norm(np.diff(hands, axis=0), axis=1) < 1e-4
        first = int(np.flatnonzero(still[3:])[0]) + 3
        rest = int(still[first:].sum())
        assert abs(rest * 0.05 - HELD_S) < 0.2
        assert still[first : first + rest].all()  # once, in one piece
        np.testing.assert_allclose(hands[-1], track(free, seed, 80)[0][-1], atol=2e-3)
        starts.append(first)
    assert starts[0] != starts[1]


def test_a_held_gripper_keeps_its_width_and_takes_the_command_that_came_meanwhile():
    world = blind("lift", disturbance="held")
    world.reset(5)
    while not world.arm.held:
        world.step()
    world.set_gripper(0.02)
    world.step()
    assert world.robot_state().gripper_width_m == pytest.approx(0.08, abs=2e-3)
    while world.arm.held:
        world.step()
    for _ in range(20):
        world.step()
    assert world.robot_state().gripper_width_m == pytest.approx(0.02, abs=2e-3)


def test_a_reset_lets_a_held_arm_go():
    world = blind("lift", disturbance="held")
    world.reset(5)
    while not world.arm.held:
        world.step()
    first = track(world, 6, 12)
    np.testing.assert_array_equal(first[0], track(blind("lift", disturbance="held"), 6, 12)[0])


def pads(world):
    return {n: T[:2, 3].copy() for n, T in world.object_poses().items() if n != "mark"}


def test_pads_are_moved_once_a_little_and_by_seed():
    world, still = blind("cross", disturbance="moved"), blind("cross")
    ends = []
    for seed in (3, 3, 4):
        world.reset(seed)
        still.reset(seed)
        before, seen = pads(world), []
        for _ in range(60):
            world.step()
            seen.append(np.concatenate([*pads(world).values()]))
        changes = np.flatnonzero(np.abs(np.diff(seen, axis=0)).max(axis=1))
        assert len(changes) == 1
        assert 0.5 < 0.05 * changes[0] < 2.2
        for name, place in pads(world).items():
            far = float(np.linalg.norm(place - before[name]))
            assert MOVED_M[0] - 1e-9 <= far <= MOVED_M[1] + 1e-9
            np.testing.assert_array_equal(pads(still)[name], before[name])
        ends.append(seen[-1])
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])
    world.reset(3)
    still.reset(3)
    for name, place in pads(world).items():  # a reset puts them back
        np.testing.assert_array_equal(place, pads(still)[name])


def test_the_expert_gets_over_it_and_a_policy_that_does_not_look_does_not():
    """The policy's targets are those of the undisturbed episode."""
    actions = []
    plain = Lockstep(blind("cross", start="a", goal="c")).demonstrate(
        652, lambda _: None, lambda _, action: actions.append(action)
    )
    for disturbance in ("held", "moved"):
        world = blind("cross", start="a", goal="c", disturbance=disturbance)
        (rollout,), refused = demonstrate(world, [652])
        assert rollout.success
        assert refused == 0
        assert rollout.steps != plain.steps
    left = iter(actions)  # the pads were moved
    limit = len(actions) + 8
    rollout = Lockstep(world).rollout(652, lambda _: next(left, actions[-1]), max_steps=limit)
    assert not rollout.success
    left, world = iter(actions), blind("cross", start="a", goal="c")
    assert Lockstep(world).rollout(652, lambda _: next(left), max_steps=len(actions)).success


def test_what_cannot_be_disturbed_so_is_told():
    with pytest.raises(ConfigError, match=r"nothing of task lift can be moved.*use 'held'"):
        SimWorld(SimConfig(disturbance="moved"))
    with pytest.raises(ConfigError, match="libfranka client drives cannot be held"):
        FrankaWorld(SimConfig(disturbance="held"))
    with pytest.raises(ValueError, match="got disturbance 'hold', expected none, held, moved"):
        SimConfig(disturbance="hold")
