"""XFeat's dense descriptors (Potje et al., "Accelerated Features", CVPR 2024)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks.backbone import Backbone, pad_to_multiple
from visuomotor.networks.grids import Grid

SHIFT_PX = -1.1
"""Where the published weights' cells look, from the centre of their 8x8 pixels, along u and v.

Measured on photographs and their enlargements: features at the same place are most alike for this
offset (standard deviation 0.5).
"""


class XFeat(Backbone):
    """64 channels at stride 8, from grey images; a pyramid of strides 8, 16 and 32, summed.

    Parameters have the published names; the heads for keypoints and matches are left out.
    Its levels are centred on different pixels, so no cell has one centre by construction. It was
    trained with cell c for pixels 8c to 8c + 7; where it came to look, see SHIFT_PX.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stride, self.channels = 8, 64
        self.shift_px: Tensor
        self.register_buffer("shift_px", torch.zeros(()))
        self.norm = nn.InstanceNorm2d(1)
        self.skip1 = nn.Sequential(nn.AvgPool2d(4, 4), nn.Conv2d(1, 24, 1))
        self.block1 = nn.Sequential(
            _Layer(1, 4), _Layer(4, 8, stride=2), _Layer(8, 8), _Layer(8, 24, stride=2)
        )
        self.block2 = nn.Sequential(_Layer(24, 24), _Layer(24, 24))
        self.block3 = nn.Sequential(_Layer(24, 64, stride=2), _Layer(64, 64), _Layer(64, 64, 1))
        self.block4 = nn.Sequential(_Layer(64, 64, stride=2), _Layer(64, 64), _Layer(64, 64))
        self.block5 = nn.Sequential(
            _Layer(64, 128, stride=2), _Layer(128, 128), _Layer(128, 128), _Layer(128, 64, 1)
        )
        self.block_fusion = nn.Sequential(_Layer(64, 64), _Layer(64, 64), nn.Conv2d(64, 64, 1))

    @property
    def grid(self) -> Grid:
        """Where the cells are in the image; published weights shift it."""
        return Grid(self.stride, self.offset_px + float(self.shift_px))

    def adapt(self, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As `Backbone.adapt`; notes where these weights look."""
        return {**published, "shift_px": torch.tensor(SHIFT_PX)}

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 64, ceil(H/8), ceil(W/8))."""
        h, w = (-(-n // 8) for n in images.shape[-2:])
        x = self.norm(0.5 * images.mean(1, keepdim=True))  # [0, 1] but for a shift
        x = pad_to_multiple(x, 32)
        x = self.block2(self.block1(x) + self.skip1(x))
        x8 = self.block3(x)
        x16 = self.block4(x8)
        x32 = self.block5(x16)
        coarse = (F.interpolate(y, x8.shape[-2:], mode="bilinear") for y in (x16, x32))
        fused: Tensor = self.block_fusion(sum(coarse, x8))
        return fused[..., :h, :w]


class _Layer(nn.Module):
    """Convolution, norm and ReLU, under the name `layer` as in the published weights."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, affine=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y
