"""The gripper world: how the hand moves, what it holds, what the table is."""

from __future__ import annotations

import numpy as np
import pytest

from visuomotor.geometry import rotation_angle
from visuomotor.sim.gripper import OPENING_M, GripperWorlds, Starts
from visuomotor.sim.gripper.poses import hand_angles, hand_rotation

STILL = np.zeros((1, 7))


def starts(
    n=1, azimuth=np.pi / 2, elevation=0.0, position=(0.0, 0.0, 0.4), height=0.07, radius=0.045
) -> Starts:
    return Starts(
        np.full(n, azimuth),
        np.full(n, elevation),
        np.tile(np.asarray(position, float), (n, 1)),
        np.zeros((n, 2)),
        np.full((n, 2), height),
        np.full((n, 2), radius),
    )


def begun(objects: int, start: Starts, leave="free", seed=0) -> GripperWorlds:
    worlds = GripperWorlds(len(start), objects, leave, threads=0)
    worlds.reset(start, np.random.default_rng(seed))
    return worlds


def test_angles_and_rotations_are_inverse() -> None:
    rng = np.random.default_rng(0)
    azimuth, elevation = rng.uniform(-3.1, 3.1, 50), rng.uniform(-1.5, 1.5, 50)
    rotation = hand_rotation(azimuth, elevation)
    back = hand_angles(rotation)
    np.testing.assert_allclose(back, [azimuth, elevation], atol=1e-9)
    np.testing.assert_allclose(rotation[:, 2, 1], 0, atol=1e-12)  # fingers close horizontally


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("direction", [-1.0, 1.0])
def test_the_hand_moves_as_told(axis: int, direction: float) -> None:
    worlds = begun(1, starts(position=(0.0, 0.4, 0.5)))
    action = STILL.copy()
    action[0, axis] = direction * 20.0
    first = worlds.state().position[0]
    positions = [worlds.step(action).position[0] for _ in range(6)]
    # the speed is reached evenly in the first step, then held: ten substeps, their mean 0.55
    way = direction * 0.3 / 12 * (np.arange(1, 7) - 0.45)
    expected = first + np.eye(3)[axis] * way[:, None]
    np.testing.assert_allclose(positions, expected, atol=1e-4)


def test_the_hand_turns_about_its_point_in_the_world_axes() -> None:
    worlds = begun(1, starts(position=(0.0, 0.4, 0.5), elevation=0.5, azimuth=0.0))
    action = STILL.copy()
    action[0, 5] = 20.0
    state = worlds.state()
    for _ in range(6):
        state = worlds.step(action)
    assert state.azimuth[0] == pytest.approx(np.pi / 12 * 5.55, abs=2e-3)
    assert state.elevation[0] == pytest.approx(0.5, abs=2e-3)
    np.testing.assert_allclose(state.position[0], [0.0, 0.4, 0.5], atol=1e-4)


@pytest.mark.parametrize("radius", [0.04, 0.05])
def test_a_held_cylinder_stays_in_the_hand_at_full_speed(radius: float) -> None:
    n = 8
    worlds = begun(2, starts(n, position=(0.0, 0.0, 3.0), radius=radius))
    action, rng = np.zeros((n, 7)), np.random.default_rng(0)
    action[:, 6] = -20.0
    worlds.step(action)
    before = _in_hand(worlds)
    for _ in range(60):  # the hardest that can be told: turning round at full speed every step
        action[:, :6] = rng.choice([-20.0, 20.0], (n, 6))
        worlds.step(action)
    after = _in_hand(worlds)
    np.testing.assert_allclose(after[0][:, [0, 2]], before[0][:, [0, 2]], atol=0.01)
    assert np.abs(after[0][:, 1]).max() < 0.01
    assert rotation_angle(np.swapaxes(before[1], -1, -2) @ after[1]).max() < 0.15
    assert (worlds.state().opening < radius).all()


def _in_hand(worlds: GripperWorlds) -> tuple[np.ndarray, np.ndarray]:
    s = worlds.state()
    into = np.swapaxes(s.rotation, -1, -2)
    offset = np.einsum("nij,nj->ni", into, s.objects[:, 1] - s.position)
    return offset, into @ s.rotations[:, 1]


def test_an_opened_hand_lets_go() -> None:
    worlds = begun(2, starts(position=(0.0, -0.3, 0.3)))
    action = STILL.copy()
    action[0, 6] = 20.0
    for _ in range(12):
        state = worlds.step(action)
    assert state.opening[0] == pytest.approx(OPENING_M, abs=1e-3)
    assert state.objects[0, 1, 2] < 0.1
    assert state.objects[0, 0, 2] == pytest.approx(0.035, abs=1e-3)  # the first one stands


