"""Which steps are exported, and as what."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visuomotor.interchange.lerobot_export import frames_of, runs_of
from visuomotor.policies.lerobot.features import poses


@given(arrays(bool, st.integers(0, 30)))
def test_runs_are_all_stretches_of_two_and_more(valid) -> None:
    runs = list(runs_of(valid))
    inside = np.zeros(len(valid), bool)
    for start, stop in runs:
        assert stop - start >= 2
        assert valid[start:stop].all()
        assert start == 0 or not valid[start - 1]
        assert stop == len(valid) or not valid[stop]
        inside[start:stop] = True
    left = valid & ~inside  # nothing but single steps
    assert not (left[1:] & left[:-1]).any()
    for i in np.flatnonzero(left):
        assert not valid[max(i - 1, 0) : i].any()
        assert not valid[i + 1 : i + 2].any()


def test_frames_say_what_the_steps_say(tiny_exported) -> None:
    episode, spec = tiny_exported
    frames = list(frames_of(episode, spec, 1, 4, solved=True))
    assert [bool(f["next.success"][0]) for f in frames] == [False, False, True]
    for i, frame in enumerate(frames, 1):
        T, width = poses(frame["action"])
        np.testing.assert_allclose(T, episode.action_pose[i], atol=1e-6)
        np.testing.assert_allclose(width, episode.action_width_m[i], atol=1e-7)
        color = frame["observation.images.front"]
        np.testing.assert_array_equal(color, episode.color["front"][i])
        assert (frame["observation.images.front_depth"] == 128).all()  # 1 m of 2
