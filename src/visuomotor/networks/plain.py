"""A backbone without norms: on a CPU in bfloat16 those take longer than the convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from visuomotor.networks.backbone import Backbone, pad_to_multiple


class PlainBackbone(Backbone):
    """Five convolutions of stride 4 in all, with ReLUs between; weights begin as in He et al. 2015.

    The strided layers have even kernels, so that a receptive field is centred on its cell. Borders
    are zeros: the network may know where in the image it is.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stride, self.channels = 4, 2 * width
        layers: list[nn.Module] = []
        before = 3
        for i, after in enumerate((width, *4 * (2 * width,))):
            kernel, stride = (4, 2) if i < 2 else (3, 1)
            convolution = nn.Conv2d(before, after, kernel, stride, 1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, ceil(H/4), ceil(W/4))."""
        features: Tensor = self.layers(pad_to_multiple(images, self.stride))
        return features
