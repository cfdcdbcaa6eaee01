"""The policy's training targets: noise moves the robot, never the target."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from visuomotor.dataset import Dataset
from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.keypoints import Keypoints
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import DataError
from visuomotor.geometry import apply_delta, pose, pose_delta
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.dense import DensePolicyConfig
from visuomotor.policies.dense.head import DenseHead, RobotInputs
from visuomotor.training.dense import (
    DenseTrainingConfig,
    Samples,
    find_samples,
    policy_loss,
    scales_of,
)
from visuomotor.training.progress import ProgressFile

DOWN = np.diag([1.0, -1.0, -1.0])
CONFIG = DenseTrainingConfig(dropout=0.0)
QUIET = replace(
    CONFIG, noise_position_m=0, noise_rotation_rad=0, noise_width_m=0, noise_keypoint_m=0
)


def make_samples(n: int = 300) -> Samples:
    """Hands at random places, all to go to one target 2 cm to the left of the keypoint."""
    rng = np.random.default_rng(0)
    hand = np.stack([pose(DOWN, p) for p in rng.uniform(0.2, 0.5, (n, 3))])
    target = apply_delta(hand, np.concatenate([rng.uniform(-0.01, 0.01, (n, 6))], 1))
    points = rng.uniform(0.3, 0.5, (n, 4, 3)).astype(np.float32)
    return Samples(
        points, hand, target, rng.uniform(0, 0.08, n), np.where(np.arange(n) % 2, 0.08, 0.02)
    )


class Recording(DenseHead):
    """Remembers its inputs and answers with what it is given."""

    def __init__(self) -> None:
        super().__init__(DensePolicyConfig(DescriptorConfig(keypoints=4)))
        self.robot: RobotInputs | None = None
        self.points: torch.Tensor | None = None
        self.answer = torch.zeros(1, 6)

    def forward(
        self, points: torch.Tensor, robot: RobotInputs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.points, self.robot = points, robot
        return self.answer, torch.zeros(len(points))


def test_the_label_is_the_delta_from_the_noisy_hand_to_the_unchanged_target() -> None:
    samples, head, index = make_samples(), Recording(), np.arange(300)
    scales = scales_of(samples, CONFIG)
    policy_loss(head, samples, index, scales, CONFIG, np.random.default_rng(5))
    assert head.robot is not None
    noisy = head.robot.position.numpy()
    moved = noisy - samples.T_base_ee[:, :3, 3]
    assert np.abs(moved.std(0) - CONFIG.noise_position_m).max() < 0.001
    # The noisy rotation too, from its input: a rotation vector from pointing down.
    from visuomotor.geometry import matrix_from_rotvec

    R = matrix_from_rotvec(head.robot.rotation.double().numpy()) @ DOWN
    hands = np.stack([pose(r, p) for r, p in zip(R, noisy, strict=True)])
    wanted = pose_delta(hands, samples.target)
    head.answer = torch.from_numpy(wanted.astype(np.float32)) / scales.delta
    _, right = policy_loss(head, samples, index, scales, CONFIG, np.random.default_rng(5))
    assert float(right["delta"]) < 1e-4
    clean = pose_delta(samples.T_base_ee, samples.target)
    head.answer = torch.from_numpy(clean.astype(np.float32)) / scales.delta
    _, wrong = policy_loss(head, samples, index, scales, CONFIG, np.random.default_rng(5))
    assert float(wrong["delta"]) > 0.1, "the delta of the recorded hand is not the label"


def test_without_noise_inputs_and_labels_are_the_recorded_ones() -> None:
    samples, head, index = make_samples(), Recording(), np.arange(300)
    scales = scales_of(samples, QUIET)
    clean = pose_delta(samples.T_base_ee, samples.target)
    head.answer = torch.from_numpy(clean.astype(np.float32)) / scales.delta
    _, terms = policy_loss(head, samples, index, scales, QUIET, np.random.default_rng(0))
    assert float(terms["delta"]) < 1e-5
    assert head.points is not None
    assert torch.equal(head.points, torch.from_numpy(samples.points))
    assert float(terms["width"]) == pytest.approx(np.log(2), abs=1e-5)


def test_scales_are_finite_and_spread_with_the_noise() -> None:
    samples = make_samples()
    still = replace(samples, target=samples.T_base_ee, target_width_m=np.full(300, 0.08))
    for config in (CONFIG, QUIET):
        scales = scales_of(still, config)
        assert (scales.delta > 0).all()
        assert scales.width[1] > scales.width[0]
        loss, _ = policy_loss(
            DenseHead(DensePolicyConfig(DescriptorConfig(keypoints=4))),
            *(still, np.arange(300), scales, config, np.random.default_rng(0)),
        )
        assert loss.isfinite()
    assert (scales_of(samples, CONFIG).delta > scales_of(samples, QUIET).delta).all()
    assert scales_of(samples, CONFIG).width.tolist() == pytest.approx([0.02, 0.08])


def test_a_head_learns_the_samples() -> None:
    torch.manual_seed(0)
    samples = make_samples()
    samples = replace(  # go to 5 cm above the first keypoint, at most 1 cm at a time
        samples,
        target=np.stack(
            [
                pose(DOWN, hand[:3, 3] + 0.05 * (point[0] - hand[:3, 3]))
                for hand, point in zip(samples.T_base_ee, samples.points, strict=True)
            ]
        ),
    )
    head = DenseHead(DensePolicyConfig(DescriptorConfig(keypoints=4), hidden=(64,), dropout=0.0))
    scales = scales_of(samples, QUIET)
    optimiser = torch.optim.Adam(head.parameters(), 3e-3)
    losses = []
    for n in range(150):
        rng = np.random.default_rng(n)
        loss, terms = policy_loss(head, samples, rng.integers(300, size=64), scales, QUIET, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(terms["delta"].detach()))
    assert np.mean(losses[25:30]) < 0.8 * losses[0]
    assert np.mean(losses[-5:]) < 0.1 * losses[0]


class Blinking(DescriptorModel):
    """Sees nothing in every third set."""

    def locate(self, cameras) -> Keypoints:  # type: ignore[no-untyped-def]
        n = len(cameras[0].color)
        points = torch.full((n, 4, 3), 0.5)
        points[::3] = float("nan")
        return Keypoints(points, torch.ones(n, 4))


def make_dataset(action_valid: np.ndarray) -> tuple[Dataset, DescriptorModel]:
    n = len(action_valid)
    spec = ObservationSpec((CameraSpec("front", 8, 8),))
    hands = np.tile(pose(DOWN, [0.4, 0, 0.3]), (n, 1, 1))
    arrays = EpisodeArrays(
        name="e",
        stamps_ns=np.arange(n) * 50_000_000,
        color={"front": np.zeros((n, 8, 8, 3), np.uint8)},
        depth_mm={"front": np.ones((n, 8, 8), np.uint16)},
        K={"front": np.eye(3)},
        T_base_camera={"front": np.eye(4)},
        T_base_ee=hands,
        gripper_width_m=np.full(n, 0.08),
        q=np.zeros((n, 7)),
        action_pose=hands,
        action_width_m=np.full(n, 0.08),
        action_valid=action_valid,
        valid=np.ones(n, bool),
    )
    config = DescriptorConfig(dimensions=3, width=8, keypoints=4)
    model = Blinking(config, DescriptorNetwork(config), torch.zeros(4, 3), spec)
    return Dataset(spec, [arrays]), model


def test_only_steps_with_a_target_and_a_sight_are_samples() -> None:
    valid = np.ones(12, bool)
    valid[9:] = False
    dataset, model = make_dataset(valid)
    samples = find_samples(model, dataset, lambda _: None)
    assert len(samples.points) == 6, "of nine steps with a target every third is blind"
    assert np.isfinite(samples.points).all()


def test_a_dataset_without_actions_is_named() -> None:
    dataset, model = make_dataset(np.zeros(5, bool))
    with pytest.raises(DataError, match="no step of the dataset has an accepted target; was comm"):
        find_samples(model, dataset, lambda _: None)


def test_impossible_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="noises >= 0"):
        DenseTrainingConfig(noise_position_m=-1.0)


def test_a_progress_file_goes_on_after_the_step_it_resumes_from(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first = ProgressFile(tmp_path, ("loss", "delta"), 0)
    for step in (10, 20, 30):
        first.add(step, {"loss": 1 / step, "delta": 2.0})
    ProgressFile(tmp_path, ("loss", "delta"), 20).add(25, {"loss": 0.5})
    rows = (tmp_path / "progress.csv").read_text().splitlines()
    assert rows == ["step,loss,delta", "10,0.1,2", "20,0.05,2", "25,0.5,"]
    ProgressFile(tmp_path, ("loss",), 0)
    assert (tmp_path / "progress.csv").read_text() == "step,loss\n"
