"""What is drawn of states is where their camera sees them; files of two videos are told apart."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("mujoco")

from visuomotor.bench.real2sim.known_videos import known_states, known_video, tracks_of
from visuomotor.bench.real2sim.truth import true_states
from visuomotor.cli import main
from visuomotor.errors import DataError
from visuomotor.geometry import transform_points
from visuomotor.video.alignment import align
from visuomotor.video.frames import read_video
from visuomotor.video.side_by_side import demonstration_frames, side_by_side
from visuomotor.video.solids import camera_view, cuboid_solid, paint, view_from_above
from visuomotor.video.states import save_states
from visuomotor.video.tracks import save_tracks


@pytest.fixture(scope="module")
def made():
    """A put: the tracks of a perfect parser, the truth, and the rendered video."""
    known, video = known_video("put_next_to", 3)
    tracks = tracks_of(known, video)
    return tracks, true_states(known, tracks.name), video


def test_bodies_are_drawn_onto_their_pictures(made) -> None:
    """The rendered video says where what stands in front is; what is drawn covers those pixels."""
    tracks, states, video = made
    drawn = side_by_side(tracks, states, height=240)[:, 20:, 426 + 4 : 2 * 426 + 4].astype(int)
    middle = tracks.frames // 2
    blue = drawn[0, ..., 2] > drawn[0, ..., 0] + 60
    yellow = drawn[middle, ..., 0] > drawn[middle, ..., 2] + 60
    for found, name, t in ((blue, "object 0", 0), (yellow, "hand", middle)):
        true = video.masks[name][t][:, :426]
        assert (found & true).sum() > 0.9 * true.sum(), name
        assert (found & true).sum() > 0.6 * found.sum(), name


def test_a_view_has_right_on_the_right_and_what_is_far_above() -> None:
    at = np.array([[0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [-0.1, -0.1, 0.0]])
    for view in (camera_view(0.8, 0.0, 0.6, 443.0, (427, 240)), view_from_above(at, 0.0, (90, 90))):
        right, far, near = view.pixels(at)
        assert right[0] > far[0] > near[0]
        assert far[1] < right[1] < near[1]
        assert ((view.pixels(at) > 0) & (view.pixels(at) < view.size)).all()


def test_turning_the_world_and_the_camera_changes_nothing_from_above() -> None:
    at = np.random.default_rng(0).normal(size=(6, 3))
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]]
    one = view_from_above(at, 0.1, (90, 120)).pixels(at)
    turned = transform_points(turn, at)
    np.testing.assert_allclose(view_from_above(turned, 0.8, (90, 120)).pixels(turned), one)


def test_what_is_nearer_hides_what_is_behind() -> None:
    view = camera_view(0.8, 0.0, 0.3, 443.0, (427, 240))
    size, upright = np.full(3, 0.08), np.eye(3)
    front = cuboid_solid(np.array([0.0, -0.1, 0.04]), upright, size, (0, 255, 0))
    back = cuboid_solid(np.array([0.0, 0.1, 0.04]), upright, size, (255, 0, 0))
    for order in ((front, back), (back, front)):
        image = np.zeros((240, 427, 3), np.uint8)
        paint(image, view, order)
        u, v = np.rint(view.pixels(np.array([[0.0, -0.14, 0.04]]))[0]).astype(int)
        assert image[v, u, 1] > 100
        assert image[v, u, 0] < 20


def test_the_demonstration_is_drawn_in_all_its_steps(made) -> None:
    _, states, _ = made
    shown = align(states, "put_next_to")
    frames = demonstration_frames(shown, 1.5 * states.moved_size, 1.5 * states.static_size, 120)
    assert len(frames) == len(shown.touch)
    assert (frames[0] != frames[-1]).any()


def test_files_of_two_videos_are_told(made, tmp_path, capsys) -> None:
    tracks, states, video = made
    other = true_states(known_states("pick_up", 0), "made")
    with pytest.raises(DataError, match="expected one video's"):
        side_by_side(tracks, other)
    with pytest.raises(DataError, match=r"the file has 5 frames at 12 Hz, its tracks"):
        side_by_side(tracks, states, video.images[:5])
    save_tracks(tmp_path / "tracks.json", tracks)
    save_states(tmp_path / "other.npz", replace(states, name="another"))
    words = ["--tracks", str(tmp_path / "tracks.json"), "--action", "put_next_to"]
    assert main(["video", "show", str(tmp_path / "other.npz"), *words]) == 2
    assert "video another: its tracks are in none of" in capsys.readouterr().err


def test_the_command_shows_a_video(made, tmp_path, capsys) -> None:
    tracks, states, _ = made
    save_tracks(tmp_path / "tracks.json", tracks)
    save_states(tmp_path / "states.npz", states)
    out = tmp_path / "show.mp4"
    words = ["--tracks", str(tmp_path / "tracks.json"), "--action", "107", "--height", "120"]
    assert main(["video", "show", str(tmp_path / "states.npz"), *words, "--out", str(out)]) == 0
    assert f"{tracks.frames} frames" in capsys.readouterr().out
    frames = read_video(out, height=400).images
    assert frames.shape[:3] == (tracks.frames, 140, 2 * (2 * 107) + 120 + 8)
