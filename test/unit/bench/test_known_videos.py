"""Videos with known states are what their names say, and errors are measured against them."""

import numpy as np
import pytest

from visuomotor.bench.estimator import errors
from visuomotor.bench.real2sim.known_videos import known_states, known_video, pointing, tracks_of
from visuomotor.geometry import matrix_from_rotvec
from visuomotor.video.actions import ACTIONS
from visuomotor.video.alignment import AlignedStates
from visuomotor.video.metrics import Trajectory, satisfied


@pytest.mark.parametrize("action", ACTIONS)
def test_the_truth_satisfies_its_actions_metric(action: str) -> None:
    for seed in range(20):
        known = known_states(action, seed)
        kept = slice(known.phases.action[0], None)
        count = len(known.moved[kept])
        size = known.sizes_m[0]
        static, other = None, (0.0, 0.0)
        if known.static is not None:
            static = np.tile(known.static, (count, 1))
            other = (known.sizes_m[1][2], known.sizes_m[1][:2].mean() / 2)
        truth = Trajectory(
            moved=known.moved[kept],
            rotation=known.moved_rotation[kept],
            azimuth=known.azimuth[kept],
            elevation=known.elevation[kept],
            height=size[2],
            radius=size[:2].mean() / 2,
            static=static,
            static_height=other[0],
            static_radius=other[1],
        )
        assert satisfied(action, truth), seed


@pytest.mark.parametrize("action", ["push_left_to_right", "put_onto"])
def test_hand_and_object_go_together_and_nothing_sinks(action: str) -> None:
    known = known_states(action, 3)
    acting = slice(*known.phases.action)
    back = known.hand[acting] - known.moved[acting]
    np.testing.assert_allclose(back, np.tile(back[0], (len(back), 1)), atol=1e-9)
    assert (np.cross(back, pointing(known.azimuth, known.elevation)[acting]) ** 2).max() < 1e-12
    assert known.moved[:, 2].min() >= known.sizes_m[0][2] / 2 - 1e-9
    away = np.linalg.norm(known.hand[[0, -1]] - known.moved[[0, -1]], axis=1)
    assert (away > 0.2).all()


def test_a_seed_gives_one_video_and_parsers_lose_what_they_are_told_to() -> None:
    known, video = known_video("pick_up", 5)
    again = known_states("pick_up", 5)
    np.testing.assert_array_equal(known.moved, again.moved)
    whole = tracks_of(known, video)
    assert whole.masks is not None
    assert whole.phases == known.phases
    assert whole.seen("moved").all()
    lossy = tracks_of(known, video, masks=False, dropped=0.5)
    assert lossy.masks is None
    assert 0.2 < lossy.seen("moved").mean() < 0.8
    both = whole.seen("hand") & lossy.seen("hand")
    np.testing.assert_array_equal(whole.boxes["hand"][both], lossy.boxes["hand"][both])


def test_errors_are_those_that_were_put_in() -> None:
    known = known_states("put_next_to", 2)
    turn = np.asarray(matrix_from_rotvec([0.0, 0.0, -known.view.azimuth_rad]))
    assert known.static is not None
    origin = known.static * [1.0, 1.0, 0.0]
    tilt = np.asarray(matrix_from_rotvec([0.0, 0.0, 0.3]))
    found = AlignedStates(
        hand_position=known.hand,
        hand_azimuth=known.azimuth,
        hand_elevation=known.elevation,
        moved_position=(known.moved - origin) @ turn.T + [0.03, 0.0, 0.04],
        moved_rotation=turn @ known.moved_rotation @ tilt,
        static_position=None,
        static_rotation=None,
    )
    off_m, turned, extent_m = errors(known, found)
    np.testing.assert_allclose(off_m, 0.05, atol=1e-9)
    np.testing.assert_allclose(turned, 0.3, atol=1e-6)
    assert extent_m == pytest.approx(np.linalg.norm(known.moved - known.moved[0], axis=1).max())
