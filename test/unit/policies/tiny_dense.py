"""A small dense policy with random weights from a fixed seed."""

from dataclasses import replace
from pathlib import Path

import torch

from visuomotor.checkpoint import save_checkpoint
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.dense import DensePolicyConfig
from visuomotor.policies.heads import HeadConfig, PolicyHead, Scales

CONFIG = DensePolicyConfig(
    DescriptorConfig(dimensions=4, width=8, keypoints=5, sharpness=20.0),
    head=HeadConfig(hidden=(16,)),
)
CONFIG_2D = replace(CONFIG, space="2d")
SIZE = (60, 80)
MEAN_KEYPOINT = (0.5, 0.05, 0.02)


def tiny_spec(*cameras: str) -> ObservationSpec:
    """What the tiny policy sees, by default front and side."""
    return ObservationSpec(tuple(CameraSpec(c, *SIZE) for c in cameras or ("front", "side")))


def tiny_descriptors(spec: ObservationSpec) -> DescriptorModel:
    """An untrained descriptor model."""
    torch.manual_seed(0)
    config = CONFIG.descriptors
    reference = 0.3 * torch.randn(config.keypoints, config.dimensions)
    return DescriptorModel(config, DescriptorNetwork(config).eval(), reference, spec)


def tiny_scales(config: DensePolicyConfig = CONFIG) -> Scales:
    """Deltas of some millimetres, widths between 1 and 7 cm."""
    mean = torch.tensor(MEAN_KEYPOINT).repeat(5, 1)
    return Scales(
        mean if config.space == "3d" else torch.zeros(config.shape),
        torch.full(config.shape, 0.3),
        torch.tensor([0.005, 0.005, 0.005, 0.01, 0.01, 0.01]),
        torch.tensor([0.01, 0.07]),
        torch.tensor([0.1, 0.5]),
    )


def tiny_head(config: DensePolicyConfig = CONFIG) -> PolicyHead:
    """Its head, with weights from a fixed seed."""
    torch.manual_seed(1)
    return PolicyHead(config.head, config.shape).eval()


def write_tiny_policy(
    folder: Path, *cameras: str, config: DensePolicyConfig = CONFIG, depth: bool = True
) -> Path:
    """Its checkpoint."""
    spec = tiny_spec(*cameras)
    spec = replace(spec, cameras=tuple(replace(c, depth=depth) for c in spec.cameras))
    tensors = {f"descriptors.{k}": t for k, t in tiny_descriptors(spec).tensors().items()}
    tensors.update({f"head.{k}": t for k, t in tiny_head(config).state_dict().items()})
    save_checkpoint(
        folder, "dense", config, tensors, tiny_scales(config).tensors(), spec, "Random.\n"
    )
    return folder
