"""Slips move hand and gripper for a moment; the targets that are recorded stay as they were."""

import numpy as np

from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.slips import FAR_M, GRIPPER_SHARE, LONG_S, STRAY_S, Slips, Strays


def test_they_come_as_often_and_go_as_far_as_said() -> None:
    slips = Slips.draw(np.random.default_rng(0), 0.5, 2000.0)
    assert slips.starts_s[-1] > 2000.0
    assert np.diff(slips.starts_s).min() >= LONG_S
    np.testing.assert_allclose(np.diff(slips.starts_s).mean(), 2.0 + LONG_S, rtol=0.1)
    far = np.linalg.norm(slips.aside_m, axis=1)
    gripper = far == 0
    np.testing.assert_allclose(gripper.mean(), GRIPPER_SHARE, atol=0.02)
    assert FAR_M[0] <= far[~gripper].min() <= far.max() <= FAR_M[1]
    assert np.abs(slips.aside_m.mean(axis=0)).max() < 0.001


def test_a_slip_goes_out_and_comes_back() -> None:
    slips = Slips(np.array([1.0, 3.0]), np.array([[0.01, 0, 0], [0, 0, 0.0]]))
    path = np.array([slips.aside(t) for t in np.arange(0.9, 1.5, 0.002)])
    assert np.abs(np.diff(path, axis=0)).max() < 0.0002
    assert path[:, 0].max() > 0.0099
    assert not path[[0, -1]].any()
    assert [slips.width(t, 0.0) for t in (0.5, 1.2, 3.2, 3.5)] == [0, 0, 0.08, 0]
    assert [slips.width(t, 0.08) for t in (1.2, 3.2, 3.5)] == [0.08, 0, 0.08]


def test_a_demonstration_corrects_them_and_is_told_apart() -> None:
    def path(**settings: float) -> tuple[np.ndarray, np.ndarray, bool]:
        world = SimWorld(SimConfig("bread", start="table", cameras=(), **settings))
        hands, targets = [], []
        rollout = Lockstep(world).demonstrate(
            1003,
            lambda frame: hands.append(frame.robot.T_base_ee[:3, 3]),
            lambda _, action: targets.append(action.T_base_ee[:3, 3]),
        )
        world.close()
        return np.array(hands), np.array(targets), rollout.success

    hands, targets, solved = path(slips_hz=0.5)
    _, still, _ = path()
    assert solved
    assert len(targets) > 100
    n = min(len(targets), len(still), 400)
    assert np.abs(targets[:n] - still[:n]).max() > 0.005, "it corrects what slipped"
    # what it is told stays a step ahead of where the hand is, wherever that is
    assert np.linalg.norm(targets[: len(hands)] - hands[: len(targets)], axis=1).max() < 0.06


def test_the_gripper_lets_go_at_once() -> None:
    """However long it has squeezed, it opens within three steps of being told to."""
    world = SimWorld(SimConfig("bread", start="table", cameras=()))
    widths, told = [], []
    Lockstep(world).demonstrate(
        1003,
        lambda frame: widths.append(frame.robot.gripper_width_m),
        lambda _, action: told.append(action.gripper_width_m),
    )
    world.close()
    measured, asked = np.array(widths), np.array(told)[: len(widths)]
    opens = [i for i in range(20, len(asked)) if asked[i - 20 : i].max() < 0.01 < asked[i]]
    held = [i for i in opens if measured[i] > 0.03]
    assert held, "the bread was held and let go"
    assert all(measured[i + 3] > measured[i] + 0.005 for i in held)


def test_strays_come_as_often_as_said_and_go_up_before_they_go_aside() -> None:
    strays = Strays.draw(np.random.default_rng(0), 0.1, 2000.0)
    assert strays.starts_s[-1] > 2000.0
    np.testing.assert_allclose(np.diff(strays.starts_s).mean(), 10.0 + STRAY_S, rtol=0.1)
    begun = float(strays.starts_s[3])
    assert strays.now(begun - 0.01) is None
    assert strays.now(begun + STRAY_S + 0.01) is None
    way = np.array([strays.now(begun + t)[1] for t in np.linspace(0.0, STRAY_S - 1e-3, 100)])
    assert not way[0].any()
    assert not way[:50, :2].any(), "up first, out of whatever stands around it"
    np.testing.assert_allclose(way[-1], strays.way_m[3], atol=1e-3)
    assert np.abs(np.diff(way, axis=0)).max() < 0.003


def test_a_gripper_that_was_told_once_slips_and_comes_back() -> None:
    world = SimWorld(SimConfig("bread", start="table", cameras=(), slips_hz=0.3))
    world.reset(3)
    assert world._departures.slips is not None
    world._departures.slips = Slips(np.array([1.0]), np.zeros((1, 3)))
    world.set_gripper(0.08)  # and never again
    widths = {}
    while world.elapsed_s < 3.0:
        world.step()
        widths[round(world.elapsed_s, 2)] = world.arm.gripper_width_m
    world.close()
    assert widths[1.0] > 0.075
    assert min(w for t, w in widths.items() if 1.0 < t < 1.5) < 0.05
    assert widths[max(widths)] > 0.075


def test_a_hand_that_closed_on_nothing_is_opened_and_led_back() -> None:
    """The targets that are recorded say so while it strays, and afterwards."""
    world = SimWorld(SimConfig("bread", start="table", cameras=(), strays_hz=0.3))
    solved, empty = 0, 0
    for seed in range(1003, 1006):
        widths, told = [], []
        rollout = Lockstep(world).demonstrate(
            seed,
            lambda frame, to=widths: to.append(frame.robot.gripper_width_m),
            lambda _, action, to=told: to.append(action.gripper_width_m),
        )
        n = min(len(widths), len(told))
        closed, open_told = np.array(widths[:n]) < 0.004, np.array(told[:n]) > 0.06
        solved, empty = solved + rollout.success, empty + int((closed & open_told).sum())
    world.close()
    assert solved >= 2
    assert empty > 10
