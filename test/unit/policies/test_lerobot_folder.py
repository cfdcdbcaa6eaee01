"""A folder that LeRobot trained is read as data: JSON and safetensors, and nothing unusual."""

import importlib.util
from pathlib import Path

import pytest
import torch
from lerobot_folders import INPUTS, SPEC, read_json, write_folder, write_json

from visuomotor.checkpoint import load_checkpoint
from visuomotor.errors import CheckpointError, MissingDependencyError
from visuomotor.policies import load_policy


def test_it_is_a_checkpoint_of_its_own_family(tmp_path: Path) -> None:
    found = load_checkpoint(write_folder(tmp_path / "policy", chunk_size=20))
    assert found.family == "lerobot"
    assert found.spec == SPEC
    assert found.config["chunk_size"] == 20
    assert set(found.normaliser) == {"action.mean", "action.std"}
    torch.testing.assert_close(found.tensors["weight"], torch.ones(2))
    with pytest.raises(CheckpointError, match=r"policy of LeRobot, expected .* family dense"):
        load_checkpoint(tmp_path / "policy", "dense")


def test_the_cameras_may_be_those_of_the_dataset(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "policy")
    meta = tmp_path / "dataset" / "meta"
    meta.mkdir(parents=True)
    (folder / "observation.yaml").rename(meta / "observation.yaml")
    write_json(folder / "train_config.json", {"dataset": {"root": str(tmp_path / "dataset")}})
    assert load_checkpoint(folder).spec == SPEC
    (meta / "observation.yaml").unlink()
    with pytest.raises(CheckpointError, match=r"no observation\.yaml; .* copy it beside"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"type": "pi0"}, "unknown LeRobot policy 'pi0'"),
        ({"type": "builtins.eval"}, "unknown LeRobot policy"),
        ({"use_peft": True}, "adapters"),
        ({"output_features": {"action": {"shape": [7]}}}, "expected action of 10 entries"),
        ({"input_features": None}, "input_features"),
        ({"input_features": {**INPUTS, "observation.effort": {"shape": [7]}}}, "effort"),
    ],
    ids=["another policy", "code", "adapters", "joints", "no inputs", "more inputs"],
)
def test_other_policies_are_refused(tmp_path: Path, config, text) -> None:
    with pytest.raises(CheckpointError, match=text):
        load_checkpoint(write_folder(tmp_path / "policy", **config))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"class": "os.system", "config": {"command": "touch owned"}}, "got the steps"),
        ({"registry_name": "tokenizer_processor"}, "tokenizer_processor"),
        (
            {"registry_name": "normalizer_processor", "state_file": "../secret.safetensors"},
            "state_file",
        ),
        ({"registry_name": "normalizer_processor", "state_file": "stats.pkl"}, "state_file"),
        ({"registry_name": "normalizer_processor", "config": ["x"]}, "rename_map"),
    ],
    ids=["a class to import", "another step", "a file elsewhere", "a pickle", "a list"],
)
def test_processors_that_are_not_the_usual_are_refused(tmp_path: Path, change, text) -> None:
    folder = write_folder(tmp_path / "policy")
    processor = read_json(folder / "policy_preprocessor.json")
    processor["steps"][3] = change
    write_json(folder / "policy_preprocessor.json", processor)
    with pytest.raises(CheckpointError, match=text):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "file", ["config.json", "policy_preprocessor.json", "policy_postprocessor.json"]
)
@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, "{}"])
def test_damaged_files_are_named(tmp_path: Path, file: str, text: str) -> None:
    folder = write_folder(tmp_path / "policy")
    (folder / file).write_text(text)
    with pytest.raises(CheckpointError, match=str(folder)):
        load_checkpoint(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "policy_preprocessor_step_3.safetensors"])
def test_damaged_tensors_are_named(tmp_path: Path, file: str) -> None:
    folder = write_folder(tmp_path / "policy")
    (folder / file).write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(CheckpointError, match=file):
        load_checkpoint(folder)


@pytest.mark.skipif(importlib.util.find_spec("lerobot") is not None, reason="LeRobot is here")
def test_without_lerobot_it_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="make lerobot"):
        load_policy(write_folder(tmp_path / "policy"))
