"""EE-PointBC's training: what its samples are, what noise teaches, and the loop."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor.checkpoint import load_checkpoint
from visuomotor.dataset import open_dataset
from visuomotor.dataset.dataset import Dataset
from visuomotor.descriptors.config import Workspace
from visuomotor.errors import ConfigError, DataError, Interrupted
from visuomotor.geometry import apply_delta, matrix_from_rotvec, pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import load_policy
from visuomotor.policies.pointbc import CloudConfig
from visuomotor.policies.pointbc.network import PointBCNetwork
from visuomotor.policies.pointbc.policy import deltas_to, targets_from
from visuomotor.training import train
from visuomotor.training.pointbc import (
    UNIT_M,
    PointBCTrainingConfig,
    Samples,
    find_samples,
    policy_loss,
    scales_of,
    train_pointbc,
)

CONFIG = PointBCTrainingConfig(
    points=48,
    layers=(16, 32),
    hidden=(32,),
    chunk=4,
    cameras=(CameraSpec("front", 60, 80), CameraSpec("side", 60, 80)),
    stored=32,
    steps=40,
    batch=16,
)
QUIET = replace(CONFIG, noise_position_m=0, noise_rotation_rad=0, noise_width_m=0, noise_point_m=0)
DOWN = np.diag([1.0, -1.0, -1.0])


def make_samples(n: int, seed: int = 0) -> Samples:
    """Hands somewhere above a corner of points; the targets are 5 cm above the corner, turned as
    it is.
    """
    rng = np.random.default_rng(seed)
    axis = np.linspace(0, 0.1, 12)[:, None]
    corner = np.concatenate([axis * (1, 0, 0), axis * (0, 0.6, 0), axis * (0, 0, 0.3)])
    yaw = matrix_from_rotvec(rng.uniform(-0.5, 0.5, (n, 1)) * (0, 0, 1))
    place = rng.uniform(-0.1, 0.1, (n, 3)) * (1, 1, 0) + (0.5, 0, 0.02)
    points = np.einsum("nij,pj->npi", yaw, corner) + place[:, None]
    target = pose(yaw @ DOWN, np.add(place, (0, 0, 0.05)))
    hand = apply_delta(target, rng.normal(0, 0.002, (n, 6)))
    chunk = np.repeat(target[:, None], CONFIG.chunk, axis=1)
    width = rng.choice([0.0, 0.08], n)
    return Samples(
        np.rint(points / UNIT_M).astype(np.int16),
        np.full(points.shape, 128, np.uint8),
        np.full(n, len(corner)),
        hand,
        width,
        chunk,
        np.repeat(width[:, None], CONFIG.chunk, axis=1),
        np.ones((n, CONFIG.chunk), bool),
    )


class Recording(PointBCNetwork):
    """Remembers its inputs and answers with what it is given."""

    answer = torch.zeros(1, CONFIG.chunk, 6)

    def forward(
        self,
        points: torch.Tensor,
        color: torch.Tensor,
        T_base_ee: torch.Tensor,
        width: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        self.points_m, self.T_base_ee = points, T_base_ee
        logit = torch.zeros(len(points), CONFIG.chunk)
        return self.answer.expand(len(points), -1, -1), logit, torch.zeros(len(points), 1)


def after(calls: int) -> Callable[[], bool]:
    """A `should_stop` that says yes from its nth call on."""
    count = 0

    def should_stop() -> bool:
        nonlocal count
        count += 1
        return count >= calls

    return should_stop


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def dataset(demos: Path) -> Dataset:
    return open_dataset(demos, ObservationSpec(CONFIG.cameras), episodes=2)


def test_samples_are_the_recorded_steps_and_what_was_commanded_then(dataset: Dataset) -> None:
    samples = find_samples(dataset, CONFIG)
    episodes = dataset.episodes
    there = [(e, t) for e in (0, 1) for t in np.flatnonzero(episodes[e].action_valid)]
    assert len(samples.count) == len(there)
    assert (samples.count > 0).all()
    for i in range(0, len(there), 7):
        e, t = there[i]
        np.testing.assert_array_equal(samples.T_base_ee[i], episodes[e].T_base_ee[t])
        for k in range(CONFIG.chunk):
            inside = t + k < len(episodes[e])
            assert samples.target_valid[i, k] == (inside and episodes[e].action_valid[t + k])
            if inside:
                wanted = episodes[e].action_pose[t + k]
                np.testing.assert_array_equal(samples.target[i, k], wanted)
    last = [i for i, (e, t) in enumerate(there) if t == len(episodes[e]) - 1]
    assert last, "the last step of an episode is there"
    assert samples.target_valid[last].sum(1).tolist() == [1] * len(last)


def test_stored_points_are_a_random_part_to_a_tenth_of_a_millimetre(dataset: Dataset) -> None:
    whole = find_samples(dataset, replace(CONFIG, stored=5000))
    part = find_samples(dataset, CONFIG)
    assert (part.count == np.minimum(whole.count, CONFIG.stored)).all()
    workspace = CONFIG.cloud.workspace
    for i in range(0, len(part.count), 29):
        mine = {tuple(p) for p in part.points[i, : part.count[i]].tolist()}
        assert mine <= {tuple(p) for p in whole.points[i, : whole.count[i]].tolist()}
        metres = part.points[i, : part.count[i]] * UNIT_M
        assert (metres >= np.subtract(workspace.low, UNIT_M)).all()
        assert (metres <= np.add(workspace.high, UNIT_M)).all()
    assert (whole.count > CONFIG.stored).any()


def test_the_labels_lead_from_the_disturbed_hand_to_the_unchanged_targets() -> None:
    samples, network, index = make_samples(200), Recording(CONFIG.policy()), np.arange(200)
    scales = scales_of(samples, CONFIG)
    policy_loss(network, samples, index, scales, CONFIG, np.random.default_rng(5))
    disturbed = network.T_base_ee.double().numpy()
    apart = disturbed[:, :3, 3] - samples.T_base_ee[:, :3, 3]
    assert np.abs(apart.std(0) - CONFIG.noise_position_m).max() < 0.004
    wanted = deltas_to(disturbed[:, None], samples.target, False)
    network.answer = torch.from_numpy(wanted.astype(np.float32)) / scales.delta
    _, right = policy_loss(network, samples, index, scales, CONFIG, np.random.default_rng(5))
    assert float(right["delta"]) < 1e-4
    clean = deltas_to(samples.T_base_ee[:, None], samples.target, False)
    network.answer = torch.from_numpy(clean.astype(np.float32)) / scales.delta
    _, wrong = policy_loss(network, samples, index, scales, CONFIG, np.random.default_rng(5))
    assert float(wrong["delta"]) > 0.3, "the delta of the recorded hand is not the label"


def test_without_noise_the_points_are_the_stored_ones() -> None:
    samples, network = make_samples(20), Recording(QUIET.policy())
    scales = scales_of(samples, QUIET)
    policy_loss(network, samples, np.arange(20), scales, QUIET, np.random.default_rng(0))
    torch.testing.assert_close(network.T_base_ee, torch.from_numpy(samples.T_base_ee).float())
    for got, stored in zip(network.points_m, samples.points, strict=True):
        assert {tuple(p) for p in np.rint(got.numpy() / UNIT_M).tolist()} <= {
            tuple(p) for p in stored.astype(float).tolist()
        }


def test_targets_that_are_not_there_have_no_weight() -> None:
    samples, network = make_samples(20), PointBCNetwork(QUIET.policy())
    valid = samples.target_valid.copy()
    valid[:, 2:] = False
    nonsense = samples.target.copy()
    nonsense[:, 2:, :3, 3] += 1.0
    scales = scales_of(samples, QUIET)
    losses = []
    for target in (samples.target, nonsense):
        changed = replace(samples, target=target, target_valid=valid)
        assert torch.equal(
            scales_of(changed, CONFIG).delta[:2], scales_of(samples, CONFIG).delta[:2]
        )
        rng = np.random.default_rng(0)
        losses.append(policy_loss(network, changed, np.arange(20), scales, QUIET, rng)[0])
    torch.testing.assert_close(losses[0], losses[1])


def test_noise_teaches_feedback_from_wherever_the_hand_is() -> None:
    """The demonstrations know no hand off its way; noise does, and unseen corners follow."""
    samples, unseen = make_samples(300), make_samples(50, seed=1)
    away = apply_delta(unseen.target[:, 0], np.array([0.02, -0.01, 0.0, 0.0, 0.0, 0.1]))

    def missed_m(config: PointBCTrainingConfig) -> float:
        torch.manual_seed(0)
        network, scales = PointBCNetwork(config.policy()), scales_of(samples, config)
        optimiser = torch.optim.Adam(network.parameters(), 5e-3)
        for n in range(150):
            rng = np.random.default_rng(n)
            index = rng.integers(300, size=32)
            loss, _ = policy_loss(network, samples, index, scales, config, rng)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        network.eval()
        with torch.no_grad():
            deltas, _, _ = network(
                torch.from_numpy(unseen.points * np.float32(UNIT_M)),
                torch.from_numpy(unseen.color),
                torch.from_numpy(away).float(),
                torch.from_numpy(unseen.width_m).float(),
            )
        found = targets_from(away[:, None], (deltas * scales.delta).double().numpy(), False)
        return float(
            np.median(np.linalg.norm(found[:, 0, :3, 3] - unseen.target[:, 0, :3, 3], axis=1))
        )

    assert missed_m(replace(CONFIG, noise_position_m=0.02)) < 0.008
    assert missed_m(QUIET) > 0.012


def test_an_interrupted_policy_goes_on_to_the_same_bits(demos: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    stages = set()
    train_pointbc(CONFIG, demos, whole, lambda p: stages.add(p.stage))
    with pytest.raises(Interrupted, match="after step 23 of 40"):
        train_pointbc(CONFIG, demos, parts, should_stop=after(23))
    assert not (parts / "config.yaml").exists(), "what is unfinished is no checkpoint"
    train_pointbc(CONFIG, demos, parts)
    for name in ("weights.safetensors", "normaliser.safetensors"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()
    assert not (parts / "state").exists()
    assert stages == {"crop_clouds", "train_policy"}
    assert "40 steps of 16 on" in (whole / "card.md").read_text()
    assert load_policy(whole).spec.cameras == CONFIG.cameras
    assert load_checkpoint(whole, "pointbc").config["chunk"] == 4


def test_train_takes_a_file_and_overrides(demos: Path, tmp_path: Path) -> None:
    file = tmp_path / "pointbc.yaml"
    cameras = "[{name: front, height: 60, width: 80}]"
    file.write_text(f"cameras: {cameras}\nsteps: 2\nbatch: 4\npoints: 16\n")
    out = tmp_path / "out"
    train("pointbc", file, demos, out, task="lift", episodes=1, seed=3, absolute=True)
    checkpoint = load_checkpoint(out, "pointbc")
    assert checkpoint.config["absolute"] is True
    assert checkpoint.spec.names == ("front",)
    assert "of 1 episodes, seed 3" in (out / "card.md").read_text()
    with pytest.raises(ConfigError, match="unexpected keyword argument 'descriptors'"):
        train("pointbc", file, demos, out, descriptors="x")


def test_impossible_runs_are_refused(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=r"steps 0.*expected a camera, positive numbers"):
        PointBCTrainingConfig(steps=0)
    with pytest.raises(ValueError, match="got 0 cameras"):
        PointBCTrainingConfig(cameras=())
    with pytest.raises(ValueError, match="expected positive sizes"):
        PointBCTrainingConfig(chunk=0)
    elsewhere = CloudConfig(Workspace((0.25, -0.4, 2.0), (0.8, 0.4, 2.6)))
    with pytest.raises(DataError, match=r"no step .* point in the workspace .*; set cloud\.work"):
        find_samples(dataset, replace(CONFIG, cloud=elsewhere))
    silent = Dataset(
        dataset.spec,
        [replace(e, action_valid=np.zeros(len(e), bool)) for e in dataset.episodes],
    )
    with pytest.raises(DataError, match="no step of the dataset has an accepted target"):
        find_samples(silent, CONFIG)
