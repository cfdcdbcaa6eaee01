"""The baselines on real demonstrations: images end to end, begun and frozen encoders, the truth."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_networks import after, files_of, write_descriptors

from visuomotor.checkpoint import load_checkpoint, load_tensors, sub_tensors
from visuomotor.contracts import Observation
from visuomotor.errors import CheckpointError, ConfigError, DataError, Interrupted
from visuomotor.geometry import is_pose
from visuomotor.observations import CameraSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.bc import BcPolicy, EncoderConfig
from visuomotor.policies.heads import HeadConfig
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.training import train
from visuomotor.training.autoencoder import AutoencoderTrainingConfig, train_autoencoder
from visuomotor.training.bc import BcTrainingConfig, begun_encoder, train_bc
from visuomotor.training.cloning import CloningConfig

CAMERA = CameraSpec("front", 60, 80, depth=False)
ENCODER = EncoderConfig("compact", width=8, points=4)
SHORT = CloningConfig(steps=10, batch=8)
IMAGE = BcTrainingConfig(
    camera=CAMERA, encoder=ENCODER, head=HeadConfig(hidden=(16,)), cloning=SHORT
)
TRUTH = BcTrainingConfig(
    sight="truth_3d",
    objects=("cube",),
    camera=CAMERA,
    head=HeadConfig(hidden=(16,)),
    cloning=CloningConfig(steps=60, batch=32),
)
MEMORY = replace(TRUTH, head=HeadConfig("lstm", (16,), units=8))


@pytest.fixture(scope="module")
def autoencoder(demos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "autoencoder"
    config = AutoencoderTrainingConfig(CAMERA, ENCODER, steps=2, batch=2)
    train_autoencoder(config, demos, out)
    return out


@pytest.fixture(scope="module")
def image_policy(demos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "image"
    train_bc(IMAGE, demos, out)
    return out


@pytest.fixture(scope="module")
def world() -> Iterator[SimWorld]:
    world = SimWorld(SimConfig(cameras=("front",), width=80, height=60))
    yield world
    world.close()


def sets(world: SimWorld, policy: BcPolicy) -> list[Observation]:
    """What the policy sees of two starts."""
    seen = []
    for seed in (11, 12):
        world.reset(seed)
        seen.append(observe(world.frame(), policy.spec))
    return seen


def encoder_of(out: Path) -> dict[str, torch.Tensor]:
    return sub_tensors(load_tensors(out / "weights.safetensors"), "encoder.")


def test_an_image_policy_learns_and_acts(world: SimWorld, image_policy: Path) -> None:
    policy = load_policy(image_policy)
    assert isinstance(policy, BcPolicy)
    assert policy.spec.cameras == (CAMERA,)
    one, two = sets(world, policy)
    chunk = policy.act(one)
    assert is_pose(chunk.poses[0])
    features = chunk.info["features"]
    assert features.shape == (8,)
    assert (np.abs(features) <= 1).all()
    assert not np.array_equal(policy.act(two).poses, chunk.poses)
    np.testing.assert_array_equal(policy.act(one).poses, chunk.poses)
    begun = begun_encoder(replace(IMAGE, seed=0))[1].state_dict()
    assert any(not torch.equal(begun[k], t) for k, t in encoder_of(image_policy).items())


def test_an_image_policys_loss_falls(demos: Path, tmp_path: Path) -> None:
    quiet = CloningConfig(100, 16, 1e-2, noise_position_m=0.0, noise_rotation_rad=0.0)
    train_bc(replace(IMAGE, head=HeadConfig(hidden=(64,)), cloning=quiet), demos, tmp_path)
    rows = list(csv.DictReader((tmp_path / "progress.csv").open()))
    assert float(rows[-1]["delta"]) < 0.75 * float(rows[0]["delta"])


def test_an_interrupted_image_policy_goes_on_to_the_same_bits(
    demos: Path, image_policy: Path, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted, match="after step 4 of 10"):
        train_bc(IMAGE, demos, tmp_path, should_stop=after(4))
    assert not (tmp_path / "config.yaml").exists()
    train_bc(IMAGE, demos, tmp_path)
    assert files_of(tmp_path) == files_of(image_policy)


def test_an_interrupted_lstm_goes_on_to_the_same_bits(demos: Path, tmp_path: Path) -> None:
    train_bc(MEMORY, demos, tmp_path / "whole")
    for n in (25, 20):
        with pytest.raises(Interrupted):
            train_bc(MEMORY, demos, tmp_path / "parts", should_stop=after(n))
    train_bc(MEMORY, demos, tmp_path / "parts")
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")
    assert load_checkpoint(tmp_path / "whole").config["head"]["kind"] == "lstm"


def test_encoders_begin_with_what_was_trained(
    demos: Path, autoencoder: Path, image_policy: Path, tmp_path: Path
) -> None:
    """Descriptors, an autoencoder or another policy; their form comes with the weights."""
    descriptors = write_descriptors(tmp_path / "d")
    for folder, prefix in (
        (autoencoder, "encoder."),
        (image_policy, "encoder."),
        (descriptors, "network."),
    ):
        other = EncoderConfig("compact", width=16, points=7)
        form, encoder = begun_encoder(
            replace(IMAGE, encoder=other, encoder_from=str(folder), frozen=True)
        )
        assert form.width == 8
        assert form.points == encoder.points == 4
        source = sub_tensors(load_tensors(folder / "weights.safetensors"), prefix)
        state = encoder.state_dict()
        for name, tensor in source.items():
            assert torch.equal(state[name], tensor)
        assert set(state) - set(source) <= {"log_sharpness"}


def test_a_network_of_another_form_is_refused(demos: Path, tmp_path: Path) -> None:
    train_bc(replace(TRUTH, cloning=SHORT), demos, tmp_path / "truth")
    begun = replace(IMAGE, encoder_from=str(tmp_path / "truth"))
    with pytest.raises(CheckpointError, match="truth: the weights do not fit the configuration"):
        train_bc(begun, demos, tmp_path / "o")
    config = tmp_path / "truth" / "config.yaml"
    config.write_text(config.read_text().replace("family: bc", "family: dense"))
    with pytest.raises(
        CheckpointError, match=r"got a checkpoint of family 'dense', expected descr.* or bc"
    ):
        train_bc(begun, demos, tmp_path / "o")


def test_a_frozen_encoder_stays_and_a_begun_one_moves(
    demos: Path, autoencoder: Path, tmp_path: Path
) -> None:
    begun = replace(IMAGE, encoder_from=str(autoencoder))
    train_bc(replace(begun, frozen=True), demos, tmp_path / "frozen")
    train_bc(begun, demos, tmp_path / "begun")
    before = encoder_of(autoencoder)
    frozen, moved = encoder_of(tmp_path / "frozen"), encoder_of(tmp_path / "begun")
    assert all(torch.equal(frozen[k], t) for k, t in before.items())
    assert not all(torch.equal(moved[k], t) for k, t in before.items())
    assert load_checkpoint(tmp_path / "frozen").normaliser["spread"].shape == (8,)


def test_a_policy_on_true_points_sees_the_objects_corners(
    demos: Path, world: SimWorld, tmp_path: Path
) -> None:
    train_bc(TRUTH, demos, tmp_path)
    policy = load_policy(tmp_path)
    assert isinstance(policy, BcPolicy)
    assert policy.spec.names == ()
    for seen in sets(world, policy):
        points = policy.act(seen).info["keypoints"]
        T = seen.objects["cube"]
        offsets = (points - T[:3, 3]) @ T[:3, :3]
        np.testing.assert_allclose(offsets, TRUTH.offsets_m, atol=1e-6)


def test_a_memory_is_the_episodes(demos: Path, world: SimWorld, tmp_path: Path) -> None:
    train_bc(MEMORY, demos, tmp_path)
    policy = load_policy(tmp_path)
    assert isinstance(policy, BcPolicy)
    one, two = sets(world, policy)
    first = policy.act(one).poses
    later = [policy.act(replace(two, stamp_ns=one.stamp_ns + n * 50_000_000)) for n in (4, 8)]
    assert not np.array_equal(later[0].poses, later[1].poses)
    policy.reset()
    np.testing.assert_array_equal(policy.act(one).poses, first)


def test_true_places_come_from_the_bags_camera(
    demos: Path, world: SimWorld, tmp_path: Path
) -> None:
    train_bc(replace(TRUTH, sight="truth_2d"), demos, tmp_path)
    policy = load_policy(tmp_path)
    assert isinstance(policy, BcPolicy)
    world.reset(11)
    camera = world.frame().cameras["front"]
    view = policy._config.view
    assert view is not None
    np.testing.assert_allclose(view.K, camera.camera.matrix, atol=1e-6)
    np.testing.assert_allclose(view.T_base_camera, camera.T_base_camera, atol=1e-6)
    seen = sets(world, policy)[0]
    features = policy.act(seen).info["features"].reshape(-1, 2)
    assert features.shape == (8, 2)
    assert (np.abs(features) < 1).all()


def test_what_cannot_be_is_said(demos: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bc: got frozen without encoder_from"):
        train("bc", None, demos, tmp_path, frozen=True)
    with pytest.raises(ConfigError, match="got sight truth_3d without `objects`"):
        train("bc", None, demos, tmp_path, sight="truth_3d")
    with pytest.raises(DataError, match="unknown object 'plate'"):
        train_bc(replace(TRUTH, objects=("plate",)), demos, tmp_path)
    with pytest.raises(ValueError, match=r"width -4, sharpness 1\.0, expected at least 1"):
        EncoderConfig(width=-4)
    with pytest.raises(
        ValueError, match=r"got 0 points, width 32, sharpness 1\.0, expected at least 1"
    ):
        EncoderConfig(points=0)
    long = replace(MEMORY, head=replace(MEMORY.head, every=1000))
    with pytest.raises(DataError, match="no episode has two steps that are 1000 apart"):
        train_bc(long, demos, tmp_path)
