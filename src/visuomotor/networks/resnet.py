"""ResNet-18 and -34 (He et al. 2016), dilated instead of strided beyond the stride asked for.

Parameters have torchvision's names, so that its ImageNet weights load from a file.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from visuomotor.networks.backbone import Backbone, ImageNetColor

RESNET18, RESNET34 = (2, 2, 2, 2), (3, 4, 6, 3)
STRIDES = (4, 8, 16, 32)
Padding = Literal["zeros", "replicate"]


class ResNet(Backbone):
    """Basic blocks per stage; `width` channels in the first (64: torchvision's), 8 x in the last.

    Dilation samples the strided network's features more densely and changes none of them (Yu &
    Koltun 2016): every (32 / stride)-th cell is a cell of the network of stride 32.

    torchvision pads strided 3x3 and 7x7 kernels on both sides alike, so cell c is at pixel
    stride * c: half a cell up and left of where a plain stride puts it.
    """

    def __init__(
        self,
        blocks: tuple[int, int, int, int],
        width: int = 64,
        stride: int = 8,
        padding_mode: Padding = "zeros",
    ) -> None:
        """padding_mode: zeros for ImageNet weights; replicate hides where the border is.

        Raises ValueError for another stride than 4, 8, 16 or 32.
        """
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"resnet: got stride {stride}, expected one of {STRIDES}")
        self.stride, self.channels, self.offset_px = stride, 8 * width, (1 - stride) / 2
        self.color = ImageNetColor()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False, padding_mode=padding_mode)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, reached, dilation = width, 4, 1
        stages: list[nn.Sequential] = []
        for stage, count in enumerate(blocks):
            grown, step, before = width * 2**stage, 1, dilation
            if stage > 0 and reached < stride:
                step, reached = 2, 2 * reached
            elif stage > 0:
                dilation *= 2
            layers = [_BasicBlock(channels, grown, step, (before, dilation), padding_mode)]
            layers += [
                _BasicBlock(grown, grown, 1, (dilation, dilation), padding_mode)
                for _ in range(count - 1)
            ]
            stages.append(nn.Sequential(*layers))
            channels = grown
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, ceil(H/stride), ceil(W/stride))."""
        x: Tensor = self.maxpool(torch.relu(self.bn1(self.conv1(self.color(images)))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions; dilations of the first and of the second."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        dilations: tuple[int, int],
        padding_mode: Padding,
    ) -> None:
        super().__init__()

        def conv(channels: int, step: int, d: int) -> nn.Conv2d:
            return nn.Conv2d(
                channels, outputs, 3, step, d, d, bias=False, padding_mode=padding_mode
            )

        self.conv1, self.bn1 = conv(inputs, stride, dilations[0]), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, 1, dilations[1]), nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.downsample(x))
