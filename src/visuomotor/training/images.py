"""Colour images as the sight of a policy whose encoder is learned with it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visuomotor.dataset import Dataset
from visuomotor.networks import SpatialEncoder, normalise_color
from visuomotor.networks.precision import autocast
from visuomotor.training.batches import Steps
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.samples import Int64

Images = list[NDArray[np.uint8]]
"""N images (H, W, 3) uint8, views of memory-mapped episodes."""


def camera_images(dataset: Dataset, camera: str, steps: Steps) -> Images:
    """One camera's images at the steps, read when they are used."""
    return [dataset.episodes[e].color[camera][t] for e, t in steps]


def stacked(images: Images, rows: Int64, device: torch.device = CPU) -> Tensor:
    """Images (n, 3, H, W) in [-1, 1], channels last."""
    color = moved(torch.from_numpy(np.stack([images[i] for i in rows])), device)
    return normalise_color(color).contiguous(memory_format=torch.channels_last)


class EncodedImages:
    """A `training.cloning.Sight`: the encoder's features of the samples' images."""

    def __init__(self, encoder: SpatialEncoder, images: Images, shape: tuple[int, ...]) -> None:
        self.module: nn.Module = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.shape, self._images = shape, images

    def look(self, rows: Int64, generator: torch.Generator) -> Tensor:
        """See `Sight`."""
        device = device_of(self.module)
        with autocast("auto", device):
            seen: Tensor = self.module(stacked(self._images, rows, device))
        return seen


@torch.inference_mode()
def encode_all(encoder: SpatialEncoder, images: Images) -> Tensor:
    """Features (N, F) of all images, in full precision as at run time."""
    encoder.eval()
    every = np.arange(len(images))
    return torch.cat(
        [encoder(stacked(images, every[i : i + 64])) for i in range(0, len(every), 64)]
    )
