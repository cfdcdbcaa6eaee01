"""Cells of a strided map, and the pixels of their image."""

import cv2
import numpy as np
import pytest
import torch

from visuomotor.geometry.pinhole import map_pixels
from visuomotor.networks import cell_pixels, pixel_lattice, pixels_to_cells, sample_map


def coordinate_image(height: int, width: int) -> np.ndarray:
    """(H, W, 2) float32 whose every pixel holds its own (u, v)."""
    v, u = np.mgrid[:height, :width]
    return np.stack([u, v], axis=-1).astype(np.float32)


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_cells_are_where_opencv_puts_the_pixels_of_a_shrunken_image(stride: int) -> None:
    height, width = 48, 64
    small = cv2.resize(
        coordinate_image(height, width),
        (width // stride, height // stride),
        interpolation=cv2.INTER_AREA,  # the mean of the pixels that a cell covers: its centre
    )
    cells = cell_pixels(height // stride, width // stride, stride)
    np.testing.assert_allclose(cells, small.reshape(-1, 2), atol=1e-4)


def test_cells_follow_the_rule_of_the_geometry() -> None:
    cells = cell_pixels(3, 5, 4).reshape(3, 5, 2)
    np.testing.assert_allclose(cells[0, :, 0], map_pixels(np.arange(5), 4.0))
    np.testing.assert_allclose(cells[:, 0, 1], map_pixels(np.arange(3), 4.0))


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_pixels_to_cells_inverts_cell_pixels(stride: int) -> None:
    back = pixels_to_cells(cell_pixels(6, 7, stride), stride)
    v, u = np.mgrid[:6, :7]
    np.testing.assert_allclose(back, np.stack([u, v], -1).reshape(-1, 2), atol=1e-5)


def test_sampling_a_map_of_coordinates_returns_them() -> None:
    features = torch.from_numpy(coordinate_image(6, 9)).permute(2, 0, 1)[None]  # (1, 2, 6, 9)
    cells = torch.rand(1, 50, 2) * torch.tensor([8.0, 5.0])
    np.testing.assert_allclose(sample_map(features, cells), cells, atol=1e-5)


def test_sampling_beyond_the_border_takes_the_nearest_cell() -> None:
    features = torch.arange(6.0).reshape(1, 1, 2, 3)
    outside = torch.tensor([[[-3.0, -3.0], [9.0, 0.0], [9.0, 9.0]]])
    assert sample_map(features, outside)[0, :, 0].tolist() == [0.0, 2.0, 5.0]


@pytest.mark.parametrize(("height", "width", "step"), [(120, 160, 2), (7, 9, 3), (5, 5, 1)])
def test_a_lattice_lies_in_the_image_and_is_centred(height: int, width: int, step: int) -> None:
    pixels = pixel_lattice(height, width, step).numpy()
    u, v = np.unique(pixels[:, 0]), np.unique(pixels[:, 1])
    assert len(pixels) == len(u) * len(v) == -(-width // step) * -(-height // step)
    for line, size in ((u, width), (v, height)):
        assert (np.diff(line) == step).all()
        before, after = line[0], size - 1 - line[-1]
        assert 0 <= before <= after <= before + 1
