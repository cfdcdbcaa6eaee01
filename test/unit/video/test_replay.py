"""Demonstrations are replayed in physics: what can be stays what it is, what cannot does not."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco")

from visuomotor.cli import main
from visuomotor.errors import ConfigError, DataError
from visuomotor.video.actions import ACTIONS
from visuomotor.video.demonstration import ACT, Demonstration, save_demonstration
from visuomotor.video.examples import example_demonstration
from visuomotor.video.replay import ReplaySettings
from visuomotor.video.replay import replay as replayed


def from_aside(d: Demonstration) -> Demonstration:
    """With a hand that does not reach over the standing object, and has room for its fingers."""
    if d.action != "put_behind":
        return d
    far = np.where(d.object_position[:, 1] > 0, 0.5 * d.object_position[:, 1], 0.0)
    shift = far[:, None] * np.array([0.0, 1.0, 0.0])
    return replace(
        d,
        hand_azimuth=np.full_like(d.hand_azimuth, 0.3),
        object_position=d.object_position + shift,
        hand_position=d.hand_position + shift,
    )


@pytest.mark.parametrize("action", list(ACTIONS))
def test_a_plain_demonstration_can_be(action: str) -> None:
    seen = []
    done = replayed(from_aside(example_demonstration(action)), look=seen.append)
    assert done.as_shown
    assert done.as_replayed
    assert done.off_m.mean() < 0.02
    assert done.hand_off_m.mean() < 0.01
    assert len(seen) >= len(done.off_m), "its pauses are shown too"
    np.testing.assert_allclose(done.moved[0], done.shown[0], atol=0.01)


def test_an_object_that_goes_without_the_hand_is_told() -> None:
    d = example_demonstration("push_left_to_right")
    acting = d.phase >= ACT
    hand = d.hand_position.copy()
    hand[acting] = hand[np.flatnonzero(acting)[0]]
    done = replayed(replace(d, hand_position=hand))
    assert done.as_shown
    assert not done.as_replayed
    assert done.off_m[-1] > 0.1


def test_a_hand_that_reaches_over_the_standing_object_knocks_it() -> None:
    done = replayed(example_demonstration("put_behind"))
    assert done.as_shown
    assert not done.as_replayed


def test_an_object_that_is_let_go_in_the_air_falls() -> None:
    d = example_demonstration("put_next_to")
    path = d.object_position.copy()
    path[:, 2] += 0.2 * (d.phase >= ACT)
    path[0, 2] = 0.035  # where it rests
    lifted = replace(d, object_position=path, hand_position=path)
    assert replayed(lifted).off_m[-1] > 0.1


def test_a_hand_that_is_too_fast_is_late() -> None:
    d = example_demonstration("push_left_to_right")
    far = d.object_position * [6.0, 1.0, 1.0]
    done = replayed(replace(d, object_position=far, hand_position=d.hand_position * [6.0, 1, 1]))
    assert done.hand_off_m.max() > 0.05


def test_heights_count_from_where_the_object_rests() -> None:
    d = example_demonstration("pick_up")
    up = np.array([0.0, 0.0, 0.1])
    tall = replace(d, object_position=d.object_position + up, hand_position=d.hand_position + up)
    low, high = replayed(d), replayed(tall)
    assert high.as_replayed
    assert np.abs((high.moved - high.moved[0]) - (low.moved - low.moved[0])).max() < 0.02


def test_where_within_the_object_the_hand_was_does_not_matter() -> None:
    d = example_demonstration("pull_left_to_right")
    aside = replace(d, hand_position=d.hand_position + np.array([0.03, -0.04, 0.01]))
    assert np.abs(replayed(aside).moved - replayed(d).moved).max() < 0.02


def test_what_cannot_be_replayed_is_told() -> None:
    d = example_demonstration("pick_up")
    with pytest.raises(DataError, match="got 20 Hz, expected 12 Hz"):
        replayed(replace(d, rate_hz=20.0))
    with pytest.raises(DataError, match="no step is of the action"):
        replayed(replace(d, phase=np.zeros_like(d.phase)))
    with pytest.raises(ConfigError, match=r"radius_m is 0\.2"):
        ReplaySettings(radius_m=0.2)
    with pytest.raises(ConfigError, match="height_m is 1"):
        ReplaySettings(height_m=1.0)


def test_the_command_writes_figures_and_paths(tmp_path, capsys) -> None:
    files = []
    for seed in (0, 1):
        files.append(tmp_path / f"{seed}.npz")
        save_demonstration(files[-1], example_demonstration("pick_up", seed))
    assert main(["video", "replay", *map(str, files), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "0: still is pick_up; the object" in said
    assert "2 of 2 are the action in replay" in said
    assert (tmp_path / "out" / "paths.svg").read_text().count("<polyline") == 8
    assert '"satisfied_in_replay": true' in (tmp_path / "out" / "replay.json").read_text()
    assert main(["video", "replay", str(tmp_path / "none.npz")]) == 2
    assert "none.npz: cannot be read as a demonstration" in capsys.readouterr().err
