"""A trained descriptor network with its K reference descriptors: what finds keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import load_checkpoint, load_into, sub_tensors
from visuomotor.config import from_mapping
from visuomotor.contracts import CameraView
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.keypoints import Keypoints, locate
from visuomotor.descriptors.matching import Views
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import CheckpointError, DataError
from visuomotor.observations import ObservationSpec

FAMILY = "descriptors"


@dataclass
class DescriptorModel:
    """network, reference descriptors (K, D) and the cameras it was trained on."""

    config: DescriptorConfig
    network: DescriptorNetwork
    reference: Tensor
    spec: ObservationSpec

    @torch.inference_mode()
    def locate(self, cameras: Sequence[Views]) -> Keypoints:
        """Keypoints of B sets; one `Views` of batch size B per camera."""
        return locate(self.network, self.reference, cameras, self.config)

    def tensors(self) -> dict[str, Tensor]:
        """Everything learned, for a checkpoint."""
        weights = {f"network.{k}": t for k, t in self.network.state_dict().items()}
        return {**weights, "reference": self.reference}


def model_from(
    config: DescriptorConfig, tensors: Mapping[str, Tensor], spec: ObservationSpec, where: str
) -> DescriptorModel:
    """The model of a checkpoint's parts; CheckpointError if they do not fit."""
    network = DescriptorNetwork(config)
    load_into(network, sub_tensors(tensors, "network."), where)
    reference = tensors.get("reference")
    expected = (config.keypoints, config.dimensions)
    if reference is None or tuple(reference.shape) != expected:
        got = None if reference is None else tuple(reference.shape)
        raise CheckpointError(f"{where}: got reference descriptors {got}, expected {expected}")
    network.eval()
    return DescriptorModel(config, network, reference, spec)


def load_descriptors(folder: Path | str) -> DescriptorModel:
    """The model of a descriptor checkpoint, or of the `dense` policy that acts on it."""
    checkpoint = load_checkpoint(folder)
    values, tensors = checkpoint.config, checkpoint.tensors
    if checkpoint.family == "dense":
        values, tensors = values.get("descriptors") or {}, sub_tensors(tensors, "descriptors.")
    else:
        checkpoint = load_checkpoint(folder, FAMILY)
    config = from_mapping(DescriptorConfig, values, str(folder))
    return model_from(config, tensors, checkpoint.spec, str(folder))


def views_of(views: Sequence[CameraView]) -> Views:
    """A batch from observations' views of one camera; DataError if one has no depth."""
    depths = [v.depth_m for v in views]
    if any(d is None for d in depths):
        raise DataError("keypoints in 3-D need depth; set `depth: true` in the observation spec")
    return Views(
        torch.from_numpy(np.stack([v.color for v in views])),
        torch.from_numpy(np.stack([d for d in depths if d is not None])),
        torch.from_numpy(np.stack([v.K for v in views]).astype(np.float32)),
        torch.from_numpy(np.stack([v.T_base_camera for v in views]).astype(np.float32)),
    )
