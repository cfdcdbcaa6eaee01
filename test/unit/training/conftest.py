"""A dataset for these tests."""

from pathlib import Path

import pytest
import torch

from visuomotor.recording import WriterConfig
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three scripted demonstrations seen by two small cameras."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("dataset")
    world = SimWorld(SimConfig(cameras=("front", "side"), width=80, height=60))
    write_demos(world, root, range(3), WriterConfig(color="png"))
    world.close()
    return root
