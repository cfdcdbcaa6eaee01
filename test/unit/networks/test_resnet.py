"""ResNets: names of the parameters, dilation, and where the cells are."""

import pytest
import torch
from seen_pixels import seen_centre, symmetric
from torch import nn

from visuomotor.networks import cell_pixels
from visuomotor.networks.resnet import RESNET18, RESNET34, ResNet


def test_parameters_have_torchvisions_names_and_shapes() -> None:
    state = ResNet(RESNET34).state_dict()
    blocks = [(s, b) for s, n in enumerate((3, 4, 6, 3), 1) for b in range(n)]
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {"conv1.weight", *(f"bn1.{n}" for n in norm)}
    for s, b in blocks:
        expected |= {f"layer{s}.{b}.conv{i}.weight" for i in (1, 2)}
        expected |= {f"layer{s}.{b}.bn{i}.{n}" for i in (1, 2) for n in norm}
    for s in (2, 3, 4):
        expected.add(f"layer{s}.0.downsample.0.weight")
        expected |= {f"layer{s}.0.downsample.1.{n}" for n in norm}
    assert set(state) == expected
    assert state["layer4.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    assert sum(p.numel() for p in ResNet(RESNET34).parameters()) == 21_284_672


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_dilation_only_samples_more_densely(stride: int) -> None:
    torch.manual_seed(0)
    strided = ResNet(RESNET18, 4, 32).eval()
    dilated = ResNet(RESNET18, 4, stride).eval()
    dilated.load_state_dict(strided.state_dict())
    images = torch.rand(1, 3, 96, 128) * 2 - 1
    step = 32 // stride
    with torch.no_grad():
        torch.testing.assert_close(
            dilated(images)[..., ::step, ::step], strided(images), atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("stride", [4, 8, 16])
@pytest.mark.parametrize("padding_mode", ["zeros", "replicate"])
def test_mirrored_images_have_mirrored_cells(stride: int, padding_mode: str) -> None:
    """With mirrored kernels, exactly where the grid mirrors cells onto cells: W - 1 = s (w - 1)."""
    torch.manual_seed(0)
    backbone = ResNet(RESNET18, 4, stride, padding_mode).eval()  # type: ignore[arg-type]
    symmetric(backbone)
    size = 8 * stride + 1
    images = torch.rand(1, 3, size, size) * 2 - 1
    with torch.no_grad():
        features, mirrored = backbone(images), backbone(images.flip(-1)).flip(-1)
    torch.testing.assert_close(features, mirrored)
    pixels = cell_pixels(9, 9, backbone.grid).reshape(9, 9, 2)
    torch.testing.assert_close(
        pixels[:, :, 0] + pixels.flip(1)[:, :, 0], torch.full((9, 9), size - 1.0)
    )
    assert features.std(-1).max() > 0


@pytest.mark.parametrize("stride", [4, 8])
def test_a_cell_looks_at_its_pixel(stride: int) -> None:
    torch.manual_seed(0)
    backbone = ResNet(RESNET18, 8, stride).eval()
    symmetric(backbone)
    backbone.maxpool = nn.AvgPool2d(3, 2, 1)  # looks at the same places, but not at one of them
    n = 160 // stride
    seen = seen_centre(backbone, 161, n // 2, n // 2)
    place = cell_pixels(n + 1, n + 1, backbone.grid).reshape(n + 1, n + 1, 2)[n // 2, n // 2]
    assert (seen - place).abs().max() < 0.1


def test_any_size_of_image_gives_a_cell_per_started_stride() -> None:
    backbone = ResNet(RESNET18, 4, 8).eval()
    assert backbone(torch.zeros(1, 3, 61, 75)).shape == (1, 32, 8, 10)


def test_another_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="got stride 6, expected one of"):
        ResNet(RESNET18, 8, 6)
