"""The figure: where its marks are, and what it refuses."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from visuomotor.cli import main
from visuomotor.console.figure import GREEN, RED, draw_figure, object_pixels, write_figure
from visuomotor.console.gallery import Gallery
from visuomotor.console.matches import match
from visuomotor.descriptors.masks import points_in_base
from visuomotor.errors import DataError
from visuomotor.geometry import pose


def marks(panel: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Where (u, v) in the picture a reticle of that colour has its middle."""
    v, u = (np.abs(panel.astype(int) - color).sum(-1) < 40).nonzero()
    return np.array([u.mean() / 3 - 0.33, v.mean() / 3 - 0.33])


def test_reticles_are_at_the_point_and_at_its_best_match(gallery: Gallery) -> None:
    source, target = gallery.picture("0/0/front"), gallery.picture("0/0/side")
    pixels = [(46, 27), (40, 32)]
    figure = draw_figure(source, pixels, [target], ["from", "to"], sharpness=1.0)
    width, height = (3 * n for n in source.size)
    rows = [figure[-(2 - i) * (height + 6) :][:height] for i in range(2)]
    for row, pixel in zip(rows, pixels, strict=True):
        np.testing.assert_allclose(marks(row[:, :width], GREEN), pixel, atol=0.5)
        found = match(source, pixel, target, 1.0)
        shown = marks(row[:, width + 6 : 2 * width + 6], RED)
        np.testing.assert_allclose(shown, found.pixel, atol=0.5)
    with pytest.raises(DataError, match=r"got pixel \(96, 2\), expected one inside 96x72"):
        draw_figure(source, [(96, 2)], [target], ["from", "to"], sharpness=1.0)


def hand_at(height_m: float) -> np.ndarray:
    """A pose of the hand pointing down."""
    return pose(np.diag([1.0, -1.0, -1.0]), (0.5, 0.3, height_m))


def test_points_are_spread_over_the_object(gallery: Gallery) -> None:
    picture = gallery.picture("0/0/front")
    workspace = gallery.model.config.workspace
    pixels = object_pixels(picture, workspace, hand_at(0.3), 0.08, 4)
    assert len(set(pixels)) == 4
    views = picture.views
    points, _ = points_in_base(views.depth_m, views.K, views.T_base_camera)
    chosen = np.array([points[0, v, u].numpy() for u, v in pixels])
    assert (chosen[:, 2] > workspace.clearance_m).all()
    assert np.linalg.norm(chosen[1] - chosen[0]) > 0.05
    with pytest.raises(DataError, match="no pixel belongs to an object"):
        object_pixels(picture, workspace, hand_at(-0.1), 0.08, 4)


def test_a_file_is_written_whose_rows_are_points(gallery: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "new" / "figure.png"
    write_figure(file, gallery, 0, points=3)
    image = cv2.imread(str(file))
    assert image.shape[0] == 30 + 3 * (3 * 72 + 6)
    assert image.shape[1] == 5 * (3 * 96 + 6)
    with pytest.raises(DataError, match=r"\.txt: cannot be written; .* \.png"):
        write_figure(tmp_path / "figure.txt", gallery, 0, points=1)
    with pytest.raises(DataError, match=r"back.*one of the cameras front, side"):
        write_figure(file, gallery, 0, camera="back")


def test_the_command_says_what_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["descriptors", "view", "--descriptors", str(tmp_path)]
    assert main(words) == 2
    assert "give a --dataset to look at, --topics" in capsys.readouterr().err
    assert main([*words, "--topics", "--picture", "x.png"]) == 2
    assert "give a --dataset to look at\n" in capsys.readouterr().err
