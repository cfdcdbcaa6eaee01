"""Weak images beside the task of other families: hand-eye action networks and image cloning."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from blob_images import write_blobs
from tiny_networks import after, files_of

from visuomotor.cli import main
from visuomotor.dataset import open_dataset
from visuomotor.errors import ConfigError, Interrupted
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import load_policy
from visuomotor.policies.bc import EncoderConfig
from visuomotor.policies.han.network import HanNetwork
from visuomotor.policies.heads import HeadConfig
from visuomotor.training import train
from visuomotor.training.auxiliary import WeakSettings, WeakTask, open_weak, region_classifier
from visuomotor.training.bc import BcTrainingConfig, train_bc
from visuomotor.training.cloning import CloningConfig
from visuomotor.training.han import HanTrainingConfig, train_han
from visuomotor.training.image_augmentation import ImageAugmentation

FRONT = CameraSpec("front", 24, 32)
HAN = HanTrainingConfig(
    cameras=(FRONT,),
    channels=(8, 8, 12),
    hidden=(16,),
    windows=4,
    window_px=16,
    steps=12,
    batch=4,
    weak_batch=12,
    learning_rate=3e-3,
)
BC = BcTrainingConfig(
    camera=replace(FRONT, depth=False),
    encoder=EncoderConfig("compact", width=8, points=4),
    head=HeadConfig(hidden=(16,)),
    cloning=CloningConfig(steps=12, batch=4),
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_blobs(tmp_path_factory.mktemp("weak") / "w", 60))


def column(out: Path, name: str) -> list[float]:
    rows = csv.DictReader((out / "progress.csv").open())
    return [float(r[name]) for r in rows if r[name]]


def test_a_batch_has_as_many_of_one_label_as_of_the_other(demos: Path, tmp_path: Path) -> None:
    folder = write_blobs(tmp_path / "w", 12)
    for path in sorted((folder / "with").iterdir())[2:]:
        path.unlink()
    settings = WeakSettings(str(folder), weak_batch=7)
    dataset = open_dataset(demos, ObservationSpec((FRONT,)))
    images = open_weak(settings, dataset, FRONT)
    assert images.counts == (2, 12)
    task = WeakTask(settings, images, 100)
    shown = [task.draw(np.random.default_rng(i))[1].sum().item() for i in range(40)]
    assert set(shown) == {3.0, 4.0}
    first, again = (task.draw(np.random.default_rng(5))[0] for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (7, 3, 24, 32)
    assert float(first.min()) >= -1
    assert [settings.warm_up(100), replace(settings, warm_up_steps=3).warm_up(100)] == [10, 3]
    few = open_weak(replace(settings, weak_images=4), dataset, FRONT)
    assert few.counts == (2, 2)


def test_an_image_is_as_sure_as_its_regions_are_alike(demos: Path, weak: str) -> None:
    """Regions of which nothing is known say nothing of the image, however many there are."""
    network = HanNetwork(HAN.policy(), 1).eval()
    dataset = open_dataset(demos, ObservationSpec((FRONT,)))
    task = WeakTask(HAN, open_weak(replace(HAN, weak=weak), dataset, FRONT), HAN.steps)
    auxiliary = region_classifier(task, network.attention)
    with torch.inference_mode():
        auxiliary.begin(HAN.steps)
        zero = torch.tensor(0.0)
        loss, values = auxiliary.add(zero, {}, np.random.default_rng(0))
        assert float(loss) == pytest.approx(float(values["weak"]))
        for parameter in auxiliary.module.parameters():
            parameter.zero_()
        flat = auxiliary.add(zero, {}, np.random.default_rng(0))[1]["weak"]
    assert float(flat) == pytest.approx(np.log(2), abs=1e-5)


@pytest.mark.parametrize("changes", [{}, {"attention": "whole"}, {"crops": "literal"}], ids=str)
def test_a_hand_eye_network_learns_both(
    demos: Path, weak: str, tmp_path: Path, changes: dict[str, object]
) -> None:
    steps = 120 if not changes else 6
    plain = {"weak": weak, "weak_augmentation": ImageAugmentation()}  # so few steps learn
    config = replace(HAN, steps=steps, **plain, **changes)  # type: ignore[arg-type]
    train_han(config, demos, tmp_path)
    assert load_policy(tmp_path).spec.names == ("front",)
    assert "60 'with' and 60 'without'" in (tmp_path / "card.md").read_text()
    entropy, distance = column(tmp_path, "weak"), column(tmp_path, "distance")
    assert len(entropy) >= 1
    if steps > 100:
        assert entropy[-1] < 0.8 * entropy[0]
        assert distance[-1] < distance[0]


def test_an_image_policy_learns_both(demos: Path, weak: str, tmp_path: Path) -> None:
    quick = CloningConfig(steps=150, batch=4, learning_rate=5e-3)
    plain = {"weak": weak, "weak_augmentation": ImageAugmentation()}  # so few steps learn
    train_bc(replace(BC, cloning=quick, **plain), demos, tmp_path)  # type: ignore[arg-type]
    assert load_policy(tmp_path).spec.names == ("front",)
    entropy = column(tmp_path, "weak")
    assert entropy[-1] < 0.85 * entropy[0]
    assert "60 'with' and 60 'without'" in (tmp_path / "card.md").read_text()


@pytest.mark.parametrize("family", ["han", "bc"])
def test_an_interrupted_one_goes_on_to_the_same_bits(
    demos: Path, weak: str, tmp_path: Path, family: str
) -> None:
    def run(out: str, stop_at: int = 1000) -> None:
        weakly: dict[str, Any] = {"weak": weak, "warm_up_steps": 6}
        stop = after(stop_at)
        if family == "han":
            train_han(replace(HAN, **weakly), demos, tmp_path / out, should_stop=stop)
        else:
            train_bc(replace(BC, **weakly), demos, tmp_path / out, should_stop=stop)

    run("whole")
    for calls in (4, 5):  # within the warm-up and after it
        with pytest.raises(Interrupted):
            run("parts", calls)
    run("parts")
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_the_commands_take_a_folder(demos: Path, weak: str, tmp_path: Path) -> None:
    (tmp_path / "h.yaml").write_text(
        "channels: [8, 8]\nhidden: [8]\nwindows: 2\nwindow_px: 16\n"
        "steps: 3\nbatch: 2\nweak_batch: 2\n"
        "cameras: [{name: front, height: 24, width: 32}]\n"
    )
    (tmp_path / "b.yaml").write_text(
        "camera: {name: front, height: 24, width: 32, depth: false}\n"
        "encoder: {width: 8, points: 3}\ncloning: {steps: 3, batch: 2}\nweak_batch: 2\n"
    )
    for family, file in (("han", "h.yaml"), ("bc", "b.yaml")):
        out = tmp_path / family
        words = ["train", family, "--dataset", demos, "--config", tmp_path / file, "--out", out]
        assert main([*map(str, [*words, "--weak", weak, "--threads", 1])]) == 0
        assert "60 'with'" in (out / "card.md").read_text()


def test_settings_that_cannot_be_are_told(demos: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bc: got weak images with sight image, frozen True"):
        train("bc", None, demos, tmp_path, weak="w", frozen=True, encoder_from="e")
    with pytest.raises(ConfigError, match="han: got weak_batch 0"):
        train("han", None, demos, tmp_path, weak_batch=0)
