"""Where the pushes of demonstrations begin, found in commanded positions alone."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_episodes import DOWN, tiny_episode

from visuomotor.dataset import Dataset
from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.errors import DataError
from visuomotor.geometry import pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.push_starts import find_pushes, push_of

SPEC = ObservationSpec((CameraSpec("front", 8, 8, depth=False),))


def line(begin: NDArray[np.float64], end: NDArray[np.float64], step_m: float) -> list[NDArray]:
    count = max(1, round(float(np.linalg.norm(end - begin)) / step_m))
    return [begin + (end - begin) * i / count for i in range(1, count + 1)]


def pushing(
    name: str,
    start: tuple[float, float],
    turned_rad: float = 0.0,
    length_m: float = 0.2,
    lag_m: float = 0.0,
    rise: bool = True,
) -> tuple[EpisodeArrays, int]:
    """An episode that pushes along y from `start`, and the step before its push begins.

    lag_m: how far the hand is behind its commands.
    """
    low = np.array([*start, 0.03])
    above, home = np.add(low, (0, 0, 0.1)), np.array([0.45, 0.0, 0.3])
    along = np.array([-np.sin(turned_rad), np.cos(turned_rad), 0.0])
    path = [home, *line(home, above, 0.02), *line(above, low, 0.015), low, low]
    begin = len(path) - 1
    path += line(low, low + length_m * along, 0.015)
    path += [path[-1]] * 3
    if rise:
        path += line(path[-1], np.add(path[-1], (0, 0, 0.1)), 0.02)
    commands = np.stack([pose(DOWN, p) for p in path])
    hands = np.stack([pose(DOWN, p - [0, 0, lag_m]) for p in path])
    episode = tiny_episode(name, np.ones(len(path), bool))
    return replace(episode, action_pose=commands, T_base_ee=hands), begin


@pytest.mark.parametrize("rise", [True, False])
def test_it_begins_at_the_last_step_before_the_way_sideways(rise: bool) -> None:
    episode, begin = pushing("a", (0.6, -0.1), rise=rise)
    found = push_of(episode)
    assert found is not None
    assert found[0] == begin
    np.testing.assert_allclose(found[1], (0.0, 0.2, 0.03), atol=1e-9)


def test_every_demonstration_gives_its_first_image_and_where_the_hand_was() -> None:
    starts = [(0.6, -0.1), (0.55, -0.2), (0.5, 0.05)]
    made = [pushing(f"e{i}", s, lag_m=0.004) for i, s in enumerate(starts)]
    episodes = [e for e, _ in made]
    episodes[1].valid[0] = False  # its first set was lost
    samples, push = find_pushes(Dataset(SPEC, episodes))
    assert samples.steps.tolist() == [[0, 0], [1, 1], [2, 0]]
    for row, ((episode, begin), first) in enumerate(zip(made, (0, 1, 0), strict=True)):
        np.testing.assert_array_equal(samples.T_base_ee[row], episode.T_base_ee[first])
        np.testing.assert_array_equal(samples.target[row], episode.T_base_ee[begin])
    np.testing.assert_allclose(push.direction, (0.0, 1.0), atol=1e-9)
    assert push.length_m == pytest.approx(0.2)
    assert push.height_m == pytest.approx(0.03)


def test_an_episode_without_a_push_is_named_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rising = tiny_episode("rising", np.ones(9, bool))
    good, _ = pushing("good", (0.6, 0.0))
    with caplog.at_level(logging.WARNING):
        samples, _ = find_pushes(Dataset(SPEC, [rising, good]))
    assert samples.steps[:, 0].tolist() == [1]
    assert "rising has no straight push; left out" in caplog.text
    with pytest.raises(DataError, match="none of 1 episodes has a straight push"):
        find_pushes(Dataset(SPEC, [rising]))


def test_pushes_in_several_directions_are_refused() -> None:
    episodes = [pushing(f"e{i}", (0.6, 0.0))[0] for i in range(3)]
    nearly = pushing("nearly", (0.6, 0.0), turned_rad=0.1)[0]
    _, push = find_pushes(Dataset(SPEC, [*episodes, nearly]))
    assert push.direction[0] == pytest.approx(-0.025, abs=0.005)
    across = pushing("across", (0.6, 0.0), turned_rad=1.2)[0]
    with pytest.raises(DataError, match=r"across: its push goes \d+ degrees off"):
        find_pushes(Dataset(SPEC, [*episodes, across]))
