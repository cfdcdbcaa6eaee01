"""What a person may give by mistake: one line that names the file and the frame."""

import json

import cv2
import numpy as np
import pytest

from visuomotor.cli import main
from visuomotor.video.doubts import doubts
from visuomotor.video.overlay import write_video
from visuomotor.video.tracks import Tracks

T = 8


def textured(shift=0):
    rng = np.random.default_rng(1)
    wide = cv2.GaussianBlur(rng.integers(0, 200, (200, 300, 3)).astype(np.uint8), (0, 0), 2)
    return wide[20:140, 20 + shift : 180 + shift].copy()


def frames(moving=False):
    """A light square goes towards a blue one before a textured wall, in a 160 x 120 video."""
    made = []
    for t in range(T):
        image = textured(8 * t if moving else 0)
        image[50:80, 100:130] = (40, 60, 220)
        image[50:80, 10 + 6 * t : 40 + 6 * t] = (235, 220, 210)
        made.append(image)
    return np.stack(made)


HAND, MOVED = ("8", "48", "42", "82"), ("98", "48", "132", "82")
BOXES = ("--hand", *HAND, "--moved", *MOVED)


def refused(words, capsys):
    assert main(["video", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    return error


@pytest.mark.parametrize(
    ("make", "words", "said"),
    [
        (lambda p: p.write_bytes(b""), BOXES, "cannot be decoded as a video (0 bytes)"),
        (lambda p: p.write_text("a letter"), BOXES, "cannot be decoded as a video (8 bytes)"),
        (lambda p: write_video(frames()[:1], 12.0, p), BOXES, "got 1 frames at 12 Hz, expected 3"),
        (lambda p: write_video(frames(), 5.0, p), BOXES, "5 frames a second, expected 12 or more"),
        (
            lambda p: write_video(frames(moving=True), 12.0, p),
            BOXES,
            "the camera moves: in frame 1 the background lies 8 px",
        ),
        (
            lambda p: write_video(frames(), 12.0, p),
            ("--hand", "300", "300", "340", "340", "--moved", *MOVED),
            "frame 0: got the box [300, 300, 340, 340] of hand, expected x1 < x2, y1 < y2 within",
        ),
        (
            lambda p: write_video(frames(), 12.0, p),
            ("--hand", "42", "82", "8", "48", "--moved", *MOVED),
            "frame 0: got the box [42, 82, 8, 48] of hand, expected x1 < x2, y1 < y2",
        ),
        (
            lambda p: write_video(frames(), 12.0, p),
            (*BOXES, "--frame", "40"),
            "got first frame 40, expected 0 to 7",
        ),
        (
            lambda p: write_video(frames(), 12.0, p),
            ("--hand", *HAND, "--moved", *HAND),
            "frame 0: nothing stands out in the box of",
        ),
        (lambda p: write_video(frames(), 12.0, p), BOXES[:5], "--moved: got no box"),
        (lambda p: write_video(frames(), 12.0, p), BOXES[5:], "--hand: got no box"),
    ],
    ids=(
        *("empty", "letter", "one-frame", "slow", "moving-camera", "outside", "corners"),
        *("late-frame", "same-box", "no-object", "no-hand"),
    ),
)
def test_what_cannot_be_parsed_is_told(tmp_path, capsys, make, words, said) -> None:
    make(tmp_path / "clip.mp4")
    error = refused(["parse", str(tmp_path / "clip.mp4"), *words], capsys)
    assert said in error
    assert "clip.mp4" in error or "--" in error


def tracks(**changes):
    boxes = {
        "hand": [[10.0 + 5 * t, 40, 40 + 5 * t, 70] for t in range(T)],
        "moved": [[60.0, 40, 90, 70]] * T,
    }
    plain = {"format": "visuomotor-tracks-1", "name": "cup", "rate_hz": 12, "size": [160, 120]}
    return {**plain, "phases": None, "boxes": boxes, **changes}


def changed(body, frame, box):
    plain = tracks()
    plain["boxes"][body][frame] = box
    return plain


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ("", "cup.json: cannot be read as tracks"),
        ({}, "cup.json: not tracks: expected format"),
        (tracks(boxes={}), "video cup: no hand in any frame of 0"),
        (
            tracks(boxes={**tracks()["boxes"], "hand": [None] * T}),
            "video cup: no hand in any frame of 8",
        ),
        (
            tracks(boxes={"hand": tracks()["boxes"]["hand"]}),
            "video cup: no object in any frame of 8",
        ),
        (
            tracks(boxes={b: v[:2] for b, v in tracks()["boxes"].items()}),
            "video cup: 2 frames, expected at least 3",
        ),
        (
            changed("moved", 4, [200, 40, 230, 70]),
            "video cup, frame 4: the box of moved (200, 40, 230, 70) has no area inside the image",
        ),
        (
            changed("hand", 5, [40, 40, 10, 70]),
            "video cup, frame 5: the corners of the box of hand (40, 40, 10, 70) are exchanged",
        ),
        (changed("hand", 2, [1, 2, 3]), "cup.json: frame 2: the box of hand is [1, 2, 3]"),
        (changed("hand", 2, "left"), "cup.json: frame 2: the box of hand is 'left'"),
        (
            tracks(boxes={**tracks()["boxes"], "hand": [[10, 80, 40, 110]] * T}),
            "video cup: the object does not move while the hand touches it in any of 8 frames",
        ),
    ],
    ids=(
        *("empty", "other", "nothing", "no-hand", "no-object", "two-frames", "outside"),
        *("corners", "three-numbers", "words", "never-touched"),
    ),
)
def test_what_cannot_be_estimated_is_told(tmp_path, capsys, plain, said) -> None:
    path = tmp_path / "cup.json"
    path.write_text(json.dumps(plain) if plain != "" else "")
    words = ["estimate", str(path), "--action", "pick_up", "--out", str(tmp_path / "s.npz")]
    assert said in refused(words, capsys)


def made(hand, moved):
    boxes = {"hand": np.array(hand, float), "moved": np.array(moved, float)}
    return Tracks("cup", 12.0, (160, 120), boxes)


def test_exchanged_boxes_and_jumps_are_doubted_but_not_refused() -> None:
    hand = [[t * 10.0, 40, 30 + t * 10, 70] for t in range(T)]
    cup = [[110.0 + t, 40, 140 + t, 70] for t in range(T)]
    assert doubts(made(hand, cup)) == []
    (line,) = doubts(made(cup, hand))
    assert "video cup, frame 0: the moved object comes in over the image's border" in line
    jumped = [*hand[:5], *([[120.0, 80, 150, 110]] * 3)]
    (line,) = doubts(made(jumped, cup))
    assert "frame 5: the box of hand jumps by" in line
    gone = [hand[0], hand[1], *([[np.nan] * 4] * (T - 2))]
    (line,) = doubts(made(gone, cup))
    assert line == f"video cup: hand is seen in 2 of {T} frames"
