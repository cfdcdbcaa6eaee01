"""A small dense policy with random weights from a fixed seed."""

from pathlib import Path

import torch

from visuomotor.checkpoint import save_checkpoint
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.dense import DensePolicyConfig
from visuomotor.policies.dense.head import DenseHead, Scales

CONFIG = DensePolicyConfig(
    DescriptorConfig(dimensions=4, width=8, keypoints=5, sharpness=20.0), hidden=(16,)
)
SIZE = {"height": 60, "width": 80}
MEAN_KEYPOINT = (0.5, 0.05, 0.02)


def tiny_spec(*cameras: str) -> ObservationSpec:
    """What the tiny policy sees, by default front and side."""
    return ObservationSpec(tuple(CameraSpec(c, **SIZE) for c in cameras or ("front", "side")))


def tiny_descriptors(spec: ObservationSpec) -> DescriptorModel:
    """An untrained descriptor model."""
    torch.manual_seed(0)
    config = CONFIG.descriptors
    reference = 0.3 * torch.randn(config.keypoints, config.dimensions)
    return DescriptorModel(config, DescriptorNetwork(config).eval(), reference, spec)


def write_tiny_policy(folder: Path, *cameras: str) -> Path:
    """Its checkpoint; deltas are of some millimetres, widths between 1 and 7 cm."""
    spec = tiny_spec(*cameras)
    descriptors = tiny_descriptors(spec)
    head = DenseHead(CONFIG)
    tensors = {f"descriptors.{k}": t for k, t in descriptors.tensors().items()}
    tensors.update({f"head.{k}": t for k, t in head.state_dict().items()})
    scales = Scales(
        torch.tensor(MEAN_KEYPOINT).repeat(5, 1),
        torch.tensor([0.005, 0.005, 0.005, 0.01, 0.01, 0.01]),
        torch.tensor([0.01, 0.07]),
    )
    save_checkpoint(folder, "dense", CONFIG, tensors, scales.tensors(), spec, "Random.\n")
    return folder
