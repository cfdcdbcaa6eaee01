"""Something-Else's boxes, with what goes wrong in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.video.actions import ACTIONS
from visuomotor.video.something_else import open_tracks, read_annotations, read_phases, tracks_of

FRAMES = 10


def label(name: str, x: float, y: float, wide: float = 40, high: float = 30) -> dict[str, Any]:
    box = {"x1": x, "x2": x + wide, "y1": y, "y2": y + high}
    return {"box2d": box, "gt_annotation": name}


def video(names: dict[str, str], gap: int | None = 4) -> list[dict[str, Any]]:
    """A hand that comes over the border and pushes an object past one that stands still."""
    frames = []
    for t in range(FRAMES):
        labels = [label(names["moved"], 60 + 12 * t, 100), label(names["static"], 300, 60)]
        if t != gap:
            labels.append(label(names["hand"], max(0, 12 * (t - 1)), 110, wide=70))
        frames.append({"name": f"{t:04d}.jpg", "labels": labels})
    return frames


RIGHT = {"hand": "object hand", "moved": "object 0", "static": "object 1"}


def test_roles_follow_the_annotation_and_gaps_stay(tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text(json.dumps({"12": video(RIGHT)}))
    tracks = tracks_of(read_annotations(tmp_path / "boxes.json"), "12", ACTIONS["put_behind"])
    assert list(np.flatnonzero(~tracks.seen("hand"))) == [4]
    assert np.array_equal(tracks.boxes["moved"][3], [96, 100, 136, 130])
    assert np.array_equal(tracks.boxes["static"][0], tracks.boxes["static"][9])
    alone = tracks_of(read_annotations(tmp_path / "boxes.json"), "12", ACTIONS["pick_up"])
    assert "static" not in alone.boxes


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        ("put_onto", {**RIGHT, "moved": "object 1"}),
        ("put_onto", {**RIGHT, "static": "object 0"}),
        ("pick_up", {**RIGHT, "hand": "object 0"}),
    ],
)
def test_a_body_filed_under_another_is_told_apart(action: str, wrong: dict[str, str]) -> None:
    good = tracks_of({"1": video(RIGHT)}, "1", ACTIONS[action])
    mended = tracks_of({"1": video(wrong)}, "1", ACTIONS[action])
    for body, boxes in good.boxes.items():
        assert np.allclose(mended.boxes[body], boxes, equal_nan=True), body


def test_what_cannot_be_used_is_named() -> None:
    frames = video(RIGHT)
    for frame in frames:
        frame["labels"] = [x for x in frame["labels"] if x["gt_annotation"] != "object hand"]
    with pytest.raises(DataError, match="video 5: no hand in any frame of 10"):
        tracks_of({"5": frames}, "5", ACTIONS["pick_up"])
    with pytest.raises(DataError, match="video 6 has no boxes"):
        tracks_of({"5": frames}, "6", ACTIONS["pick_up"])
    frames = video(RIGHT)
    del frames[3]["labels"][0]["box2d"]["x2"]
    with pytest.raises(DataError, match="video 5, frame 3: not a label"):
        tracks_of({"5": frames}, "5", ACTIONS["pick_up"])
    frames = video(RIGHT)
    frames[7]["labels"][0] = label("object 0", 500, 100)
    with pytest.raises(DataError, match="video 5, frame 7: the box of moved"):
        tracks_of({"5": frames}, "5", ACTIONS["pick_up"])


def test_phases_are_read_with_their_gaps(tmp_path: Path) -> None:
    path = tmp_path / "phases.csv"
    path.write_text("video_id,action_id,approach,action,leave\n1,93,-,1-8,-\n2,47,1-3,4-9,10-20\n")
    found = read_phases(path)
    assert found["1"][0].name == "push_left_to_right"
    assert (found["1"][1].action, found["1"][1].leave) == ((0, 8), (8, 8))
    assert (found["2"][1].approach, found["2"][1].action) == ((0, 3), (3, 9))
    path.write_text("video_id,action_id,approach,action,leave\n1,93,-,8-1,-\n")
    with pytest.raises(DataError, match="line 2"):
        read_phases(path)


def test_phases_come_from_the_table_or_the_boxes(tmp_path: Path) -> None:
    boxes, phases = tmp_path / "boxes.json", tmp_path / "phases.csv"
    boxes.write_text(json.dumps({"1": video(RIGHT)}))
    phases.write_text("video_id,action_id,approach,action,leave\n1,93,1-2,3-8,9-40\n")
    action = ACTIONS["push_left_to_right"]
    read = open_tracks(boxes, action, "1", phases).phases
    assert read is not None
    assert (read.action, read.leave) == ((2, 8), (8, FRAMES))
    predicted = open_tracks(boxes, action, "1").phases
    assert predicted is not None
    assert predicted.action[1] - predicted.action[0] > 5
    phases.write_text("video_id,action_id,approach,action,leave\n3,93,1-2,3-8,-\n")
    with pytest.raises(DataError, match="unknown video '1'"):
        open_tracks(boxes, action, "1", phases)
