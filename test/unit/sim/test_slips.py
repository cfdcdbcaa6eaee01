"""Slips move hand and gripper for a moment; the targets that are recorded stay as they were."""

import numpy as np

from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep
from visuomotor.sim.slips import FAR_M, GRIPPER_SHARE, LONG_S, Slips


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
