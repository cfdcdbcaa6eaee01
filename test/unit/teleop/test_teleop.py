"""Dead-man, leash, keys and terminal."""

from __future__ import annotations

import os
import pty
import termios
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.errors import RobotError
from visuomotor.geometry import pose, pose_delta
from visuomotor.teleop import DeadMan, DeltaTargets, HeldKeys
from visuomotor.teleop.keyboard import DIRECTIONS
from visuomotor.teleop.terminal import Terminal

MS = 1_000_000
HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.4, 0.0, 0.3])


@given(st.lists(st.integers(1, 60), min_size=10, max_size=80), st.floats(10, 50))
def test_a_held_dead_man_is_never_silent_for_long(steps, rate_hz) -> None:
    dead_man, now, last = DeadMan(rate_hz), 0, 0
    dead_man.press(0)
    for step in steps:
        now += step * MS
        sent = dead_man.poll(now)
        assert sent in (True, None)
        if sent:
            last = now
        assert now - last < 1e9 / rate_hz


def test_a_released_dead_man_says_so_and_falls_silent() -> None:
    dead_man = DeadMan(20.0)
    assert dead_man.poll(0) is None
    dead_man.press(0)
    assert dead_man.poll(0) is True
    dead_man.release()
    assert [dead_man.poll(t * MS) for t in range(50, 300, 50)] == [False, False, False, None, None]


def test_a_press_expires_without_repeats() -> None:
    dead_man = DeadMan(20.0, hold_s=0.3)
    dead_man.press(0)
    assert dead_man.poll(300 * MS) is True
    assert dead_man.poll(301 * MS) is False
    with pytest.raises(ValueError, match="at least 10"):
        DeadMan(5.0)


def test_once_a_key_repeats_its_release_is_seen_sooner() -> None:
    dead_man = DeadMan(20.0, hold_s=0.7, repeat_hold_s=0.2)
    dead_man.press(0)
    assert dead_man.held(500 * MS)  # the keyboard's pause before it repeats
    for t in (500, 530, 560):
        dead_man.press(t * MS)
    assert dead_man.held(760 * MS)
    assert not dead_man.held(761 * MS)
    dead_man.press(2000 * MS)  # a new press, a new pause
    assert dead_man.held(2700 * MS)
    with pytest.raises(ValueError, match="repeat_hold_s 0"):
        DeadMan(20.0, 0.7, 0.0)


@given(st.lists(st.tuples(*[st.floats(-0.5, 0.5)] * 6), min_size=1, max_size=30))
def test_targets_stay_on_the_leash(deltas) -> None:
    targets = DeltaTargets(0.03, 0.25)
    for delta in deltas:
        lead = pose_delta(HOME, targets.move(delta, HOME))
        assert np.linalg.norm(lead[:3]) <= 0.03 + 1e-9
        assert np.linalg.norm(lead[3:]) <= 0.25 + 1e-6


def test_small_deltas_add_up_and_a_release_forgets_them() -> None:
    targets, small = DeltaTargets(), np.array([0.002, 0, 0, 0, 0, 0.01])
    for _ in range(3):
        target = targets.move(small, HOME)
    np.testing.assert_allclose(pose_delta(HOME, target), 3 * small, atol=1e-9)
    targets.disengage()
    np.testing.assert_allclose(targets.move(np.zeros(6), HOME), HOME, atol=1e-12)
    with pytest.raises(ValueError, match="finite"):
        targets.move(np.full(6, np.nan), HOME)


@given(st.lists(st.sampled_from(sorted(DIRECTIONS)), max_size=6))
def test_no_combination_of_keys_is_faster(keys) -> None:
    held = HeldKeys()
    for key in keys:
        assert held.press(key, 0)
    twist = held.velocity(50 * MS, 0.1, 0.5)
    assert np.linalg.norm(twist[:3]) <= 0.1 + 1e-12
    assert np.linalg.norm(twist[3:]) <= 0.5 + 1e-12
    assert not held.velocity(200 * MS, 0.1, 0.5).any()


def test_every_direction_has_a_key_and_other_keys_do_nothing() -> None:
    assert np.linalg.matrix_rank(np.array(list(DIRECTIONS.values()))) == 6
    held = HeldKeys()
    assert held.press("W", 0)
    assert not held.press("q", 0)
    assert held.velocity(0, 0.1, 0.5)[0] == pytest.approx(0.1)
    held.release()
    assert not held.velocity(0, 0.1, 0.5).any()


def test_the_terminal_gives_keys_at_once_and_is_restored() -> None:
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        terminal = Terminal(slave)
        assert terminal.read() == ""
        os.write(master, b"wa")
        typed, end = "", time.monotonic() + 5
        while len(typed) < 2 and time.monotonic() < end:
            typed += terminal.read()
        assert typed == "wa"
        assert termios.tcgetattr(slave) != before
        terminal.close()
        terminal.close()
        assert termios.tcgetattr(slave) == before
        assert terminal.read() == ""
    finally:
        os.close(master)
        os.close(slave)


def test_what_is_no_terminal_is_refused() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(RobotError, match="terminal of its own"):
            Terminal(reader)
    finally:
        os.close(reader)
        os.close(writer)
