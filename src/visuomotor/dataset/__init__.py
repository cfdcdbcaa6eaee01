"""Bags -> steps of 50 ms -> windows of tensors, through `observations.observe`."""

from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.dataset.dataset import Dataset, open_dataset
from visuomotor.dataset.weak_images import WeakImages, read_weak_images
from visuomotor.dataset.windows import Windows

__all__ = [
    "Dataset",
    "EpisodeArrays",
    "WeakImages",
    "Windows",
    "open_dataset",
    "read_weak_images",
]
