"""Keypoints in one image: a planted descriptor is found between cells, with a gradient."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.image_keypoints import locate_in_image, locate_in_image_map
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.networks import Grid, as_grid, cell_pixels

SIZE = (60, 80)
CONFIG = DescriptorConfig(dimensions=12, width=8, keypoints=5, sharpness=6.0, pixel_step=2)
PLANTED = torch.tensor([[13.3, 20.8], [40.0, 30.0], [66.6, 7.1], [21.7, 51.2], [58.4, 44.9]])


def embedded(pixels: Tensor) -> Tensor:
    """Descriptors (..., 12) of pixels (..., 2): waves, of which none repeats within the image."""
    generator = torch.Generator().manual_seed(3)
    waves = torch.randn(2, 6, generator=generator) / 12
    phase = pixels @ waves
    return torch.cat([phase.sin(), phase.cos()], -1)


def planted_map(grid: Grid, batch: int = 1) -> Tensor:
    """The map (B, 12, h, w) whose every cell has its place's descriptor."""
    h, w = SIZE[0] // 4, SIZE[1] // 4
    return embedded(cell_pixels(h, w, grid)).T.reshape(1, 12, h, w).expand(batch, -1, -1, -1)


@pytest.mark.parametrize("offset_px", [0.0, -1.5])
def test_planted_descriptors_are_found_between_cells(offset_px: float) -> None:
    grid = as_grid(4) if offset_px == 0 else Grid(4, offset_px)
    maps = planted_map(grid, batch=2)
    found, confidence = locate_in_image_map(maps, embedded(PLANTED), SIZE, grid, CONFIG)
    assert found.shape == (2, 5, 2)
    assert float((found - PLANTED).norm(dim=-1).max()) < 0.25
    assert (confidence > 0.3).all()
    assert (confidence <= 1).all()


def test_what_is_not_there_has_no_confidence() -> None:
    grid = as_grid(4)
    strange = embedded(PLANTED) + 2.0
    _, confidence = locate_in_image_map(planted_map(grid), strange, SIZE, grid, CONFIG)
    assert (confidence < 1e-3).all()


def test_a_keypoint_follows_its_descriptor() -> None:
    """The gradient moves a reference descriptor until it is found where it is wanted."""
    grid, maps = as_grid(4), planted_map(as_grid(4))
    goal = PLANTED + torch.tensor([2.5, -2.0])
    reference = embedded(PLANTED).requires_grad_()
    optimiser = torch.optim.Adam([reference], 0.03)
    for _ in range(40):
        optimiser.zero_grad()
        found, _ = locate_in_image_map(maps, reference, SIZE, grid, CONFIG)
        (found[0] - goal).square().mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert float((found[0].detach() - goal).norm(dim=-1).max()) < 0.7


def test_the_plain_expectation_is_pulled_and_has_a_gradient_too() -> None:
    grid, reference = as_grid(4), embedded(PLANTED).requires_grad_()
    plain = replace(CONFIG, radius_px=0.0, sharpness=0.1)
    near = replace(CONFIG, sharpness=0.1)
    found, _ = locate_in_image_map(planted_map(grid), reference, SIZE, grid, plain)
    close, _ = locate_in_image_map(planted_map(grid), reference, SIZE, grid, near)
    error = (found[0] - PLANTED).norm(dim=-1).mean()
    assert error > 2 * (close[0] - PLANTED).norm(dim=-1).mean()
    error.backward()
    assert reference.grad is not None
    assert reference.grad.isfinite().all()
    assert (reference.grad.norm(dim=1) > 0).all()


def test_an_image_is_its_map() -> None:
    torch.manual_seed(0)
    network = DescriptorNetwork(CONFIG).eval()
    color = torch.randint(0, 256, (2, *SIZE, 3), dtype=torch.uint8)
    reference = torch.randn(5, 12)
    with torch.no_grad():
        found, sure = locate_in_image(network, reference, color, CONFIG)
        maps = network.describe(color)
        again, same = locate_in_image_map(maps, reference, SIZE, network.grid, CONFIG)
    assert torch.equal(found, again)
    assert torch.equal(sure, same)
    assert ((found >= 0) & (found <= torch.tensor([79, 59]))).all()