@pytest.mark.parametrize("height", [0.06, 0.1])
def test_a_closed_hand_lifts_what_stands(height: float) -> None:
    worlds = begun(1, starts(position=(0.0, 0.0, 0.035), height=height), leave="close")
    action = STILL.copy()
    action[0, 6] = -20.0
    for _ in range(12):
        worlds.step(action)
    action[0, 2] = 20.0
    for _ in range(12):
        state = worlds.step(action)
    assert state.objects[0, 0, 2] == pytest.approx(height / 2 + 0.3 * 11.5 / 12, abs=0.005)
    assert state.rotations[0, 0, 2, 2] > 0.99


def test_an_object_at_rest_stays_and_a_pushed_one_moves_upright() -> None:
    worlds = begun(1, starts(azimuth=0.0, elevation=0.2, position=(-0.15, 0.0, 0.05)))
    action = STILL.copy()
    action[0, 6] = -20.0
    for _ in range(6):
        state = worlds.step(action)
    np.testing.assert_allclose(state.objects[0, 0], [0.0, 0.0, 0.035], atol=1e-3)
    action[0, 0] = np.arctanh(0.5)
    for _ in range(16):
        state = worlds.step(action)
    assert state.objects[0, 0, 0] > 0.05
    assert state.rotations[0, 0, 2, 2] > 0.99


def test_one_object_stands_on_the_other() -> None:
    start = starts(elevation=0.0, position=(0.0, 0.0, 0.106))
    worlds = begun(2, start)
    action = STILL.copy()
    action[0, 6] = 20.0
    for _ in range(24):
        state = worlds.step(action)
    assert state.objects[0, 1, 2] == pytest.approx(0.105, abs=2e-3)
    assert abs(state.rotations[0, 1, 2, 2]) > 0.999


@pytest.mark.parametrize(("leave", "wanted"), [("open", OPENING_M), ("close", 0.0)])
def test_the_fingers_leave_by_themselves_after_seven_seconds(leave: str, wanted: float) -> None:
    worlds = begun(1, starts(position=(0.0, 0.5, 0.4)), leave=leave)
    for _ in range(84):
        before = worlds.step(STILL)
    for _ in range(24):
        after = worlds.step(STILL)
    assert before.opening[0] == pytest.approx(OPENING_M / 2, abs=1e-3)
    assert after.opening[0] == pytest.approx(wanted, abs=1e-3)


def test_worlds_do_not_depend_on_one_another_or_on_threads() -> None:
    n, rng = 6, np.random.default_rng(3)
    start = Starts(
        rng.uniform(-3, 3, n),
        rng.uniform(0, 1, n),
        rng.uniform([-0.1, -0.1, 0.1], [0.1, 0.1, 0.2], (n, 3)),
        np.zeros((n, 2)),
        rng.uniform(0.04, 0.1, (n, 2)),
        rng.uniform(0.04, 0.05, (n, 2)),
    )
    actions = rng.normal(size=(10, n, 7))
    finals = []
    for threads in (0, 2):
        worlds = GripperWorlds(n, 1, threads=threads)
        worlds.reset(start, np.random.default_rng(5))
        for action in actions:
            state = worlds.step(action)
        worlds.close()
        finals.append(state)
    np.testing.assert_array_equal(finals[0].objects, finals[1].objects)
    np.testing.assert_array_equal(finals[0].position, finals[1].position)
    # a reset world begins as it did, the others go on
    worlds = begun(1, start)
    first = worlds.state()
    worlds.step(actions[0])
    moved = worlds.state()
    worlds.reset(start.take(np.array([2])), np.random.default_rng(0), np.array([2]))
    now = worlds.state()
    np.testing.assert_array_equal(now.position[2], first.position[2])
    np.testing.assert_array_equal(np.delete(now.position, 2, 0), np.delete(moved.position, 2, 0))


def test_collisions_are_found() -> None:
    places = np.array([[0, 0, 0.4], [0, -0.2, 0.02], [0.05, 0, 0.05], [0, 0, 0.06]])
    start = Starts(
        np.full(4, np.pi / 2),
        np.full(4, 0.0),
        places,
        np.zeros((4, 2)),
        np.full((4, 2), 0.07),
        np.full((4, 2), 0.045),
    )
    # free; palm in the table; a finger in the object; the object between the open fingers
    assert begun(1, start).colliding().tolist() == [False, True, True, False]
    # with one in the hand the fourth overlaps the first
    assert begun(2, start).colliding().tolist()[3]
    assert not begun(2, start.take(np.array([0]))).colliding()[0]


def test_objects_have_the_sizes_that_they_are_given() -> None:
    start = starts(2, position=(0.0, 0.4, 0.4))
    start.heights[:, 0] = [0.04, 0.1]
    worlds = begun(1, start)
    for _ in range(6):
        state = worlds.step(np.zeros((2, 7)))
    np.testing.assert_allclose(state.objects[:, 0, 2], [0.02, 0.05], atol=5e-4)
