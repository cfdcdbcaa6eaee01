"""The policy's training targets: noise moves the robot, never the target; and how far back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from visuomotor.geometry import apply_delta, matrix_from_rotvec, pose, pose_delta
from visuomotor.policies.heads import HeadConfig, PolicyHead, RobotInputs, Scales
from visuomotor.training import cloning
from visuomotor.training.cloning import TRUNCATE, CloningConfig, cloning_loss
from visuomotor.training.samples import Samples, scales_of

DOWN = np.diag([1.0, -1.0, -1.0])
CONFIG = CloningConfig()
QUIET = replace(CONFIG, noise_position_m=0, noise_rotation_rad=0, noise_width_m=0, noise_point_m=0)
N = 300
ALL = np.ones(N, bool)


def make_samples(n: int = N) -> tuple[Samples, torch.Tensor]:
    """Hands at random places, each to go somewhere within 1 cm; and 4 points (N, 4, 3)."""
    rng = np.random.default_rng(0)
    hand = np.stack([pose(DOWN, p) for p in rng.uniform(0.2, 0.5, (n, 3))])
    samples = Samples(
        np.stack([np.zeros(n, np.int64), np.arange(n)], 1),
        hand,
        apply_delta(hand, rng.uniform(-0.01, 0.01, (n, 6))),
        rng.uniform(0, 0.08, n),
        np.where(np.arange(n) % 2, 0.08, 0.02),
    )
    return samples, torch.from_numpy(rng.uniform(0.3, 0.5, (n, 4, 3)).astype(np.float32))


def scaled(samples: Samples, seen: torch.Tensor, config: CloningConfig) -> Scales:
    return scales_of(samples, seen, config.noise_position_m, config.noise_rotation_rad)


class Recording(PolicyHead):
    """Remembers its inputs and answers with what it is given."""

    robot: RobotInputs
    seen: torch.Tensor

    def __init__(self, shape: tuple[int, ...] = (4, 3)) -> None:
        super().__init__(HeadConfig(), shape)
        self.answer = torch.zeros(1, 7)

    def inputs(self, seen: torch.Tensor, robot: RobotInputs, scales: Scales) -> torch.Tensor:
        self.seen, self.robot = seen, robot
        return super().inputs(seen, robot, scales)

    def forward(self, inputs: torch.Tensor, state: object = None) -> tuple[torch.Tensor, None]:
        return self.answer.expand(*inputs.shape[:-1], 7), None

    def say(self, delta: np.ndarray, scales: Scales) -> None:
        normal = torch.from_numpy(delta.astype(np.float32)) / scales.delta
        self.answer = torch.cat([normal, torch.zeros(len(normal), 1)], 1)


def test_the_label_is_the_delta_from_the_noisy_hand_to_the_unchanged_target() -> None:
    samples, points = make_samples()
    head, rows, scales = Recording(), np.arange(N), scaled(samples, points, CONFIG)

    def loss() -> float:
        rng = np.random.default_rng(5)
        _, terms = cloning_loss(head, points, samples, rows, ALL, scales, CONFIG, rng)
        return float(terms["delta"])

    loss()
    noisy = head.robot.position.numpy()
    moved = noisy - samples.T_base_ee[:, :3, 3]
    assert np.abs(moved.std(0) - CONFIG.noise_position_m).max() < 0.001
    # The noisy rotation too, from its input: a rotation vector from pointing down.
    R = matrix_from_rotvec(head.robot.rotation.double().numpy()) @ DOWN
    hands = np.stack([pose(r, p) for r, p in zip(R, noisy, strict=True)])
    head.say(pose_delta(hands, samples.target), scales)
    assert loss() < 1e-4
    head.say(pose_delta(samples.T_base_ee, samples.target), scales)
    assert loss() > 0.1, "the delta of the recorded hand is not the label"


def test_without_noise_inputs_and_labels_are_the_recorded_ones() -> None:
    samples, points = make_samples()
    head, rows, scales = Recording(), np.arange(N), scaled(samples, points, QUIET)
    head.say(pose_delta(samples.T_base_ee, samples.target), scales)
    rng = np.random.default_rng(0)
    _, terms = cloning_loss(head, points, samples, rows, ALL, scales, QUIET, rng)
    assert float(terms["delta"]) < 1e-5
    assert torch.equal(head.seen, points)
    assert torch.equal(head.robot.width, torch.from_numpy(samples.width_m.astype(np.float32)))
    assert float(terms["width"]) == pytest.approx(np.log(2), abs=1e-5)


def test_points_are_disturbed_in_metres_and_features_in_their_spread() -> None:
    samples, points = make_samples()
    features = points.flatten(1) * torch.linspace(0.1, 2, 12)
    noise = replace(CONFIG, noise_point_m=0.004, noise_feature=0.5)
    for seen in (points, features):
        head, scales = Recording(tuple(seen.shape[1:])), scaled(samples, seen, noise)
        rng = np.random.default_rng(3)
        cloning_loss(head, seen, samples, np.arange(N), ALL, scales, noise, rng)
        wanted = torch.full((4, 3), 0.004) if seen is points else 0.5 * scales.spread
        got = (head.seen - seen).std(0)
        torch.testing.assert_close(got, wanted, rtol=0.2, atol=0)


def test_every_step_meets_as_many_draws_of_the_noise_as_asked() -> None:
    samples, points = make_samples()
    head, scales = Recording(), scaled(samples, points, CONFIG)
    several = replace(CONFIG, draws=4)
    rows = np.arange(N)
    cloning_loss(head, points, samples, rows, ALL, scales, several, np.random.default_rng(3))
    hands = head.robot.position.reshape(N, 4, 3)
    torch.testing.assert_close(
        hands.mean(1), torch.from_numpy(samples.T_base_ee[:, :3, 3]).float(), atol=0.02, rtol=0
    )
    assert (hands.std(1) > 0).all(), "each draw is another"
    quiet = replace(QUIET, draws=4)
    once, _ = cloning_loss(head, points, samples, rows, ALL, scales, QUIET, np.random.default_rng())
    again, _ = cloning_loss(
        head, points, samples, rows, ALL, scales, quiet, np.random.default_rng()
    )
    assert float(again) == pytest.approx(float(once), rel=1e-5)
    assert len(head.seen) == 4 * N


def test_scales_are_finite_and_spread_with_the_noise() -> None:
    samples, points = make_samples()
    still = replace(samples, target=samples.T_base_ee, target_width_m=np.full(N, 0.08))
    for config in (CONFIG, QUIET):
        scales = scaled(still, points, config)
        assert (scales.delta > 0).all()
        assert scales.width[1] > scales.width[0]
        head, rng = PolicyHead(HeadConfig(), (4, 3)), np.random.default_rng(0)
        loss, _ = cloning_loss(head, points, still, np.arange(N), ALL, scales, config, rng)
        assert loss.isfinite()
    noisy, quiet = scaled(samples, points, CONFIG), scaled(samples, points, QUIET)
    assert (noisy.delta > quiet.delta).all()
    assert noisy.width.tolist() == pytest.approx([0.02, 0.08])
    torch.testing.assert_close(noisy.seen, points.mean(0))
    torch.testing.assert_close(noisy.spread, points.std(0))
    learned = scales_of(samples, (12,), 0.0, 0.0)
    assert learned.seen.shape == learned.spread.shape == (12,)


def test_a_head_learns_the_samples() -> None:
    torch.manual_seed(0)
    samples, points = make_samples()
    samples = replace(  # go to 5 cm above the first point, at most 1 cm at a time
        samples,
        target=np.stack(
            [
                pose(DOWN, hand[:3, 3] + 0.05 * (point[0] - hand[:3, 3]))
                for hand, point in zip(samples.T_base_ee, points.numpy(), strict=True)
            ]
        ),
    )
    head = PolicyHead(HeadConfig(hidden=(64,), dropout=0.0), (4, 3))
    scales = scaled(samples, points, QUIET)
    optimiser = torch.optim.Adam(head.parameters(), 3e-3)
    losses = []
    for n in range(150):
        rng = np.random.default_rng(n)
        rows = rng.integers(N, size=64)
        seen = points[torch.from_numpy(rows)]
        loss, terms = cloning_loss(head, seen, samples, rows, ALL[:64], scales, QUIET, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(terms["delta"].detach()))
    assert np.mean(losses[25:30]) < 0.8 * losses[0]
    assert np.mean(losses[-5:]) < 0.1 * losses[0]


def lstm(**config: object) -> PolicyHead:
    torch.manual_seed(0)
    values = {"kind": "lstm", "hidden": (16,), "units": 12, "dropout": 0.0, **config}
    return PolicyHead(HeadConfig(**values), (4, 3))  # type: ignore[arg-type]


def test_gradients_reach_no_further_back_than_the_truncation() -> None:
    """A late step's loss is felt by what was seen since its window began, and by nothing before."""
    samples, points = make_samples(120)
    scales = scaled(samples, points, QUIET)
    head, rows = lstm(), np.arange(120)[None]
    for step in (TRUNCATE - 1, TRUNCATE + 20, 119):
        seen = points[None].clone().requires_grad_()
        mask = (np.arange(120) == step)[None]
        rng = np.random.default_rng(0)
        loss, _ = cloning_loss(head, seen, samples, rows, mask, scales, QUIET, rng)
        loss.backward()  # type: ignore[no-untyped-call]
        assert seen.grad is not None
        felt = seen.grad[0].flatten(1).abs().amax(1).nonzero().flatten()
        begin = step // TRUNCATE * TRUNCATE
        assert felt.min() == begin
        assert felt.max() == step


