"""Frames from a file, a folder or a bag; and whether the camera stands still."""

import cv2
import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.video.following import Followed
from visuomotor.video.frames import read_video
from visuomotor.video.overlay import drawn, write_video
from visuomotor.video.standstill import check_standstill


def clip(count, shift=lambda t: (0, 0), size=(120, 160)):
    """A textured scene that goes by `shift` px; its brightness says the frame's number."""
    rng = np.random.default_rng(1)
    wide = cv2.GaussianBlur(rng.integers(0, 200, (300, 400, 3)).astype(np.uint8), (0, 0), 2)
    made = []
    for t in range(count):
        u, v = shift(t)
        made.append(wide[80 + v : 80 + v + size[0], 100 + u : 100 + u + size[1]] // 2 + 4 * t)
    return np.stack(made).astype(np.uint8)


def test_a_file_is_read_at_the_rate_that_is_asked_for(tmp_path) -> None:
    images = clip(30)
    write_video(images, 30.0, tmp_path / "clip.mp4")
    found = read_video(tmp_path / "clip.mp4", rate_hz=10.0)
    assert found.images.shape == (10, 120, 160, 3)
    grey = found.images.astype(float).mean((1, 2, 3)) - images[::3].astype(float).mean((1, 2, 3))
    assert np.abs(grey).max() < 3.0, "every third frame"
    assert read_video(tmp_path / "clip.mp4", height=60).images.shape[1:] == (60, 80, 3)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path) -> None:
    for t, image in enumerate(clip(12)):
        cv2.imwrite(str(tmp_path / f"frame{t}.png"), image[..., ::-1])
    assert (read_video(tmp_path).images == clip(12)).all()
    (tmp_path / "frame7.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"frame7.png: cannot be decoded"):
        read_video(tmp_path)
    cv2.imwrite(str(tmp_path / "frame7.png"), clip(1, size=(60, 60))[0])
    with pytest.raises(DataError, match="frame 7 has another size"):
        read_video(tmp_path)


def test_an_episodes_camera_is_a_video(tmp_path) -> None:
    world = SimWorld(SimConfig(task="reach_t", cameras=("front",), width=64, height=48))
    write_demos(world, tmp_path, range(1))
    world.close()
    (episode,) = (tmp_path / "reach_t").iterdir()
    at_20_hz = read_video(episode, rate_hz=20.0).images
    at_10_hz = read_video(episode, rate_hz=10.0).images
    assert at_20_hz.shape[1:] == (48, 64, 3)
    assert (at_10_hz == at_20_hz[::2]).all()
    with pytest.raises(DataError, match=r"unknown camera 'left'\. Known: front"):
        read_video(episode, camera="left")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.write_bytes(b""), r"cannot be decoded as a video \(0 bytes\)"),
        (lambda p: p.write_text("no video"), "cannot be decoded"),
        (lambda p: p.mkdir(), "got 0 frames at 12 Hz, expected 3 or more"),
        (lambda p: None, "no such file"),
        (lambda p: write_video(clip(2), 12.0, p), "got 2 frames at 12 Hz"),
    ],
)
def test_what_is_no_video_is_told(tmp_path, make, said) -> None:
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(DataError, match=said):
        read_video(path)


def test_a_camera_that_moves_is_told_with_the_frame() -> None:
    nothing = np.zeros((10, 120, 160), bool)
    check_standstill(clip(10), nothing)
    with pytest.raises(DataError, match="the camera moves: in frame 6 the background lies 8 px"):
        check_standstill(clip(10, lambda t: (8, 0) if t >= 6 else (0, 0)), nothing)


def test_bodies_that_move_before_a_still_camera_are_allowed() -> None:
    images, bodies = clip(10), np.zeros((10, 120, 160), bool)
    patch = clip(1, lambda t: (40, 40), (70, 70))[0] + 60
    for t in range(10):
        images[t, 10:80, 5 * t : 5 * t + 70] = patch
        bodies[t, 10:80, 5 * t : 5 * t + 70] = True
    check_standstill(images, bodies)


def test_the_overlay_shows_masks_boxes_and_gaps(tmp_path) -> None:
    images = np.full((3, 40, 60, 3), 100, np.uint8)
    masks = np.zeros((3, 40, 60), bool)
    masks[:2, 10:20, 10:30] = True
    boxes = np.array([[10, 10, 30, 20], [10, 10, 30, 20], [np.nan] * 4], float)
    made = drawn(images, {"hand": Followed(boxes, masks)})
    assert made.shape == (3, 80, 120, 3)
    assert (made[0, 30, 40] != 100).any(), "tinted"
    assert (made[2, 30, 40] == 100).all(), "a gap"
    write_video(made, 12.0, tmp_path / "deeper" / "overlay.mp4")
    assert len(read_video(tmp_path / "deeper" / "overlay.mp4", height=80).images) == 3
