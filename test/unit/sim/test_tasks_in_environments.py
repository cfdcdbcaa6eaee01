"""Pusher, striker and push_mug: their geometry, success, experts, and what is to be seen."""

import numpy as np
import pytest
from blind import blind, demonstrate, put

from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.environments import SPLITS
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.tasks import make_task, push_mug, pusher, striker
from visuomotor.sim.tasks.task import InEnvironments

TASKS = ("pusher", "striker", "push_mug")
STILL = (1.0, 0.0, 0.0, 0.0)


def starts(task, name, region="interpolation", n=1500):
    made = make_task(task)
    draws = [made.draw(np.random.default_rng(s), region)[0] for s in range(n)]
    return np.array([d[name][:2, 3] for d in draws])


def steps_until_success(world, limit=12):
    for step in range(limit):
        if world.success():
            return step
        world.step()
    return None


# --- geometry ---


def test_the_mug_starts_where_gyms_pusher_puts_its_cylinder():
    offset = starts("pusher", "mug") - pusher.GOAL_M
    y, x = offset[:, 0], -offset[:, 1]  # Gym's axes: y away from the shoulder
    assert -0.3 <= y.min() < -0.29
    assert y.max() <= 0.0
    assert y.max() > -0.02
    assert 0.19 < np.abs(x).max() <= 0.2
    assert 0.17 <= np.linalg.norm(offset, axis=1).min() < 0.18
    assert pusher.TOLERANCE_M == 0.08


def test_the_goal_lies_where_gyms_striker_puts_it_at_its_scale():
    gym = (starts("striker", "goal") - striker.BALL_M) / striker.SCALE + (0.5, -0.175)
    np.testing.assert_allclose(gym.min(axis=0), (0.15, 0.1), atol=0.01)
    np.testing.assert_allclose(gym.max(axis=0), (0.7, 1.0), atol=0.01)
    assert pytest.approx(0.08 * striker.SCALE) == striker.TOLERANCE_M
    # Gym keeps goals out of 0.17 m around the ball: here none is drawn there
    assert np.linalg.norm(gym - (0.5, -0.175), axis=1).min() > 0.17


@pytest.mark.parametrize("task", TASKS)
def test_regions_are_an_inner_area_and_the_ring_around_it(task):
    name = make_task(task).interest
    area = {"pusher": pusher.AREA, "striker": striker.AREA, "push_mug": push_mug.AREA}[task]
    for region in ("interpolation", "extrapolation", "gaussian"):
        off = np.abs(starts(task, name, region, 200) - area.centre_m)
        inside = (off <= np.array(area.half_m) + 1e-12).all(axis=1)
        assert inside.all() == (region != "extrapolation")
        assert inside.any() == (region != "extrapolation")
        assert (off <= np.array(area.outer_half_m) + 1e-12).all()


@pytest.mark.parametrize("task", TASKS)
def test_the_start_is_the_same_in_every_environment_and_stands_still(task):
    worlds = [blind(task, variant=v) for v in ("plain", *SPLITS)]
    assert isinstance(worlds[0].task, InEnvironments)
    for seed in (2, 43):
        starts_of = []
        for world in worlds:
            world.reset(seed)
            begin = world.object_poses()
            starts_of.append({n: T[:2, 3].copy() for n, T in begin.items()})
            world.set_reference(world.robot_state().T_base_ee)
            for _ in range(4):
                world.step()
            for name, T in world.object_poses().items():
                np.testing.assert_allclose(T, begin[name], atol=1e-3)
            assert not world.success()
        for other in starts_of[1:]:
            for name, place in starts_of[0].items():
                np.testing.assert_allclose(other[name], place, atol=1e-9)


# --- success ---


@pytest.mark.parametrize(
    ("task", "name", "tolerance_m", "height_m"),
    [("pusher", "mug", 0.08, 0.034), ("striker", "ball", 0.036, 0.018),
     ("push_mug", "mug", 0.04, 0.034)],
)  # fmt: skip
def test_success_is_the_distance_at_rest(task, name, tolerance_m, height_m):
    world = blind(task)
    for factor, solved in ((0.0, True), (0.9, True), (1.1, False)):
        world.reset(4)
        goal = world.object_poses()["goal"][:2, 3]
        away = factor * tolerance_m * np.array([-0.8, -0.6])
        put(world, name, (*(goal + away), height_m + 0.001), STILL)
        assert (steps_until_success(world) is not None) == solved, factor


def test_a_ball_that_rolls_past_the_goal_has_not_arrived():
    world = blind("striker")
    world.reset(4)
    goal = world.object_poses()["goal"][:2, 3]
    behind = np.add(goal, (0.0, 0.09))  # the rim
    put(world, "ball", (*behind, 0.018), STILL)
    assert steps_until_success(world) is None