def test_truncation_changes_gradients_and_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, points = make_samples(120)
    scales, head = scaled(samples, points, QUIET), lstm()

    def loss() -> float:
        rng = np.random.default_rng(0)
        rows, mask = np.arange(120)[None], np.ones((1, 120), bool)
        terms = cloning_loss(head, points[None], samples, rows, mask, scales, QUIET, rng)[1]
        return float(terms["loss"].detach())

    cut = loss()
    monkeypatch.setattr(cloning, "TRUNCATE", 1000)
    assert loss() == pytest.approx(cut, abs=1e-6)


def test_padding_counts_nothing() -> None:
    samples, points = make_samples()
    scales, head = scaled(samples, points, QUIET), lstm()
    chosen = np.arange(40).reshape(2, 20)
    mask = np.ones((2, 20), bool)
    mask[1, 8:] = False

    def gradients(rows: np.ndarray) -> tuple[float, torch.Tensor]:
        head.zero_grad()
        rng, seen = np.random.default_rng(0), points[torch.from_numpy(rows)]
        loss, _ = cloning_loss(head, seen, samples, rows, mask, scales, QUIET, rng)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), torch.cat([p.grad.flatten() for p in head.parameters()])  # type: ignore[union-attr]

    loss, wanted = gradients(chosen)
    other = chosen.copy()
    other[1, 8:] = 200 + np.arange(12)
    loss_padded, got = gradients(other)
    assert loss_padded == pytest.approx(loss, abs=1e-6)
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-4)
    other[1, 7] = 299
    assert gradients(other)[0] != pytest.approx(loss, abs=1e-3), "what is not padding counts"


def test_impossible_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="noises >= 0"):
        CloningConfig(noise_position_m=-1.0)
    with pytest.raises(ValueError, match="got steps 0"):
        CloningConfig(steps=0)
    with pytest.raises(ValueError, match="draws 0"):
        CloningConfig(draws=0)
