"""Who demonstrates: the same by seed, and how a person's habits show."""

import numpy as np
import pytest
from blind import blind, demonstrate

from visuomotor.errors import ConfigError
from visuomotor.sim.demonstrators import make_demonstrator
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.smooth_noise import SmoothNoise
from visuomotor.sim.tasks.lift import LiftExpert


def paths(seed, **fields):
    """Where the hand went (T, 3), the targets (T, 3) and the widths (T,) of one demonstration."""
    world = blind("lift", **fields)
    hands, targets, widths = [], [], []

    def on_action(_, action):
        targets.append(action.T_base_ee[:3, 3])
        widths.append(action.gripper_width_m)

    rollout = Lockstep(world).demonstrate(
        seed, lambda f: hands.append(f.robot.T_base_ee[:3, 3]), on_action
    )
    assert rollout.success
    return np.array(hands), np.array(targets), np.array(widths)


def length(path):
    return np.linalg.norm(np.diff(path, axis=0), axis=1).sum()


def test_a_person_takes_a_longer_way_with_pauses_and_a_late_gripper():
    person = [paths(s, demonstrator="human_like") for s in range(620, 624)]
    expert = [paths(s) for s in range(620, 624)]
    assert np.mean([length(p[0]) for p in person]) > 1.02 * np.mean([length(e[0]) for e in expert])
    assert np.mean([len(p[0]) for p in person]) > 1.1 * np.mean([len(e[0]) for e in expert])
    rests = [
        int((np.linalg.norm(np.diff(h, axis=0), axis=1) < 0.001)[5:-5].sum()) for h, _, _ in person
    ]
    assert max(rests) >= 4  # of 50 ms: it stops to look
    for (hands, targets, widths), (_, _, quick) in zip(person, expert, strict=True):
        assert np.linalg.norm(targets - hands[: len(targets)], axis=1).max() < 0.03
        assert set(widths) == set(quick) == {0.0, 0.08}


def test_a_seed_gives_one_demonstration_and_another_seed_another():
    first, again = (paths(620, demonstrator="human_like") for _ in range(2))
    np.testing.assert_array_equal(first[1], again[1])
    world = blind("lift")
    world.reset(3)
    actions = [
        make_demonstrator("human_like", world.task, seed).act(
            world.robot_state(), world.object_poses()
        )
        for seed in (1, 2)
    ]
    assert not np.array_equal(actions[0].T_base_ee, actions[1].T_base_ee)


@pytest.mark.parametrize("task", ["stack", "tool_use"])
def test_the_habits_leave_the_task_solvable(task):
    rollouts, _ = demonstrate(blind(task, demonstrator="human_like"), range(650, 652))
    assert [r.seed for r in rollouts if not r.success] == []


def test_a_swaying_hand_leaves_the_labels_clean(monkeypatch):
    """Every target is the expert's for the pose in which the hand is, however it came there."""
    world, told = blind("lift", hand_noise_m=0.004), []
    expert, act = world.task.expert(), LiftExpert.act

    def acting(self, robot, objects):
        told.append(act(self, robot, objects).T_base_ee)
        return act(self, robot, objects)

    monkeypatch.setattr(LiftExpert, "act", acting)
    targets = []
    rollout = Lockstep(world).demonstrate(
        630, lambda _: None, lambda _, action: targets.append(action.T_base_ee)
    )
    assert rollout.success
    assert expert.done(world.robot_state(), world.object_poses())
    np.testing.assert_allclose(targets, told, atol=1e-9)
    monkeypatch.undo()
    swaying, still = paths(630, hand_noise_m=0.004), paths(630)
    wander = [np.abs(np.diff(h[:, :2], n=2, axis=0)).mean() for h, _, _ in (swaying, still)]
    assert wander[0] > 1.5 * wander[1]


def test_noise_is_smooth_standard_normal_and_begins_again():
    noise = SmoothNoise.draw(np.random.default_rng(0), 2, 0.25, 500.0)
    every = np.array([noise.at(t) for t in np.arange(0, 500, 0.037)])
    assert np.abs(every.std(axis=0) - 1).max() < 0.08
    times = np.arange(0, 20, 0.001)
    values = np.array([noise.at(t) for t in times])
    assert np.abs(np.diff(values, axis=0)).max() < 0.04
    np.testing.assert_allclose(noise.at(0.25 * len(noise.knots) + 0.1), noise.at(0.1), atol=1e-6)


def test_an_unknown_demonstrator_is_told():
    with pytest.raises(ConfigError, match=r"unknown demonstrator 'human'.*human_like"):
        make_demonstrator("human", blind("lift").task, 0)
