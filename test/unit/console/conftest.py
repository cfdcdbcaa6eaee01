"""Lets these tests import the modules beside them; a few recorded pictures of a box."""

import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "descriptors")]

from box_pictures import SPEC, ColourNetwork, a_set  # noqa: E402

from visuomotor.console.gallery import Gallery  # noqa: E402
from visuomotor.contracts import STEP_NS  # noqa: E402
from visuomotor.descriptors.config import DescriptorConfig  # noqa: E402
from visuomotor.descriptors.model import DescriptorModel  # noqa: E402
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig  # noqa: E402


@pytest.fixture(scope="session")
def model() -> DescriptorModel:
    torch.set_num_threads(1)
    config = DescriptorConfig(dimensions=3, keypoints=2)
    return DescriptorModel(config, ColourNetwork(), torch.zeros(2, 3), SPEC)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three episodes of two sets."""
    root = tmp_path_factory.mktemp("boxes")
    for episode in range(3):
        start = (1 + episode) * 10**9
        with EpisodeWriter(root, Sidecar("box"), start, WriterConfig(color="png")) as writer:
            for i in range(2):
                frame = a_set(start + i * STEP_NS)
                writer.add_frame(frame)
                writer.add_action(frame.stamp_ns + STEP_NS // 2, frame.robot.T_base_ee, 0.0)
            writer.close("success")
    return root


@pytest.fixture
def gallery(model: DescriptorModel, dataset: Path) -> Gallery:
    return Gallery(model, dataset)
