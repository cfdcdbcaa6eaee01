"""The dense policy on simulated sets: what it takes in and what it gives back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_dense import CONFIG, MEAN_KEYPOINT, tiny_spec, write_tiny_policy

from visuomotor.contracts import CameraView, Observation
from visuomotor.errors import CheckpointError, ConfigError, DataError
from visuomotor.geometry import apply_delta, is_pose, pose, pose_delta
from visuomotor.observations import ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.dense import DensePolicy, DensePolicyConfig
from visuomotor.policies.dense.head import POINTING_DOWN, DenseHead, RobotInputs
from visuomotor.policies.dense.policy import robot_inputs
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
    means = torch.tensor(MEAN_KEYPOINT).repeat(1, 5, 1)
    robot = robot_inputs(observation.T_base_ee[None], np.array([observation.gripper_width_m]))
    with torch.inference_mode():
        delta, _ = policy._head(means, robot)
    delta = (delta * policy._scales.delta)[0].double().numpy()
    np.testing.assert_allclose(chunk.poses[0], apply_delta(observation.T_base_ee, delta))


def test_one_blind_camera_leaves_the_other_one_to_see(
    policy: DensePolicy, observation: Observation
) -> None:
    half = with_views(observation, {"front": blind(observation.views["front"])})
    assert np.isfinite(policy.act(half).info["keypoints"]).all()


def test_a_view_without_depth_is_refused(policy: DensePolicy, observation: Observation) -> None:
    flat = with_views(observation, {"side": replace(observation.views["side"], depth_m=None)})
    with pytest.raises(DataError, match="need depth; set `depth: true`"):
        policy.act(flat)


def test_the_action_moves_with_hand_and_keypoints() -> None:
    """Positions are relative to the hand: what holds here holds 20 cm further, at equal height."""
    torch.manual_seed(0)
    head = DenseHead(CONFIG).eval()
    points, position = torch.rand(4, 5, 3), torch.rand(4, 3)
    robot = RobotInputs(position, torch.zeros(4, 3), torch.full((4,), 0.04))
    shift = torch.tensor([0.2, -0.1, 0.0])
    moved = RobotInputs(position + shift, robot.rotation, robot.width)
    with torch.no_grad():
        for here, there in zip(head(points, robot), head(points + shift, moved), strict=True):
            torch.testing.assert_close(here, there, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(head(points + shift, robot)[0], head(points, robot)[0])


def test_pointing_down_is_the_zero_of_rotations() -> None:
    down = robot_inputs(pose(POINTING_DOWN.numpy(), [0.4, 0.1, 0.3])[None], np.array([0.05]))
    torch.testing.assert_close(down.rotation, torch.zeros(1, 3))
    torch.testing.assert_close(down.position, torch.tensor([[0.4, 0.1, 0.3]]))
    turned = apply_delta(pose(POINTING_DOWN.numpy(), [0.4, 0.1, 0.3]), [0, 0, 0, 0, 0, 0.3])
    torch.testing.assert_close(
        robot_inputs(turned[None], np.array([0.05])).rotation, torch.tensor([[0.0, 0.0, 0.3]])
    )


def test_a_checkpoint_without_its_normaliser_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_policy(tmp_path / "p")
    path = folder / "normaliser.safetensors"
    whole = load_file(str(path))
    save_file({k: t for k, t in whole.items() if k != "delta"}, str(path))
    with pytest.raises(CheckpointError, match="normaliser lacks delta"):
        load_policy(folder)
    save_file({**whole, "points": torch.zeros(3, 3)}, str(path))
    with pytest.raises(CheckpointError, match=r"points is \(3, 3\), expected \(5, 3\)"):
        load_policy(folder)


def test_a_checkpoint_with_another_head_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_policy(tmp_path / "p")
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("- 16\n", "- 32\n"))
    with pytest.raises(CheckpointError, match=r"net\.0\.weight is \(16, 20\), expected \(32, 20\)"):
        load_policy(folder)
    (folder / "config.yaml").write_text(text.replace("dropout", "drop_out"))
    with pytest.raises(ConfigError, match="'drop_out'; did you mean 'dropout'"):
        load_policy(folder)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="positive layer sizes"):
        DensePolicyConfig(hidden=(0,))
    with pytest.raises(ValueError, match="no camera and no object"):
        ObservationSpec(())
