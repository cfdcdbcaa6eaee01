"""The autoencoder: it learns to draw, and with a mask nothing but objects counts."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_networks import after, files_of

from visuomotor.dataset import Dataset, open_dataset
from visuomotor.errors import Interrupted
from visuomotor.geometry import inverse, transform_points
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.bc import EncoderConfig
from visuomotor.training.autoencoder import (
    Autoencoder,
    AutoencoderTrainingConfig,
    draw_batch,
    reconstruction_loss,
    train_autoencoder,
)

CAMERA = CameraSpec("front", 60, 80)
CONFIG = AutoencoderTrainingConfig(
    CAMERA, EncoderConfig("compact", width=8, points=4), masked=True, steps=12, batch=4
)


@pytest.fixture(scope="module")
def dataset(demos: Path) -> Dataset:
    return open_dataset(demos, ObservationSpec((CAMERA,), ("cube",)))


def some_steps(dataset: Dataset) -> np.ndarray:
    """The first steps of all episodes, where the hand is far above the cube."""
    return np.array([(e, t) for e in range(len(dataset)) for t in (0, 4)])


def test_the_loss_falls(demos: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, masked=False, steps=60, learning_rate=3e-3)
    train_autoencoder(config, demos, tmp_path)
    rows = list(csv.DictReader((tmp_path / "progress.csv").open()))
    assert float(rows[-1]["loss"]) < 0.75 * float(rows[0]["loss"])


def test_an_interrupted_one_goes_on_to_the_same_bits(demos: Path, tmp_path: Path) -> None:
    train_autoencoder(CONFIG, demos, tmp_path / "whole")
    with pytest.raises(Interrupted, match="after step 5 of 12"):
        train_autoencoder(CONFIG, demos, tmp_path / "parts", should_stop=after(5))
    train_autoencoder(CONFIG, demos, tmp_path / "parts")
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_a_mask_is_where_the_cube_is(dataset: Dataset) -> None:
    """Its centre lies within, and the mask covers little of the image; without it all counts."""
    steps = some_steps(dataset)
    _, weights = draw_batch(dataset, steps, CONFIG)
    assert set(weights.flatten().tolist()) == {0.0, 1.0}
    assert weights.shape == (len(steps), 30, 40)
    assert (weights.mean((1, 2)) < 0.15).all()
    for (e, t), mask in zip(steps, weights, strict=True):
        episode = dataset.episodes[e]
        cube = episode.T_base_object["cube"][t][:3, 3]
        u, v, w = episode.K["front"] @ transform_points(
            inverse(episode.T_base_camera["front"]), cube
        )
        assert mask[int(v / w) // 2, int(u / w) // 2] == 1
    everything, all_of_it = draw_batch(dataset, steps, replace(CONFIG, masked=False))
    assert (all_of_it == 1).all()
    assert torch.equal(everything, draw_batch(dataset, steps, CONFIG)[0])


def test_with_a_mask_only_objects_have_to_be_drawn(dataset: Dataset) -> None:
    """What is drawn elsewhere gets no gradient, and what is to be seen there is no target."""
    torch.manual_seed(0)
    model = Autoencoder(CONFIG)
    images, weights = draw_batch(dataset, some_steps(dataset), CONFIG)
    reconstruction_loss(model, images, weights).backward()  # type: ignore[no-untyped-call]
    felt = model.decoder.bias.grad
    assert felt is not None
    assert torch.equal(felt != 0, (weights.amax(0) > 0).flatten())
    with torch.no_grad():
        model.decoder.weight.zero_()  # it draws the same whatever it sees
        loss = reconstruction_loss(model, images, weights)
        away = torch.nn.functional.interpolate(1 - weights[:, None], scale_factor=2)
        changed = images + away * torch.rand_like(images)
        assert not torch.equal(changed, images)
        torch.testing.assert_close(reconstruction_loss(model, changed, weights), loss)
        on_it = reconstruction_loss(model, images + (1 - away) * 0.5, weights)
        assert float((on_it - loss).abs()) > 0.01


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="got steps 0"):
        AutoencoderTrainingConfig(steps=0)
    with pytest.raises(ValueError, match="shrink 0"):
        AutoencoderTrainingConfig(shrink=0)
