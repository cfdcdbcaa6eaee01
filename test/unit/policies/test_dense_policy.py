"""The dense policy on simulated sets: what it takes in and what it gives back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_dense import (
    CONFIG,
    CONFIG_2D,
    tiny_head,
    tiny_scales,
    tiny_spec,
    write_tiny_policy,
)

from visuomotor.contracts import CameraView, Observation
from visuomotor.descriptors.model import load_descriptors
from visuomotor.errors import CheckpointError, ConfigError, DataError
from visuomotor.geometry import is_pose, pose_delta
from visuomotor.observations import ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.dense import DensePolicy
from visuomotor.policies.dense.policy import image_features
from visuomotor.policies.heads import HeadConfig, HeadRunner
from visuomotor.sim import SimConfig, SimWorld


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> DensePolicy:
    loaded = load_policy(write_tiny_policy(tmp_path_factory.mktemp("dense") / "p"))
    assert isinstance(loaded, DensePolicy)
    return loaded


@pytest.fixture(scope="module")
def world() -> Iterator[SimWorld]:
    world = SimWorld(SimConfig(cameras=("front", "side"), width=80, height=60))
    yield world
    world.close()


@pytest.fixture(scope="module")
def observation(world: SimWorld) -> Observation:
    world.reset(3)
    return observe(world.frame(), tiny_spec())


def with_views(observation: Observation, change: dict[str, CameraView]) -> Observation:
    return replace(observation, views={**observation.views, **change})


def blind(view: CameraView) -> CameraView:
    assert view.depth_m is not None
    return replace(view, depth_m=np.zeros_like(view.depth_m))


def test_a_set_becomes_a_finite_chunk(policy: DensePolicy, observation: Observation) -> None:
    chunk = policy.act(observation)
    assert len(chunk) == 1
    assert chunk.stamp_ns == observation.stamp_ns
    assert is_pose(chunk.poses[0])
    assert 0.01 <= chunk.widths_m[0] <= 0.07
    assert 0 < np.abs(pose_delta(observation.T_base_ee, chunk.poses[0])).max() < 0.05
    assert chunk.info["keypoints"].shape == (5, 3)
    assert chunk.info["confidence"].shape == (5,)
    assert ((chunk.info["confidence"] >= 0) & (chunk.info["confidence"] <= 1)).all()
    low, high = CONFIG.descriptors.workspace.low, CONFIG.descriptors.workspace.high
    assert ((chunk.info["keypoints"] >= low) & (chunk.info["keypoints"] <= high)).all()


def test_it_remembers_nothing(policy: DensePolicy, observation: Observation) -> None:
    first = policy.act(observation)
    policy.act(with_views(observation, {"front": blind(observation.views["front"])}))
    policy.reset()
    again = policy.act(observation)
    np.testing.assert_array_equal(first.poses, again.poses)
    np.testing.assert_array_equal(first.widths_m, again.widths_m)


def test_a_loaded_copy_acts_alike(
    policy: DensePolicy, observation: Observation, tmp_path: Path
) -> None:
    copy = load_policy(write_tiny_policy(tmp_path / "p"))
    assert copy.spec == policy.spec == tiny_spec()
    np.testing.assert_array_equal(copy.act(observation).poses, policy.act(observation).poses)


def test_blind_sets_stand_on_the_mean_keypoints(
    policy: DensePolicy, observation: Observation
) -> None:
    nothing = with_views(observation, {n: blind(v) for n, v in observation.views.items()})
    chunk = policy.act(nothing)
    assert np.isnan(chunk.info["keypoints"]).all()
    assert (chunk.info["confidence"] == 0).all()
    scales = tiny_scales()
    wanted = HeadRunner(tiny_head(), scales).act(scales.seen, observation)
    np.testing.assert_array_equal(chunk.poses[0], wanted.T_base_ee)
    assert chunk.widths_m[0] == wanted.gripper_width_m


def test_one_blind_camera_leaves_the_other_one_to_see(
    policy: DensePolicy, observation: Observation
) -> None:
    half = with_views(observation, {"front": blind(observation.views["front"])})
    assert np.isfinite(policy.act(half).info["keypoints"]).all()


def test_a_view_without_depth_is_refused(policy: DensePolicy, observation: Observation) -> None:
    flat = with_views(observation, {"side": replace(observation.views["side"], depth_m=None)})
    with pytest.raises(DataError, match="need depth; set `depth: true`"):
        policy.act(flat)


def test_in_2d_colour_of_one_camera_is_enough(observation: Observation, tmp_path: Path) -> None:
    """Keypoints are pixels of that image, and depth is not asked for."""
    folder = write_tiny_policy(tmp_path / "p", "front", config=CONFIG_2D, depth=False)
    policy = load_policy(folder)
    front = replace(observation.views["front"], depth_m=None)
    flat = replace(observation, views={"front": front})
    chunk = policy.act(flat)
    pixels = chunk.info["pixels"]
    assert pixels.shape == (5, 2)
    assert ((pixels >= 0) & (pixels <= (79, 59))).all()
    assert ((chunk.info["confidence"] >= 0) & (chunk.info["confidence"] <= 1)).all()
    features = image_features(torch.from_numpy(pixels.astype(np.float32))[None], (60, 80))[0]
    wanted = HeadRunner(tiny_head(CONFIG_2D), tiny_scales(CONFIG_2D)).act(features, flat)
    np.testing.assert_array_equal(chunk.poses[0], wanted.T_base_ee)
    with_depth = policy.act(observation)
    np.testing.assert_array_equal(with_depth.poses, chunk.poses)


def test_features_reach_from_edge_to_edge() -> None:
    corners = torch.tensor([[[-0.5, -0.5], [79.5, 59.5], [39.5, 29.5]]])
    features = image_features(corners, (60, 80))
    torch.testing.assert_close(features, torch.tensor([[-1.0, -1.0, 1.0, 1.0, 0.0, 0.0]]))


def test_a_checkpoint_without_its_normaliser_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_policy(tmp_path / "p")
    path = folder / "normaliser.safetensors"
    whole = load_file(str(path))
    save_file({k: t for k, t in whole.items() if k != "delta"}, str(path))
    with pytest.raises(CheckpointError, match="normaliser lacks delta"):
        load_policy(folder)
    save_file({**whole, "seen": torch.zeros(3, 3)}, str(path))
    with pytest.raises(CheckpointError, match=r"seen is \(3, 3\), expected \(5, 3\)"):
        load_policy(folder)


def test_a_checkpoint_with_another_head_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_policy(tmp_path / "p")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("- 16\n", "- 32\n"))
    with pytest.raises(CheckpointError, match=r"net\.0\.weight is \(16, 23\), expected \(32, 23\)"):
        load_policy(folder)
    (folder / "config.yaml").write_text(text.replace("dropout", "drop_out"))
    with pytest.raises(ConfigError, match="'drop_out'; did you mean 'dropout'"):
        load_policy(folder)


def test_the_released_policy_goes_to_the_cube(world: SimWorld) -> None:
    """It was trained with the task `lift` and descends towards the cube it sees."""
    folder = Path(__file__).parents[3] / "models" / "checkpoints" / "lift_dense"
    released = load_policy(folder)
    world.reset(3)
    seen = observe(world.frame(), replace(released.spec, objects=("cube",)))
    chunk = released.act(seen)
    cube = seen.objects["cube"][:3, 3]
    assert np.median(np.linalg.norm(chunk.info["keypoints"] - cube, axis=1)) < 0.04
    before = np.linalg.norm(seen.T_base_ee[:2, 3] - cube[:2])
    assert np.linalg.norm(chunk.poses[0][:2, 3] - cube[:2]) < before


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="positive sizes"):
        HeadConfig(hidden=(0,))
    with pytest.raises(ValueError, match=r"got dropout 1\.0, expected 0 <= dropout < 1"):
        HeadConfig(dropout=1.0)
    with pytest.raises(ValueError, match="no camera and no object"):
        ObservationSpec(())


def test_a_policys_folder_serves_as_its_descriptors(tmp_path: Path, policy: DensePolicy) -> None:
    """`train dense --descriptors POLICY` acts on the same points."""
    found = load_descriptors(write_tiny_policy(tmp_path / "p"))
    assert found.config == policy.descriptors.config
    assert torch.equal(found.reference, policy.descriptors.reference)
    wrong = tmp_path / "p" / "config.yaml"
    wrong.write_text(wrong.read_text().replace("family: dense", "family: bc"))
    with pytest.raises(CheckpointError, match="descriptors"):
        load_descriptors(tmp_path / "p")
