"""Steps that a policy is cloned from, and sequences of them."""

import numpy as np
import pytest
from tiny_episodes import tiny_episode

from visuomotor.dataset import Dataset
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.samples import Samples, find_samples, padded, sequences

SPEC = ObservationSpec((CameraSpec("front", 8, 8),))


def dataset_of(*lengths: int, lost: tuple[int, ...] = (), refused: tuple[int, ...] = ()) -> Dataset:
    """Episodes of so many steps; lost sets and refused targets at these steps of each."""
    episodes = []
    for i, n in enumerate(lengths):
        steps = np.arange(n)
        episodes.append(
            tiny_episode(f"e{i}", ~np.isin(steps, refused), valid=~np.isin(steps, lost))
        )
    return Dataset(SPEC, episodes)


def test_samples_are_the_steps_with_a_set_and_a_target() -> None:
    dataset = dataset_of(12, 9, lost=(3, 4), refused=(8,))
    samples = find_samples(dataset)
    assert len(samples) == (12 - 3) + (9 - 3)
    assert samples.steps[:, 0].tolist() == [0] * 9 + [1] * 6
    assert samples.steps[:9, 1].tolist() == [0, 1, 2, 5, 6, 7, 9, 10, 11]
    for i, (e, t) in enumerate(samples.steps):
        episode = dataset.episodes[e]
        np.testing.assert_array_equal(samples.T_base_ee[i], episode.T_base_ee[t])
        np.testing.assert_array_equal(samples.target[i], episode.action_pose[t])
        assert samples.width_m[i] == episode.gripper_width_m[t]
        assert samples.target_width_m[i] == episode.action_width_m[t]


def test_a_mask_keeps_what_belongs_together() -> None:
    samples = find_samples(dataset_of(12))
    odd = samples.only(samples.steps[:, 1] % 2 == 1)
    assert odd.steps[:, 1].tolist() == [1, 3, 5, 7, 9, 11]
    np.testing.assert_array_equal(odd.T_base_ee, samples.T_base_ee[1::2])
    np.testing.assert_array_equal(odd.width_m, samples.width_m[1::2])


def test_a_dataset_without_actions_is_named() -> None:
    with pytest.raises(DataError, match="no step of the dataset has an accepted target; was comm"):
        find_samples(dataset_of(5, refused=tuple(range(5))))


@pytest.mark.parametrize("every", [1, 2, 4])
def test_every_step_is_in_one_sequence_of_its_phase(every: int) -> None:
    samples = find_samples(dataset_of(23, 17, lost=(6, 7), refused=(11,)))
    found = sequences(samples, every)
    rows = np.concatenate(found)
    assert sorted(rows.tolist()) == list(range(len(samples))), "each step once"
    for sequence in found:
        episodes, steps = samples.steps[sequence].T
        assert len(set(episodes)) == 1
        assert len({t % every for t in steps}) == 1
        assert (np.diff(steps) > 0).all()
        assert set(np.diff(steps)) <= {every, 2 * every, 3 * every}, "a gap is left out"
    assert len(found) == 2 * every


def test_a_single_step_is_no_sequence() -> None:
    samples = find_samples(dataset_of(5))
    assert sorted(map(len, sequences(samples, 4))) == [2]
    empty = Samples(*(values[:0] for values in vars(samples).values()))
    assert sequences(empty, 4) == []


def test_padding_repeats_the_last_step_and_is_marked() -> None:
    chosen = [np.array([4, 8, 12]), np.array([5]), np.array([6, 10])]
    rows, mask = padded(chosen)
    assert rows.tolist() == [[4, 8, 12], [5, 5, 5], [6, 10, 10]]
    assert mask.tolist() == [[True] * 3, [True, False, False], [True, True, False]]
    for sequence, row, counts in zip(chosen, rows, mask, strict=True):
        np.testing.assert_array_equal(row[counts], sequence)
