"""The arm's kinematics beside the simulated arm's, and what is in reach of it."""

from __future__ import annotations

import itertools

import mujoco
import numpy as np
import pytest

from visuomotor.control.joints import JOINT_LOWER, JOINT_UPPER
from visuomotor.control.kinematics import HOME_Q, arm_state, lowest_of_hand
from visuomotor.control.limits import Limits
from visuomotor.control.reach import ReachLimits, Standing, _nearer, at_most, reach
from visuomotor.geometry import matrix_from_rotvec, pose, rotvec_from_matrix
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.robot import PREFIX

WRIST = ("fr3_link6", "fr3_link7", "hand", "left_finger", "right_finger")
DOWN = np.diag([1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def world() -> SimWorld:
    return SimWorld(SimConfig(cameras=()))


def joints(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(JOINT_LOWER, JOINT_UPPER, (n, 7))


def set_joints(world: SimWorld, q: np.ndarray) -> None:
    world.data.qpos[world.arm.qpos] = q
    world.data.qpos[world.arm.fingers] = 0.04
    mujoco.mj_kinematics(world.model, world.data)


def lowest(world: SimWorld) -> float:
    """Of the collision geometry of wrist and hand."""
    model, data, found = world.model, world.data, np.inf
    for name in WRIST:
        body = model.body(PREFIX + name)
        for g in range(body.geomadr[0], body.geomadr[0] + body.geomnum[0]):
            R, at = data.geom_xmat[g].reshape(3, 3), data.geom_xpos[g]
            if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH:
                mesh = model.mesh(model.geom_dataid[g])
                first = mesh.vertadr[0]
                points = model.mesh_vert[first : first + mesh.vertnum[0]]
            else:
                corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), -1).reshape(-1, 3)
                points = corners * model.geom_size[g]
            found = min(found, float((points @ R.T + at)[:, 2].min()))
    return found


def test_the_hand_is_where_the_simulated_arm_has_it(world: SimWorld) -> None:
    q = joints(50)
    state = arm_state(q)
    for i in range(len(q)):
        set_joints(world, q[i])
        np.testing.assert_allclose(state.hand[i], world.arm.measured_pose(), atol=1e-6)


def test_the_jacobian_is_the_derivative() -> None:
    q, step = joints(5), 1e-6
    state = arm_state(q)
    for j in range(7):
        moved = q.copy()
        moved[:, j] += step
        after = arm_state(moved).hand
        turned = rotvec_from_matrix(after[:, :3, :3] @ state.hand[:, :3, :3].transpose(0, 2, 1))
        np.testing.assert_allclose(turned / step, state.jacobian[:, 3:, j], atol=1e-4)
        shift = (after - state.hand)[:, :3, 3] / step
        np.testing.assert_allclose(shift, state.jacobian[:, :3, j], atol=1e-4)


def test_the_lowest_point_is_the_geometrys_within_a_finger(world: SimWorld) -> None:
    q = joints(60, seed=1)
    bounds = arm_state(q).lowest_m
    for i in range(len(q)):
        set_joints(world, q[i])
        true = lowest(world)
        assert bounds[i] < true + 0.008, q[i]  # not much too high
        # lower than that the forearm alone may be, which the geometry here leaves out
        elbow = arm_state(q[i : i + 1]).lowest_m[0]
        assert elbow == bounds[i]


def straight(*places: tuple[float, float, float], tilt: float = 0.0) -> np.ndarray:
    """(T, 1, 4, 4): the hand turns from down by tilt (below 0: away), then goes there."""
    home = arm_state(HOME_Q[None]).hand[0, :3, 3]
    shares = np.linspace(0.1, 1, 10)
    turns = [matrix_from_rotvec([0.0, -share * tilt, 0.0]) @ DOWN for share in shares]
    points = [pose(R, home) for R in turns]  # it turns first, then goes
    for a, b in itertools.pairwise([home, *map(np.array, places)]):
        points += [pose(turns[-1], a + share * (b - a)) for share in shares]
    return np.stack(points)[:, None]


def test_no_arm_is_higher_than_its_hand() -> None:
    """So paths need not be followed whose hands alone come too near to the table."""
    states = arm_state(joints(200))
    hands = lowest_of_hand(states.hand)
    assert (states.lowest_m <= hands + 1e-12).all()
    assert (states.lowest_m > hands - 1e-12).mean() > 0.2, "which often is the lowest"
    heights = np.linspace(0.0, 0.1, 11)
    ways = np.linspace(0.2, heights, 20)  # (20, 11)
    paths = np.array([[pose(DOWN, (0.5, 0.0, z)) for z in step] for step in ways])
    assert (reach(HOME_Q, paths).margin <= at_most(paths) + 0.01).all()
    assert at_most(paths)[0] < 0 < at_most(paths)[-1]


def test_what_is_over_the_table_is_in_reach() -> None:
    assert reach(HOME_Q, straight((0.5, 0.2, 0.1), (0.6, -0.2, 0.05))).margin[0] > 0


@pytest.mark.parametrize(
    ("place", "tilt", "reason"),
    [
        ((0.5, 0.0, 0.01), -1.2, "touches the table"),
        ((0.5, 0.6, 0.3), 0.0, "leaves the workspace"),
        ((0.5, 0.0, 0.2), -1.5, "joint 6 is at its limit"),
    ],
)
def test_what_is_not_is_said(place: tuple[float, float, float], tilt: float, reason: str) -> None:
    found = reach(HOME_Q, straight(place, tilt=tilt))
    assert found.margin[0] < 0
    assert reason in found.reason[0]


def test_what_stands_there_is_kept_clear_of() -> None:
    path = straight((0.5, 0.2, 0.1), (0.6, -0.2, 0.05))
    low = Standing(0.6, -0.12, 0.025, 0.04)
    assert reach(HOME_Q, path, standing=[low]).margin[0] > 0, "the hand passes over it"
    high = Standing(0.6, -0.12, 0.025, 0.14)
    found = reach(HOME_Q, path, standing=[low, high])
    assert found.margin[0] < 0
    assert found.reason == ("hand or wrist touches what stands there",)
    beside = Standing(0.6, -0.4, 0.025, 0.14)
    assert reach(HOME_Q, path, standing=[beside]).margin[0] > 0


def test_an_elbow_goes_home_while_the_hand_stays() -> None:
    aside = HOME_Q + np.array([0.4, 0.1, -0.4, 0.1, 0.2, 0.0, 0.1])
    hand = arm_state(aside[None]).hand
    far = {}
    for homeward in (0.0, 0.05, 0.5):
        q = aside[None]
        for _ in range(12):
            q = _nearer(q, hand, homeward)
        np.testing.assert_allclose(arm_state(q).hand, hand, atol=2e-3)
        far[homeward] = float(np.linalg.norm(q - HOME_Q))
    assert far[0.0] == pytest.approx(float(np.linalg.norm(aside - HOME_Q)), abs=1e-6)
    assert far[0.5] < far[0.05] < far[0.0]


def test_a_stretched_arm_is_singular() -> None:
    wide = Limits(workspace_max=(1.0, 0.5, 1.2))
    found = reach(HOME_Q, straight((0.6, 0.0, 0.5), (0.84, 0.0, 0.5)), wide)
    assert found.margin[0] < 0
    assert "singularity" in found.reason[0] or "cannot get there" in found.reason[0]


def test_paths_are_judged_apart() -> None:
    near, far = straight((0.5, 0.2, 0.1)), straight((0.5, 0.6, 0.1))
    both = reach(HOME_Q, np.concatenate([near, far], axis=1))
    alone = [reach(HOME_Q, p).margin[0] for p in (near, far)]
    np.testing.assert_allclose(both.margin, alone, atol=1e-9)
    strict = ReachLimits(joint_margin_rad=2.0)
    assert reach(HOME_Q, near, margins=strict).margin[0] < 0
