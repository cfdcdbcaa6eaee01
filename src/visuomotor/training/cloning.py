"""Behaviour cloning of a head on what a policy sees, with noise from which it learns feedback.

Florence et al. 2020, sections IV-B and IV-C: L2 + 0.1 L1 of the delta; the robot's state is
disturbed, and the label is the delta from the disturbed state to the *unchanged* target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.geometry import pose_delta
from visuomotor.policies.heads import PolicyHead, Scales, robot_inputs
from visuomotor.policies.heads.head import State
from visuomotor.training.auxiliary import METRICS as WEAK_METRICS
from visuomotor.training.auxiliary import Auxiliary
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.loop import one_thread, optimise
from visuomotor.training.noise import disturbed
from visuomotor.training.progress import Report
from visuomotor.training.samples import Int64, Samples, padded, sequences
from visuomotor.training.state import inputs_key

TRUNCATE = 50
"""Steps of truncated backpropagation through time."""
METRICS = ("loss", "delta", "width")


@dataclass(frozen=True)
class CloningConfig:
    """How a head is trained.

    batch: steps, or for an LSTM about as many in whole sequences. draws: of the noise, for each of
    these: where images are encoded, a further draw costs a head's pass and no encoder's. noise_*:
    standard deviations of what is added to the robot's state (the target pose stays where it was in
    the world), to points in space and to features in units of their spread. width_weight: of the
    gripper's cross-entropy beside the loss of the delta, which is in units of its own spread (the
    paper's 1 m and 0.1 rad would let rotation noise rule it).
    """

    steps: int = 4000
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    noise_position_m: float = 0.005
    noise_rotation_rad: float = 0.02
    noise_width_m: float = 0.001
    noise_point_m: float = 0.003
    noise_feature: float = 0.0
    width_weight: float = 0.5
    draws: int = 1

    def __post_init__(self) -> None:
        noises = (
            self.noise_position_m,
            self.noise_rotation_rad,
            self.noise_width_m,
            self.noise_point_m,
            self.noise_feature,
        )
        counts = (self.steps, self.batch, self.draws)
        if min(counts) < 1 or min(noises) < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"cloning: got steps {self.steps}, batch {self.batch}, draws {self.draws}, "
                f"learning_rate {self.learning_rate}, noises {noises}; expected positive numbers, "
                "noises >= 0"
            )


class Sight(Protocol):
    """What the policy sees in the samples' steps.

    shape: (K, 3) points in base, m, or (F,) features. module: what of it is learned with the head.
    """

    shape: tuple[int, ...]
    module: nn.Module

    def look(self, rows: Int64, generator: torch.Generator) -> Tensor:
        """What is seen (n, *shape) in n samples."""


class Known:
    """A sight found beforehand: `seen` (N, *shape)."""

    def __init__(self, seen: Tensor) -> None:
        self.seen, self.shape = seen, tuple(seen.shape[1:])
        self.module = nn.Module()

    def look(self, rows: Int64, generator: torch.Generator) -> Tensor:
        """See `Sight`."""
        return self.seen[torch.from_numpy(rows)]


def clone(
    head: PolicyHead,
    sight: Sight,
    samples: Samples,
    scales: Scales,
    config: CloningConfig,
    *,
    seed: int,
    out: Path,
    key: Mapping[str, Any],
    report: Report,
    should_stop: Callable[[], bool],
    stage: str = "train_policy",
    save_every: int = 1000,
    auxiliary: Auxiliary | None = None,
    device: torch.device = CPU,
) -> None:
    """Trains the head, and what of the sight is learned, on the samples.

    key: whatever else decides the result; see `training.loop.optimise` for the rest. auxiliary: a
    task beside it that shares the sight.
    """
    model = nn.ModuleDict({"head": head, "sight": sight.module})
    if auxiliary is not None:
        model["auxiliary"] = auxiliary.module
    draw = _drawing(head, samples, config)

    def step(
        rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rows, mask = draw(rng)
        seen = sight.look(rows.reshape(-1), generator).reshape(*rows.shape, *sight.shape)
        loss, values = cloning_loss(head, seen, samples, rows, mask, scales, config, rng)
        return (loss, values) if auxiliary is None else auxiliary.add(loss, values, rng)

    with one_thread():
        optimise(
            stage,
            model,
            step,
            config,
            seed=seed,
            out=out,
            key=inputs_key({**key, "cloning": asdict(config), "head": asdict(head.config)}),
            metrics=METRICS if auxiliary is None else (*METRICS, *WEAK_METRICS),
            report=report,
            should_stop=should_stop,
            report_every=50,
            save_every=save_every,
            begin=(lambda n: None) if auxiliary is None else auxiliary.begin,
            device=device,
        )


def cloning_loss(
    head: PolicyHead,
    seen: Tensor,
    samples: Samples,
    rows: Int64,
    mask: NDArray[np.bool_],
    scales: Scales,
    config: CloningConfig,
    rng: np.random.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of samples `rows` (n,) or (B, T), where `mask` says that they count, with noise.

    seen: (n, *shape) or (B, T, *shape).
    """
    if config.draws > 1:
        rows, mask = np.repeat(rows, config.draws, 0), np.repeat(mask, config.draws, 0)
        seen = seen.repeat_interleave(config.draws, 0)
    shape, device = rows.shape, device_of(head)
    T_base_ee = disturbed(
        samples.T_base_ee[rows], config.noise_position_m, config.noise_rotation_rad, rng
    )
    width = samples.width_m[rows] + rng.normal(0, config.noise_width_m, shape)
    blur = torch.from_numpy(rng.standard_normal(tuple(seen.shape), np.float32))
    robot = robot_inputs(T_base_ee, width)
    labels = labels_of(T_base_ee, samples.target[rows], samples.target_width_m[rows], scales)
    batch = (seen, blur, robot, scales, (*labels, torch.from_numpy(mask)))
    seen, blur, robot, scales, wanted = moved(batch, device)
    if len(head.shape) == 2:
        seen = seen + config.noise_point_m * blur
    else:
        seen = seen + config.noise_feature * scales.spread * blur
    outputs = _outputs(head, head.inputs(seen, robot, scales))
    return imitation_loss(outputs, *wanted, config.width_weight)


