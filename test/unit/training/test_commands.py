"""`visuomotor train ...` on real demonstrations: from bags to a policy by one command."""

from pathlib import Path

import pytest

from visuomotor.checkpoint import load_checkpoint
from visuomotor.cli import main
from visuomotor.config import read_yaml, save_yaml
from visuomotor.policies import load_policy

CAMERAS = [{"name": c, "height": 60, "width": 80} for c in ("front", "side")]
CLONING = {"steps": 3, "batch": 8}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of YAML files that make every training short."""
    folder = tmp_path_factory.mktemp("settings")
    model = {"dimensions": 4, "width": 8, "keypoints": 4}
    descriptors = {"cameras": CAMERAS, "model": model, "steps": 2, "pairs": 1, "matches": 32}
    save_yaml(descriptors, folder / "descriptors.yaml")
    head = {"hidden": [8], "dropout": 0.25}
    save_yaml({"head": head, "cloning": CLONING, "set_training": CLONING}, folder / "dense.yaml")
    encoder = {"backbone": "compact", "width": 8, "points": 3}
    front = {**CAMERAS[0], "depth": False}
    save_yaml(
        {"camera": front, "encoder": encoder, "head": head, "cloning": CLONING},
        folder / "bc.yaml",
    )
    save_yaml(
        {"camera": front, "encoder": encoder, "steps": 2, "batch": 2}, folder / "autoencoder.yaml"
    )
    return folder


def run(*words: object) -> int:
    return main(["train", *map(str, words), "--threads", "1"])


def test_dense_trains_descriptors_and_then_the_policy(
    demos: Path, settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "policy"
    given = ["dense", "--dataset", demos, "--out", out, "--config", settings / "dense.yaml"]
    first = ["--descriptors-config", settings / "descriptors.yaml", "--seed", 3]
    assert run(*given, *first) == 0
    said = capsys.readouterr().out
    assert said.index(f"checkpoint: {out}/descriptors") < said.index(f"checkpoint: {out}\n")
    assert load_policy(out).spec.names == ("front", "side")
    assert "seed 3" in (out / "card.md").read_text()
    descriptors = (out / "descriptors" / "weights.safetensors").read_bytes()

    choices = ["--space", "2d", "--descriptor-set", "optimised", "--memory", "--episodes", 2]
    assert run(*given, *first, *choices) == 0
    assert f"descriptors: {out}/descriptors, trained before" in capsys.readouterr().out
    assert (out / "descriptors" / "weights.safetensors").read_bytes() == descriptors
    config = load_checkpoint(out).config
    assert config["space"] == "2d"
    assert (config["head"]["kind"], config["head"]["hidden"]) == ("lstm", [100, 100])
    assert config["head"]["dropout"] == 0.25, "what the file says of the head stays"
    assert "2 episodes" in (out / "card.md").read_text()

    assert run(*given, *first, "--task", "cup") == 2
    said = capsys.readouterr().err
    assert f"{out}/descriptors" in said
    assert "task None (now cup)" in said
    save_yaml({**read_yaml(settings / "descriptors.yaml"), "pairs": 2}, settings / "other.yaml")
    assert run(*given, "--descriptors-config", settings / "other.yaml") == 2
    said = capsys.readouterr().err
    assert "pairs 1 (now 2)" in said
    assert "--descriptors " in said
    assert (out / "descriptors" / "weights.safetensors").read_bytes() == descriptors

    second = tmp_path / "second"
    other = ["dense", "--dataset", demos, "--out", second, "--descriptors", out / "descriptors"]
    assert run(*other, "--config", settings / "dense.yaml", "--absolute") == 0
    head = load_checkpoint(second).config["head"]
    assert (head["kind"], head["absolute"], head["hidden"]) == ("mlp", True, [8])
    assert not (second / "descriptors").exists()


def test_the_other_families_have_commands_of_their_own(
    demos: Path, settings: Path, tmp_path: Path
) -> None:
    encoder, image, truth = (tmp_path / name for name in ("encoder", "image", "truth"))
    dataset = ["--dataset", demos, "--task", "lift"]
    file = settings / "autoencoder.yaml"
    assert run("autoencoder", *dataset, "--out", encoder, "--config", file, "--masked") == 0
    assert "objects" in (encoder / "card.md").read_text()
    file = settings / "bc.yaml"
    begun = ["--encoder-from", encoder, "--frozen"]
    assert run("bc", *dataset, "--out", image, "--config", file, *begun) == 0
    assert load_checkpoint(image, "bc").config["sight"] == "image"
    told = ["--truth", "2d", "--object", "cube", "--memory"]
    assert run("bc", *dataset, "--out", truth, "--config", file, *told) == 0
    config = load_checkpoint(truth, "bc").config
    assert (config["sight"], config["head"]["kind"]) == ("truth_2d", "lstm")


def test_a_cloud_policy_may_know_its_place(demos: Path, tmp_path: Path) -> None:
    save_yaml(
        {"cameras": CAMERAS, "steps": 2, "batch": 4, "points": 32, "stored": 64},
        tmp_path / "c.yaml",
    )
    words = ["pointbc", "--dataset", demos, "--out", tmp_path / "p", "--absolute"]
    assert run(*words, "--config", tmp_path / "c.yaml") == 0
    assert load_checkpoint(tmp_path / "p", "pointbc").config["absolute"] is True


def test_a_hand_eye_network_takes_its_cameras_and_turns_from_the_command(
    demos: Path, tmp_path: Path
) -> None:
    small = {"channels": [8, 8], "hidden": [8], "windows": 2, "steps": 2, "batch": 2}
    save_yaml({**small, "target": "free"}, tmp_path / "h.yaml")
    words = ["han", "--dataset", demos, "--out", tmp_path / "p", "--rotation", "--chunk", "2"]
    assert run(*words, "--config", tmp_path / "h.yaml", "--cameras", "side", "front") == 0
    checkpoint = load_checkpoint(tmp_path / "p", "han")
    assert checkpoint.spec.names == ("side", "front")
    config = checkpoint.config
    assert (config["rotation"], config["chunk"], config["target"]) == (True, 2, "free")
