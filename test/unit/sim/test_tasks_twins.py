"""Harder twins: what they add, where, and that the task stays what it is."""

import numpy as np
import pytest
from blind import blind, demonstrate

from visuomotor.errors import ConfigError
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.sensors import NOISY_DEPTH, depth_faults
from visuomotor.sim.tasks.twins import TWINS


def seen(task, variant, seed=5):
    """Both standing cameras' frames of the world, and the frames of the plain one."""
    frames = []
    for name in (variant, "plain"):
        world = SimWorld(SimConfig(task=task, variant=name, cameras=("front", "side")))
        world.reset(seed)
        frames.append(world.frame().cameras)
        world.close()
    return frames


@pytest.mark.parametrize("task", ["lift", "stack"])
@pytest.mark.parametrize("variant", TWINS)
def test_a_twin_is_the_same_task_with_the_same_starts(task, variant):
    world, plain = blind(task, variant=variant), blind(task)
    for seed in (1, 2):
        for w in (world, plain):
            w.reset(seed)
        for name, T in plain.object_poses().items():
            np.testing.assert_array_equal(world.object_poses()[name], T)
        for w in (world, plain):
            for _ in range(5):
                w.step()
        np.testing.assert_array_equal(world.object_poses()["cube"], plain.object_poses()["cube"])
    assert world.task.objects == plain.task.objects


def test_look_alikes_lie_apart_from_what_counts_and_from_one_another():
    world, places = blind("stack", variant="look_alikes"), []
    for seed in range(20):
        world.reset(seed)
        at = [world.data.body(f"alike_{i}").xpos[:2] for i in range(4)]
        at += [T[:2, 3] for T in world.object_poses().values()]
        apart = np.linalg.norm(np.subtract.outer(at, at)[:, [0, 1], :, [0, 1]], axis=0)
        assert apart[~np.eye(6, dtype=bool)].min() > 0.08
        places.append(np.array(at[:4]))
    assert np.std(places, axis=0).min() > 0.03  # others in every episode
    world.reset(3)
    again = [world.data.body(f"alike_{i}").xpos[:2].copy() for i in range(4)]
    np.testing.assert_array_equal(again, places[3])


def test_look_alikes_are_seen_and_have_other_colours():
    twin, plain = seen("lift", "look_alikes")
    changed = (twin["front"].color.astype(int) - plain["front"].color).astype(float)
    changed = np.abs(changed).max(-1) > 25
    assert 150 < changed.sum() < 2000
    red = np.array([204, 31, 26])
    assert (np.abs(twin["front"].color[changed].astype(int) - red).max(-1) > 30).mean() > 0.9


def test_a_panel_hides_part_of_the_cube_from_most_views():
    hidden = []
    for seed in range(6):
        twin, plain = seen("lift", "occluded", seed)
        for name in ("front", "side"):
            cube, left = (
                ((f[name].color[..., 0] > 120) & (f[name].color[..., 1] < 90)).sum()
                for f in (plain, twin)
            )
            hidden.append(1 - left / cube)
    assert 0.2 < np.mean(hidden) < 0.9
    assert min(hidden) > -0.05
    assert np.ptp(hidden) > 0.3


def test_depth_is_noisy_and_has_holes_in_that_twin_alone():
    twin, plain = (f["front"].depth_mm.astype(float) for f in seen("lift", "noisy_depth"))
    holes = (twin == 0) & (plain > 0)
    assert 0.5 * NOISY_DEPTH[1] < holes.mean() < 1.5 * NOISY_DEPTH[1]
    both = (twin > 0) & (plain > 0) & (plain < 1000)
    wanted = NOISY_DEPTH[0] * (plain[both] * 1e-3) ** 2 * 1e3
    assert 0.8 < np.std((twin - plain)[both] / wanted) < 1.2
    assert depth_faults(SimConfig(depth_holes=0.5)) == (0.0, 0.5)
    more = SimConfig(variant="noisy_depth", depth_noise=0.05)
    assert depth_faults(more) == (0.05, NOISY_DEPTH[1])


@pytest.mark.parametrize("variant", TWINS)
def test_the_expert_does_not_mind(variant):
    rollouts, refused = demonstrate(blind("stack", variant=variant), range(660, 662))
    assert [r.seed for r in rollouts if not r.success] == []
    assert refused == 0


def test_tasks_that_have_no_such_twin_say_so():
    with pytest.raises(ConfigError, match=r"unknown variant of reach_t 'occluded'"):
        blind("reach_t", variant="occluded")
    with pytest.raises(ConfigError, match=r"unknown variant of tool_use 'look_alikes'"):
        blind("tool_use", variant="look_alikes")
