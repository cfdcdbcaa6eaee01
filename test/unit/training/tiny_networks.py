"""Checkpoints of small networks with random weights, and tiny trainings."""

from collections.abc import Callable
from pathlib import Path

import torch

from visuomotor.checkpoint import save_checkpoint
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import FAMILY, DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.observations import CameraSpec, ObservationSpec

FRONT, SIDE = CameraSpec("front", 60, 80), CameraSpec("side", 60, 80)
DESCRIPTORS = DescriptorConfig(dimensions=4, width=8, keypoints=4, sharpness=5.0)


def write_descriptors(folder: Path, cameras: tuple[CameraSpec, ...] = (FRONT, SIDE)) -> Path:
    """A descriptor network whose reference is what it says of four random pixels."""
    torch.manual_seed(0)
    network = DescriptorNetwork(DESCRIPTORS).eval()
    with torch.no_grad():
        maps = network.describe(torch.randint(0, 256, (1, 60, 80, 3), dtype=torch.uint8))
    reference = maps[0].flatten(1)[:, [40, 130, 200, 270]].T.contiguous()
    model = DescriptorModel(DESCRIPTORS, network, reference, ObservationSpec(cameras))
    save_checkpoint(folder, FAMILY, DESCRIPTORS, model.tensors(), {}, model.spec, "Random.\n")
    return folder


def after(calls: int) -> Callable[[], bool]:
    """A `should_stop` that says yes from its nth call on."""
    count = 0

    def should_stop() -> bool:
        nonlocal count
        count += 1
        return count >= calls

    return should_stop


def files_of(out: Path) -> tuple[bytes, bytes]:
    """What a training came to, bit for bit."""
    return (
        (out / "weights.safetensors").read_bytes(),
        (out / "normaliser.safetensors").read_bytes(),
    )
