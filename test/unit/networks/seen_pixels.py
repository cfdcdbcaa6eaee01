"""What a cell of a feature map looks at, measured with gradients."""

import torch
from torch import nn

from visuomotor.networks import Backbone


def symmetric(network: nn.Module) -> None:
    """Makes every kernel positive and its own mirror image, so that it looks at its middle."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                w = module.weight.abs()
                w = w + w.flip(-1)
                module.weight.copy_((w + w.flip(-2)) / module.weight[0].numel())


def seen_centre(backbone: Backbone, size: int, row: int, column: int) -> torch.Tensor:
    """Centroid (u, v) of the squared gradient of one cell's features in a grey image, (2,)."""
    generator = torch.Generator().manual_seed(1)
    images = torch.full((1, 3, size, size), 0.5, requires_grad=True)
    features = backbone(images)[:, :, row, column]
    weights = torch.randn(features.shape, generator=generator)
    (gradient,) = torch.autograd.grad((features * weights).sum(), images)
    seen = gradient.square().sum((0, 1))  # (size, size)
    line = torch.arange(size, dtype=torch.float32)
    return torch.stack([seen.sum(0) @ line, seen.sum(1) @ line]) / seen.sum()