def labels_of(
    T_base_ee: Float64, target: Float64, target_width_m: Float64, scales: Scales
) -> tuple[Tensor, Tensor]:
    """What a head is to say: normalised deltas (..., 6), and widths (...) as shares of the range.

    Of poses of the hand and targets (..., 4, 4) and target widths (...).
    """
    delta = torch.from_numpy(pose_delta(T_base_ee, target).astype(np.float32))
    low, high = scales.width.tolist()
    share = np.clip((target_width_m - low) / (high - low), 0, 1)
    return delta / scales.delta, torch.from_numpy(share.astype(np.float32))


def imitation_loss(
    outputs: Tensor, delta: Tensor, open_share: Tensor, counts: Tensor, width_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """L2 + 0.1 L1 of a head's deltas and the cross-entropy of its widths, where `counts` (...).

    outputs (..., 7); delta (..., 6) and open_share (...) as `labels_of`.
    """
    error = (outputs[..., :6] - delta)[counts]
    delta_loss = (error.square() + 0.1 * error.abs()).mean()
    width_loss = F.binary_cross_entropy_with_logits(outputs[..., 6][counts], open_share[counts])
    loss = delta_loss + width_weight * width_loss
    return loss, {"loss": loss, "delta": delta_loss, "width": width_loss}


def _outputs(head: PolicyHead, inputs: Tensor) -> Tensor:
    """Outputs (..., 7); gradients reach at most TRUNCATE steps back."""
    if head.config.kind == "mlp":
        return head(inputs)[0]  # type: ignore[no-any-return]
    state: State | None = None
    parts = []
    for start in range(0, inputs.shape[1], TRUNCATE):
        part, state = head(inputs[:, start : start + TRUNCATE], state)
        parts.append(part)
        if state is not None:
            state = (state[0].detach(), state[1].detach())
    return torch.cat(parts, dim=1)


Draw = Callable[[np.random.Generator], tuple[Int64, NDArray[np.bool_]]]


def _drawing(head: PolicyHead, samples: Samples, config: CloningConfig) -> Draw:
    """How a batch is drawn: steps for an MLP, whole sequences of every phase for an LSTM."""
    if head.config.kind == "mlp":
        return lambda rng: (
            rng.integers(len(samples), size=config.batch),
            np.ones(config.batch, bool),
        )
    every = sequences(samples, head.config.every)
    if not every:
        raise DataError(
            f"no episode has two steps that are {head.config.every} apart, and an LSTM learns from "
            "sequences; record longer episodes or lower head.every"
        )
    mean = float(np.mean([len(s) for s in every]))
    count = max(1, round(config.batch / mean))
    return lambda rng: padded([every[i] for i in rng.integers(len(every), size=count)])
