"""The descriptor network with another backbone, and what of it learns."""

import pytest
import torch

from visuomotor.config import from_mapping, to_mapping
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.keypoints import descriptors_at
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import ConfigError
from visuomotor.networks import CompactBackbone, Grid


def test_an_older_configuration_has_the_compact_backbone() -> None:
    config = from_mapping(DescriptorConfig, {"dimensions": 8, "width": 16})
    network = DescriptorNetwork(config)
    assert isinstance(network.backbone, CompactBackbone)
    assert network.grid == Grid(4)
    assert from_mapping(DescriptorConfig, to_mapping(config)) == config


@pytest.mark.parametrize(("learned", "expected"), [("all", True), ("head", False)])
def test_what_learns_is_chosen(learned: str, expected: bool) -> None:
    values = {"backbone": "resnet18_narrow", "width": 8, "learned": learned, "stride": 4}
    network = DescriptorNetwork(from_mapping(DescriptorConfig, values)).train()
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    learning = [p.grad is not None for p in network.backbone.parameters()]
    assert all(learning) if expected else not any(learning)
    assert network.head.weight.grad is not None  # type: ignore[union-attr]


def test_without_learning_descriptors_are_features_of_unit_length() -> None:
    network = DescriptorNetwork(
        DescriptorConfig(dimensions=64, backbone="xfeat", learned="nothing")
    )
    lengths = network(torch.rand(1, 3, 64, 64)).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(1, 8, 8))
    with pytest.raises(ConfigError, match="got dimensions 16 and learned: nothing; expected 64"):
        DescriptorNetwork(DescriptorConfig(backbone="xfeat", learned="nothing"))


def test_descriptors_are_read_where_the_backbone_put_them() -> None:
    torch.manual_seed(0)
    network = DescriptorNetwork(DescriptorConfig(backbone="resnet18_narrow", width=8)).eval()
    color = torch.randint(0, 256, (1, 41, 57, 3), dtype=torch.uint8)
    with torch.no_grad():
        found = descriptors_at(network, color, torch.tensor([[[24, 16]]]))
        expected = network.describe(color)[:, :, 2, 3]  # cell c is at pixel 8 c
    torch.testing.assert_close(found[:, 0], expected)
