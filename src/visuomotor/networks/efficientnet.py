"""EfficientNet-Lite0 up to its 112-channel stage (Tan & Le 2019; the Lite variant of 2020)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks.backbone import Backbone, pad_to_multiple
from visuomotor.networks.grids import Grid

STRIDES = (4, 8, 16)
STAGES = (  # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
)


SHIFT_PX = -5.6
"""How far off their centres the published kernels look, whatever the stride, along u and v.

Measured on photographs and their enlargements: at stride 8, features at the same place are most
alike for an offset of -2.1 px (standard deviation 0.8), where the layers alone give 3.5 px; the
centroid of squared gradients on noise is at -1.9 px.
"""


class EfficientNetLite0(Backbone):
    """1x1, depthwise and 1x1 convolutions with ReLU6; parameters named as in the PyPI wheel's file.

    Strides beyond the one asked for become dilations. TensorFlow's "same" padding gives an even
    image one row more at its bottom than at its top: cell c is at pixel stride * c + stride - 1.
    The published kernels lean back towards the upper left, see SHIFT_PX; `grid` takes that in.
    """

    def __init__(self, stride: int = 8) -> None:
        """Raises ValueError for another stride than 4, 8 or 16."""
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"efficientnet_lite0: got stride {stride}, expected one of {STRIDES}")
        self.stride, self.channels, self.offset_px = stride, STAGES[-1][-1], (stride - 1) / 2
        self.shift_px: Tensor
        self.register_buffer("shift_px", torch.zeros(()))
        self._conv_stem = _SameConv2d(3, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks, channels, reached, dilation = [], 32, 2, 1
        for count, kernel, step, expansion, grown in STAGES:
            before = dilation
            if step == 2 and reached == stride:
                step, dilation = 1, 2 * dilation
            reached *= step
            for i in range(count):
                first = (step, before) if i == 0 else (1, dilation)
                blocks.append(_Block(channels, grown, kernel, *first, expansion))
                channels = grown
        self._blocks = nn.ModuleList(blocks)

    @property
    def grid(self) -> Grid:
        """Where the cells are in the image; published weights shift it."""
        return Grid(self.stride, self.offset_px + float(self.shift_px))

    def adapt(self, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As `Backbone.adapt`; notes where these weights look."""
        return {**published, "shift_px": torch.tensor(SHIFT_PX)}

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 112, ceil(H/stride), ceil(W/stride))."""
        x = F.relu6(self._bn0(self._conv_stem(pad_to_multiple(images, self.stride))))
        for block in self._blocks:
            x = block(x)
        return x


class _Block(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, dilation: int, expansion: int
    ) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = nn.Conv2d(inputs, wide, 1, bias=False), _norm(wide)
        self._depthwise_conv = _SameConv2d(wide, wide, kernel, stride, dilation, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = nn.Conv2d(wide, outputs, 1, bias=False), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)))
        y: Tensor = self._bn2(self._project_conv(wide))
        return x + y if self.adds else y


class _SameConv2d(nn.Conv2d):
    """TensorFlow's "same" padding of images of even size: the odd row goes below, and right."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(
            inputs, outputs, kernel, stride, dilation=dilation, groups=groups, bias=False
        )
        total = dilation * (kernel - 1) - (stride - 1)
        self.sides = (total // 2, total - total // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.sides))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
