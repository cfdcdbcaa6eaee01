"""Folders of weakly labelled images: any size and aspect, broken ones, and the decoded cache."""

import logging
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visuomotor.contracts import CameraFrame, RobotState, SyncedFrame
from visuomotor.dataset import read_weak_images
from visuomotor.dataset.weak_files import fitted
from visuomotor.errors import DataError
from visuomotor.geometry import PinholeCamera
from visuomotor.observations import CameraSpec, ObservationSpec, observe

SIZE = (30, 40)


def colored(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth image (H, W, 3) RGB."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


def write(path: Path, image: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three with, two without, of all sorts of sizes and formats."""
    root = tmp_path / "pictures"
    write(root / "with" / "a.png", colored(60, 80))
    write(root / "with" / "b.jpg", colored(200, 90, 1))
    write(root / "with" / "c.WEBP", colored(21, 300, 2))
    write(root / "without" / "a.bmp", colored(30, 40, 3))
    write(root / "without" / "d.jpeg", colored(12, 9, 4))
    (root / "with" / "notes.txt").write_text("not an image, and not meant to be")
    return root


def test_images_of_any_size_and_format_become_one_array(folder: Path) -> None:
    found = read_weak_images(folder, SIZE)
    assert found.labels == ("with", "without")
    assert found.images.shape == (5, *SIZE, 3)
    assert found.images.dtype == np.uint8
    assert found.positive.tolist() == [True, True, True, False, False]
    assert found.names == ("with/a.png", "with/b.jpg", "with/c.WEBP", "without/a.bmp",
                           "without/d.jpeg")  # fmt: skip
    assert found.counts == (3, 2)
    np.testing.assert_array_equal(found.images[3], colored(30, 40, 3))  # as it is: not resized
    assert not found.images.flags.owndata  # mapped, not read


@pytest.mark.parametrize(("height", "width"), [(60, 80), (90, 40), (33, 200), (31, 41), (480, 640)])
def test_what_is_kept_is_the_middle_and_the_largest_part_of_the_aspect(
    height: int, width: int
) -> None:
    """A ramp along both axes: its value says which pixel is where."""
    v, u = np.meshgrid(np.linspace(0, 250, height), np.linspace(0, 250, width), indexing="ij")
    ramp = np.stack([u, v, u], axis=-1).round().astype(np.uint8)
    seen = fitted(ramp, SIZE, 40 / 30).astype(float)
    assert seen.shape == (*SIZE, 3)
    middle = seen[14:16, 19:21].mean((0, 1))
    np.testing.assert_allclose(middle, 125, atol=4)
    span_u, span_v = np.ptp(seen[..., 0]) / 250 * width, np.ptp(seen[..., 1]) / 250 * height
    assert span_u / span_v == pytest.approx(4 / 3, rel=0.12)  # nothing is squeezed
    assert max(np.ptp(seen[..., 0]), np.ptp(seen[..., 1])) > 0.9 * 250  # along one axis all of it


def test_a_picture_by_the_policys_camera_looks_as_the_policy_sees_it(tmp_path: Path) -> None:
    """Its view squeezes a wide image into a square: with the view's aspect, so does the reader."""
    image = colored(72, 128, 7)
    camera = PinholeCamera(128, 72, 100.0, 100.0, 63.5, 35.5)
    robot = RobotState(0, np.eye(4), np.zeros(7), np.zeros(7), 0.0)
    frame = SyncedFrame(0, {"front": CameraFrame(image, None, camera, np.eye(4))}, robot)
    spec = ObservationSpec((CameraSpec("front", 48, 48, depth=False),))
    view = observe(frame, spec).views["front"]
    aspect = 48 / 48 * float(view.K[1, 1] / view.K[0, 0])
    write(tmp_path / "with" / "a.png", image)
    write(tmp_path / "without" / "a.png", image[:, ::-1])
    found = read_weak_images(tmp_path, (48, 48), aspect=aspect)
    np.testing.assert_array_equal(found.images[0], view.color)
    cropped = read_weak_images(tmp_path, (48, 48))
    assert not np.array_equal(cropped.images[0], view.color)


def test_a_photograph_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    image = colored(30, 40, 5)
    plain = write(tmp_path / "with" / "a.jpg", image)
    write(tmp_path / "without" / "a.jpg", image)
    data = plain.read_bytes()
    # TIFF header, one directory entry: orientation (0x0112), short, 1, 6 (turned by 90 degrees)
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    segment = b"Exif\0\0" + tiff
    exif = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    plain.write_bytes(data[:2] + exif + data[2:])
    turned, straight = read_weak_images(tmp_path, (40, 30), aspect=0.75).images
    upright = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(turned, np.rot90(upright, -1))
    assert not np.array_equal(turned, straight)


def test_broken_images_are_named_counted_and_skipped(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "with" / "empty.png").write_bytes(b"")
    (folder / "with" / "text.jpg").write_text("no image")
    whole = (folder / "with" / "b.jpg").read_bytes()
    (folder / "without" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    write(folder / "without" / "dot.png", colored(4, 4))
    with caplog.at_level(logging.WARNING):
        found = read_weak_images(folder, SIZE)
    assert len(found) == 5
    assert dict(found.skipped).keys() == {
        "with/empty.png", "with/text.jpg", "without/cut.jpg", "without/dot.png",
    }  # fmt: skip
    assert "an empty file" in caplog.text
    assert "4x4 pixels, expected at least 8x8" in caplog.text
    for name, reason in found.skipped:
        assert caplog.text.count(f"{folder / name}: {reason}") == 1
    assert "(4 skipped)" in found.summary


def test_the_second_time_nothing_is_decoded_and_a_change_is_seen(folder: Path) -> None:
    first = read_weak_images(folder, SIZE)
    calls: list[tuple[int, int]] = []
    again = read_weak_images(folder, SIZE, progress=lambda *done: calls.append(done))
    assert calls == []
    np.testing.assert_array_equal(first.images, again.images)
    assert again.key == first.key
    later = time.time() + 5
    write(folder / "with" / "a.png", colored(60, 80, 9))
    os.utime(folder / "with" / "a.png", (later, later))
    changed = read_weak_images(folder, SIZE, progress=lambda *done: calls.append(done))
    assert calls[-1] == (5, 5)
    assert changed.key != first.key
    assert not np.array_equal(changed.images[0], first.images[0])
    np.testing.assert_array_equal(changed.images[1:], first.images[1:])
    assert read_weak_images(folder, (20, 20)).images.shape[1:3] == (20, 20)
    assert read_weak_images(folder, SIZE).labels == ("with", "without")  # the cache is no label


def test_labels_have_the_names_that_they_have(folder: Path) -> None:
    (folder / "with").rename(folder / "mug")
    (folder / "without").rename(folder / "bare")
    assert read_weak_images(folder, SIZE).labels == ("bare", "mug")
    named = read_weak_images(folder, SIZE, ("mug", "bare"))
    assert named.positive.tolist() == [True, True, True, False, False]
    (folder / "third").mkdir()
    assert read_weak_images(folder, SIZE, ("mug", "bare")).counts == (3, 2)
    with pytest.raises(DataError, match="got the sub-folders bare, mug, third; expected with and"):
        read_weak_images(folder, SIZE)


def test_folders_that_cannot_serve_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder; expected one with a sub-folder per label"):
        read_weak_images(tmp_path / "nowhere", SIZE)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="got the sub-folders none; expected with and without"):
        read_weak_images(tmp_path / "none", SIZE)
    with pytest.raises(DataError, match="unknown label 'wiht'; did you mean 'with'"):
        read_weak_images(folder, SIZE, ("wiht", "without"))
    with pytest.raises(DataError, match="got label 'with' twice"):
        read_weak_images(folder, SIZE, ("with", "with"))
    for path in (folder / "without").iterdir():
        path.write_bytes(b"gone")
    with pytest.raises(DataError, match=r"without: none of 2 images can be used \(the first: wit"):
        read_weak_images(folder, SIZE)
    for path in (folder / "without").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"without: no image; expected at least one .png"):
        read_weak_images(folder, SIZE)


def test_an_imbalance_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_weak_images(folder, SIZE)
    assert "uneven" not in caplog.text
    write(folder / "with" / "e.png", colored(60, 80))
    read_weak_images(folder, SIZE)
    assert "4 'with' and 2 'without' (0 skipped): uneven" in caplog.text


def test_fewer_images_are_spread_over_the_names(tmp_path: Path) -> None:
    for label in ("with", "without"):
        for i in range(20):
            write(tmp_path / label / f"{i:02d}.png", np.full((8, 8, 3), i, np.uint8))
    few = read_weak_images(tmp_path, (8, 8)).thinned(10)
    assert few.counts == (5, 5)
    places = np.array([int(name[-6:-4]) for name in few.names[:5]])
    assert (places[0], places[-1]) == (0, 19)
    assert (np.diff(places) >= 4).all()
    assert (few.images[:5, 0, 0, 0] == places).all()
    with pytest.raises(DataError, match="got 20 of 'with', expected 25 for 50 in all"):
        read_weak_images(tmp_path, (8, 8)).thinned(50)
    with pytest.raises(DataError, match="expected 1 for 1 in all"):
        read_weak_images(tmp_path, (8, 8)).thinned(1)