def test_the_rim_keeps_a_ball_that_came_in():
    world = blind("striker")
    for seed in (1, 2, 3):
        world.reset(seed)
        poses = world.object_poses()
        ahead = poses["goal"][:2, 0]
        put(world, "ball", (*(poses["goal"][:2, 3] - 0.12 * ahead), 0.018), STILL)
        world.data.joint("ball").qvel[:2] = 0.3 * ahead
        world.data.joint("ball").qvel[3:5] = 0.3 / 0.018 * np.array([-ahead[1], ahead[0]])
        for _ in range(40):
            world.step()
        assert world.success()


# --- experts ---


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("variant", ["plain", "test_environments"])
def test_the_expert_solves_what_it_is_given(task, variant):
    rollouts, refused = demonstrate(blind(task, variant=variant), range(610, 613))
    assert [r.seed for r in rollouts if not r.success] == []
    assert refused == 0


@pytest.mark.parametrize("task", TASKS)
def test_the_expert_solves_the_ring_around(task):
    rollouts, _ = demonstrate(blind(task, region="extrapolation"), range(610, 612))
    assert [r.seed for r in rollouts if not r.success] == []


def test_a_push_begins_where_the_label_says_and_goes_straight():
    """The last step before the target moves along at push height is at the starting point."""
    world = blind("push_mug")
    hands, targets = [], []
    lockstep = Lockstep(world)
    world.reset(8)
    begin = push_mug.start_of_push(world.object_poses()["mug"][:2, 3])
    lockstep.demonstrate(
        8,
        lambda frame: hands.append(frame.robot.T_base_ee[:3, 3].copy()),
        lambda _, action: targets.append(action.T_base_ee[:3, 3].copy()),
    )
    hands, targets = np.array(hands), np.array(targets)
    u = np.array(push_mug.PUSH_DIRECTION)
    assert np.linalg.norm(u) == pytest.approx(1.0)
    assert push_mug.PUSH_HEIGHT_M < push_mug.HOVER_HEIGHT_M
    low = np.abs(targets[:, 2] - push_mug.PUSH_HEIGHT_M) < 0.008
    moving = low & ((targets - begin) @ u > 0.009)
    first = int(np.flatnonzero(moving)[0])
    assert moving[first:].all()  # one push, and nothing after it
    np.testing.assert_allclose(hands[first - 1], begin, atol=0.003)
    travel = hands[-1] - begin
    assert travel @ u == pytest.approx(push_mug.PUSH_LENGTH_M, abs=0.01)
    aside = hands[first:] - begin - np.outer((hands[first:] - begin) @ u, u)
    assert np.linalg.norm(aside, axis=1).max() < 0.006


# --- what is to be seen ---


@pytest.mark.parametrize("task", TASKS)
def test_the_object_of_interest_is_seen_in_every_environment(task):
    fewest = []
    for variant in ("plain", *SPLITS):
        world = SimWorld(SimConfig(task=task, variant=variant, cameras=("front",)))
        body = world.model.body(world.task.interest).id
        for seed in range(1 if variant == "plain" else 40):
            world.reset(seed)
            shown = world.frame().cameras["front"].color.astype(int)
            world.model.geom_rgba[world.model.geom_bodyid == body, 3] = 0
            hidden = world.frame().cameras["front"].color
            fewest.append(int((np.abs(shown - hidden).max(-1) > 20).sum()))
        world.close()
    assert min(fewest) > 40
    assert np.median(fewest) > 90


@pytest.mark.parametrize("task", TASKS)
def test_starts_and_goals_are_within_the_front_image(task):
    world = SimWorld(SimConfig(task=task, variant="test_environments", cameras=("front",)))
    for seed in range(80):
        world.reset(seed)
        T = np.linalg.inv(world.camera_pose("front", np.eye(4)))
        for name, pose in world.object_poses().items():
            at = T[:3, :3] @ pose[:3, 3] + T[:3, 3]
            u, v = world.camera("front").project(at)
            assert 3 < u < 156, (seed, name)
            assert 3 < v < 116, (seed, name)


@pytest.mark.parametrize("task", TASKS)
def test_distractors_stand_off_the_way_and_touch_nothing(task):
    world = blind(task, variant="test_environments")
    for seed in range(40):
        world.reset(seed)
        model = world.model
        drawn = [i for i in range(6) if model.geom(f"distractor_{i}_base").rgba[3] > 0]
        assert len(drawn) >= 2
        for i in drawn:
            body = world.data.body(f"distractor_{i}").xpos[:2]
            for T in world.object_poses().values():
                assert np.linalg.norm(body - T[:2, 3]) > 0.10
        parts = [g for g in range(model.ngeom) if model.geom(g).name.startswith("distractor")]
        assert not model.geom_contype[parts].any()
        assert not model.geom_conaffinity[parts].any()
