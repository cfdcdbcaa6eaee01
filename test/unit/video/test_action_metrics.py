"""The nine actions' metrics: what they accept, and each condition that they refuse alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.geometry import matrix_from_rotvec
from visuomotor.video.metrics import METRICS, Trajectory, satisfied, satisfied_actions

POINTING = {
    "pull_left_to_right": (1, np.pi),
    "pull_right_to_left": (-1, 0.0),
    "push_left_to_right": (1, 0.0),
    "push_right_to_left": (-1, np.pi),
}
PLACES = {
    "put_behind": (0.0, 0.12, 0.03),
    "put_in_front_of": (0.0, -0.12, 0.03),
    "put_next_to": (-0.12, 0.0, 0.03),
    "put_onto": (0.01, 0.0, 0.11),
}


def along(end, azimuth=0.0, elevation=0.2, start=(0.0, 0.0, 0.03), static=False) -> Trajectory:
    moved = np.linspace(start, end, 30)
    return Trajectory(
        moved,
        np.tile(np.eye(3), (30, 1, 1)),
        np.full(30, azimuth),
        np.full(30, elevation),
        0.06,
        0.045,
        np.tile([0.0, 0.0, 0.04], (30, 1)) if static else None,
        0.08,
        0.045,
    )


def example(action: str) -> Trajectory:
    if action in POINTING:
        direction, azimuth = POINTING[action]
        return along((0.1 * direction, 0.0, 0.03), azimuth)
    if action == "pick_up":
        return along((0.0, 0.0, 0.13), np.pi / 2)
    return along(PLACES[action], np.pi / 2, start=(0.0, -0.2, 0.1), static=True)


@pytest.mark.parametrize("action", METRICS)
def test_an_action_is_itself_and_no_other(action: str) -> None:
    others = {a for a, ok in satisfied_actions(example(action)).items() if ok}
    # what is put onto something is also off the table
    assert others == ({action, "pick_up"} if action == "put_onto" else {action})


@pytest.mark.parametrize("action", list(POINTING))
def test_pushes_and_pulls_need_the_hand_behind_them(action: str) -> None:
    t = example(action)
    for off in np.deg2rad([-89, 89]):
        assert satisfied(action, replace(t, azimuth=t.azimuth + off + 2 * np.pi))
    for off in np.deg2rad([-91, 91, 180]):
        assert not satisfied(action, replace(t, azimuth=t.azimuth + off))
    # the published difference is signed: a hand turned by -91 to -180 degrees passes there
    assert satisfied(action, replace(t, azimuth=t.azimuth - np.deg2rad(91)), signed_azimuth=True)
    assert not satisfied(
        action, replace(t, azimuth=t.azimuth + np.deg2rad(91)), signed_azimuth=True
    )


@pytest.mark.parametrize("action", list(POINTING))
def test_pushes_and_pulls_need_way_uprightness_and_a_level_hand(action: str) -> None:
    t = example(action)
    assert not satisfied(action, replace(t, moved=t.moved * [0.49, 1, 1]))
    assert satisfied(action, replace(t, moved=t.moved * [0.51, 1, 1]))
    fallen = np.tile(matrix_from_rotvec([np.deg2rad(61), 0, 0]), (30, 1, 1))
    assert not satisfied(action, replace(t, rotation=fallen))
    assert not satisfied(action, replace(t, elevation=np.full(30, np.deg2rad(81))))


def test_only_steps_in_which_the_object_moves_count() -> None:
    still = along((0.0, 0.0, 0.03), azimuth=np.pi)
    pushed = along((0.1, 0.0, 0.03), azimuth=0.0)
    whole = {
        k: np.concatenate([getattr(still, k), getattr(pushed, k)])
        for k in ("moved", "rotation", "azimuth", "elevation")
    }
    assert satisfied("push_left_to_right", replace(pushed, **whole))
    moved = replace(pushed, azimuth=np.where(np.arange(30) < 8, np.pi, 0.0))
    assert not satisfied("push_left_to_right", moved)


@pytest.mark.parametrize("action", list(PLACES))
def test_puts_need_the_static_object_where_it_was(action: str) -> None:
    t = example(action)
    assert t.static is not None
    static = t.static.copy()
    static[-1, 0] += 0.011
    assert not satisfied(action, replace(t, static=static))
    assert not satisfied(action, replace(t, static=None))


@pytest.mark.parametrize("action", ["put_behind", "put_in_front_of", "put_next_to"])
def test_puts_beside_need_bearing_table_and_nearness(action: str) -> None:
    t = example(action)
    turn = matrix_from_rotvec([0, 0, np.deg2rad(59)]), matrix_from_rotvec([0, 0, np.deg2rad(61)])
    assert satisfied(action, replace(t, moved=t.moved @ turn[0].T))
    if action != "put_next_to":  # beyond 60 degrees it is next to it
        assert not satisfied(action, replace(t, moved=t.moved @ turn[1].T))
    assert not satisfied(action, replace(t, moved=t.moved + np.array([0, 0, 0.021])))
    assert not satisfied(action, replace(t, moved=t.moved * [4.2, 4.2, 1]))


def test_put_onto_needs_the_top() -> None:
    t = example("put_onto")
    assert not satisfied("put_onto", replace(t, moved=t.moved - [0, 0, 0.0011]))
    assert not satisfied("put_onto", replace(t, moved=t.moved + np.array([0.04, 0, 0])))


def test_pick_up_needs_a_centimetre() -> None:
    t = example("pick_up")
    for lift, ok in ((0.011, True), (0.009, False)):
        assert satisfied("pick_up", replace(t, moved=t.moved * 0 + [0, 0, 0.03 + lift])) is ok


def test_bad_input_is_named() -> None:
    t = example("pick_up")
    with pytest.raises(DataError, match=r"unknown action 'pickup'; did you mean 'pick_up'"):
        satisfied("pickup", t)
    with pytest.raises(DataError, match=r"got azimuth \(29,\), expected \(30,\)"):
        replace(t, azimuth=t.azimuth[1:])
    with pytest.raises(DataError, match="moved is not finite"):
        replace(t, moved=t.moved * np.nan)
