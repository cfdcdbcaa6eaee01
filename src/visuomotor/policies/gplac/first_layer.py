"""The first layer's published weights: the paper's are those of VGG-16, from a file that you have.

Simonyan and Zisserman 2015. Without a file the layer begins at random, like the others.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from visuomotor.errors import CheckpointError
from visuomotor.networks.backbone import ImageNetColor
from visuomotor.networks.pretrained import read_weights

NAMES = ("features.0", "conv1_1")


def load_first_layer(layer: nn.Conv2d, file: Path | str) -> None:
    """Puts a file's first convolution into a layer that is given RGB in [-1, 1].

    file: as `networks.pretrained.read_weights` takes it, with `features.0.weight` and `.bias` (as
    torchvision names them) or `conv1_1.*`, for colours of ImageNet's mean and deviation; both are
    folded into the weights. Raises CheckpointError for another file or another shape.
    """
    tensors = read_weights(Path(file))
    for name in NAMES:
        if f"{name}.weight" in tensors and f"{name}.bias" in tensors:
            weight, bias = tensors[f"{name}.weight"].float(), tensors[f"{name}.bias"].float()
            break
    else:
        raise CheckpointError(
            f"{file}: got neither {' nor '.join(f'{n}.weight and .bias' for n in NAMES)}; expected "
            "the first layer of VGG-16"
        )
    if weight.shape != layer.weight.shape:
        raise CheckpointError(
            f"{file}: got a first layer of {tuple(weight.shape)}, expected "
            f"{tuple(layer.weight.shape)}; VGG-16's has 64 channels"
        )
    with torch.no_grad():
        layer.weight.copy_(_scaled(weight))
        assert layer.bias is not None
        layer.bias.copy_(bias + (weight * ImageNetColor().shift).sum((1, 2, 3)))


def _scaled(weight: Tensor) -> Tensor:
    return weight * ImageNetColor().scale
