"""Checkpoints: what is saved comes back, and what is wrong is named."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from visuomotor.checkpoint import (
    load_checkpoint,
    load_into,
    normaliser_tensors,
    save_checkpoint,
    sub_tensors,
)
from visuomotor.config import from_mapping, read_yaml, save_yaml
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.model import DescriptorModel, load_descriptors
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import CheckpointError, ConfigError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import load_policy

SPEC = ObservationSpec(
    (CameraSpec("front", 24, 32, (0.1, 0.0, 0.8, 1.0)), CameraSpec("wrist", depth=False))
)
CONFIG = DescriptorConfig(dimensions=4, width=8, keypoints=3, sharpness=0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of an untrained descriptor network."""
    torch.manual_seed(0)
    model = DescriptorModel(CONFIG, DescriptorNetwork(CONFIG), torch.randn(3, 4), SPEC)
    save_checkpoint(
        tmp_path / "c", "descriptors", CONFIG, model.tensors(), {}, SPEC, "# Card\nSeed 0.\n"
    )
    return tmp_path / "c"


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.randn(3, 4), "b": torch.arange(4.0).reshape(2, 2).T}
    normaliser = {"mean": torch.tensor([1e-8, 3.0])}
    save_checkpoint(tmp_path / "x", "any", CONFIG, tensors, normaliser, SPEC, "Trained.\n")
    loaded = load_checkpoint(tmp_path / "x", "any")
    assert loaded.family == "any"
    assert loaded.spec == SPEC
    assert from_mapping(DescriptorConfig, loaded.config) == CONFIG
    assert loaded.tensors.keys() == tensors.keys()
    assert all(torch.equal(loaded.tensors[k], t) for k, t in tensors.items())
    assert torch.equal(loaded.normaliser["mean"], normaliser["mean"])
    assert (tmp_path / "x" / "card.md").read_text() == "Trained.\n"
    assert sub_tensors(loaded.tensors, "a.").keys() == {"weight"}


def test_a_model_comes_back_the_same_function(folder: Path) -> None:
    one, two = load_descriptors(folder), load_descriptors(folder)
    color = torch.randint(0, 256, (1, 24, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(one.network.describe(color), two.network.describe(color))
    assert not one.network.training
    assert one.config == CONFIG
    assert one.spec == SPEC


def test_there_is_no_pickle_in_the_folder(folder: Path) -> None:
    names = sorted(p.name for p in folder.iterdir())
    assert names == [
        "card.md",
        "config.yaml",
        "normaliser.safetensors",
        "observation.yaml",
        "weights.safetensors",
    ]
    for path in folder.glob("*.safetensors"):
        head = path.read_bytes()[:10]
        assert head[:2] not in (b"PK", b"\x80\x02", b"\x80\x04")
        assert head[8:9] == b"{", "a length and a JSON header"
    for path in folder.glob("*.yaml"):
        assert "!!python" not in path.read_text()


@pytest.mark.parametrize(
    "name", ["config.yaml", "weights.safetensors", "normaliser.safetensors", "observation.yaml"]
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"no {name}; expected a checkpoint folder"):
        load_checkpoint(folder)


def test_a_folder_that_is_none_names_all_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"unfinished training has no config\.yaml"):
        load_policy(tmp_path / "nowhere")


def test_damaged_weights_are_named(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: not readable as safetensors"):
        load_checkpoint(folder)


def test_a_pickle_in_the_place_of_the_weights_is_not_loaded(folder: Path) -> None:
    torch.save({"x": torch.zeros(1)}, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match="not readable as safetensors"):
        load_checkpoint(folder)


def test_another_family_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="got a checkpoint of family 'descriptors'"):
        load_checkpoint(folder, "dense")
    with pytest.raises(
        CheckpointError, match=r"unknown policy family 'descriptors'.*Known: .*dense"
    ):
        load_policy(folder)
    values = read_yaml(folder / "config.yaml")
    save_yaml({**values, "family": "descriptor"}, folder / "config.yaml")
    with pytest.raises(CheckpointError, match="got a checkpoint of family 'descriptor', expected"):
        load_descriptors(folder)


def test_an_unknown_key_comes_with_the_near_one(folder: Path) -> None:
    values = read_yaml(folder / "config.yaml")
    save_yaml({**values, "keypoint": 3}, folder / "config.yaml")
    with pytest.raises(ConfigError, match="unknown DescriptorConfig key 'keypoint'; did you mean"):
        load_descriptors(folder)
    save_yaml({"camera": []}, folder / "observation.yaml")
    with pytest.raises(CheckpointError, match="unknown ObservationSpec key 'camera'; did you mean"):
        load_checkpoint(folder)


@pytest.mark.parametrize("size", [10**6, 2**63])
def test_a_size_that_no_network_has_is_refused_before_it_is_made(folder: Path, size: int) -> None:
    values = read_yaml(folder / "config.yaml")
    save_yaml({**values, "width": size}, folder / "config.yaml")
    with pytest.raises(CheckpointError, match=f"'width': got {size}, expected 100000 at most"):
        load_descriptors(folder)


def test_weights_of_another_shape_are_named(folder: Path) -> None:
    values = read_yaml(folder / "config.yaml")
    save_yaml({**values, "width": 16}, folder / "config.yaml")
    with pytest.raises(
        CheckpointError, match=r"conv\.weight is \(16, 16, 3, 3\), expected \(32.* more"
    ):
        load_descriptors(folder)
    save_yaml({**values, "keypoints": 5}, folder / "config.yaml")
    with pytest.raises(CheckpointError, match=r"reference descriptors \(3, 4\), expected \(5, 4\)"):
        load_descriptors(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    tensors = load_checkpoint(folder).tensors
    save_file(
        {k: t for k, t in tensors.items() if k != "network.head.bias"},
        str(folder / "weights.safetensors"),
    )
    with pytest.raises(CheckpointError, match=r"do not fit.*head\.bias is missing; take"):
        load_descriptors(folder)
    with pytest.raises(CheckpointError, match="here: the weights do not fit"):
        load_into(torch.nn.Linear(2, 2), {}, "here")


def test_saving_again_replaces_and_a_failed_save_leaves_none(folder: Path) -> None:
    new = replace(CONFIG, sharpness=2.0)
    tensors = load_checkpoint(folder).tensors
    save_checkpoint(folder, "descriptors", new, tensors, {}, SPEC, "")
    assert load_descriptors(folder).config == new
    with pytest.raises(AttributeError):
        save_checkpoint(folder, "descriptors", new, {"bad": None}, {}, SPEC, "")  # type: ignore[dict-item]
    with pytest.raises(CheckpointError, match=r"no config\.yaml"):
        load_checkpoint(folder)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 1)
    weights = {**layer.state_dict(), "bias": torch.tensor([float("nan")])}
    with pytest.raises(CheckpointError, match="bias is not finite"):
        load_into(layer, weights, "here")
    with pytest.raises(CheckpointError, match="the normaliser's spread is not finite"):
        normaliser_tensors({"spread": torch.tensor([float("inf")])}, {"spread": (1,)}, "here")
