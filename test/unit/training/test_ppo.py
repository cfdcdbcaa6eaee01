"""Advantages against their definition; an update that moves a policy to what is rewarded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from visuomotor.policies.skill import SkillConfig, SkillNetwork
from visuomotor.sim.gripper import GripperWorlds, draw_starts
from visuomotor.training.curriculum import Curriculum
from visuomotor.training.ppo import Experience, Learner, advantages
from visuomotor.training.ppo_config import PpoConfig


@pytest.mark.parametrize("trace", [0.0, 0.95, 1.0])
def test_advantages_are_the_weighted_sums_of_later_surprises(trace: float) -> None:
    rng = np.random.default_rng(0)
    T, discount = 12, 0.9
    rewards = rng.normal(size=(T, 1)).astype(np.float32)
    values = rng.normal(size=(T + 1, 1)).astype(np.float32)
    ended = np.zeros((T, 1), bool)
    ended[4] = True
    got = advantages(rewards, values, ended, discount, trace)[:, 0]
    for t in range(T):
        last = 4 if t <= 4 else T - 1
        expected = 0.0
        for k in range(t, last + 1):
            later = 0.0 if k == 4 else discount * values[k + 1, 0]
            surprise = rewards[k, 0] + later - values[k, 0]
            expected += (discount * trace) ** (k - t) * surprise
        assert got[t] == pytest.approx(expected, abs=1e-5)


def test_updates_move_the_policy_to_what_is_rewarded() -> None:
    torch.manual_seed(0)
    network = SkillNetwork(SkillConfig(hidden=(32,), sigma=0.3), 1)
    updates, N, T, F = 25, 16, 8, network.seen + 8
    config = PpoConfig(updates, N, T, epochs=4, learning_rate=6e-3)
    learner, rng = Learner(network, config), np.random.default_rng(0)
    wanted = np.linspace(-0.5, 0.5, 7)
    figures: dict[str, float] = {}
    rewards = []
    for n in range(updates):
        seen = rng.normal(size=(T + 1, N, F)).astype(np.float32)
        with torch.no_grad():
            mean = network.mean(torch.from_numpy(seen[:-1].reshape(-1, F))).numpy()
        noise = rng.normal(size=mean.shape) * network.log_sigma.detach().exp().numpy()
        actions = (mean + noise).astype(np.float32)
        reward = -((actions - wanted) ** 2).sum(1)
        rewards.append(reward.mean())
        experience = Experience(
            seen,
            actions.reshape(T, N, 7),
            reward.reshape(T, N).astype(np.float32),
            np.ones((T, N), bool),
        )
        figures = learner.update(n, experience, torch.Generator().manual_seed(n))
    assert np.mean(rewards[-5:]) > 0.5 * np.mean(rewards[:5])
    assert np.abs(mean.mean(0) - wanted).max() < 0.15
    assert 0.0 <= figures["divergence"] < 0.1
    assert learner.optimiser.param_groups[0]["lr"] == pytest.approx(6e-3 / updates)


def test_the_policy_sees_time_and_hand_alone() -> None:
    network = SkillNetwork(SkillConfig(), 2)
    seen = torch.randn(3, network.seen + 16)
    other = seen.clone()
    other[:, network.seen :] += 1.0
    assert torch.equal(network.mean(seen), network.mean(other))
    assert not torch.equal(network.values(seen), network.values(other))


def test_the_likelihood_is_a_gaussians() -> None:
    network = SkillNetwork(SkillConfig(sigma=0.3), 1)
    mean, action = torch.randn(5, 7), torch.randn(5, 7)
    expected = torch.distributions.Normal(mean, 0.3).log_prob(action).sum(1)
    torch.testing.assert_close(network.log_likelihood(mean, action), expected)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="got updates 0"):
        PpoConfig(updates=0)
    with pytest.raises(ValueError, match="clip 1"):
        PpoConfig(clip=1.0)
    with pytest.raises(ValueError, match="got orientation 2"):
        Curriculum(orientation=2.0)


def test_the_curriculum_widens_and_keeps_pace() -> None:
    whole = Curriculum()
    assert whole.spread(0) == (0.01, 0.0)
    assert whole.spread(100)[0] == pytest.approx(0.41)  # the paper's
    assert whole.spread(200) == (pytest.approx(0.81), 0.0)
    assert whole.spread(450) == (1.0, pytest.approx(0.5))
    assert whole.spread(700) == whole.spread(999) == (1.0, 1.0)
    assert whole.spread(200, two=True)[1] == pytest.approx(0.4)
    assert replace(whole, position_from=100).spread(200, two=True)[1] == pytest.approx(0.2)
    short = Curriculum(at=100)
    assert all(short.spread(n) == pytest.approx(whole.spread(10 * n)) for n in range(100))
    assert Curriculum(fixed=True, position=0.5).spread(700) == (1.0, 0.5)
    with pytest.raises(ValueError, match="position 2"):
        Curriculum(position=2.0)


HELD = np.array([[0.0, 0.4, 0.1]])


@pytest.mark.parametrize("beginnings", [np.zeros((0, 3)), HELD])
def test_starts_end_in_the_hard_ranges_wherever_demonstrations_begin(beginnings) -> None:
    rng = np.random.default_rng(0)
    near = Curriculum().draw(2000, 0, beginnings, rng)
    far = Curriculum().draw(2000, 999, beginnings, rng)
    assert np.abs(near.azimuth - np.pi / 2).max() <= 2 * np.pi * 0.01
    assert np.abs(far.elevation).max() > np.deg2rad(75)
    assert near.position[:, 0].std() == pytest.approx(0.005, rel=0.1)
    first = beginnings[0, 1] if len(beginnings) else 0.0
    np.testing.assert_allclose(near.position[:, 1].mean(), first, atol=0.001)
    assert (np.abs(far.position[:, :2]) <= 0.25).all()
    assert far.position[:, 0].std() == pytest.approx(0.5 / np.sqrt(12), rel=0.05)
    assert 0 <= far.position[:, 2].min() < 0.01
    assert 0.24 < far.position[:, 2].max() <= 0.25


@pytest.mark.parametrize(("objects", "beginnings"), [(1, HELD[:0]), (2, HELD)])
@pytest.mark.parametrize("update", [0, 450, 999])
def test_what_begins_is_free_and_objects_of_all_heights_are_met(
    objects, beginnings, update
) -> None:
    n = 60
    worlds = GripperWorlds(n, objects, threads=0)
    starts = Curriculum().begin(
        worlds, np.arange(n), update, beginnings, np.random.default_rng(update)
    )
    assert not worlds.colliding().any()
    np.testing.assert_allclose(worlds.state().position, starts.position)
    assert np.median(starts.heights[:, 0]) < 0.075
    worlds.close()


def test_an_untrained_policy_that_holds_something_keeps_it() -> None:
    starts, rng = draw_starts("easy", 20, 5), np.random.default_rng(0)
    held = {}
    for holding in (False, True):
        torch.manual_seed(0)
        network = SkillNetwork(SkillConfig(action="put_onto"), 2)
        if holding:
            network.hold()
        worlds = GripperWorlds(20, 2, threads=0)
        worlds.reset(starts, rng)
        for _ in range(36):
            mean = network.mean(torch.from_numpy(network.observe(worlds.state())))
            state = worlds.step(mean.detach().numpy() + 0.2 * rng.standard_normal((20, 7)))
        apart = np.linalg.norm(state.objects[:, 1] - state.position, axis=1)
        held[holding] = (apart < 0.05).mean()
        worlds.close()
    assert held[True] >= 0.95
    assert held[False] < 0.3
