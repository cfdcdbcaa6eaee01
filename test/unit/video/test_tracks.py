"""Tracks survive their file; what cannot be used is refused with video and frame."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_videos import SIZE, TOUCH, made_video, path_between

from visuomotor.errors import DataError
from visuomotor.video.phases import overlap, predict_phases, touching
from visuomotor.video.starts import contact_of
from visuomotor.video.tracks import Phases, Tracks, clip_boxes, load_tracks, save_tracks


def pushed() -> Tracks:
    path = path_between(np.array([-0.08, 0.0, 0.03]), np.array([0.1, 0.02, 0.03]))
    return made_video(path, (0.06, 0.06, 0.06), heading=0.2)


@pytest.mark.parametrize("masked", [False, True])
def test_tracks_survive_their_file(tmp_path: Path, masked: bool) -> None:
    tracks = pushed()
    tracks.boxes["hand"][3:5] = np.nan
    masks = {"moved": np.random.default_rng(0).random((tracks.frames, 6, 9)) > 0.5}
    tracks = dataclasses.replace(tracks, masks=masks if masked else None)
    save_tracks(tmp_path / "new" / "one.json", tracks)
    read = load_tracks(tmp_path / "new" / "one.json")
    assert (read.name, read.rate_hz, read.size) == (tracks.name, tracks.rate_hz, tracks.size)
    assert read.phases == tracks.phases
    for body, boxes in tracks.boxes.items():
        assert np.allclose(read.boxes[body], boxes, atol=0.01, equal_nan=True)
    assert not read.seen("hand")[3:5].any()
    if masked:
        assert read.masks is not None
        assert (read.masks["moved"] == masks["moved"]).all()


def test_what_is_missing_is_named() -> None:
    tracks = pushed()
    with pytest.raises(DataError, match="video made: no hand in any frame of 24"):
        dataclasses.replace(tracks, boxes={"moved": tracks.boxes["moved"]})
    gone = {**tracks.boxes, "moved": np.full((tracks.frames, 4), np.nan)}
    with pytest.raises(DataError, match="no object in any frame"):
        dataclasses.replace(tracks, boxes=gone)
    late = Phases((0, 24), (24, 26), (26, 26))
    with pytest.raises(DataError, match=r"from frame 24 to before 26, expected .* 24 frames"):
        dataclasses.replace(tracks, phases=late)
    short = {b: v[:2] for b, v in tracks.boxes.items()}
    with pytest.raises(DataError, match="2 frames, expected at least 3"):
        dataclasses.replace(tracks, boxes=short, phases=None)


def test_boxes_are_clipped_or_refused_with_their_frame() -> None:
    boxes = np.array([[10.0, 20, 440, 90], [np.nan] * 4, [-5, -5, 30, 250]])
    clipped = clip_boxes("7", "hand", boxes, SIZE)
    assert np.array_equal(clipped[[0, 2]], [[10, 20, 427, 90], [0, 0, 30, 240]])
    assert np.isnan(clipped[1]).all()
    boxes[2] = [430, 10, 436, 20]
    with pytest.raises(DataError, match=r"video 7, frame 2: the box of hand .*no area"):
        clip_boxes("7", "hand", boxes, SIZE)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("")
    with pytest.raises(DataError, match="cannot be read as tracks"):
        load_tracks(tmp_path / "empty.json")
    (tmp_path / "other.json").write_text('{"format": "visuomotor-tracks-1"}')
    with pytest.raises(DataError, match="not tracks of format"):
        load_tracks(tmp_path / "other.json")


def test_the_action_is_found_where_hand_and_object_move_together() -> None:
    tracks = pushed()
    found = predict_phases(tracks)
    assert overlap(found.action, TOUCH) > 0.7
    assert touching(tracks)[TOUCH[0] : TOUCH[1]].all()
    still = {**tracks.boxes, "moved": np.tile(tracks.boxes["moved"][0], (tracks.frames, 1))}
    with pytest.raises(DataError, match="the object does not move"):
        predict_phases(dataclasses.replace(tracks, boxes=still))


@pytest.mark.parametrize("action", [(0, 1), (23, 24), (10, 11)])
def test_the_shortest_action_is_a_contact(action: tuple[int, int]) -> None:
    tracks = pushed()
    phases = Phases((0, action[0]), action, (action[1], tracks.frames))
    contact = contact_of(dataclasses.replace(tracks, phases=phases))
    assert contact.last - contact.first >= 2
    assert 0 <= contact.first < contact.last <= tracks.frames
    assert not contact.brought


def test_what_appears_later_is_brought_in() -> None:
    tracks = pushed()
    tracks.boxes["moved"][:3] = np.nan
    contact = contact_of(tracks)
    assert contact.brought
    assert (contact.first, contact.last) == (0, TOUCH[1])


def test_overlap_is_that_of_frame_ranges() -> None:
    assert overlap((0, 10), (0, 10)) == 1
    assert overlap((0, 10), (10, 20)) == 0
    assert overlap((0, 10), (5, 15)) == pytest.approx(1 / 3)
    assert Phases((0, 1), (1, 2), (2, 3)).action == (1, 2)
