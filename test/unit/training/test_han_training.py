"""Training a hand-eye action network: its losses, its samples, and the loop."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from visuomotor.dataset import open_dataset
from visuomotor.errors import ConfigError, Interrupted
from visuomotor.geometry import pose_delta
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies import load_policy
from visuomotor.policies.han.network import HanOutput
from visuomotor.recording import read_frames
from visuomotor.training import train
from visuomotor.training.han import (
    HanTrainingConfig,
    action_loss,
    find_samples,
    scales_of,
    train_han,
)

CONFIG = HanTrainingConfig(
    cameras=(CameraSpec("front", 60, 80), CameraSpec("side", 60, 80)),
    channels=(8, 8, 12, 12, 12),
    hidden=(32,),
    windows=6,
    window_px=32,
    chunk=3,
    steps=12,
    batch=8,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def output_of(delta: Tensor, seen: bool = True) -> HanOutput:
    """What a network that gave these deltas (B, T, 3) would have given."""
    b, t, _ = delta.shape
    return HanOutput(
        delta,
        torch.zeros(b, t, 3),
        torch.zeros(b, t),
        torch.zeros(b, 3),
        torch.zeros(b, t, 3),
        torch.full((b, 4), 0.25),
        torch.full((b,), seen),
    )


def loss_of(delta: Tensor, wanted: Tensor, valid: Tensor | None = None) -> dict[str, Tensor]:
    share = torch.full(wanted.shape[:2], 0.5)
    valid = torch.ones(wanted.shape[:2], dtype=torch.bool) if valid is None else valid
    moved = torch.cat([wanted, torch.zeros_like(wanted)], dim=-1)
    return action_loss(output_of(delta), moved, share, valid, CONFIG)[1]


# --- losses ---


def test_distance_is_in_units_of_2_cm_and_the_angle_in_rad():
    wanted = torch.tensor([[[0.02, 0.0, 0.0]]])
    assert loss_of(wanted + torch.tensor([0.0, 0.02, 0.0]), wanted)["distance"] == pytest.approx(1)
    across = loss_of(torch.tensor([[[0.0, 0.01, 0.0]]]), wanted)
    assert across["angle"] == pytest.approx(np.pi / 2, abs=1e-3)
    assert loss_of(0.5 * wanted, wanted)["angle"] < 0.02  # as near as it comes, by its bound
    assert loss_of(-wanted, wanted)["angle"] == pytest.approx(np.pi, abs=0.02)
    entropy = loss_of(wanted, wanted)["entropy"]
    assert entropy == pytest.approx(np.log(4))


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_slopes_are_finite_at_the_poles(factor: float):
    """Where the actions agree, oppose each other, or one is nothing."""
    wanted = torch.tensor([[[0.02, 0.0, 0.0]]])
    delta = (factor * wanted).clone().requires_grad_()
    loss, _ = action_loss(
        output_of(delta),
        torch.cat([wanted, torch.zeros_like(wanted)], dim=-1),
        torch.ones(1, 1),
        torch.ones(1, 1, dtype=torch.bool),
        CONFIG,
    )
    loss.backward()
    assert delta.grad is not None
    assert delta.grad.isfinite().all()


def test_what_was_not_commanded_or_not_seen_does_not_count():
    wanted = torch.tensor([[[0.02, 0.0, 0.0], [0.02, 0.0, 0.0]]])
    off = wanted.clone()
    off[0, 1] = 5.0
    valid = torch.tensor([[True, False]])
    assert loss_of(off, wanted, valid)["distance"] < 0.01
    share, moved = torch.full((1, 2), 0.5), torch.cat([wanted, torch.zeros_like(wanted)], -1)
    unseen = action_loss(output_of(off, seen=False), moved, share, torch.ones(1, 2) > 0, CONFIG)
    assert unseen[0] == 0


def test_a_demonstrated_rest_has_no_direction():
    rest = torch.tensor([[[0.001, 0.0, 0.0]]])
    assert loss_of(torch.tensor([[[0.0, 0.02, 0.0]]]), rest)["angle"] == 0


# --- samples and scales ---


def test_chunks_end_with_the_episode(demos: Path):
    dataset = open_dataset(demos, ObservationSpec(CONFIG.cameras), episodes=2)
    samples = find_samples(dataset, 3)
    last = np.flatnonzero(samples.steps[:, 0] == 0)[-1]
    assert samples.target_valid[0].all()
    assert not samples.target_valid[last, -1]
    delta = pose_delta(samples.T_base_ee[:, None], samples.target)[..., :3]
    longest = np.linalg.norm(delta, axis=-1)[samples.target_valid].max()
    scales = scales_of(samples)
    assert scales.longest[:, 0].max() == pytest.approx(longest, rel=1e-5)
    assert scales.longest[2, 0] > scales.longest[0, 0]  # later targets are farther
    assert scales.width.tolist() == pytest.approx([0.0, 0.08])


# --- the loop ---


def after(calls: int) -> Callable[[], bool]:
    count = 0

    def should_stop() -> bool:
        nonlocal count
        count += 1
        return count >= calls

    return should_stop


def test_training_learns_stops_and_goes_on_to_the_same_policy(demos: Path, tmp_path: Path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_han(CONFIG, demos, whole)
    with pytest.raises(Interrupted):
        train_han(CONFIG, demos, parts, should_stop=after(5))
    assert not (parts / "config.yaml").exists()
    train_han(CONFIG, demos, parts)
    frame = next(iter(read_frames(next((demos / "lift").iterdir()))))
    policies = [load_policy(p) for p in (whole, parts)]
    a, b = (p.act(observe(frame, p.spec)) for p in policies)
    np.testing.assert_array_equal(a.poses, b.poses)
    assert len(a) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": "whole", "inputs": "absolute", "padding": "zeros", "context": False},
        {"target": "free"},
        {"target": "direct", "rotation": True},
        {"crops": "literal"},
        {"touch_weight": 0.1, "height": True},
    ],
)
def test_every_variant_learns(demos: Path, tmp_path: Path, changes: dict[str, object]):
    losses: list[float] = []
    config = replace(CONFIG, steps=150, learning_rate=3e-3, **changes)  # type: ignore[arg-type]
    train_han(config, demos, tmp_path / "p", lambda p: losses.append(p.metrics["loss"]))
    assert losses[-1] < 0.85 * losses[0]
    assert load_policy(tmp_path / "p").spec.names == ("front", "side")


def test_settings_that_cannot_be_are_told(demos: Path, tmp_path: Path):
    blind = (CameraSpec("front", depth=False),)
    with pytest.raises(ConfigError, match="every one with depth"):
        train("han", None, demos, tmp_path / "p", cameras=blind)
    with pytest.raises(ConfigError, match="expected positive"):
        train("han", None, demos, tmp_path / "p", batch=0)
