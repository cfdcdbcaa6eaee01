"""Bags -> steps of 50 ms -> windows of tensors, through `observations.observe`."""

from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.dataset.dataset import Dataset, open_dataset
from visuomotor.dataset.windows import Windows

__all__ = ["Dataset", "EpisodeArrays", "Windows", "open_dataset"]
