"""Masks made elsewhere become tracks; what is wrong with a file is told by its name."""

import cv2
import numpy as np
import pytest

from visuomotor.cli import main
from visuomotor.errors import DataError
from visuomotor.video.frames import Frames
from visuomotor.video.mask_files import read_masks
from visuomotor.video.tracks import load_tracks

T, H, W = 6, 60, 80


@pytest.fixture
def folder(tmp_path):
    """Masks of a hand that comes to an object; twice as large as the video, gaps in frame 3."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (H, W, 3)).astype(np.uint8)
    (tmp_path / "video").mkdir()
    for t in range(T):
        cv2.imwrite(str(tmp_path / "video" / f"{t}.png"), texture)
        for body, left in (("hand", 4 + 6 * t), ("moved", 40)):
            (tmp_path / "masks" / body).mkdir(parents=True, exist_ok=True)
            mask = np.zeros((2 * H, 2 * W), np.uint8)
            mask[40:80, 2 * left : 2 * left + 40] = 255
            if t != 3:
                cv2.imwrite(str(tmp_path / "masks" / body / f"mask_{t:04d}.png"), mask)
    return tmp_path


def test_masks_become_boxes_and_gaps(folder) -> None:
    video = Frames(np.zeros((T, H, W, 3), np.uint8), 12.0, "video")
    found = read_masks(folder / "masks", video)
    np.testing.assert_array_equal(found["moved"].boxes[0], [40, 20, 60, 40])
    np.testing.assert_array_equal(found["hand"].boxes[5], [34, 20, 54, 40])
    assert np.isnan(found["hand"].boxes[3]).all()
    assert not (found["hand"].masks & found["moved"].masks).any(), "the hand is in front"
    np.testing.assert_array_equal(found["moved"].boxes[5], [54, 20, 60, 40])


def test_the_command_takes_them_instead_of_boxes(folder, capsys) -> None:
    words = ["video", "parse", str(folder / "video"), "--masks", str(folder / "masks")]
    assert main([*words, "--out", str(folder / "out"), "--height", "60"]) == 0
    assert f"hand: seen in {T - 1} of {T} frames" in capsys.readouterr().out
    tracks = load_tracks(folder / "out" / "tracks.json")
    assert tracks.frames == T
    assert tracks.masks is not None
    assert main([*words, *("--hand", "1", "1", "9", "9", "--moved", "1", "1", "9", "9")]) == 2
    assert "got boxes and --masks; leave one out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: (p / "hand" / "mask_0000.png").write_bytes(b"no"), r"mask_0000.png: cannot be"),
        (lambda p: (p / "hand" / "mask_0000.png").rename(p / "hand" / "6.png"), "is of frame 6"),
        (lambda p: (p / "hand" / "mask_0000.png").rename(p / "hand" / "a.png"), "of frame none"),
        (lambda p: (p / "moved").rename(p / "cup"), r"moved: no masks of moved; expected PNGs"),
        (lambda p: p.rename(p.parent / "elsewhere"), "masks: no such folder"),
        (
            lambda p: cv2.imwrite(str(p / "hand" / "mask_0001.png"), np.zeros((50, 50), np.uint8)),
            r"mask_0001.png: is 50x50, expected the shape of the video's frames, 80x60",
        ),
    ],
)
def test_what_is_wrong_with_a_mask_is_told(folder, spoil, said) -> None:
    spoil(folder / "masks")
    video = Frames(np.zeros((T, H, W, 3), np.uint8), 12.0, "video")
    with pytest.raises(DataError, match=said):
        read_masks(folder / "masks", video)
