"""A rendered video of a hand becomes tracks; the command says what is missing."""

import numpy as np
import pytest

from visuomotor.cli import main
from visuomotor.errors import DataError
from visuomotor.sim.hand_video import View, render_hand_video
from visuomotor.video.frames import Frames, read_video
from visuomotor.video.overlay import write_video
from visuomotor.video.parsing import parse
from visuomotor.video.tracks import load_tracks

T = 10


@pytest.fixture(scope="module")
def video():
    """A hand pushes one cuboid past another; its frames, true masks and boxes in frame 2."""
    along = np.linspace(-0.12, 0.04, T)
    hand = np.column_stack([along - 0.04, np.zeros(T), np.full(T, 0.05)])
    towards = np.tile([0.8, 0.3, -0.5], (T, 1))
    moved, static = np.tile(np.eye(4), (T, 1, 1)), np.tile(np.eye(4), (T, 1, 1))
    moved[:, 0, 3], moved[:, 2, 3] = along, 0.04
    static[:, :3, 3] = (0.12, 0.12, 0.05)
    sizes = [np.array([0.06, 0.06, 0.08]), np.array([0.08, 0.08, 0.10])]
    made = render_hand_video(View(0.7, 0.2, 0.6), hand, towards, sizes, [moved, static])
    names = {"hand": "hand", "moved": "object 0", "static": "object 1"}
    masks = {body: made.masks[name] for body, name in names.items()}
    boxes = {}
    for body, mask in masks.items():
        v, u = np.nonzero(mask[2])
        boxes[body] = np.array([u.min() - 2, v.min() - 2, u.max() + 3, v.max() + 3], float)
    return Frames(made.images, 12.0, "made"), masks, boxes


def test_tracks_hold_where_everything_is_seen(video) -> None:
    frames, masks, boxes = video
    tracks, found = parse(frames, boxes, first=2)
    assert (tracks.frames, tracks.size, tracks.rate_hz) == (T, (427, 240), 12.0)
    for body, true in masks.items():
        got = found[body].masks
        ious = [(got[t] & true[t]).sum() / (got[t] | true[t]).sum() for t in range(T)]
        assert min(ious) > 0.8, body
        assert np.mean(ious) > 0.9, body
        assert tracks.seen(body).all()
        assert tracks.masks is not None
        assert tracks.masks[body].shape == (T, 30, 53)


def test_bodies_that_are_lacking_are_named(video) -> None:
    frames, _, boxes = video
    with pytest.raises(DataError, match="got boxes of moved, expected one of the hand"):
        parse(frames, {"moved": boxes["moved"]})
    with pytest.raises(DataError, match="got boxes of hand, moved, cup"):
        parse(frames, {**{b: boxes[b] for b in ("hand", "moved")}, "cup": boxes["static"]})


def test_the_command_writes_tracks_and_an_overlay(video, tmp_path, capsys) -> None:
    frames, _, boxes = video
    write_video(frames.images, 12.0, tmp_path / "push.mp4")
    words = [str(tmp_path / "push.mp4"), "--frame", "2", "--out", str(tmp_path / "out")]
    for body, box in boxes.items():
        words += [f"--{body}", *(f"{v:g}" for v in box)]
    assert main(["video", "parse", *words]) == 0
    said = capsys.readouterr().out
    assert f"hand: seen in {T} of {T} frames" in said
    tracks = load_tracks(tmp_path / "out" / "tracks.json")
    assert set(tracks.boxes) == {"hand", "moved", "static"}
    assert len(read_video(tmp_path / "out" / "overlay.mp4", height=480).images) == T
    only_hand = words[: words.index("--moved")]
    assert main(["video", "parse", *only_hand]) == 2
    assert "--moved: got no box" in capsys.readouterr().err
