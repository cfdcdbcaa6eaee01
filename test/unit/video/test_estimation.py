"""What is estimated from boxes is what was there: places, supports, and who moved."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_videos import FRAMES, TOUCH, made_video, path_between

from visuomotor.cli import main
from visuomotor.errors import ConfigError, DataError
from visuomotor.video.alignment import align_states, trajectory_of
from visuomotor.video.estimation import EstimationSettings, estimate_states
from visuomotor.video.losses import LossWeights
from visuomotor.video.metrics import satisfied
from visuomotor.video.states import load_states, save_states
from visuomotor.video.tracks import save_tracks

QUICK = EstimationSettings(
    iterations=100, learning_rate=0.05, azimuths_rad=(0.0,), hand_lengths_m=(0.15,)
)


def test_a_push_is_estimated_in_metres() -> None:
    path = path_between(np.array([-0.08, 0.0, 0.025]), np.array([0.1, 0.02, 0.025]))
    states = estimate_states(
        made_video(path, (0.08, 0.08, 0.05), heading=0.3), "push_left_to_right", QUICK
    )
    aligned = align_states(states).moved_position
    error = np.linalg.norm(aligned - (path - path[0] * [1, 1, 0]), axis=1)
    assert np.median(error) < 0.04
    assert np.ptp(states.moved_position[: TOUCH[0]], axis=0).max() == 0
    assert np.ptp(states.moved_position[TOUCH[1] :], axis=0).max() == 0
    assert np.allclose(states.moved_position[:, 2], states.moved_size[2] / 2)
    assert satisfied("push_left_to_right", trajectory_of(states))
    assert not satisfied("pull_left_to_right", trajectory_of(states))


def test_what_is_put_onto_a_thing_rests_on_it(tmp_path: Path) -> None:
    static, size = (0.06, 0.04, 0.04), (0.14, 0.14, 0.08)
    path = path_between(np.array([-0.16, -0.02, 0.025]), np.array([0.06, 0.04, 0.105]), 0.05)
    tracks = made_video(path, (0.06, 0.06, 0.05), static, size, heading=1.0)
    states = estimate_states(tracks, "put_onto", QUICK)
    assert states.onto
    assert satisfied("put_onto", trajectory_of(states))
    save_states(tmp_path / "states.npz", states)
    read = load_states(tmp_path / "states.npz")
    for field in dataclasses.fields(states):
        one, other = getattr(states, field.name), getattr(read, field.name)
        assert np.array_equal(one, other), field.name


def test_what_is_put_in_front_stays_on_the_table() -> None:
    static, size = (0.0, 0.1, 0.03), (0.08, 0.08, 0.06)
    path = path_between(np.array([-0.16, -0.02, 0.025]), np.array([0.01, -0.08, 0.025]), 0.05)
    states = estimate_states(
        made_video(path, (0.06, 0.06, 0.05), static, size), "put_in_front_of", QUICK
    )
    assert not states.onto
    assert states.moved_position[-1, 2] == pytest.approx(states.moved_size[2] / 2)
    assert satisfied("put_in_front_of", trajectory_of(states))
    assert (states.moved_spread >= 0).all()
    assert len(states.losses) == 2


def test_masks_refine_what_boxes_gave() -> None:
    path = path_between(np.array([-0.06, 0.0, 0.025]), np.array([0.06, 0.05, 0.025]))
    tracks = made_video(path, (0.09, 0.07, 0.05), heading=2.0, masked=True)
    few = dataclasses.replace(QUICK, iterations=30, mask_iterations=1)
    more = dataclasses.replace(few, mask_iterations=40)
    before, after = (estimate_states(tracks, "pull_left_to_right", s) for s in (few, more))
    assert after.loss < 0.9 * before.loss
    assert len(after.losses) == 1


def test_what_is_missing_is_named() -> None:
    tracks = made_video(path_between(np.zeros(3), np.array([0.1, 0, 0.0])), (0.05, 0.05, 0.05))
    with pytest.raises(DataError, match="video made: put_onto needs a static object"):
        estimate_states(tracks, "put_onto", QUICK)
    with pytest.raises(DataError, match="video made: no phases"):
        estimate_states(dataclasses.replace(tracks, phases=None), "pick_up", QUICK)
    with pytest.raises(ConfigError, match="lift is 'label'"):
        EstimationSettings(lift="label")
    with pytest.raises(ConfigError, match=r"LossWeights.box is -1"):
        LossWeights(box=-1.0)


def test_the_command_writes_states_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = path_between(np.array([0.08, 0.0, 0.025]), np.array([-0.1, 0.0, 0.025]))
    save_tracks(tmp_path / "t.json", made_video(path, (0.06, 0.06, 0.05)))
    command = ["video", "estimate", str(tmp_path / "t.json"), "--iterations", "3"]
    out = ["--out", str(tmp_path / "s.npz"), "--demonstration", str(tmp_path / "d.npz")]
    assert main([*command, "--action", "push_right_to_left", *out]) == 0
    assert load_states(tmp_path / "s.npz").moved_position.shape == (FRAMES, 3)
    assert (tmp_path / "d.npz").is_file()
    assert main([*command, "--action", "put_onto", *out]) == 2
    assert "needs a static object" in capsys.readouterr().err
