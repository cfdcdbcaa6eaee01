"""The backbone's strides, receptive fields and borders."""

import pytest
import torch

from visuomotor.networks import CompactBackbone, cell_pixels, mlp, normalise_color


@pytest.fixture(scope="module")
def backbone() -> CompactBackbone:
    torch.manual_seed(0)
    return CompactBackbone(16).eval()


def test_a_cell_per_stride(backbone: CompactBackbone) -> None:
    assert backbone(torch.zeros(2, 3, 48, 64)).shape == (2, backbone.channels, 12, 16)


def test_a_receptive_field_is_centred_on_its_cell(backbone: CompactBackbone) -> None:
    """The pixels that a cell's *stem* sees lie around the pixel that `cell_pixels` says."""
    image = torch.zeros(1, 3, 48, 64, requires_grad=True)
    convolutions = [m for m in backbone.stem if isinstance(m, torch.nn.Conv2d)]
    features = image
    for layer in convolutions:
        features = layer(features)
    row, column = 6, 8
    features[0, :, row, column].sum().backward()
    assert image.grad is not None
    v, u = image.grad[0].abs().sum(0).nonzero(as_tuple=True)
    extent = torch.tensor([u.min() + u.max(), v.min() + v.max()]) / 2
    centre = cell_pixels(12, 16, backbone.stride).reshape(12, 16, 2)[row, column]
    torch.testing.assert_close(extent, centre)


def test_a_blank_image_gives_the_same_features_everywhere(backbone: CompactBackbone) -> None:
    """Replicated borders tell nothing about the place in the image; zeros would."""
    with torch.no_grad():
        features = backbone(torch.full((1, 3, 48, 64), 0.3))
    spread = features.flatten(2).std(-1).max()
    assert spread < 1e-4


def test_colours_become_floats_between_minus_one_and_one() -> None:
    color = torch.tensor([[[[0, 255, 51]]]], dtype=torch.uint8)
    torch.testing.assert_close(normalise_color(color)[0, :, 0, 0], torch.tensor([-1.0, 1.0, -0.6]))


def test_an_mlp_has_its_sizes_and_drops_only_while_training() -> None:
    net = mlp(5, (8, 9), 2, dropout=0.5)
    sizes = [(m.in_features, m.out_features) for m in net if isinstance(m, torch.nn.Linear)]
    assert sizes == [(5, 8), (8, 9), (9, 2)]
    x = torch.ones(1, 5)
    net.eval()
    torch.testing.assert_close(net(x), net(x))
    net.train()
    outputs = torch.stack([net(x) for _ in range(8)])
    assert outputs.std(0).max() > 0
